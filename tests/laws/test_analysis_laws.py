"""What every analysis keeps, the ones not written yet included."""

from __future__ import annotations

import json
import math
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kemfeat import plugins, provenance
from kemfeat.analyses import AnalysisResult, AnyAnalysis
from kemfeat.analyses.brief import COLUMNS
from kemfeat.analyses.output import write
from kemfeat.errors import AnalysisError
from kemfeat.figures.style import watermarked
from kemfeat.store.reader import Store, open_store
from tests.analyses import kit as small_store
from tests.store.kit import vouch

NAMES = plugins.names("analyses")
MOST_COLUMNS = 6
PAGE = Path(__file__).parents[2] / "docs/analyses.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return small_store.build(tmp_path_factory.getbasetemp() / "small")


@pytest.fixture(params=NAMES)
def analysis(request: pytest.FixtureRequest) -> AnyAnalysis:
    found: AnyAnalysis = plugins.find("analyses", request.param)
    return found


@cache
def result_of(name: str, path: Path) -> AnalysisResult:
    """Analyses are pure: one run serves all laws but the one that runs again."""
    analysis: AnyAnalysis = plugins.find("analyses", name)
    return analysis.run(open_store(path), analysis.config())


@pytest.fixture
def result(analysis: AnyAnalysis, store: Store) -> AnalysisResult:
    return result_of(analysis.name, store.path)


@pytest.fixture(scope="module")
def written(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def once(name: str) -> tuple[Path, dict[str, Any]]:
        analysis: AnyAnalysis = plugins.find("analyses", name)
        out = tmp_path_factory.mktemp("results") / name
        content = write(analysis, result_of(name, store.path), store=store, config=analysis.config(), out=out)
        return out, content

    return once


def no_nan(text: str) -> Any:
    raise AssertionError(f"result.json holds {text}")


def test_it_is_found_by_its_name_and_has_a_title(analysis):
    assert analysis.name in NAMES
    assert analysis.title.strip()
    assert analysis.config.model_config["frozen"]


def test_verdicts_are_sentences_with_a_number_and_what_it_means(result, written, analysis):
    assert result.verdicts
    for verdict in result.verdicts:
        assert verdict.sentence.endswith(".")
        assert verdict.sentence[0] == verdict.sentence[0].upper()
        assert verdict.meaning.endswith(".")
        assert verdict.effect
        assert any(c.isdigit() for c in verdict.n)
        assert math.isfinite(verdict.value)
        assert math.isnan(verdict.low) == math.isnan(verdict.high)
        assert math.isnan(verdict.low) or verdict.low <= verdict.value <= verdict.high
    _, content = written(analysis.name)
    assert [entry["sentence"] for entry in content["verdicts"]] == [each.sentence for each in result.verdicts]


def test_sentences_say_something(result):
    assert result.summary
    for sentence in (*result.summary, *result.warnings):
        assert sentence.strip() == sentence != ""
        assert not re.search(r"\bnan\b", sentence), sentence


def test_tables_are_tidy(result):
    assert result.tables
    for name, table in result.tables.items():
        assert re.fullmatch(r"[a-z0-9_]+", name), name
        assert isinstance(table.index, pd.RangeIndex), name
        assert list(table.index) == list(range(len(table))), name
        assert table.columns.is_unique, name
        assert all(re.fullmatch(r"[A-Za-z0-9_]+", column) for column in table.columns), list(table.columns)
        cells = {type(cell) for column in table for cell in table[column]}
        assert not {list, tuple, dict, set, np.ndarray} & cells, name


def test_no_p_value_is_0_and_intervals_are_in_order(result):
    for name, table in result.tables.items():
        for column in table:
            if column == "p" or (column.startswith("p_") and column not in {"p_within", "p99"}):
                assert not (table[column] == 0).any(), (name, column)
        if {"ci_low", "ci_high"} <= set(table):
            known = table.dropna(subset=["ci_low", "ci_high"])
            assert (known["ci_low"] <= known["ci_high"]).all(), name


def test_every_table_has_a_short_form_with_headings_for_people(result):
    assert set(result.tables) <= set(result.briefs)
    for name, table in result.tables.items():
        brief = result.briefs[name]
        heads = [column.head for column in brief.columns]
        assert 1 < len(heads) <= MOST_COLUMNS, name
        assert len(set(heads)) == len(heads), name
        for text in (brief.title, *heads):
            assert "_" not in text, text
            assert text.strip() == text != "", name
        assert brief.title[0] == brief.title[0].upper()
        for column in brief.columns:
            assert len(column.of) == COLUMNS[column.form], column.head
            assert set(column.of) <= set(table), column.head
            assert not [word for word in column.words.values() if "_" in word], column.head
        assert {brief.needs, *brief.where} - {""} <= set(table), name
        for column, values in brief.where.items():
            assert table.empty or table[column].isin(values).any(), (name, column, values)


def test_every_test_has_a_line_to_paste(result):
    for name, table in result.tables.items():
        tested = {"p", "p_holm", "p_permutation", "p_within_speakers"} & set(table)
        if tested:
            with_p = table[list(tested)].notna().any(axis=1).sum()
            assert len(result.lines.get(name, ())) >= with_p, name
    assert set(result.lines) <= set(result.tables)


def test_the_same_seed_gives_the_same_tables(analysis, result, store):
    again = analysis.run(open_store(store.path), analysis.config())
    assert again.summary == result.summary
    assert again.warnings == result.warnings
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)


