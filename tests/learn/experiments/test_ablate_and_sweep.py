"""What docs/experiments.md says, on less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from kemfeat_bench.tools import experiments

from kemfeat.build import build_store
from kemfeat.store.reader import Store, open_store

pytestmark = pytest.mark.slow  # models are trained

NOTEBOOK = Path(__file__).resolve().parents[3] / "docs" / "notebooks" / "train.ipynb"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are many times slower on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("experiments")


@pytest.fixture(scope="module")
def corpus(home: Path) -> Store:
    return experiments.corpus_store(home, utterances=600, sessions=12)


@pytest.fixture(scope="module")
def trained(home: Path, corpus: Store) -> dict:
    encoder = experiments.text_encoder(home / "other", tokenizer=home / "corpus" / "tokenizer", utterances=2400)
    found = experiments.stages(home, corpus, encoder, folds=[1, 2])
    return {one.facts.task: one for one in found}  # pooled, which come last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "score"), [("arousal", "ccc"), ("arousal", "rmse"), ("valence", "ccc"), ("emotion", "uar")]
)
def test_every_stage_beats_its_baseline_on_speakers_it_never_met(trained, task, score):
    one = trained[task]
    assert one.warning == ""
    gain = one.targets[task].gain[score]
    assert gain.value > 0
    assert not gain.interval[0] <= 0  # not defined where resamples lack a class


@pytest.mark.slow
def test_nobody_is_in_two_parts(trained):
    assert {one.facts.leakage.verdict for one in trained.values()} == {"clean"}


@pytest.mark.slow
def test_a_leaking_split_flatters_where_speakers_differ(home):
    folder = home / "biased"
    store = experiments.corpus_store(folder, utterances=480, sessions=8, seed=1, speaker_effect=5.0)
    leaking, apart = experiments.leakage(folder, store, seed=1, folds=2)
    ccc = [one.targets["arousal"].result.scores["ccc"].value for one in (leaking, apart)]
    assert ccc[0] > ccc[1] + 0.15
    assert leaking.warning.startswith("LEAKING SPLIT")
    assert json.loads((folder / "kor-2022" / "metrics.json").read_text())["warning"] == leaking.warning
    assert apart.warning == ""


def test_angry_is_told_from_sad_in_real_speech_of_unseen_speakers(shared, tmp_path):
    root = shared / "data" / "kemdy20_real_media"
    build_store("KEMDy20", root=root, out=tmp_path / "store", settings={"features": ["mel"]})
    table, judged = experiments.angry_or_sad(open_store(tmp_path / "store"))
    hits = (table["truth"] == table["predicted"]).groupby([table["speaker"], table["truth"]]).mean()
    assert hits.index.get_level_values(0).nunique() == 4
    assert hits.groupby(level=0).mean().min() > 0.8
    assert judged.scores["uar"].interval[0] > 0.75


def test_labels_that_mean_nothing_are_told_apart_by_chance(corpus, monkeypatch):
    rng = np.random.default_rng(0)
    labels = pd.Series(rng.choice(["angry", "sad"], len(corpus)))
    monkeypatch.setattr(Store, "labels", lambda self, rule: labels)
    _, judged = experiments.angry_or_sad(corpus)
    low, high = judged.scores["uar"].interval
    assert low < 0.5 < high


def test_the_notebook_has_no_outputs_and_is_short():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    lines = [
        line for cell in cells[1:] for line in "".join(cell["source"]).splitlines() if line and "import" not in line
    ]
    assert len(lines) <= 20
