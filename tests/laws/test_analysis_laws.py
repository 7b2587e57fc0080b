"""What every analysis keeps, the ones not written yet included; most of it are the laws of :mod:`kemfeat.testing`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat import plugins, provenance
from kemfeat.analyses import AnalysisResult, AnyAnalysis
from kemfeat.analyses.brief import COLUMNS
from kemfeat.errors import AnalysisError
from kemfeat.figures.style import watermarked
from kemfeat.store.reader import Store, open_store
from kemfeat.testing import _analyses as laws
from tests.analyses import kit as small_store
from tests.store.kit import vouch

NAMES = plugins.names("analyses")
MOST_COLUMNS = 6
PAGE = Path(__file__).parents[2] / "docs/analyses.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return small_store.build(tmp_path_factory.getbasetemp() / "small")


@pytest.fixture(scope="module")
def bench(store: Store, tmp_path_factory: pytest.TempPathFactory) -> laws.Bench:
    return laws.Bench(store, tmp_path_factory.mktemp("results"))


@pytest.fixture(params=NAMES)
def analysis(request: pytest.FixtureRequest) -> AnyAnalysis:
    found: AnyAnalysis = plugins.find("analyses", request.param)
    return found


@pytest.fixture
def result(analysis: AnyAnalysis, bench: laws.Bench) -> AnalysisResult:
    return bench.result(analysis)


@pytest.mark.parametrize("law", laws.LAWS)
def test_an_analysis_keeps_the_law(analysis, bench, law):
    laws.LAWS[law](analysis, bench)


def test_it_is_found_by_its_name(analysis):
    assert analysis.name in NAMES


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


def test_figures_are_the_same_bytes_when_drawn_again(analysis, result, bench, tmp_path):
    out, content = bench.written(analysis)
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


def test_every_figure_is_returned_to_a_notebook(result):
    from matplotlib.figure import Figure

    for name, draw in result.figures.items():
        assert isinstance(draw(), Figure), name
