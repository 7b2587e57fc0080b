"""Only plain drawings and pixels come into the page."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from kemfeat.report import pictures
from kemfeat.report.dark import in_the_dark
from kemfeat.report.pictures import embedded, is_plain
from tests.report.conftest import draw_line

PLAIN = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
EVIL = {
    "script": b"<script>alert(1)</script>",
    "script in a prefix": b'<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>',
    "upper case": b"<SCRIPT>alert(1)</SCRIPT>",
    "html": b'<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
    "handler": b'<rect width="1" onload="alert(1)"/>',
    "handler on its own line": b'<rect\nonclick = "alert(1)"/>',
    "link": b'<a href="https://example.org"><path d="M0 0"/></a>',
    "image from elsewhere": b'<image href="https://example.org/x.png"/>',
    "svg in an image": b'<image xlink:href="data:image/svg+xml,x"/>',
    "use from elsewhere": b"<use xlink:href='file:///etc/passwd'/>",
    "animation": b'<set attributeName="onload" to="alert(1)"/>',
    "style from elsewhere": b"<style>@import 'https://example.org/x.css';</style>",
    "address in a style": b"<style>rect { fill: url(https://example.org/x) }</style>",
    "entity": b"",
}


@pytest.mark.parametrize("kind", EVIL)
def test_a_drawing_that_could_act_is_not_plain(kind: str) -> None:
    svg = PLAIN.replace(b"<path", EVIL[kind] + b"<path")
    if kind == "entity":
        svg = b'<!DOCTYPE svg [<!ENTITY x "y">]>' + svg
    assert not is_plain(svg)
    assert is_plain(PLAIN)


def test_our_figures_are_plain_and_arrive_with_their_dark_form(tmp_path: Path) -> None:
    draw_line(tmp_path / "line")
    svg, png = tmp_path / "line.svg", tmp_path / "line.png"
    uri = embedded(svg, png)
    assert uri is not None
    kind, _, content = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content) == in_the_dark(svg.read_bytes())


def test_the_pixels_stand_in_for_a_drawing_that_is_active_large_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_line(tmp_path / "line")
    svg, png = tmp_path / "line.svg", tmp_path / "line.png"
    pixels = f"data:image/png;base64,{base64.b64encode(png.read_bytes()).decode()}"
    assert embedded(None, png) == pixels
    monkeypatch.setattr(pictures, "_LARGEST_SVG", 10)
    assert embedded(svg, png) == pixels
    monkeypatch.undo()
    svg.write_bytes(PLAIN.replace(b"<path", EVIL["script"] + b"<path"))
    assert embedded(svg, png) == pixels
    png.write_bytes(b"<html>")
    assert embedded(svg, png) is None
    assert embedded(None, None) is None
