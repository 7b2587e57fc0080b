"""Text of corpora: encodings, numbers and missing values, read in the same way by every reader."""

from __future__ import annotations

import codecs
import math
import re

from kemfeat.file_kinds import foreign_kind, is_utf16
from kemfeat.findings import DAMAGED_TXT, EMPTY_TXT, Findings

MISSING_WORDS = frozenset(
    {"", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "none", "null", "nil", "-", "--", "."}
)
"""What programs write in a cell without a value, in lower case."""

ENCODINGS = (
    *("utf-8", "utf-16", "cp949", "euc-kr", "johab", "cp1252", "latin-1", "iso-8859-15"),
    *("gb18030", "gb2312", "big5", "shift_jis", "euc-jp"),
)
"""Encodings that a corpus may declare for its texts."""

_LOST_LATIN = "\ufffd".encode().decode("latin-1")
"""The character that stands for lost ones, where UTF-8 was read as Latin-1."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def is_missing(text: str) -> bool:
    """Whether a cell has no value.

    Parameters
    ----------
    text : str
        The cell; case and surrounding spaces are ignored.

    Returns
    -------
    bool
        True for a blank cell and for a word of :data:`MISSING_WORDS`.

    Examples
    --------
    >>> is_missing(" None "), is_missing("no")
    (True, False)
    """
    return text.strip().casefold() in MISSING_WORDS


def number(text: str | bytes) -> float:
    """The finite number in a cell.

    Parameters
    ----------
    text : str or bytes
        Decimal digits of ASCII with an optional sign, point and exponent; surrounding spaces are ignored.

    Returns
    -------
    float
        NaN for anything else, such as ``1_0``, which Python would read as 10, digits of other scripts, or infinity.

    Examples
    --------
    >>> number("-2.5e1"), number("1_0")
    (-25.0, nan)
    """
    cell = (text.decode("latin-1") if isinstance(text, bytes) else text).strip()
    value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
    return value if math.isfinite(value) else math.nan


def not_text(content: bytes, *, declared: str | None = None) -> str:
    """What was found where :func:`decode` finds no text, for messages.

    Parameters
    ----------
    content : bytes
        Content of the file.
    declared : str or None
        The encoding that was tried beside UTF-8.

    Returns
    -------
    str
        What was found and what was expected.
    """
    kind = foreign_kind(content)
    if kind is not None:
        return f"found {kind}; expected text"
    if declared is not None:
        return f"found bytes that are neither UTF-8 nor {declared}, expected text"
    return "found bytes that are not UTF-8, expected text in UTF-8, or in UTF-16 with a byte order mark"


def decode(content: bytes, *, declared: str | None = None) -> tuple[str, str] | None:
    """Decode a text: UTF-16 by its byte order mark, else UTF-8 with or without one, else the declared encoding.

    Parameters
    ----------
    content : bytes
        Content of a text file.
    declared : str or None
        The encoding of texts that are not Unicode, as the corpus documents it or its user declares it. Nothing else
        is tried: nearly any bytes are text in any such encoding.

    Returns
    -------
    tuple of (str, str) or None
        The text and the name of its encoding; None when none fits, the file is a page, pointer or archive, or the text
        has a NUL, as UTF-16 without a byte order mark has when it is read as UTF-8.

    Examples
    --------
    >>> decode("가".encode("cp949"), declared="cp949")
    ('가', 'cp949')
    >>> decode("schön".encode("cp1252")) is None
    True
    """
    if foreign_kind(content) is not None:
        return None
    if is_utf16(content):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8", *filter(None, [declared])]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    return None


def report_text(text: str, *, where: str, findings: Findings) -> None:
    """Report a transcript that says nothing, or of which an earlier conversion lost characters.

    Parameters
    ----------
    text : str
        The transcript.
    where : str
        Its place, for the findings.
    findings : Findings
        Receives the finding.
    """
    lost = text.count("\ufffd") + text.count(_LOST_LATIN)
    if not text.strip():
        findings.add(EMPTY_TXT, f"{where}: no text")
    elif lost:
        some = "a character was" if lost == 1 else f"{lost} characters were"
        findings.add(DAMAGED_TXT, f"{where}: {some} lost when it was converted: {text.strip()[:40]!r}")
