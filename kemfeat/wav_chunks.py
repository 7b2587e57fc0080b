"""Whether the chunks of a wav file are all there, and the size of its samples where a stream left it open."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from kemfeat.errors import MediaError
from kemfeat.file_kinds import foreign_kind

EXPECTED = "expected a RIFF/WAVE file of PCM or float samples"
COPY_AGAIN = "copy it from the corpus again"
_CHUNK_HEAD = 8
_FORMAT = struct.Struct("<HHIIHH")
_STREAM_MARGIN = 8192
"""By how much the size in the header of a stream may differ from the greatest number: it may count other chunks."""

_PLAIN = (1, 3, 0xFFFE)
"""Codes of PCM, of float, and of either with more about its channels."""

_LATER = re.compile(
    rb"LIST|INFO|[iI][dD]3 |bext|cue |fact|PEAK|smpl|inst|plst|[jJ][uU][nN][kK]|PAD |FLLR|iXML|a[xX][mM][lL]|_PMX|afsp"
    rb"|LGWV|chna|cart|acid|DISP|MD5 "
)
"""Ids of the chunks that programs write after the samples."""


def whole(content: bytes, *, name: str) -> bytes:
    r"""The content of a wav file, with the real size of the samples where the header leaves it open.

    Parameters
    ----------
    content : bytes
        Content of the file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    bytes
        The content as it is, or with another size in its header.

    Raises
    ------
    MediaError
        It is not a RIFF/WAVE file, its header announces fewer or more samples than there are, or contradicts itself.

    Examples
    --------
    >>> empty = b"RIFF" + bytes(4) + b"WAVEdata" + bytes(4)
    >>> whole(empty + b"12345678", name="a stream")[-12:]
    b'\x08\x00\x00\x0012345678'
    """
    if not content:
        raise MediaError(f"{name}: the file is empty (0 bytes); {EXPECTED}; {COPY_AGAIN}")
    kind = foreign_kind(content)
    if kind is not None:
        raise MediaError(f"{name}: not a RIFF/WAVE file, but {kind}")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise MediaError(
            f"{name}: not a RIFF/WAVE file (begins with {content[:12]!r}); {EXPECTED}; convert it to 16-bit PCM wav"
        )
    _refuse_contradiction(content, name)
    begin, announced = _data_chunk(content)
    held = len(content) - begin
    if announced > held:
        if _is_open(announced):
            return _with_size(content, begin, _samples(content, begin))
        raise MediaError(
            f"{name}: truncated: the header announces {announced} bytes of samples, the file contains {held}; "
            f"{COPY_AGAIN}"
        )
    after = content[begin + announced :]
    pad = announced % 2
    if _are_chunks(after) or (not any(after[:pad]) and _are_chunks(after[pad:])):
        return content
    if not announced:
        return _with_size(content, begin, _samples(content, begin))
    raise MediaError(
        f"{name}: the header announces {announced} bytes of samples, but {len(after)} more bytes follow that are not a "
        f"chunk; expected a header with the size of all samples; {COPY_AGAIN}, or write it again with sox or ffmpeg"
    )


def states_size(head: bytes) -> bool:
    """Whether the beginning of a file states the size of its samples.

    Parameters
    ----------
    head : bytes
        The first bytes of a file.

    Returns
    -------
    bool
        False for the header of a stream, and where the samples begin later.

    Examples
    --------
    >>> empty = b"RIFF" + bytes(4) + b"WAVEdata"
    >>> states_size(empty + bytes(4)), states_size(empty + bytes([8, 0, 0, 0]))
    (False, True)
    """
    _, size = _data_chunk(head)
    return size > 0 and not _is_open(size)


def _data_chunk(content: bytes) -> tuple[int, int]:
    """Where the body of the ``data`` chunk begins, and the size that it announces; (end, 0) without such a chunk.

    Layout: IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991), RIFF: 12 bytes,
    then chunks of a 4-byte id, a 32-bit size and a body padded to an even length.
    """
    return next(((begin, size) for kind, begin, size in _chunks(content) if kind == b"data"), (len(content), 0))


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Id, position of the body and announced size of every chunk."""
    position = 12
    while position + _CHUNK_HEAD <= len(content):
        kind, size = struct.unpack_from("<4sI", content, position)
        position += _CHUNK_HEAD
        yield kind, position, size
        position += size + size % 2


def _refuse_contradiction(content: bytes, name: str) -> None:
    """Refuse a format whose sampling rate, bytes per second, bytes per sample and channels do not fit together."""
    begin = next((begin for kind, begin, size in _chunks(content) if kind == b"fmt " and size >= _FORMAT.size), None)
    if begin is None or begin + _FORMAT.size > len(content):
        return
    code, channels, rate, per_second, per_frame, bits = _FORMAT.unpack_from(content, begin)
    fits = per_second in (0, rate * per_frame) and per_frame == channels * ((bits + 7) // 8)
    if code in _PLAIN and not fits:
        raise MediaError(
            f"{name}: the header says {rate} samples per second of {channels} x {bits} bits, but {per_second} bytes "
            f"per second and {per_frame} bytes per sample; expected sizes that fit together; {COPY_AGAIN}, or write it "
            "again with the right sampling rate"
        )


def _samples(content: bytes, begin: int) -> int:
    """Bytes from ``begin`` to the first of the known chunks that go on to the end of the file, or else to that end."""
    later = (found.start() for found in _LATER.finditer(content, begin))
    return next((place for place in later if _are_chunks(content[place:])), len(content)) - begin


def _is_open(size: int) -> bool:
    """Whether a size is what programs write that stream: the greatest 32-bit number, signed or not, or nearly so."""
    return abs(size - 2**31) <= _STREAM_MARGIN or size >= 2**32 - _STREAM_MARGIN


def _with_size(content: bytes, begin: int, size: int) -> bytes:
    """A copy whose ``data`` chunk, with its body at ``begin``, announces ``size`` bytes."""
    return b"".join(
        (
            content[:4],
            struct.pack("<I", len(content) - 8),
            content[8 : begin - 4],
            struct.pack("<I", size),
            content[begin:],
        )
    )


def _are_chunks(content: bytes) -> bool:
    """Whether bytes after the samples are whole chunks, apart from a few zeros that are too short for one."""
    position = 0
    while position + _CHUNK_HEAD <= len(content):
        kind, size = struct.unpack_from("<4sI", content, position)
        position += _CHUNK_HEAD + size
        if not (kind.isascii() and kind.decode("ascii").isprintable()) or position > len(content):
            return False
        position += size % 2
    return not any(content[position:])
