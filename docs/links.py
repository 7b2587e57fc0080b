"""Links of the site: those of notebooks lead to pages, and the build fails where any leads nowhere."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LOG = logging.getLogger("mkdocs.links")  # whose warnings end a strict build

_TO_SOURCE = re.compile(r'href="(?!\w+:|/)([^"#]+\.(?:md|ipynb))(#[^"]*)?"')
_LOADS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src"}
_ELSEWHERE = ("404.html",)
"""Pages whose links depend on where the site is put."""


class Page(HTMLParser):
    """What a page can be asked for, and what it asks for.

    Parameters
    ----------
    html : str
        The page.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchor and the link of an element."""
        told = dict(attrs)
        self.anchors |= {name for name in (told.get("id"), told.get("name")) if name}
        if link := told.get(_LOADS.get(tag, "")):
            self.links.append(link)


def on_page_content(html: str, page: Any, files: Any, **_: object) -> str:
    """Have links of a notebook to sources of pages lead to the pages; mkdocs does so for Markdown alone."""
    if not page.file.src_path.endswith(".ipynb"):
        return html

    def led(found: re.Match[str]) -> str:
        source = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), found[1]))
        target = files.get_file_from_path(source)
        if target is None:
            LOG.warning("%s: the link %s leads to no page", page.file.src_path, found[1])
            return found[0]
        return f'href="{target.url_relative_to(page.file)}{found[2] or ""}"'

    return _TO_SOURCE.sub(led, html)


def on_post_build(config: Mapping[str, Any], **_: object) -> None:
    """Warn of every link within the site that leads nowhere."""
    for place, link in dead(Path(config["site_dir"])):
        LOG.warning("%s: the link %s leads nowhere", place, link)


def dead(site: Path) -> Iterator[tuple[str, str]]:
    """The links of a site to files or anchors that it does not have.

    Parameters
    ----------
    site : Path
        Folder of the site.

    Yields
    ------
    tuple of (str, str)
        Page and link.
    """
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        place = path.relative_to(site.resolve()).as_posix()
        for link in page.links if place not in _ELSEWHERE else ():
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            known = target in pages and (not anchor or anchor in pages[target].anchors)
            if not known and (anchor or not target.is_file()):
                yield place, link
