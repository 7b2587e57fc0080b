"""Figures inside the page as data URIs of images, in which a browser runs nothing and for which it fetches nothing."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from kemfeat.report.dark import in_the_dark

_LARGEST_SVG = 1 << 20
"""Bytes; a larger drawing is a cloud of points that takes a browser seconds to draw, and its PNG is smaller."""
_PNG = b"\x89PNG\r\n\x1a\n"
_SHAPES = frozenset(
    b"svg g path defs clipPath use text tspan style rect circle ellipse line polyline polygon image title desc "
    b"linearGradient stop pattern metadata rdf:RDF cc:Work cc:Agent dc:type dc:date dc:format dc:creator "
    b"dc:title".split()
)
"""Elements of our drawings; any other one (``script``, ``foreignObject``, ``a``, ``animate``) is refused."""
_ELEMENT = re.compile(rb"<\s*([A-Za-z][\w:.-]*)")
_ACTIVE = re.compile(rb"<!ENTITY|@import|<[^>]*\son\w+\s*=|href\s*=\s*[\"'](?!#|data:image/png)|url\((?![\"']?#)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of the page.

    Parameters
    ----------
    uri : str
        The image itself as a data URI.
    alt : str
        Text for readers who cannot see it.
    caption : str
        Text below it.
    quote : str
        Transcript below the caption.
    """

    uri: str
    alt: str
    caption: str
    quote: str = ""


def embedded(svg: Path | None, png: Path | None) -> str | None:
    """Make the data URI of a figure.

    Parameters
    ----------
    svg, png : Path or None
        The files of the figure.

    Returns
    -------
    str or None
        The SVG where it is plain and small, otherwise the PNG; None where neither can be used.
    """
    drawing = svg.read_bytes() if svg is not None and svg.stat().st_size <= _LARGEST_SVG else b""
    if drawing and is_plain(drawing):
        return _uri("image/svg+xml", in_the_dark(drawing))
    pixels = png.read_bytes() if png is not None else b""
    return _uri("image/png", pixels) if pixels.startswith(_PNG) else None


def is_plain(svg: bytes) -> bool:
    """Tell whether an SVG contains shapes only.

    Parameters
    ----------
    svg : bytes
        Content of the file.

    Returns
    -------
    bool
        False where there is a script, an external link, an event handler, an entity, or no ``svg`` element.

    Examples
    --------
    >>> is_plain(b'<svg><path d="M0 0"/></svg>'), is_plain(b"<svg><script/></svg>")
    (True, False)
    """
    elements = set(_ELEMENT.findall(svg))
    return b"svg" in elements and elements <= _SHAPES and not _ACTIVE.search(svg)


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
