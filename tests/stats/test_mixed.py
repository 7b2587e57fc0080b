"""The mixed model: against R's lme4 and lmerTest, statsmodels, closed forms and its own false positives."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.stats.mixed import MixedModel, mixed_model
from kemfeat.stats.slopes import random_slopes


def crossed(seed: int, *, speakers: int = 12, raters: int = 5, repeats: int = 2) -> pd.DataFrame:
    """Speakers with responses of their own to three emotions, all heard by the same raters."""
    rng = np.random.default_rng(seed)
    speaker, emotion, rater, _ = (axis.ravel() for axis in np.indices((speakers, 3, raters, repeats)))
    response = 0.6 * rng.normal(size=(speakers, 3)) + 0.8 * rng.normal(size=(speakers, 1))
    y = 0.5 * emotion + response[speaker, emotion] + 0.5 * rng.normal(size=raters)[rater]
    data = pd.DataFrame({"y": y + rng.normal(size=len(y)), "speaker": speaker, "emotion": emotion, "rater": rater})
    return data.assign(cell=speaker * 3 + emotion)


def fitted(data: pd.DataFrame, *effects: str, **settings) -> MixedModel:
    return mixed_model(data["y"], data["emotion"], {name: data[name] for name in effects}, **settings)


@pytest.mark.parametrize("name", ["chickweight_diet", "sleepstudy_days3"])
def test_one_random_intercept_is_rs_lmer(name, shared):
    golden = json.loads((shared / "data/golden/nested.json").read_text())[name]
    data = pd.read_csv(shared / f"data/golden/nested_{name}.csv")
    found = mixed_model(data["y"], data["group"], {"id": data["id"]})
    lmer, pairs = golden["lmer"], golden["emmeans_pairs_holm"]
    assert found.variances["variance"].tolist() == pytest.approx([lmer["var_id"], lmer["var_res"]], rel=1e-5)
    assert found.log_likelihood == pytest.approx(lmer["logLik"], rel=1e-10)
    test = found.tests.iloc[0]
    assert (test["F"], test["df1"]) == (
        pytest.approx(lmer["satterthwaite"]["F"], rel=1e-5),
        lmer["satterthwaite"]["df1"],
    )
    assert test["df2"] == pytest.approx(lmer["satterthwaite"]["df2"], rel=2e-4)
    assert test["p"] == pytest.approx(lmer["satterthwaite"]["p"], rel=2e-4)
    for ours, theirs, exact in (("diff", "estimate", 1e-6), ("se", "SE", 1e-5), ("df", "df", 1e-4)):
        assert found.pairs[ours].tolist() == pytest.approx(pairs[theirs], rel=exact)
    assert found.pairs["p_holm"].tolist() == pytest.approx(pairs["p.value"], rel=1e-3)


def test_crossed_effects_are_those_of_statsmodels():
    data = crossed(0)
    found = fitted(data, "speaker", "cell", "rater")
    parts = {"speaker": "0 + C(speaker)", "cell": "0 + C(cell)", "rater": "0 + C(rater)"}
    model = smf.mixedlm("y ~ C(emotion)", data.assign(all=1), groups="all", vc_formula=parts, re_formula="0").fit()
    by_name = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True))
    expected = [*(by_name[name] for name in ("speaker", "cell", "rater")), model.scale]
    assert found.variances["variance"].tolist() == pytest.approx(expected, rel=2e-3)
    assert found.log_likelihood == pytest.approx(model.llf, abs=1e-3)
    assert found.pairs["diff"].tolist()[:2] == pytest.approx((-model.fe_params[1:3]).tolist(), rel=1e-3)
    assert found.pairs["se"].tolist()[:2] == pytest.approx(model.bse_fe[1:3].tolist(), rel=1e-3)


def test_in_a_balanced_design_it_is_the_textbook_analysis_of_variance():
    """Speaker x emotion is the error of emotion: F = MS(emotion) / MS(cells), 2 and 22 degrees of freedom."""
    data = crossed(1)
    found = fitted(data, "speaker", "cell", "rater")
    means = data.groupby(["speaker", "emotion"])["y"].mean().unstack()
    left = means.sub(means.mean(axis=1), axis=0) - means.mean() + means.to_numpy().mean()
    f = 12 * means.mean().var() / (float((left**2).to_numpy().sum()) / 22)
    row = found.tests.iloc[0]
    assert (row["F"], row["df1"], row["df2"]) == (pytest.approx(f, rel=1e-5), 2, pytest.approx(22, rel=1e-3))
    residual = float((left**2).to_numpy().sum()) / 22
    assert found.pairs["se"].tolist() == pytest.approx([np.sqrt(2 * residual / 12)] * 3, rel=1e-5)
    assert found.pairs["df"].tolist() == pytest.approx([22.0] * 3, rel=1e-3)


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_random_slopes_are_those_of_the_other_fit(seed):
    data = crossed(seed).sample(frac=0.6, random_state=seed)
    one, other = fitted(data, "speaker", "cell"), random_slopes(data["y"], data["emotion"], data["speaker"])
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-5)
    assert one.pairs["se"].tolist() == pytest.approx(other.pairs["se"].tolist(), rel=1e-3)


def test_a_crossed_rater_is_accounted_for_where_clusters_of_speakers_do_not():
    """Each of four raters hears other emotions more often: without the rater their bias passes for the emotion."""
    rng, false = np.random.default_rng(0), np.zeros(2)
    for _ in range(40):
        rater = rng.integers(0, 4, 400)
        emotion = np.where(rng.random(400) < 0.7, rater % 2, 1 - rater % 2)
        speaker = rng.integers(0, 15, 400)
        y = rng.normal(size=4)[rater] + rng.normal(size=15)[speaker] + rng.normal(size=400)
        for at, random in enumerate(({"speaker": speaker}, {"speaker": speaker, "rater": rater})):
            false[at] += mixed_model(y, emotion, random).pairs["p"].iloc[0] < 0.05
    assert false[0] > 15
    assert false[1] <= 6  # binomial(40, .05) is above with probability 0.003


def test_a_covariate_is_held_constant_and_a_second_factor_is_tested():
    data, rng = crossed(3), np.random.default_rng(3)
    age = rng.normal(size=12)[data["speaker"]]
    louder = data["emotion"] + rng.normal(size=len(data))
    sex = np.where(data["speaker"] % 2, "F", "M")
    data["y"] += 2.0 * louder + 4.0 * (sex == "M")
    found = fitted(data, "speaker", "cell", "rater", covariates={"loudness": louder, "sex": sex, "age": age})
    assert found.tests["term"].tolist() == ["groups", "loudness", "sex", "age"]
    p = found.tests.set_index("term")["p"]
    assert p["loudness"] < 1e-100
    assert p["sex"] < 0.1 < p["age"]
    assert found.pairs["diff"].iloc[1] == pytest.approx(-1.0, abs=0.6)  # without the 2 x 2 that loudness explains
    plain = fitted(data, "speaker", "cell", "rater")
    assert plain.pairs["diff"].iloc[1] == pytest.approx(-5.0, abs=0.6)
    ols = smf.ols("y ~ C(emotion) + C(sex)", data.assign(sex=sex)).fit()
    means = fitted(data, "speaker", covariates={"sex": sex}).means
    assert means["mean"].diff().iloc[1] == pytest.approx(ols.params["C(emotion)[T.1]"], rel=1e-6)


def of_two_factors(seed: int) -> pd.DataFrame:
    """Twelve speakers with responses of their own, of whom every second is louder when aroused."""
    data = crossed(seed).assign(sex=lambda table: np.where(table["speaker"] % 2, "F", "M"))
    return data.assign(y=lambda table: table["y"] + 0.8 * table["emotion"] * (table["sex"] == "M"))


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # pingouin, of its own calls
def test_an_interaction_in_a_balanced_design_is_that_of_pingouin():
    data = of_two_factors(4)
    found = fitted(data, "speaker", "cell", covariates={"sex": data["sex"]}, interactions=["sex"]).tests
    expected = pg.mixed_anova(data, dv="y", between="sex", within="emotion", subject="speaker").set_index("Source")
    assert found["term"].tolist() == ["groups", "sex", "groups x sex"]
    for row, source in zip(found.itertuples(), ("emotion", "sex", "Interaction"), strict=True):
        theirs = expected.loc[source]
        assert (row.F, row.df1) == (pytest.approx(theirs["F"], rel=1e-5), theirs["DF1"])
        assert row.df2 == pytest.approx(theirs["DF2"], rel=1e-3)


def test_an_interaction_in_any_design_is_that_of_statsmodels():
    data = of_two_factors(5).sample(frac=0.5, random_state=5)
    found = fitted(data, "speaker", covariates={"sex": data["sex"]}, interactions=["sex"])
    model = smf.mixedlm("y ~ C(emotion) * C(sex)", data, groups="speaker").fit()
    same = np.equal.outer(data["speaker"].to_numpy(), data["speaker"].to_numpy())
    weight = np.linalg.inv(float(model.cov_re.iloc[0, 0]) * same + model.scale * np.eye(len(data)))
    covariance = np.linalg.inv(model.model.exog.T @ weight @ model.model.exog)[-2:, -2:]  # of the two products
    estimate = model.fe_params.to_numpy()[-2:]
    assert found.tests["F"].iloc[-1] == pytest.approx(estimate @ np.linalg.inv(covariance) @ estimate / 2, rel=1e-4)
    share = (data["sex"] == "M").mean()
    grid = pd.DataFrame({"emotion": [0, 0, 1, 1, 2, 2], "sex": ["F", "M"] * 3})
    cells = model.predict(grid).to_numpy().reshape(3, 2)
    assert found.means["mean"].tolist() == pytest.approx((cells @ [1 - share, share]).tolist(), rel=1e-4)


def test_an_interaction_needs_a_covariate_and_values_in_every_cell():
    data = of_two_factors(0)
    with pytest.raises(ConfigError, match="interaction with 'sex'"):
        fitted(data, "speaker", interactions=["sex"])
    empty = data[(data["emotion"] > 0) | (data["sex"] == "F")]
    found = fitted(empty, "speaker", covariates={"sex": empty["sex"]}, interactions=["sex"])
    assert "a combination of them has no values" in found.reason
    assert found.tests["term"].tolist() == ["groups", "sex", "groups x sex"]


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_scale_offset_and_order_of_rows_do_not_matter(seed, scale):
    data = crossed(seed)
    other = data.sample(frac=1, random_state=seed).assign(y=lambda table: 3 * scale + scale * table["y"])
    one, two = fitted(data, "speaker", "rater"), fitted(other, "speaker", "rater")
    assert two.tests["F"].iloc[0] == pytest.approx(one.tests["F"].iloc[0], rel=1e-4)
    assert two.variances["share"].tolist() == pytest.approx(one.variances["share"].tolist(), rel=1e-3, abs=1e-6)


def test_an_effect_without_a_variance_is_0_and_costs_nothing():
    rng = np.random.default_rng(1)
    speaker, emotion = np.repeat(np.arange(10), 8), np.tile([0, 1], 40)
    y = rng.normal(size=80)
    y -= pd.Series(y).groupby(speaker).transform("mean")
    found = mixed_model(y, emotion, {"speaker": speaker})
    assert found.variances["variance"].iloc[0] == 0
    plain = smf.ols("y ~ C(g)", pd.DataFrame({"y": y, "g": emotion})).fit()
    assert found.pairs["p"].iloc[0] == pytest.approx(plain.pvalues.iloc[1], rel=1e-3)
    assert found.pairs["df"].iloc[0] == pytest.approx(78, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"emotion": 0}, "fewer than two groups"),
        ({"y": 1.5}, "the values do not vary"),
        ({"speaker": 0}, "speaker has 1 levels"),
        ({"speaker": np.arange(360)}, "speaker has 360 levels for 360 values"),
        ({"rater": np.repeat(np.arange(12), 30)}, "speaker and rater are the same"),
        ({"emotion": np.repeat(np.arange(12), 30)}, "all values of a group are of one speaker"),
    ],
)
def test_what_is_not_identified_says_why(change, said):
    found = fitted(crossed(0).assign(**change), "speaker", "rater")
    assert said in found.reason
    assert found.pairs["p"].isna().all()
    assert found.tests["F"].isna().all()
    assert found.variances["share"].isna().all()


def test_a_covariate_that_is_the_group_is_named():
    data = crossed(0)
    found = fitted(data, "speaker", "rater", covariates={"again": data["emotion"].astype(float)})
    assert "cannot be separated" in found.reason


def test_missing_rows_are_dropped_and_counted():
    data = crossed(0)
    plain = fitted(data.iloc[7:], "speaker", "rater")
    holes = data.astype({"rater": object})
    holes.loc[:2, "y"], holes.loc[3:6, "rater"] = np.nan, None
    found = fitted(holes, "speaker", "rater")
    assert (found.n, found.n_dropped) == (353, 7)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1.0, 2.0], [0, 1], {}), "at least one random effect"),
        (([1.0, 2.0], [0, 1], {"speaker": [0]}), "columns of one length"),
        (([np.nan, 2.0], [0, None], {"speaker": [0, 1]}), "none of the 2 rows is complete"),
        ((np.arange(12002.0), np.arange(12002) % 2, {name: np.arange(12002) // 2 for name in "ab"}), "at most 5,000"),
    ],
)
def test_refusals(arguments, said):
    with pytest.raises(ConfigError, match=said):
        mixed_model(*arguments)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (lambda group, speaker: np.full(len(group), 0.1), "the values do not vary"),
        (lambda group, speaker: 33.7 + 0.1 * group, "the values do not vary within groups"),
        (lambda group, speaker: 33.7 + 0.1 * speaker, "the values do not vary within any speaker"),
    ],
)
def test_values_that_leave_nothing_to_the_residual_are_not_tested(values, reason) -> None:
    at = np.arange(60)
    group, speaker = at % 3, at // 3 % 5
    found = mixed_model(values(group, speaker), group, {"speaker": speaker})
    assert found.reason == reason
    assert found.tests["p"].isna().all()
    assert (found.pairs["reason"] == reason).all()
