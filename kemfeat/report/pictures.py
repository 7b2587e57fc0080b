"""Figures inside the page, as data URIs of images: a browser runs nothing in those and fetches nothing for them."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

_LARGEST_SVG = 1 << 20
"""Bytes; a drawing of more is a cloud of points that a browser takes seconds for, and the PNG is smaller."""
_PNG = b"\x89PNG\r\n\x1a\n"
_SHAPES = frozenset(
    b"svg g path defs clipPath use text tspan style rect circle ellipse line polyline polygon image title desc "
    b"linearGradient stop pattern metadata rdf:RDF cc:Work cc:Agent dc:type dc:date dc:format dc:creator "
    b"dc:title".split()
)
"""Elements of a drawing; what is not here (``script``, ``foreignObject``, ``a``, ``animate``) is no drawing of ours."""
_ELEMENT = re.compile(rb"<\s*([A-Za-z][\w:.-]*)")
_ACTIVE = re.compile(rb"<!ENTITY|@import|<[^>]*\son\w+\s*=|href\s*=\s*[\"'](?!#|data:image/png)|url\((?![\"']?#)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image of the page.

    Parameters
    ----------
    uri : the image itself.
    alt : what it shows, for who does not see it.
    caption : text below it.
    quote : words of the corpus below the caption.
    """

    uri: str
    alt: str
    caption: str
    quote: str = ""


def embedded(svg: Path | None, png: Path | None) -> str | None:
    """The data URI of a figure: the drawing where it is a plain and small one, else the pixels, else None."""
    drawing = svg.read_bytes() if svg is not None and svg.stat().st_size <= _LARGEST_SVG else b""
    if drawing and is_plain(drawing):
        return _uri("image/svg+xml", drawing)
    pixels = png.read_bytes() if png is not None else b""
    return _uri("image/png", pixels) if pixels.startswith(_PNG) else None


def is_plain(svg: bytes) -> bool:
    """Whether an SVG holds shapes only: no script, no link out of itself, no handler, no entity."""
    elements = set(_ELEMENT.findall(svg))
    return b"svg" in elements and elements <= _SHAPES and not _ACTIVE.search(svg)


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
