"""Counts are counts, and what is cut is what the store has cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kemfeat_cli.app import app
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from typer.testing import CliRunner

from kemfeat.analyses.balance import BalanceConfig, run
from kemfeat.errors import AnalysisError
from kemfeat.labels import EMOTIONS, FIVE_CLASSES
from kemfeat.store.reader import Store
from kemfeat.synth.ratings import KINDS, label_quota
from tests.store.kit import vouch


@pytest.fixture(scope="module")
def result(store):
    return run(store, BalanceConfig())


def with_utterances(store: Store, **columns) -> Store:
    path = store.path / "utterances.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path)
    return vouch(store.path)


def test_classes_and_ties_are_those_that_were_drawn(result):
    drawn = dict(zip(KINDS, label_quota(240).tolist(), strict=True))
    for rule, names in (("7class", EMOTIONS), ("5class", FIVE_CLASSES)):
        table = result.tables["classes"]
        counted = table[table["labels"] == rule].set_index("emotion")["utterances"]
        assert counted.to_dict() == {name: drawn[name] for name in names}
    ties = result.tables["ties"].set_index("tie")["utterances"]
    assert ties.to_dict() == {kind: count for kind, count in drawn.items() if ";" in kind and count}


def test_emotions_beyond_the_seven_are_counted(copied):
    emotion = pd.Series(["excited", "frustrated", "frustrated", "happy", "sad;frustrated", *["neutral"] * 235])
    first = emotion.str.split(";").str[0]
    result = run(
        with_utterances(
            copied, emotion=emotion, emotion_first=first, is_tie=first != emotion, votes_excited=0, votes_frustrated=0
        ),
        BalanceConfig(),
    )
    classes = result.tables["classes"]
    counted = {rule: part.set_index("emotion")["utterances"].to_dict() for rule, part in classes.groupby("labels")}
    assert counted["first"] == {**dict.fromkeys(EMOTIONS, 0), **first.value_counts().to_dict()}
    assert counted["4class"] == {"neutral": 235, "happy": 2, "sad": 0, "angry": 0}
    assert set(counted) == {"first", "7class", "5class", "4class"} == set(result.tables["baselines"]["labels"])
    assert {"classes_first", "classes_4class"} <= set(result.figures)
    assert set(result.tables["lengths"]["emotion"]) == {"all", *first}


def test_baselines_are_the_scores_of_a_constant(store, result):
    for row in result.tables["baselines"].itertuples():
        truth = store.labels(row.labels).dropna().astype(str)
        said = np.full(len(truth), row.majority)
        assert row.accuracy == pytest.approx(accuracy_score(truth, said))
        assert row.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, said))
        for average in ("macro", "weighted"):
            expected = f1_score(truth, said, average=average, zero_division=0)
            assert getattr(row, f"{average}_f1") == pytest.approx(expected)
        shares = truth.value_counts(normalize=True)
        assert np.log(row.effective_classes) == pytest.approx(-np.sum(shares * np.log(shares)))


def test_speakers_and_minutes_of_a_class(store, result):
    happy = store.utterances[store.labels("7class") == "happy"]
    row = result.tables["classes"].query("labels == '7class' and emotion == 'happy'").iloc[0]
    assert row["speakers"] == happy["speaker"].nunique()
    assert row["minutes"] == pytest.approx(happy["duration"].sum() / 60)


def test_what_is_cut_is_what_the_arrays_lack(store, result):
    cut = result.tables["truncation"].set_index("feature")
    lengths = store.array("mel_lengths")[:]
    assert cut.loc["mel", "row_holds"] == store.array("mel").shape[1] == 400
    assert cut.loc["mel", "cut"] == np.sum(store.utterances["mel_frames_total"] > lengths) > 0
    lost = 1 - lengths.sum() / store.utterances["mel_frames_total"].sum()
    assert cut.loc["mel", "share_of_content_lost"] == pytest.approx(lost)
    assert cut.loc["tokens", "cut"] == 0
    assert cut.loc["eda", "utterances"] == (store.utterances["eda_length"] > 0).sum()


def test_tokens_are_cut_where_the_row_is_full(copied):
    room = copied.array("input_ids").shape[1] - 2
    pieces = copied.utterances["n_pieces"].to_numpy().copy()
    pieces[:3] = [room, room + 1, room + 10]
    cut = run(with_utterances(copied, n_pieces=pieces), BalanceConfig()).tables["truncation"].set_index("feature")
    assert (cut.loc["tokens", "cut"], cut.loc["tokens", "longest"]) == (2, room + 10)
    assert cut.loc["tokens", "share_of_content_lost"] == pytest.approx(11 / pieces.sum())


def test_lengths_are_of_all_and_of_each_class(store, result):
    lengths = result.tables["lengths"].set_index(["measure", "emotion"])
    durations = store.utterances["duration"]
    row = lengths.loc[("duration_s", "all")]
    assert (row["mean"], row["p95"]) == pytest.approx((durations.mean(), durations.quantile(0.95)))
    assert lengths.loc["n_pieces"]["utterances"].drop("all").sum() == store.labels("7class").notna().sum()


def test_missing_durations_are_counted_and_missing_features_left_out(copied):
    path = copied.path / "utterances.parquet"
    table = pd.read_parquet(path).drop(columns=["n_pieces", "mel_frames_total"])
    table.loc[:9, "duration"] = np.nan
    table.to_parquet(path)
    result = run(vouch(copied.path), BalanceConfig())
    assert set(result.tables["lengths"]["measure"]) == {"duration_s"}
    assert set(result.tables["truncation"]["feature"]) == {"eda", "temp"}
    assert "10 utterances have no duration [s]" in result.warnings
    assert not any("mel" in name for name in result.figures)


def test_one_class_only_and_none(copied):
    changed = with_utterances(copied, emotion="fear", is_tie=False)
    result = run(changed, BalanceConfig())
    assert len([sentence for sentence in result.summary if "always predicts" in sentence]) == 1
    assert "ties" not in result.figures
    assert result.figures["classes_7class"].args[0]["emotion"].tolist() == ["fear"]
    assert set(result.figures) & {"classes_5class"} == set()
    of_five = result.tables["baselines"].set_index("labels").loc["5class"]
    assert of_five["classes"] == 0
    assert pd.isna(of_five["majority"])
    others = ", ".join(name for name in EMOTIONS if name != "fear")
    assert result.warnings[0].startswith(f"no utterance is labelled {others}; ")
    assert not any("as many speakers" in warning for warning in result.warnings)
    with pytest.raises(AnalysisError, match="no utterance has an emotion"):
        run(with_utterances(copied, emotion=None), BalanceConfig())


def test_command(store, tmp_path):
    done = CliRunner().invoke(app, ["analyze", "balance", str(store.path), "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert "7class keeps" in done.stdout
    assert (tmp_path / "figures/classes_7class.svg").exists()
