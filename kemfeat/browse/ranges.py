"""Byte ranges of HTTP (RFC 9110, section 14), as far as players of audio ask for them."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")


class UnsatisfiableRangeError(ValueError):
    """The range has no byte of the content."""


def byte_range(header: str | None, *, size: int) -> tuple[int, int] | None:
    """The bytes that a ``Range`` header asks for.

    Parameters
    ----------
    header : str or None
        Value of the header.
    size : int [bytes]
        Of the whole content.

    Returns
    -------
    tuple of (int, int) or None
        First byte and the one after the last; None where the whole content is to be sent: there is no header, it asks
        for several ranges, or it means nothing.

    Raises
    ------
    UnsatisfiableRangeError
        The content has none of these bytes.

    Examples
    --------
    >>> byte_range("bytes=0-99", size=1000), byte_range("bytes=-10", size=1000), byte_range("pages=1-2", size=1000)
    ((0, 100), (990, 1000), None)
    """
    found = _ONE_RANGE.fullmatch((header or "").strip())
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        first, after = max(0, size - int(found["last"])), size
    else:
        first, after = int(found["first"]), min(size, int(found["last"] or size) + 1)
        if found["last"] and int(found["last"]) < first:
            return None
    if first >= after:
        raise UnsatisfiableRangeError(f"bytes */{size}")
    return first, after
