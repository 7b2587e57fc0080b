"""Functionals with the installed command: from a corpus to columns, analyses, baselines and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kemfeat.records import tag_of, tagged
from kemfeat.store.reader import Store, open_store
from kemfeat.synth.kemdy20 import SYNTH
from tests.e2e.command import kemfeat, sentence

pytest.importorskip("clarabel", reason="clarabel: pip install 'kemfeat[eda]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a store of its functionals and a split by speaker."""
    folder = tmp_path_factory.mktemp("functionals")
    SYNTH.write(folder / "KEMDy20", utterances=320, sessions=8, seed=3)
    wanted = "eda,ibi,hrv,hrv@wide,eda-components"
    command = ("build", "--dataset", "KEMDy20", "--root", "KEMDy20", "--out", "store", "--features", wanted)
    said = kemfeat(*command, "--set", "hrv@wide.context=30", cwd=folder)
    assert said.code == 0, said
    split = ("split", "store", "--scheme", "session", "--folds", "4", "--labels", "5class", "--out", "split.parquet")
    said = kemfeat(*split, cwd=folder)
    assert said.code == 0, said
    return folder


@pytest.fixture(scope="module")
def store(place: Path) -> Store:
    return open_store(place / "store")


def test_every_row_has_its_numbers_or_a_reason(store: Store) -> None:
    table = store.utterances
    assert store.header.config.settings["eda_components"]["context"] == 30.0
    assert store.header.config.settings["hrv@wide"]["context"] == 30.0
    for feature, tag in (("eda_components", ""), ("hrv", ""), ("hrv", "wide")):
        own = [name for name in table if name.startswith(f"{feature}.") and tag_of(name) == tag]
        numbers = table[[name for name in own if table[name].dtype.kind == "f"]]
        reasons = table[tagged(f"{feature}.reason", tag)]
        assert (numbers.isna().any(axis=1) == (reasons != "")).all()
        array = np.asarray(store.array(tagged(feature, tag))[:])[:, 0]
        assert np.isnan(array).any(axis=1).tolist() == numbers.isna().any(axis=1).tolist()
    assert table["eda_components.tonic_mean"].notna().mean() > 0.5
    assert table["hrv.rmssd@wide"].notna().sum() > table["hrv.rmssd"].notna().sum()


def test_real_wristbands_are_split_or_refused_with_a_reason(shared: Path, tmp_path: Path) -> None:
    """Real E4 recordings with loose electrodes and dips: no level below 0, little is left unexplained."""
    corpus = shared / "data" / "kemdy20_real_media"
    command = ("build", "--dataset", "KEMDy20", "--root", corpus, "--out", "store", "--features", "eda-components")
    said = kemfeat(*command, cwd=tmp_path)
    assert said.code == 0, said
    table = open_store(tmp_path / "store").utterances
    told = {name.removeprefix("eda_components."): table[name] for name in table if name.startswith("eda_components.")}
    known = told["tonic_mean"].notna()
    assert 100 < known.sum() < len(table)
    assert told["tonic_mean"][known].min() > 0
    assert told["fit_error"][known].max() < 0.05
    assert told["phasic_mean"][known].min() >= 0
    assert (told["window"][known] >= 15).all()
    assert set(told["reason"][~known]) <= {
        "loose electrodes: EDA of no skin within 5 s",
        "less than 15 s of EDA around the utterance",
    }


def test_it_is_what_the_corpus_gives_again(place: Path) -> None:
    said = kemfeat("verify", "store", "--recompute", 40, "--root", "KEMDy20", cwd=place)
    assert said.code == 0, said
    assert "sound" in said.out


def test_analyses_take_functionals(place: Path) -> None:
    dv = ("--dv", "eda_components.tonic_mean", "--dv", "hrv.mean_hr")
    said = kemfeat("analyze", "anova", "store", *dv, "--labels", "7class", "--json", cwd=place)
    assert said.code == 0, said
    assert "eda_components.tonic_mean" in " ".join(said.json["summary"])
    more = ("--column", "eda_components.tonic_mean", "--column", "hrv.mean_hr@wide", "--examples", 0, "--json")
    said = kemfeat("analyze", "correlation", "store", *more, cwd=place)
    assert said.code == 0, said
    tests = (place / "store" / "analyses" / "correlation" / "tables" / "tests.csv").read_text()
    assert "eda_components.tonic_mean,arousal" in tests
    assert "hrv.mean_hr@wide,valence" in tests
    refused = sentence("analyze", "correlation", "store", "--column", "eda_components.tonic", cwd=place, code=2)
    assert "no column 'eda_components.tonic'" in refused


@pytest.mark.parametrize(("recipe", "task"), [("logistic", "emotion"), ("ridge", "arousal"), ("ridge", "valence")])
def test_baselines_train_on_functionals_and_tell_what_they_chose(place: Path, recipe: str, task: str) -> None:
    out = f"{recipe}-{task}"
    said = kemfeat(
        *("train", f"baseline/{recipe}", "--features", "hrv,eda-components", "--set", f"task={task}"),
        *("--store", "store", "--split", "split.parquet", "--out", out, "--device", "cpu"),
        cwd=place,
    )
    assert said.code == 0, said
    facts = json.loads((place / out / "run.json").read_text())
    assert facts["config"]["model"]["features"] == ["hrv", "eda_components"]
    choice = facts["outcome"]["choice"]
    assert choice["folds"] == 5
    assert choice["chosen"] == float(min(choice["losses"], key=choice["losses"].get))
    assert f"strength {choice['chosen']:g}, chosen on {choice['folds']} folds of the train part, by speaker" in said.out
    said = kemfeat("evaluate", out, "--json", cwd=place)
    assert set(said.json["runs"][0]["targets"]) == {task}


def test_the_report_says_what_is_missing_and_why(place: Path) -> None:
    said = kemfeat("report", "store", "--out", "report.html", cwd=place)
    assert said.code == 0, said
    page = (place / "report.html").read_text()
    assert "Functionals without a value" in page
    assert "fewer than 5 intervals" in page
    assert "no response of 0.03 uS or more" in page
