"""Agreement of the raters of a store, planted and recomputed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat.analyses.agreement import AgreementConfig, run
from kemfeat.config import validated
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.stats.agreement import icc, krippendorff_alpha
from kemfeat.stats.kappa import kappas
from kemfeat.store.reader import Store
from tests.store.kit import vouch

FEW = AgreementConfig(resamples=100)


@pytest.fixture(scope="module")
def result(store):
    return run(store, FEW)


def with_ratings(store: Store, change) -> Store:
    path = store.path / "ratings.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    return vouch(store.path)


def test_alpha_is_that_of_the_ratings_in_any_order(store, result, copied):
    shuffled = run(with_ratings(copied, lambda table: table.sample(frac=1, random_state=0)), FEW)
    pd.testing.assert_frame_equal(shuffled.tables["alpha"], result.tables["alpha"])
    alpha = result.tables["alpha"].set_index(["measure", "level"])
    for measure, level in alpha.index:
        wide = store.ratings.pivot(index="id", columns="rater", values=measure).to_numpy()
        assert alpha.loc[(measure, level), "alpha"] == pytest.approx(krippendorff_alpha(wide, level=level).alpha)
    assert (alpha["utterances"] == 240).all()
    assert (alpha["ratings"] == 2400).all()


def test_an_emotion_against_the_others(store, result):
    wide = store.ratings.pivot(index="id", columns="rater", values="emotion")
    table = result.tables["alpha_by_emotion"].set_index("emotion")
    assert table.loc["happy", "alpha"] == pytest.approx(krippendorff_alpha((wide == "happy").to_numpy()).alpha)
    assert table["share_of_ratings"].sum() == pytest.approx(1)


def test_intraclass_correlation_of_each_scale(store, result):
    wide = store.ratings.pivot(index="id", columns="rater", values="valence").reindex(store.utterances["id"])
    found = result.tables["icc"].query("measure == 'valence'").reset_index(drop=True)
    by_speaker = icc(wide, clusters=store.utterances["speaker"])
    assert by_speaker["ci_low"].notna().all()
    pd.testing.assert_frame_equal(found.loc[:5, ["type", "icc", "ci_low", "ci_high"]], by_speaker.iloc[:, :4])
    assert (found["raters"] == 10).all()


def test_confusion_is_symmetric_and_its_rows_add_up(result):
    table = result.tables["confusion"].pivot(index="emotion", columns="other", values="coincidences")
    assert table.to_numpy() == pytest.approx(table.to_numpy().T)
    assert table.to_numpy().sum() == pytest.approx(2400)
    assert result.tables["confusion"].groupby("emotion")["share"].sum().tolist() == pytest.approx([1] * len(table))


def test_a_rater_who_guesses_and_one_who_exaggerates_stand_out(copied):
    rng = np.random.default_rng(0)

    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        guess, high = table["rater"] == "Eval01F", table["rater"] == "Eval02M"
        table.loc[guess, "emotion"] = rng.choice(["sad", "fear", "angry"], guess.sum())
        table.loc[high, "arousal"] = 5.0
        return table

    result = run(with_ratings(copied, spoil), FEW)
    raters = result.tables["raters"].set_index("rater")
    assert raters["agreement"].idxmin() == "Eval01F"
    assert raters["arousal_bias"].idxmax() == "Eval02M"
    assert np.isnan(raters.loc["Eval02M", "arousal_correlation"])
    assert "(Eval01F)" in result.summary[-1]


def test_a_rater_is_compared_with_the_others_only(copied):
    """Three raters, two of whom always differ: their own vote would make each a part of every majority."""

    def three(table: pd.DataFrame) -> pd.DataFrame:
        kept = table[table["rater"].isin(["Eval01F", "Eval02M", "Eval03M"])].copy()
        kept["emotion"] = kept["rater"].map({"Eval01F": "sad", "Eval02M": "happy", "Eval03M": "happy"})
        return kept

    raters = run(with_ratings(copied, three), FEW).tables["raters"].set_index("rater")
    assert raters.loc["Eval01F", ["judged", "agreement"]].tolist() == [240, 0]
    assert raters.loc["Eval02M", "judged"] == 0
    assert np.isnan(raters.loc["Eval02M", "agreement"])
    assert raters.loc["Eval02M", "agreement_own_vote_counted"] == 1


def test_missing_ratings_several_emotions_and_doubles_are_said(copied):
    def holes(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[table.index % 17 == 0, "valence"] = np.nan
        table.loc[table.index % 50 == 1, "emotion"] = "happy;sad"
        table.loc[table.index % 50 == 2, "emotion"] = ""
        return pd.concat([table, table.head(3)])

    result = run(with_ratings(copied, holes), FEW)
    text = " ".join(result.warnings)
    assert "48 judgements contain several emotions" in text
    assert "3 judgements repeat an utterance that the same rater had already judged" in text
    assert "lack a rating of valence" in text
    alpha = result.tables["alpha"].set_index(["measure", "level"])
    assert alpha.loc[("emotion", "nominal"), "ratings"] == 2400 - 48
    assert alpha.loc[("valence", "interval"), "utterances"] == 240
    assert "happy;sad" in set(result.tables["confusion"]["emotion"])


def test_scales_that_nobody_rated_leave_emotion(copied):
    result = run(with_ratings(copied, lambda table: table.assign(valence=np.nan, arousal=3.0)), FEW)
    alpha = result.tables["alpha"].set_index(["measure", "level"])["reason"]
    assert alpha[("valence", "interval")] == "no unit has two ratings"
    assert alpha[("arousal", "interval")] == "all ratings are equal"
    assert alpha[("emotion", "nominal")] == ""
    assert result.tables["icc"].empty
    assert any("not defined" in sentence for sentence in result.summary)
    drawn = result.figures["alpha"].args[0]
    assert drawn["value"].notna().all()
    assert not drawn["row"].str.startswith(("valence", "arousal")).any()


def test_emotions_that_nobody_named_leave_the_scales(copied):
    result = run(with_ratings(copied, lambda table: table.assign(emotion=None)), FEW)
    assert "emotion is not defined" in result.summary[0]
    assert result.tables["confusion"].empty
    assert {"confusion", "raters"}.isdisjoint(result.figures)
    assert result.tables["raters"]["agreement"].isna().all()
    assert result.tables["raters"]["valence_bias"].notna().all()


def test_refusals(copied):
    with pytest.raises(AnalysisError, match="no utterance has two raters"):
        run(with_ratings(copied, lambda table: table[table["rater"] == "Eval01F"]), FEW)
    with pytest.raises(ConfigError, match="resamples"):
        validated(AgreementConfig, {"resamples": 5}, where="agreement")


def test_command(store, tmp_path):
    arguments = ["analyze", "agreement", str(store.path), "--out", str(tmp_path), "--resamples", "100", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["values"]["raters"] == 10


def test_kappas_are_those_of_the_ratings(store, result):
    table = result.tables["kappa"].set_index(["measure", "weights"])
    assert set(table.index) == {
        ("emotion", "identity"),
        *((scale, weights) for scale in ("valence", "arousal") for weights in ("linear", "quadratic")),
    }
    for measure, weights in set(table.index):
        wide = store.ratings.pivot(index="id", columns="rater", values=measure).reindex(store.utterances["id"])
        own = kappas(wide.to_numpy(object), weights=weights, clusters=store.utterances["speaker"])
        rows = table.loc[[(measure, weights)]]
        assert rows["value"].tolist() == pytest.approx(own["value"].tolist())
        assert rows["speaker_ci_low"].tolist() == pytest.approx(own["ci_low"].tolist())
    emotion = table.loc[[("emotion", "identity")]].set_index("coefficient")["value"]
    said = f"Fleiss' kappa of emotion is {emotion['fleiss_kappa']:.3f}, Gwet's AC1 {emotion['gwet_ac']:.3f}."
    assert said in result.summary


def test_raters_who_rotate_have_a_reliability(copied):
    """Each utterance keeps four of its ten ratings: none is complete, and the mean of four still has a reliability."""
    fewer = with_ratings(copied, lambda table: table.groupby("id").sample(4, random_state=0))
    result = run(fewer, FEW)
    table = result.tables["icc"].set_index(["measure", "type"])
    assert set(table.index.get_level_values("type")) == {"rotating,1", "rotating,k"}
    assert table.loc[("valence", "rotating,k"), "raters"] == pytest.approx(4)
    assert table["ci_low"].notna().all()
    said = f"one-way ICC: valence {table.loc[('valence', 'rotating,k'), 'icc']:.2f} (4.0 raters), arousal "
    assert any(said in line for line in result.summary)
