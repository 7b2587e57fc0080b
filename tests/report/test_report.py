"""The page: whole, self-contained, escaped, accessible; and what happens when something is wrong."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from itertools import count, pairwise
from pathlib import Path

import pytest

from kemfeat import provenance, report
from kemfeat.corpora import terms_of
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.report import write_report
from kemfeat.store.reader import Store, open_store
from tests.build.kit import KEMFEAT, ROWS, Bench
from tests.e2e.test_cli import kemfeat, sentence
from tests.kill_kit import run_until
from tests.report.conftest import EVIL, add_analysis
from tests.report.kit import Element, Page

SECTIONS = ("overview", "card", "physiology", "labels", "features", "analyses", "provenance")


@pytest.fixture
def html(evil: Store, tmp_path: Path) -> str:
    write_report(evil, out=tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def page(html: str) -> Element:
    return Page(html).root


def by_id(page: Element, name: str) -> Element:
    (found,) = [element for element in page.everything() if element.attributes.get("id") == name]
    return found


def table_rows(page: Element, name: str) -> dict[str, list[str]]:
    rows = [[cell.text for cell in row.inside] for row in by_id(page, name).all("tr")]
    return {row[0]: row[1:] for row in rows}


def test_nothing_of_the_corpus_or_of_a_result_becomes_markup(page: Element, html: str) -> None:
    (script,) = page.all("script")
    assert "alert" not in script.text
    assert not [e for e in page.everything() for name in e.attributes if name.startswith("on")]
    assert not [e for e in page.all("img") if e.attributes["src"] == "x"]
    assert html.count("<script") == 1
    for name in ("card", "labels", "features", "analyses"):
        assert (EVIL in by_id(page, name).text) == (name != "card")
    assert "<img src=x onerror=alert(2)>" in "".join(quote.text for quote in page.all("q"))
    assert EVIL in by_id(page, "analysis-1-table-0").text
    assert [head.text for head in by_id(page, "analysis-1-table-0").all("th")][1] == EVIL
    assert table_rows(page, "analysis-1-settings")["label"] == [EVIL]
    assert table_rows(page, "analysis-1-values")[f"nested.{EVIL}"] == ["1; 2"]


def test_the_page_loads_nothing_and_its_policy_says_so(page: Element) -> None:
    links = [e.attributes[name] or "" for e in page.everything() for name in ("src", "href") if name in e.attributes]
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not page.all("iframe") + page.all("object") + page.all("form")
    (policy,) = [e.attributes["content"] or "" for e in page.all("meta") if "http-equiv" in e.attributes]
    (style,), (script,) = page.all("style"), page.all("script")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'{sha256(style.text)}'",
        "script-src": f"'{sha256(script.text)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not [e for e in page.everything() if "style" in e.attributes]
    assert not re.search(r"url\(|@import", style.text)


def sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_reader_without_eyes_or_mouse_finds_the_way(page: Element) -> None:
    (html,) = page.all("html")
    assert html.attributes["lang"] == "en"
    assert [len(page.all(name)) for name in ("h1", "main", "nav", "header", "footer")] == [1] * 5
    assert len(page.all("head")[0].all("title")) == 1
    levels = [int(e.name[1]) for e in page.everything() if re.fullmatch("h[1-6]", e.name)]
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    ids = [e.attributes["id"] for e in page.everything() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    targets = [e.attributes["href"] for e in page.all("a")]
    assert targets[0] == "#main"
    assert {f"#{name}" for name in SECTIONS} <= set(targets)
    assert {str(target)[1:] for target in targets} <= set(ids)
    assert {e.attributes["aria-labelledby"] for e in page.everything() if "aria-labelledby" in e.attributes} <= set(ids)
    assert all(len(table.all("caption")) == 1 and table.all("caption")[0].text for table in page.all("table"))
    assert all(head.attributes["scope"] in {"col", "row"} for head in page.all("th"))
    assert all(figure.all("img")[0].attributes["alt"] and figure.all("figcaption") for figure in page.all("figure"))


def test_the_sections_say_what_the_store_holds(bench: Bench, tmp_path: Path) -> None:
    store = open_store(bench.out)
    written = write_report(store, out=str(tmp_path / "report.html"))
    assert (written.analyses, written.stale, written.damaged) == ((), (), ())
    assert written.size == written.path.stat().st_size
    page = Page(written.path.read_text(encoding="utf-8")).root
    card = by_id(page, "card").text
    assert f"utterances{ROWS}" in card
    assert store.digest in card
    assert terms_of("KEMDy20").licence in card
    assert terms_of("KEMDy20").citation in card
    assert table_rows(page, "coverage")["EDA"] == [f"{ROWS}", "100.0%", "100.0%"]
    assert table_rows(page, "emotions")["happy;neutral"] == [f"{ROWS}", "100.0%"]
    assert set(table_rows(page, "arrays")) == {"array", *store.arrays}
    assert table_rows(page, "missing-rows")["mel"] == ["0", "0.0%"]
    assert "None so far." in by_id(page, "analyses").text
    assert store.header.config_digest in by_id(page, "provenance").text
    assert {"numpy", "zarr", "kemfeat"} <= set(table_rows(page, "provenance-versions"))
    assert len(by_id(page, "features").all("figure")) == 1


def test_the_same_store_gives_the_same_page(evil: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "now", lambda: "2026-01-01T00:00:00+00:00")
    pages = [write_report(evil, out=tmp_path / name).path.read_bytes() for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def test_a_store_without_audio_and_physiology_has_a_page_too(bench: Bench, tmp_path: Path) -> None:
    store = bench.fresh().build(settings={"features": ("text",)}).store
    utterances = store.utterances.drop(columns=[c for c in store.utterances if c.endswith("_coverage")])
    utterances[["duration", "valence"]] = float("nan")
    utterances["emotion"] = utterances["emotion_first"] = None
    store.__dict__["utterances"] = utterances
    page = Page(write_report(store, out=tmp_path / "report.html").path.read_text(encoding="utf-8")).root
    assert "no physiology" in by_id(page, "physiology").text
    assert "no audio" in by_id(page, "card").text
    assert table_rows(page, "emotions")["–"] == [f"{ROWS}", "100.0%"]
    assert not page.all("figure")


def test_korean_is_marked_as_korean_and_units_are_those_of_people(bench: Bench, tmp_path: Path) -> None:
    store = open_store(bench.out)
    store.utterances["text"] = "아니 진짜?"
    page = Page(write_report(store, out=tmp_path / "report.html").path.read_text(encoding="utf-8")).root
    marked = [element.text for element in page.everything() if element.attributes.get("lang") == "ko"]
    assert marked == ["아니 진짜?"]
    units = {name: row[3] for name, row in table_rows(page, "arrays").items()}
    assert (units["eda"], units["temp"], units["mel_lengths"]) == ("µS", "°C", "")


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_text_stands_out_from_its_ground(scheme: str) -> None:
    style = (Path(report.__file__).parent / "page.css").read_text(encoding="utf-8")
    light, dark, paper = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", {"light": light, "dark": dark, "print": paper}[scheme]))
    for ink in ("ink", "quiet", "accent"):
        for ground in ("ground", "panel"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for rank in ("alert", "problem"):
        for ink in ("ink", rank):
            assert contrast(colours[ink], colours[f"{rank}-ground"]) >= 4.5, (ink, rank)
    assert contrast(colours["fill"], colours["track"]) >= 3
    assert contrast(colours["fill"], colours["ground"]) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_out_must_be_an_html_file_and_a_store_stays_whole(bench: Bench, tmp_path: Path) -> None:
    store = open_store(bench.out)
    header = (bench.out / "kemfeat.json").read_bytes()
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").write_text("")
    refusals = {
        bench.out / "kemfeat.json": "expected a file whose name ends in .html",
        tmp_path / "folder.html": "is a folder, expected a file",
        tmp_path / "file" / "report.html": "is a file, expected a folder",
    }
    for out, why in refusals.items():
        with pytest.raises(ConfigError, match=why):
            write_report(store, out=out)
    assert (bench.out / "kemfeat.json").read_bytes() == header


def test_killed_before_any_change_of_the_disk_the_page_is_whole_or_absent_and_the_next_run_tidies(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out = open_store(bench.out), tmp_path / "page/report.html"
    monkeypatch.setattr(report, "_facts", lambda *_: {})
    monkeypatch.setattr(report, "render", lambda _: '<meta name="generator" content="kemfeat">')
    for change in count():
        shutil.rmtree(out.parent, ignore_errors=True)
        if not run_until(change, lambda: write_report(store, out=out), monkeypatch):
            break
        assert not out.exists() or "kemfeat" in out.read_text(encoding="utf-8")
        write_report(store, out=out)
        assert [path.name for path in out.parent.iterdir()] == ["report.html"]
    assert change > 3


def test_a_store_with_a_lost_table_is_a_sentence(bench: Bench, tmp_path: Path) -> None:
    (open_store(bench.out).folder / "utterances.parquet").unlink()
    with pytest.raises(StoreCorruptError, match=r"utterances\.parquet is missing"):
        write_report(open_store(bench.out), out=tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_command(bench: Bench, tmp_path: Path) -> None:
    store = open_store(bench.out)
    add_analysis(store, name="alpha")
    stale = add_analysis(store, name="beta") / "result.json"
    stale.write_text(stale.read_text(encoding="utf-8").replace(store.digest, "0" * 64), encoding="utf-8")
    (bench.out / "analyses" / "gamma").mkdir()
    said = kemfeat("report", bench.out, "--out", tmp_path / "새 보고서.html")
    assert (said.code, said.err) == (0, "")
    first, second, third = said.out.splitlines()
    assert first.startswith(f"{tmp_path}/새 보고서.html: ")
    assert first.endswith("analyses: alpha, beta")
    assert second.startswith("analyses/beta: is out of date (made from another version of this store); run ")
    assert third.startswith("analyses/gamma: is not shown: result.json is missing")
    assert (tmp_path / "새 보고서.html").read_text(encoding="utf-8").count("Out of date.") == 1


def test_the_command_refuses_in_a_sentence(bench: Bench, tmp_path: Path) -> None:
    assert KEMFEAT.exists()
    assert "not a store" in sentence("report", tmp_path, code=4)
    assert "ends in .html" in sentence("report", bench.out, "--out", tmp_path / "report.pdf", code=2)
    assert "choose another folder with --out" in sentence("report", bench.out, "--out", "/proc/x.html", code=4)
