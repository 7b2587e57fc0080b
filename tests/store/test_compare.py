"""What differs between two stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.build import build_store
from kemfeat.store.compare import Difference, compare
from kemfeat.store.reader import Store
from tests.corpora.tiny import TinyCorpus, write_tiny_kemdy20

SETTINGS = {"features": ("mel", "eda"), "rows_per_shard": 8, "mel": {"max_frames": 20}}


@pytest.fixture
def small(tmp_path: Path) -> TinyCorpus:
    return write_tiny_kemdy20(tmp_path / "KEMDy20", sessions=(1,), scripts=1)


def build(corpus: TinyCorpus, out: Path, **settings: object) -> Store:
    return build_store("KEMDy20", root=corpus.root, out=out, settings=SETTINGS | settings).store


def test_a_store_equals_itself(finished: Store) -> None:
    difference = compare(finished, finished)
    assert difference.equal
    assert difference == Difference((), (), {}, {}, ())


def test_two_builds_of_one_corpus_are_equal(small: TinyCorpus, tmp_path: Path) -> None:
    a, b = build(small, tmp_path / "a"), build(small, tmp_path / "b")
    assert compare(a, b).equal
    assert a.digest == b.digest


def test_a_changed_wav_changes_its_row_of_mel(small: TinyCorpus, tmp_path: Path) -> None:
    a = build(small, tmp_path / "a")
    content = bytearray(small.wav(small.ids[2]).read_bytes())
    content[-1] ^= 1
    small.wav(small.ids[2]).write_bytes(content)
    difference = compare(a, build(small, tmp_path / "b"))
    assert difference.features == {"mel": [small.ids[2]]}
    assert (difference.columns, difference.settings) == ({}, ())
    assert not difference.equal


def test_a_changed_transcript_changes_its_cell(small: TinyCorpus, tmp_path: Path) -> None:
    a = build(small, tmp_path / "a")
    small.txt(small.ids[1]).write_text("다른 말\n", encoding="cp949")
    difference = compare(a, build(small, tmp_path / "b"))
    assert difference.columns == {"text": [small.ids[1]]}
    assert difference.features == {}


def test_a_changed_rating_changes_its_utterance(small: TinyCorpus, tmp_path: Path) -> None:
    """Valence of one rater: no column of the utterances says it."""
    a = build(small, tmp_path / "a")
    small.set_cell(4, 9, "5")
    difference = compare(a, build(small, tmp_path / "b"))
    assert difference.columns == {"ratings": [small.cells()[3][3]]}


def test_a_setting_changes_every_row_of_its_feature(small: TinyCorpus, tmp_path: Path) -> None:
    a = build(small, tmp_path / "a")
    b = build(small, tmp_path / "b", mel={"max_frames": 20, "fmin": 50.0})
    difference = compare(a, b)
    assert difference.settings == ("mel.fmin: 100.0 -> 50.0",)
    assert difference.features == {"mel": list(small.ids)}


def test_a_feature_that_one_lacks(small: TinyCorpus, tmp_path: Path) -> None:
    a = build(small, tmp_path / "a")
    b = build(small, tmp_path / "b", features=("mel",))
    difference = compare(a, b)
    assert difference.features == {"eda": "a"}
    assert difference.columns == {"eda_length": "a", "eda_length_total": "a"}
    assert compare(b, a).features == {"eda": "b"}
    assert "features: ['mel', 'eda'] -> ['mel']" in difference.settings
    assert "eda.max_length: 160 -> (none)" in difference.settings


def test_utterances_that_one_lacks(small: TinyCorpus, tmp_path: Path) -> None:
    a = build(small, tmp_path / "a")
    cells = small.cells()
    lost = cells.pop(3)[3]
    small.write_cells(cells)
    b = build(small, tmp_path / "b")
    assert compare(a, b).only_a == (lost,)
    assert compare(b, a).only_b == (lost,)
    assert compare(a, b).columns == {}
    assert compare(a, b).features == {}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([None, float("nan")], [None, float("nan")], True),
        ([1.5, 2.0], [1.5, 2.5], False),
        (["a", None], ["a", "b"], False),
        ([np.array(["x"]), np.array([])], [np.array(["x"]), np.array([])], True),
        ([np.array(["x"]), None], [np.array(["x", "y"]), None], False),
        ([pd.Timestamp(0), pd.NaT], [pd.Timestamp(0), pd.NaT], True),
        ([pd.NA, 1], [pd.NA, 1], True),
        ([pd.NA, 1], [2, 1], False),
    ],
)
def test_cells_of_every_kind_compare(finished: Store, one: list[object], other: list[object], equal: bool) -> None:
    stores = []
    for cells in (one, other):
        store = Store(finished.path, finished.header)
        store.utterances = store.utterances.iloc[:2].assign(cell=pd.Series(cells, dtype=object))
        stores.append(store)
    assert ("cell" not in compare(*stores).columns) is equal