def test_the_store_is_left_alone(analysis, store):
    before = {path: path.stat().st_mtime_ns for path in store.path.rglob("*") if path.is_file()}
    result_of(analysis.name, store.path)
    assert {path: path.stat().st_mtime_ns for path in store.path.rglob("*") if path.is_file()} == before


def test_the_json_has_everything_and_no_nan(analysis, written):
    out, content = written(analysis.name)
    read = json.loads((out / "result.json").read_text(encoding="utf-8"), parse_constant=no_nan)
    assert read == json.loads(json.dumps(content))
    assert analysis.config.model_validate_json(json.dumps(read["config"])) == analysis.config()


def test_written_tables_are_the_tables(analysis, result, written):
    out, content = written(analysis.name)
    for name, table in result.tables.items():
        entry = content["tables"][name]
        assert (entry["rows"], entry["columns"]) == (len(table), list(table.columns))
        parquet, csv, tex, md = (out / file for file in entry["files"])
        pd.testing.assert_frame_equal(pd.read_parquet(parquet), table, check_dtype=False)
        read = pd.read_csv(csv, keep_default_na=False, dtype=str)
        assert read.shape == table.shape
        assert r"\begin{tabular}" in tex.read_text(encoding="utf-8")
        assert len(md.read_text(encoding="utf-8").splitlines()) == len(table) + 2


def test_written_figures_are_pictures(analysis, result, written):
    out, content = written(analysis.name)
    assert set(content["figures"]) == set(result.figures)
    assert set(content["captions"]) == set(result.figures)
    assert all(text.endswith(".") and "_" not in text for text in content["captions"].values())
    for svg, png in content["figures"].values():
        assert (out / svg).read_text(encoding="utf-8").rstrip().endswith("</svg>")
        with Image.open(out / png) as picture:
            assert min(picture.size) > 100
            assert len(picture.convert("L").getcolors(256) or []) > 1


def test_figures_are_the_same_bytes_when_drawn_again(analysis, result, written, tmp_path):
    out, content = written(analysis.name)
    if not result.figures:
        pytest.skip("this analysis has no figure")
    name, draw = next(iter(result.figures.items()))
    with watermarked(provenance.WATERMARK):  # the corpus is a synthetic one
        draw(tmp_path / name)
    assert (tmp_path / f"{name}.svg").read_bytes() == (out / content["figures"][name][0]).read_bytes()


def test_every_table_and_column_is_documented(analysis, result):
    page = PAGE.read_text(encoding="utf-8")
    _, found, behind = page.partition(f"\n## {analysis.name}\n")
    assert found, f"docs/analyses.md has no section {analysis.name}"
    section = behind.partition("\n## ")[0]
    words = set(re.findall(r"`([^`]+)`", section))
    for name, table in result.tables.items():
        assert f"\n#### {name}\n" in section
        assert set(table.columns) <= words, set(table.columns) - words
    assert set(result.values) <= words, set(result.values) - words


def test_a_store_without_what_it_needs_is_refused_in_a_sentence(analysis, store, tmp_path):
    bare = bared(store, tmp_path / "bare")
    with pytest.raises(AnalysisError) as refused:
        analysis.run(bare, analysis.config())
    sentence = str(refused.value)
    assert str(bare.path) in sentence
    assert "\n" not in sentence
    assert len(sentence) > 60


def bared(store: Store, folder: Path) -> Store:
    """The same utterances without labels, ratings, signals and arrays."""
    shutil.copytree(store.folder, folder)
    utterances = pd.read_parquet(folder / "utterances.parquet")
    for column in ("emotion", "emotion_first", "emotion_annotated"):
        utterances[column] = None
    utterances["majority"] = [[] for _ in range(len(utterances))]
    utterances[["valence", "arousal", "duration"]] = np.nan
    utterances[["is_tie", "in_5class"]] = False
    utterances.to_parquet(folder / "utterances.parquet")
    for table in ("ratings", "signal_index"):
        pd.read_parquet(folder / f"{table}.parquet").head(0).to_parquet(folder / f"{table}.parquet")
    header = json.loads((folder / "kemfeat.json").read_text(encoding="utf-8"))
    header |= {"arrays": {}, "sessions": {}}
    (folder / "kemfeat.json").write_text(json.dumps(header), encoding="utf-8")
    vouch(folder)
    return open_store(folder)
