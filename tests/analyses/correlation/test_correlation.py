"""Changes of body and judgement: planted relations are found, absent ones are not."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from kemfeat_cli.app import app
from pydantic import ValidationError
from typer.testing import CliRunner

from kemfeat.analyses.correlation import CorrelationConfig, run
from kemfeat.analyses.correlation._conversations import by_utterance
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.store.reader import Store, open_store
from tests.store.kit import vouch

PLAIN = CorrelationConfig(examples=0)


@pytest.fixture(scope="module")
def result(store):
    return run(store, CorrelationConfig())


def with_utterances(store: Store, **columns) -> Store:
    fresh = open_store(store.path)
    fresh.utterances = store.utterances.assign(**columns)
    return fresh


def row(result, signal: str, target: str) -> pd.Series:
    return result.tables["tests"].set_index(["signal", "target"]).loc[(signal, target)]


def test_every_pair_is_tested_over_speakers(result):
    tests = result.tables["tests"]
    assert len(tests) == 9
    assert (tests["speakers"] <= 8).all()
    assert (tests["df"] == tests["speakers"] - 1).all()
    known = tests.dropna(subset="p")
    assert (known["p_holm"] >= known["p"]).all()
    # Holm by its own definition
    worst, adjusted = 0.0, {}
    for rank, (label, p) in enumerate(known["p"].sort_values().items()):
        worst = max(worst, min(1.0, (len(known) - rank) * p))
        adjusted[label] = worst
    assert known["p_holm"].to_dict() == pytest.approx(adjusted)


def test_tables_agree_with_each_other(result):
    conversations = result.tables["conversations"].dropna(subset="z")
    for speaker in result.tables["speakers"].itertuples():
        mine = conversations.query("signal == @speaker.signal and target == @speaker.target")
        mine = mine[mine["speaker"] == speaker.speaker]
        assert len(mine) == speaker.conversations
        assert speaker.z == pytest.approx(np.average(mine["z"], weights=mine["n"] - 3))
        assert speaker.r == pytest.approx(math.tanh(speaker.z))


def test_a_planted_relation_is_found_and_survives_levels(store):
    """Arousal follows EDA within conversations, on top of a level of its own in each."""
    means = by_utterance(store, labels="annotated").set_index("id")["eda"].reindex(store.utterances["id"]).to_numpy()
    conversation = store.utterances.groupby(["session", "script", "speaker"]).ngroup().to_numpy()
    rng = np.random.default_rng(0)
    arousal = (
        100 * means + 1000 * rng.normal(size=conversation.max() + 1)[conversation] + rng.normal(0, 0.5, len(means))
    )
    result = run(with_utterances(store, arousal=arousal), PLAIN)
    found = row(result, "eda", "arousal")
    assert found["r"] > 0.9
    assert found["p_holm"] < 0.05
    assert found["rm_r"] > 0.8
    assert "EDA with arousal" in result.summary[0]


def test_the_size_of_a_change_goes_with_a_change_of_emotion(store):
    means = by_utterance(store, labels="annotated")
    step = means.groupby(["session", "script", "speaker"])["temp"].diff().abs()
    jumps = (step > step.median()).groupby([means[name] for name in ("session", "script", "speaker")]).cumsum() % 2
    emotion = pd.Series(np.where(jumps == 1, "happy", "neutral"), index=means["id"])
    labelled = with_utterances(store, emotion=emotion.reindex(store.utterances["id"]).to_numpy())
    found = row(run(labelled, PLAIN), "temp", "emotion")
    assert found["r"] > 0.5
    assert found["p"] < 0.05


def test_a_column_is_correlated_as_a_signal_is(store):
    means = by_utterance(store, labels="annotated").set_index("id").reindex(store.utterances["id"])
    twin, empty = means["eda"].to_numpy(), np.full(len(means), np.nan)
    given = with_utterances(store, **{"hrv.twin": twin, "hrv.empty": empty, "hrv.reason": "none"})
    found = run(given, CorrelationConfig(examples=0, column=("hrv.twin", "hrv.empty")))
    tests = found.tables["tests"]
    assert len(tests) == 15
    for target in ("emotion", "arousal", "valence"):
        ours, signal = row(found, "hrv.twin", target), row(found, "eda", target)
        names = ["changes", "speakers", "r", "p", "spearman_r", "rm_r"]
        assert ours[names].tolist() == pytest.approx(signal[names].tolist(), nan_ok=True)
        assert row(found, "hrv.empty", target)["speakers"] == 0
    assert set(found.tables["lags"]["signal"]) == {"eda", "temp", "hr"}
    assert any("hrv.empty" in warning for warning in found.warnings)
    alone, beside = row(run(store, PLAIN), "eda", "arousal"), row(found, "eda", "arousal")
    assert beside["p"] == alone["p"]
    assert beside["p_holm"] >= alone["p_holm"], "there are more tests"


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (("hrv.rmsd",), "utterances have no column 'hrv.rmsd'"),
        (("text",), "column 'text' is not numeric; the numeric columns are "),
    ],
)
def test_a_column_that_cannot_be_correlated_is_refused(store, column, said):
    with pytest.raises(ConfigError, match=said):
        run(store, CorrelationConfig(column=column))


@pytest.mark.parametrize(
    ("column", "said"),
    [(("eda",), "eda is correlated already; leave it out"), (("start", "start"), "a column is given twice")],
)
def test_a_column_counts_once(column, said):
    with pytest.raises(ValidationError, match=said):
        CorrelationConfig(column=column)


def test_noise_is_not_a_finding(store):
    rng = np.random.default_rng(3)
    noise = {"arousal": rng.normal(size=240), "valence": rng.normal(size=240)}
    result = run(with_utterances(store, **noise), PLAIN)
    judged = result.tables["tests"][result.tables["tests"]["target"] != "emotion"]
    assert (judged["p_holm"] > 0.05).all()


def test_examples_are_the_most_eventful_conversations(result):
    drawn = [name for name in result.figures if name.startswith("signals_")]
    assert len(drawn) == 4
    assert drawn[0].count("_") == 3


def test_missing_signals_and_ratings_leave_the_rest(copied):
    for session in copied.header.sessions:
        path = copied.path / f"signals/{session}.parquet"
        signals = pd.read_parquet(path)
        signals[signals["medium"] != "ibi"].to_parquet(path)
    result = run(with_utterances(vouch(copied.path), valence=np.nan), PLAIN)
    assert row(result, "hr", "arousal")["speakers"] == 0
    assert row(result, "eda", "valence")["reason"]
    assert np.isfinite(row(result, "eda", "arousal")["p"])
    assert any("have HR" in warning for warning in result.warnings)


def test_two_speakers_are_too_few_for_pooling_but_not_for_a_sentence(store):
    some = store.utterances[store.utterances["session"] == "Sess02"]
    fresh = open_store(store.path)
    fresh.utterances = some.reset_index(drop=True)
    tests = run(fresh, PLAIN).tables["tests"]
    assert tests["rm_r"].isna().all()
    assert (tests["speakers"] == 2).any()
    assert tests["p_dyads"].isna().all()


def test_refusals(store):
    with pytest.raises(ConfigError, match="label rule"):
        run(store, CorrelationConfig(labels="all"))
    with pytest.raises(AnalysisError, match="no conversation has four changes"):
        run(with_utterances(store, emotion=None, arousal=np.nan, valence=np.nan), PLAIN)
    one = open_store(store.path)
    one.utterances = store.utterances.head(1)
    with pytest.raises(AnalysisError):
        run(one, PLAIN)


def test_command(store, tmp_path):
    arguments = ["analyze", "correlation", str(store.path), "--out", str(tmp_path), "--examples", "1", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["figures"]) == 2
