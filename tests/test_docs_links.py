"""Dead links of the site are found, and links of notebooks to sources lead to pages."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))


@pytest.fixture(scope="module")
def links() -> ModuleType:
    spec = importlib.util.spec_from_file_location("links", DOCS / "links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def site(folder: Path, **pages: str) -> Path:
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "link",
    ["b.html", "b.html#here", "#top", "https://example.org/x", "mailto:a@b.c", "style.css", "sub/", "b.html?q=1"],
)
def test_a_link_that_leads_somewhere_is_alive(links: ModuleType, tmp_path: Path, link: str) -> None:
    (tmp_path / "style.css").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    site(tmp_path / "sub", index="")
    site(tmp_path, a=f'<h1 id="top"></h1><a href="{link}">x</a>', b='<p id="here">')
    assert list(links.dead(tmp_path)) == []


@pytest.mark.parametrize("link", ["c.html", "b.html#there", "#bottom", "../a.md", "style.css", "sub/"])
def test_a_link_that_leads_nowhere_is_found(links: ModuleType, tmp_path: Path, link: str) -> None:
    site(tmp_path, a=f'<a href="{link}">x</a>', b='<p id="here">')
    assert list(links.dead(tmp_path)) == [("a.html", link)]


def test_pictures_are_links_and_the_page_of_errors_is_not_judged(links: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "404.html").write_text('<a href="/assets/x">', encoding="utf-8")
    site(tmp_path, a='<img src="gone.png">')
    assert list(links.dead(tmp_path)) == [("a.html", "gone.png")]


def test_a_dead_link_is_a_warning_which_ends_a_strict_build(
    links: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="mkdocs"):
        links.on_post_build({"site_dir": str(site(tmp_path, a='<a href="gone.html">'))})
    assert [record.getMessage() for record in caplog.records] == ["a.html: the link gone.html leads nowhere"]
    assert caplog.records[0].name.startswith("mkdocs.")


class Files:
    """Pages by source, as mkdocs has them."""

    def get_file_from_path(self, path: str) -> Any:
        known = {"training.md": "../training.html", "notebooks/other.ipynb": "other.html"}
        return SimpleNamespace(url_relative_to=lambda page: known[path]) if path in known else None


def notebook(links: ModuleType, html: str, name: str = "notebooks/a.ipynb") -> Any:
    page = SimpleNamespace(file=SimpleNamespace(src_path=name, src_uri=name))
    return links.on_page_content(html, page=page, files=Files())


def test_links_of_a_notebook_lead_to_pages(links: ModuleType) -> None:
    assert notebook(links, '<a href="../training.md#loss">') == '<a href="../training.html#loss">'
    assert notebook(links, '<a href="other.ipynb">') == '<a href="other.html">'
    for kept in ('<a href="https://example.org/a.md">', '<a href="#x">', '<a href="/a.md">'):
        assert notebook(links, kept) == kept
    assert notebook(links, '<a href="../training.md">', "a.md") == '<a href="../training.md">'


def test_a_link_of_a_notebook_to_no_page_is_a_warning(links: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="mkdocs"):
        assert notebook(links, '<a href="../gone.md">') == '<a href="../gone.md">'
    assert "the link ../gone.md leads to no page" in caplog.text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_in_the_site_without_outputs_and_leads_to_pages(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert max(len(line.rstrip("\n")) for cell in code for line in cell["source"]) <= 80
    text = "".join(line for cell in content["cells"] if cell["cell_type"] == "markdown" for line in cell["source"])
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (path.parent / link).is_file(), link
    assert f"notebooks/{path.name}" in (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")


def test_there_are_three_notebooks_and_the_build_stops_where_a_cell_fails() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["baseline", "statistics", "train"]
    settings = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert "execute: true" in settings
    assert "allow_errors: false" in settings
    assert "mkdocs build --strict" in (DOCS.parent / "Makefile").read_text(encoding="utf-8")
