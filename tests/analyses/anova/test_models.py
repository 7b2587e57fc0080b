"""Equivalence, mixed and ordinal models of an ANOVA, in tables and words."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from kemfeat.analyses.anova import AnovaConfig, run
from kemfeat.errors import ConfigError
from kemfeat.stats.equivalence import equivalence
from kemfeat.stats.mixed import mixed_model
from kemfeat.stats.nested import cluster_robust
from kemfeat.stats.ordinal import ordinal_model
from tests.analyses.anova.kit import arousal, corpus


def test_equivalence_is_that_of_the_cluster_robust_test(holding):
    table = corpus()
    result = run(holding(table), arousal(smallest_effect=0.5))
    sd = math.sqrt(table.groupby("emotion")["arousal"].var().mean())  # groups are equally large
    expected = equivalence(cluster_robust(table["arousal"], table["emotion"], table["speaker"]).pairs, margin=0.5 * sd)
    found = result.tables["equivalence"].query("cluster == 'speaker'").reset_index(drop=True)
    pd.testing.assert_frame_equal(found[expected.columns], expected, rtol=1e-12)
    assert found["detectable_sd"].tolist() == pytest.approx((expected["detectable"] / sd).tolist())
    assert result.values["dv"]["arousal"]["margin"] == pytest.approx(0.5 * sd)
    ends = " to ".join(f"{each / sd:.2g}" for each in (expected["detectable"].min(), expected["detectable"].max()))
    assert f"finds a difference of {ends} SD with 80% power at .05 divided by 10 pairs" in result.summary[1]


def test_the_mixed_model_is_of_single_ratings_with_raters_crossed(store):
    result = run(store, arousal(covariate=("sex",)))
    rows = store.ratings.drop_duplicates(["id", "rater"]).merge(store.utterances[["id", "speaker", "sex"]], on="id")
    rows["group"] = rows["id"].map(dict(zip(store.utterances["id"], store.labels("5class"), strict=True)))
    effects = {name: rows[key] for name, key in (("rater", "rater"), ("utterance", "id"), ("speaker", "speaker"))}
    effects["speaker x emotion"] = rows["speaker"].astype(object) + " " + rows["group"].astype(object)
    expected = mixed_model(rows["arousal"], rows["group"], effects, covariates={"sex": rows["sex"]})
    table = result.tables["mixed"].set_index("term")
    assert table.index.tolist() == ["emotion", "sex"]
    assert table["F"].tolist() == pytest.approx(expected.tests["F"].tolist(), rel=1e-5)
    assert set(table["unit"]) == {"ratings"}
    found = result.tables["variances"].set_index("effect")
    shares = expected.variances.set_index("effect")["share"].to_dict()
    assert found["share"].to_dict() == pytest.approx(shares, abs=1e-5)
    pairs = result.tables["nested_pairs"].query("test == 'mixed'")
    assert pairs["diff"].tolist() == pytest.approx(expected.pairs["diff"].tolist(), rel=1e-5)
    (said,) = [line for line in result.summary if line.startswith("Mixed model of ")]
    at_random = "at random rater, utterance, speaker, speaker x emotion"
    assert said.startswith(f"Mixed model of {expected.n:,} ratings, {at_random}: emotion F(4, ")
    assert "; sex F(1, " in said


def test_the_ordinal_model_is_of_single_ratings(store):
    result = run(store, arousal())
    rows = store.ratings.drop_duplicates(["id", "rater"]).merge(store.utterances[["id", "speaker"]], on="id")
    rows["group"] = rows["id"].map(dict(zip(store.utterances["id"], store.labels("5class"), strict=True)))
    expected = ordinal_model(rows["arousal"], rows["group"], rows["speaker"])
    table = result.tables["ordinal"]
    assert table["log_odds"].tolist() == pytest.approx(expected.pairs["log_odds"].tolist(), nan_ok=True)
    assert table["reason"].tolist() == expected.pairs["reason"].tolist()
    assert (table["ratings"] == expected.n).all()
    assert any(line.startswith("Ordinal model of ") for line in result.summary)


def test_without_ratings_there_is_no_ordinal_model(holding):
    result = run(holding(corpus()), AnovaConfig(dv=("level",)))
    assert result.tables["ordinal"].empty
    assert not any(line.startswith("Ordinal model") for line in result.summary)


def test_without_ratings_the_mixed_model_is_of_utterances_with_sentences_crossed(holding):
    table = corpus(speaker_sd=1.0).assign(text=lambda utterances: (np.arange(len(utterances)) % 7).astype(str))
    result = run(holding(table), AnovaConfig(dv=("level",), crossed=("text",)))
    assert result.tables["mixed"]["unit"].tolist() == ["utterances"]
    assert result.tables["variances"]["effect"].tolist() == ["speaker", "speaker x emotion", "text", "residual"]
    between = run(holding(table), AnovaConfig(dv=("level",), between="sex")).tables["variances"]
    assert between["effect"].tolist() == ["speaker", "residual"]


def test_an_interaction_is_tested_with_the_responses_of_speakers_to_both_factors(holding):
    table = corpus()
    table["read"] = np.where(np.random.default_rng(0).random(len(table)) < 0.5, "yes", "no")
    result = run(holding(table), arousal(interaction=("read",)))
    assert result.tables["mixed"]["term"].tolist() == ["emotion", "read", "emotion x read"]
    speaker, emotion, read = (table[name] for name in ("speaker", "emotion", "read"))
    effects = {
        "speaker": speaker,
        "speaker x emotion": speaker + emotion,
        "speaker x read": speaker + read,
        "speaker x emotion x read": speaker + emotion + read,
    }
    assert result.tables["variances"]["effect"].tolist() == [*effects, "residual"]
    held = {"read": table["read"]}
    expected = mixed_model(table["arousal"], table["emotion"], effects, covariates=held, interactions=["read"])
    assert result.tables["mixed"]["F"].tolist() == pytest.approx(expected.tests["F"].tolist(), rel=1e-4)
    assert any("; emotion x read F(" in line for line in result.summary)


def test_an_interaction_with_a_factor_between_speakers_needs_no_response_of_theirs_to_it(holding):
    table = corpus(speaker_sd=1.0)
    result = run(holding(table), AnovaConfig(dv=("level",), interaction=("sex",)))
    assert result.tables["mixed"]["term"].tolist() == ["emotion", "sex", "emotion x sex"]
    assert result.tables["mixed"]["F"].notna().all()
    assert result.tables["variances"]["effect"].tolist() == ["speaker", "speaker x emotion", "residual"]


def test_a_covariate_must_be_another_column(holding):
    for name in ("arousal", "emotion"):
        with pytest.raises(ConfigError, match="already compared"):
            run(holding(corpus()), arousal(covariate=(name,)))
    with pytest.raises(ConfigError, match="did you mean 'sex'"):
        run(holding(corpus()), arousal(covariate=("sexx",)))


def test_a_difference_too_small_to_matter_is_called_that(holding):
    result = run(holding(corpus()), arousal(smallest_effect=10.0))
    assert result.tables["equivalence"]["equivalent"].all()
    assert "Different, and yet smaller than that of interest: angry-neutral, " in result.summary[1]
