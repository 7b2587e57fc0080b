"""Drawings that follow the reader's light or dark setting: greys change sides, colours with a meaning stay."""

from __future__ import annotations

import re

_INK, _GROUND = (0xE6, 0xEC, 0xEE), (0x11, 0x17, 0x1A)
"""``--ink`` and ``--ground`` of the page in the dark."""
_STAYING = b"#999999"
"""The colour of neutral."""
LIGHTER = {b"#332288": b"#8f84e8", b"#882255": b"#d9739f"}
"""The two colours of groups that could not be seen in the dark; the style of the page has them, too."""
_COLOUR = re.compile(rb"(?:fill|stroke): (#[0-9a-f]{6})\b")
_END = b"</svg>"


def in_the_dark(svg: bytes) -> bytes:
    """Add a style to a drawing that redraws black on white as light on dark where the reader wants it dark.

    Printing is light in any case. A colour that must not change, such as a text on a coloured cell, is one beside
    black or white, such as ``#010101``.

    Parameters
    ----------
    svg : bytes
        A drawing whose colours are in ``style`` attributes, as matplotlib writes them.

    Returns
    -------
    bytes
        The same with one more ``style`` element; unchanged where it does not end as a drawing does.

    Examples
    --------
    >>> in_the_dark(b'<svg><path style="fill: #ffffff"/></svg>').partition(b'fill: #ffffff"]')[2][:14]
    b'{fill:#11171a!'
    """
    body, end, rest = svg.rpartition(_END)
    if not end or rest.strip():
        return svg
    rules = [b"svg{fill:%b}" % _hex(_INK)]
    for colour in sorted(set(_COLOUR.findall(svg))):
        other = LIGHTER.get(colour) or _other_side(colour)
        if other != colour:
            rules += [
                b'[style*="%b: %b"]{%b:%b!important}' % (part, colour, part, other) for part in (b"fill", b"stroke")
            ]
    style = b"<style>@media screen and (prefers-color-scheme:dark){%b}</style>" % b"".join(rules)
    return body + style + end + rest


def _other_side(colour: bytes) -> bytes:
    """A grey as far from the dark ground as it is from white; other colours stay."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    if not red == green == blue or colour in (_STAYING, b"#010101", b"#fefefe"):
        return colour
    share = red / 255
    return _hex(tuple(round(share * ground + (1 - share) * ink) for ink, ground in zip(_INK, _GROUND, strict=True)))


def _hex(colour: tuple[int, ...]) -> bytes:
    return b"#%02x%02x%02x" % colour
