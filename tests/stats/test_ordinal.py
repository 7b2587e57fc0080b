"""The ordinal model: against statsmodels, by its laws, and over speakers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.miscmodels.ordinal_model import OrderedModel

from kemfeat.errors import ConfigError
from kemfeat.stats.ordinal import OrdinalModel, ordinal_model

STEPS = [-1.0, 0.0, 1.0, 2.5]


def drawn(seed: int, *, speakers: int = 12, each: int = 30, effect: float = 0.8, spread: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(speakers), each)
    emotion = rng.integers(0, 3, len(speaker))
    level, response = spread * rng.normal(size=(speakers, 1)), spread * rng.normal(size=(speakers, 3))
    heard = rng.logistic(size=len(speaker)) + effect * emotion + (level + response)[speaker, emotion]
    rating = np.digitize(heard, STEPS) + 1.0
    return pd.DataFrame({"rating": rating, "emotion": np.array(list("abc"))[emotion], "speaker": speaker})


def fitted(data: pd.DataFrame) -> OrdinalModel:
    return ordinal_model(data["rating"], data["emotion"], data["speaker"])


@pytest.mark.parametrize("seed", [0, 1])
def test_estimates_are_those_of_statsmodels(seed):
    data = drawn(seed)
    dummies = pd.get_dummies(data["emotion"]).iloc[:, 1:].astype(float)
    model = OrderedModel(data["rating"].to_numpy(), dummies, distr="logit").fit(method="bfgs", disp=0, gtol=1e-8)
    found = fitted(data)
    assert (-found.pairs["log_odds"][:2]).tolist() == pytest.approx(model.params[["b", "c"]].tolist(), abs=1e-4)
    assert found.thresholds == pytest.approx(model.model.transform_threshold_params(model.params)[1:-1], abs=1e-4)
    assert found.log_likelihood == pytest.approx(model.llf, rel=1e-8)


def test_for_two_categories_and_groups_it_is_the_odds_ratio_of_the_table():
    data = drawn(2).query("emotion != 'c'").assign(rating=lambda table: (table["rating"] > 3) * 1.0)
    (a, b), (c, d) = pd.crosstab(data["emotion"], data["rating"]).to_numpy()
    assert fitted(data).pairs["odds_ratio"].iloc[0] == pytest.approx((b / a) / (d / c))


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_only_the_order_of_ratings_counts_and_turning_the_scale_turns_the_odds(seed):
    data = drawn(seed)
    found = fitted(data)
    stretched = fitted(data.assign(rating=np.exp(data["rating"])))
    assert stretched.pairs["log_odds"].tolist() == pytest.approx(found.pairs["log_odds"].tolist(), abs=1e-7)
    turned = fitted(data.assign(rating=6 - data["rating"]))
    assert turned.pairs["log_odds"].tolist() == pytest.approx((-found.pairs["log_odds"]).tolist(), abs=1e-6)
    assert turned.pairs["se"].tolist() == pytest.approx(found.pairs["se"].tolist(), rel=1e-4)


def test_standard_errors_are_the_jackknife_of_refits():
    data = drawn(3, speakers=6)
    found, count = fitted(data), data["speaker"].nunique()
    refits = []
    for speaker in range(count):
        rest = data[data["speaker"] != speaker]
        dummies = pd.get_dummies(rest["emotion"]).iloc[:, 1:].astype(float)
        model = OrderedModel(rest["rating"].to_numpy(), dummies, distr="logit").fit(method="bfgs", disp=0, gtol=1e-8)
        refits.append(-model.params["b"])
    spread = np.sum((np.array(refits) - found.pairs["log_odds"].iloc[0]) ** 2)
    assert found.pairs["se"].iloc[0] == pytest.approx(np.sqrt((count - 1) / count * spread), rel=1e-3)
    assert (found.pairs["df"] == count - 1).all()


def test_intervals_over_speakers_hold_the_truth_and_naive_ones_do_not():
    """No emotion differs, and speakers respond to each in their own way."""
    held, naive = 0, 0
    for seed in range(50):
        data = drawn(seed, effect=0.0, spread=0.8)
        row = fitted(data).pairs.iloc[0]
        held += row["ci_low"] <= 0 <= row["ci_high"]
        alone = fitted(data.assign(speaker=np.arange(len(data)) % 20)).pairs.iloc[0]
        naive += alone["ci_low"] <= 0 <= alone["ci_high"]
    assert held >= 42  # binomial(50, .93) is below with probability 0.01
    assert naive < 42


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"emotion": "a"}, "nothing to compare"),
        ({"rating": 3.0}, "nothing to compare"),
        ({"speaker": lambda table: table["speaker"] % 4}, "4 clusters are too few"),
        (
            {"rating": lambda table: table["rating"].where(table["emotion"] != "b", 5.0)},
            "all ratings of b are at one end of the scale",
        ),
        (
            {"emotion": lambda table: table["emotion"].where((table["emotion"] != "b") | (table["speaker"] < 2), "a")},
            "b occurs in fewer than 5 clusters",
        ),
    ],
)
def test_what_cannot_be_estimated_says_why(change, said):
    found = fitted(drawn(4).assign(**change))
    assert said in found.reason
    assert found.pairs["p"].isna().all()
    assert not found.pairs["significant"].any()


def test_missing_rows_are_counted_and_bad_input_is_refused():
    data = drawn(5)
    holes = data.astype({"emotion": object})
    holes.loc[:4, "rating"], holes.loc[5:6, "emotion"] = np.nan, None
    assert fitted(holes).n_dropped == 7
    assert fitted(holes).log_likelihood == pytest.approx(fitted(data.iloc[7:]).log_likelihood)
    for arguments, said in (
        (([1.0, 2.0], ["a"], [0, 1]), "one group and one cluster for each rating"),
        (([np.nan], ["a"], [0]), "none of the 1 rows"),
        ((np.arange(30.0), ["a", "b"] * 15, range(30)), "at most 20; compare means"),
    ):
        with pytest.raises(ConfigError, match=said):
            ordinal_model(*arguments)
