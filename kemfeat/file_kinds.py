"""Recognises files that are not what their name says, by their first bytes: downloads, pointers, archives."""

from __future__ import annotations

import codecs
import re

_KINDS = (
    (b"PK\x03\x04", "a zip archive; unpack it and use the file inside"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\x00\x05\x16\x07", "an AppleDouble file that macOS leaves beside the real one; use the file without ._"),
    (b"version https://git-lfs", "a git-LFS pointer; run git lfs pull in the corpus"),
    (b"/annex/objects/", "a git-annex pointer; run git annex get in the corpus"),
    (b"404: Not Found", "the answer of a server that does not have the file; download the file itself"),
    (b"{\\rtf", "an RTF document; save it as plain text in UTF-8"),
    (b"Obj\x01", "an Avro file, as EmbracePlus writes; see --dataset e4, or export the signal as CSV"),
    (b"PAR1\x15", "a Parquet file; export it as CSV first"),
    (b"\x89HDF", "an HDF5 file; export it as CSV first"),
    (b"SQLite format 3", "an SQLite database; export the table as CSV first"),
    (b"\xd0\xcf\x11\xe0", "an old Office file; save it as CSV in UTF-8"),
    (b"%PDF", "a PDF document"),
    (b"fLaC\x00", "a FLAC file; convert it to 16-bit PCM wav"),
    (b"OggS\x00", "an Ogg file; convert it to 16-bit PCM wav"),
    *((b"ID3" + version, "an MP3 file; convert it to 16-bit PCM wav") for version in (b"\x02", b"\x03", b"\x04")),
    (b"RF64\xff", "an RF64 file; convert it to 16-bit PCM wav"),
)
_PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<error><code>")  # words such as <script> may be said
_JSON = re.compile(rb"\[?\s*\{\s*\"")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def foreign_kind(content: bytes) -> str | None:
    """What a file is that is neither plain text nor a wav file, and what to do with it.

    Parameters
    ----------
    content : bytes
        Content of the file, or its first 512 bytes.

    Returns
    -------
    str or None
        A phrase for messages; None where the file is none of the known kinds.

    Examples
    --------
    >>> foreign_kind(b"version https://git-lfs.github.com/spec/v1")
    'a git-LFS pointer; run git lfs pull in the corpus'
    """
    for magic, kind in _KINDS:
        if content.startswith(magic):
            return kind
    if content[4:8] == b"ftyp":
        return "an MP4 file; convert its sound to 16-bit PCM wav"
    begin = content[:512].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if begin.startswith(_PAGES):
        return "an HTML or XML page, such as that of a login; download the file itself"
    if _JSON.match(begin):
        return "a JSON document, such as the message of a server; download the file itself"
    return None


def is_utf16(content: bytes) -> bool:
    """Whether a file begins with a byte order mark of UTF-16.

    Parameters
    ----------
    content : bytes
        Content of the file.

    Returns
    -------
    bool
        True for either byte order.
    """
    return content.startswith(_UTF16)
