"""Agreement of raters, against published worked examples and against the definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.stats.agreement import MANY_CLUSTERS, icc, krippendorff_alpha
from kemfeat.stats.correlation import exact_pingouin

nan = np.nan
FOUR_CODERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
).T
"""Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: 12 units, 4 coders."""

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
"""Shrout and Fleiss (1979), Psychological Bulletin 86:420-428, table 2: 6 targets, 4 judges."""

LEVELS = ("nominal", "ordinal", "interval")


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_four_coders_are_published(level, published):
    found = krippendorff_alpha(FOUR_CODERS, level=level)
    assert found.alpha == pytest.approx(published, abs=5e-4)
    assert (found.units, found.ratings, found.values) == (11, 40, (1, 2, 3, 4, 5))
    assert found.ci_low < found.alpha < found.ci_high


def test_coincidences_of_four_coders_are_published():
    found = krippendorff_alpha(FOUR_CODERS)
    third = 1 / 3
    expected = [
        [7, 4 * third, third, third, 0],
        [4 * third, 10, 4 * third, third, 0],
        [third, 4 * third, 8, third, 0],
        [third, third, third, 4, 0],
        [0, 0, 0, 0, 3],
    ]
    assert found.coincidences == pytest.approx(np.array(expected))


def test_two_observers_of_five_categories_are_published():
    ratings = np.array([list("aabbdcccedda"), list("babbbccceddd")]).T
    assert krippendorff_alpha(ratings).alpha == pytest.approx(0.692, abs=5e-4)


def test_two_observers_of_two_categories_are_published():
    ratings = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]).T
    assert krippendorff_alpha(ratings).alpha == pytest.approx(0.095, abs=5e-4)


def by_definition(ratings: np.ndarray, level: str) -> float:
    """One minus the mean difference within units over the mean difference of all, pair by pair."""
    units = [row[~np.isnan(row)] for row in ratings]
    units = [unit for unit in units if len(unit) > 1]
    pooled = np.concatenate(units)

    def difference(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = np.sum((pooled >= low) & (pooled <= high))
        return (between - (np.sum(pooled == a) + np.sum(pooled == b)) / 2) ** 2

    def total(values: np.ndarray) -> float:
        return sum(difference(a, b) for i, a in enumerate(values) for j, b in enumerate(values) if i != j)

    observed = sum(total(unit) / (len(unit) - 1) for unit in units) / len(pooled)
    return 1 - observed / (total(pooled) / (len(pooled) * (len(pooled) - 1)))


tables = st.integers(0, 10**6).map(
    lambda seed: np.where(
        np.random.default_rng(seed).random((8, 4)) < 0.3, nan, np.random.default_rng(seed + 1).integers(1, 5, (8, 4))
    )
)


@settings(deadline=None, max_examples=25)
@given(ratings=tables, level=st.sampled_from(LEVELS))
def test_it_is_the_definition_whatever_is_missing(ratings, level):
    found = krippendorff_alpha(ratings, level=level, resamples=1)
    assert found.reason or found.alpha == pytest.approx(by_definition(ratings, level))


@settings(deadline=None, max_examples=25)
@given(ratings=tables, seed=st.integers(0, 99), level=st.sampled_from(LEVELS))
def test_order_of_raters_and_units_does_not_matter(ratings, seed, level):
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(ratings, axis=1)[rng.permutation(len(ratings))]
    alphas = [krippendorff_alpha(table, level=level, resamples=1).alpha for table in (ratings, shuffled)]
    assert alphas[0] == pytest.approx(alphas[1], nan_ok=True)


def test_nominal_ignores_names_ordinal_monotone_and_interval_linear_change():
    names = np.array([None, "e", "a", "d", "b", "c"], dtype=object)[np.nan_to_num(FOUR_CODERS).astype(int)]
    alpha = {level: krippendorff_alpha(FOUR_CODERS, level=level).alpha for level in LEVELS}
    assert krippendorff_alpha(names).alpha == pytest.approx(alpha["nominal"])
    assert krippendorff_alpha(FOUR_CODERS**3, level="ordinal").alpha == pytest.approx(alpha["ordinal"])
    assert krippendorff_alpha(7 - 2 * FOUR_CODERS, level="interval").alpha == pytest.approx(alpha["interval"])


def test_a_rater_without_ratings_and_a_unit_with_one_change_nothing():
    alpha = krippendorff_alpha(FOUR_CODERS).alpha
    wider = np.column_stack([FOUR_CODERS, np.full(12, nan)])
    longer = np.vstack([wider, [5, nan, nan, nan, nan]])
    assert krippendorff_alpha(longer).alpha == pytest.approx(alpha)


def test_full_agreement_is_1_and_chance_is_0():
    rng = np.random.default_rng(0)
    same = np.repeat(rng.integers(1, 6, (50, 1)), 3, axis=1)
    found = krippendorff_alpha(same, level="interval")
    assert found.alpha == 1
    assert np.isnan([found.ci_low, found.ci_high]).all()  # no unit disagrees, so none shows how alpha varies
    assert krippendorff_alpha(rng.integers(1, 6, (4000, 5))).alpha == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [
        (np.full((4, 3), 2.0), "all ratings are equal"),
        (np.array([[1.0, nan], [nan, 2.0]]), "no unit has two ratings"),
        (np.full((3, 2), nan), "no unit has two ratings"),
    ],
)
def test_undefined_alpha_says_why(ratings, reason):
    found = krippendorff_alpha(ratings, level="interval")
    assert found.reason == reason
    assert np.isnan([found.alpha, found.ci_low, found.ci_high]).all()


def test_intervals_are_reproducible_and_wider_over_dependent_units():
    rng = np.random.default_rng(1)
    speaker = np.repeat(np.arange(12), 30)
    agreed = rng.random(12)[speaker] < 0.5
    truth = rng.integers(0, 4, 360)
    ratings = np.where(agreed[:, None] & (rng.random((360, 4)) < 0.9), truth[:, None], rng.integers(0, 4, (360, 4)))
    one, again, other = (krippendorff_alpha(ratings, seed=seed) for seed in (0, 0, 1))
    assert (one.ci_low, one.ci_high) == (again.ci_low, again.ci_high) != (other.ci_low, other.ci_high)
    by_speaker = krippendorff_alpha(ratings, clusters=speaker)
    assert by_speaker.alpha == one.alpha
    assert by_speaker.ci_high - by_speaker.ci_low > 1.5 * (one.ci_high - one.ci_low)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    population = np.clip(np.rint(rng.normal(3, 0.7, (40_000, 1)) + rng.normal(0, 0.8, (40_000, 5))), 1, 5)
    truth = krippendorff_alpha(population, level="interval", resamples=1).alpha
    hits = 0
    for trial in range(60):
        found = krippendorff_alpha(rng.choice(population, 120), level="interval", resamples=300, seed=trial)
        hits += found.ci_low <= truth <= found.ci_high
    assert hits >= 51  # binomial(60, .95) is below with probability 2e-3


def test_what_is_no_table_of_ratings_is_refused():
    with pytest.raises(ConfigError, match="shape"):
        krippendorff_alpha([1, 2, 3])
    with pytest.raises(ConfigError, match="not numbers"):
        krippendorff_alpha([["happy", "sad"]], level="interval")
    with pytest.raises(ConfigError, match="expected one of nominal"):
        krippendorff_alpha([[1, 2]], level="ratio")
    with pytest.raises(ConfigError, match="one for each of 12 units"):
        krippendorff_alpha(FOUR_CODERS, clusters=["a"])


def test_intraclass_correlations_are_published():
    found = icc(SHROUT_FLEISS).set_index("type")["icc"]
    published = {"ICC(1,1)": 0.17, "ICC(A,1)": 0.29, "ICC(C,1)": 0.71}
    published |= {"ICC(1,k)": 0.44, "ICC(A,k)": 0.62, "ICC(C,k)": 0.91}
    assert found.to_dict() == pytest.approx(published, abs=5e-3)


def test_intervals_are_not_rounded_and_leave_pingouin_as_it_was():
    before = dict(pg.options)
    found = icc(SHROUT_FLEISS).set_index("type")
    assert dict(pg.options) == before
    # McGraw and Wong's case 1: F divided by its quantiles
    from scipy.stats import f

    ratio = found.loc["ICC(1,1)", "F"] / f.ppf(0.975, 5, 18)
    assert found.loc["ICC(1,1)", "ci_low"] == pytest.approx((ratio - 1) / (ratio + 3), rel=1e-12)


def test_incomplete_units_are_left_out_and_p_is_never_0():
    rng = np.random.default_rng(3)
    ratings = rng.normal(size=(3000, 1)) + 0.2 * rng.normal(size=(3000, 4))
    holed = np.vstack([ratings, [1.0, nan, 2.0, 3.0]])
    found = icc(holed)
    assert found["icc"].tolist() == icc(ratings)["icc"].tolist()
    assert (found["p"] > 0).all()
    assert (found["log_p"] < -1000).all()


@pytest.mark.parametrize("ratings", [np.full((5, 3), 2.0), np.array([[1.0, 2.0]]), np.full((3, 3), nan)])
def test_no_rows_where_there_is_no_intraclass_correlation(ratings):
    assert icc(ratings).empty


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), units=st.integers(4, 12), raters=st.integers(2, 5))
def test_intraclass_correlations_are_those_of_pingouin(seed, units, raters):
    rng = np.random.default_rng(seed)
    table = 2 * rng.normal(size=(units, 1)) + rng.normal(size=(units, raters)) + rng.normal(size=raters)
    long = pd.DataFrame(table).melt(ignore_index=False, var_name="rater", value_name="rating").reset_index()
    with exact_pingouin():
        oracle = pg.intraclass_corr(long, targets="index", raters="rater", ratings="rating").set_index("Type")
    found = icc(table).set_index("type")
    assert list(found.index) == list(oracle.index)
    sound = (oracle["ICC"] > 0).to_numpy()
    assert found["icc"][sound].tolist() == pytest.approx(oracle["ICC"][sound].tolist(), rel=1e-9)
    assert found[["F", "df1", "df2"]].to_numpy() == pytest.approx(oracle[["F", "df1", "df2"]].to_numpy(float), rel=1e-9)
    limits = np.stack(oracle["CI95"].to_list())
    both = sound & (limits[:, 0] > 0) & (limits <= 1).all(axis=1)  # no reliability is above 1
    assert found[["ci_low", "ci_high"]].to_numpy()[both] == pytest.approx(limits[both], rel=1e-6)


@pytest.mark.parametrize(
    "ratings", [[[3, 3], [3, 3], [4, 4]], [[1, 1, 1], [2, 2, 2]], [[0.1] * 3, [0.3] * 3, [0.7] * 3]]
)
def test_raters_who_never_differ_agree_fully_without_interval_or_p(ratings):
    found = icc(ratings)
    assert (found["icc"] == 1).all()
    assert found[["ci_low", "ci_high", "p"]].isna().all(axis=None)


def test_no_small_table_is_a_crash_or_nonsense():
    rng = np.random.default_rng(0)
    for trial in range(200):
        shape = rng.integers(2, 5, 2)
        table = rng.integers(1, 4, shape) + (trial % 3) * 0.1
        found = icc(table)
        assert found.empty == (np.ptp(table) == 0)
        values = found["icc"].dropna()
        assert (values <= 1 + 1e-12).all()
        assert (found["icc"][found["type"].str.endswith("k)")].dropna() >= 0).all()
        assert (found["ci_low"].dropna() <= found["icc"][found["ci_low"].notna()] + 1e-12).all()


def test_nullable_infinite_and_absent_ratings_are_missing():
    frame = pd.DataFrame(SHROUT_FLEISS).astype("Int64")
    published = icc(SHROUT_FLEISS)["icc"].tolist()
    assert icc(frame)["icc"].tolist() == published
    frame.loc[6] = [1, 2, pd.NA, 3]
    assert icc(frame)["icc"].tolist() == published
    assert icc(frame.assign(nobody=pd.NA))["icc"].tolist() == published
    holed = frame.astype(float)
    for level in LEVELS:
        assert krippendorff_alpha(holed, level=level).alpha == krippendorff_alpha(frame, level=level).alpha


@pytest.mark.parametrize("bad", [np.inf, -np.inf, float("inf")])
def test_an_infinite_rating_is_refused_by_place(bad):
    table = np.array([[1, 2], [bad, 3], [2, 2]])
    said = "found 1 infinite .* the first by rater 0 of unit 1 .* put None or NaN where a rater did not judge"
    with pytest.raises(ConfigError, match=said):
        icc(table)
    for level in LEVELS:
        for ratings in (table, table.astype(object), table.tolist()):
            with pytest.raises(ConfigError, match=said):
                krippendorff_alpha(ratings, level=level)


@pytest.mark.parametrize(
    "table", [[[1, 5], [2, 4], [3, 3], [4, 2], [5, 1]], [[1, 2, 3], [3, 2, 1]], [[1, 2, 3], [3, 1, 2], [2, 3, 1]]]
)
def test_a_correlation_at_its_lowest_has_no_interval(table):
    found = icc(table)
    assert np.isfinite(found["icc"]).all()
    assert found.loc[found["type"] == "ICC(1,1)", "icc"].item() == pytest.approx(-1 / (len(table[0]) - 1))
    assert found[["ci_low", "ci_high"]].isna().all(axis=None)


def test_a_mean_whose_reliability_would_be_0_to_0_has_no_interval():
    rng = np.random.default_rng(0)
    centred = rng.normal(size=(400, 2))
    found = icc(centred - centred.mean(axis=1, keepdims=True) + 0.05 * rng.normal(size=(400, 1))).set_index("type")
    assert found.loc["ICC(1,1)", "ci_low"] < found.loc["ICC(1,1)", "ci_high"] < 0
    assert found.loc["ICC(1,k)", "icc"] == 0
    assert found.loc["ICC(1,k)", ["ci_low", "ci_high"]].isna().all()


def test_alpha_of_many_units_that_all_agree_has_no_bootstrap_interval():
    found = krippendorff_alpha(np.repeat(np.arange(MANY_CLUSTERS)[:, None] % 4, 2, axis=1))
    assert found.alpha == 1
    assert np.isnan([found.ci_low, found.ci_high]).all()


@pytest.mark.parametrize("clusters", [1, 2, 4])
def test_few_clusters_have_an_alpha_but_no_interval(clusters):
    rng = np.random.default_rng(0)
    found = krippendorff_alpha(rng.integers(0, 3, (40, 3)), clusters=np.arange(40) % clusters)
    assert np.isfinite(found.alpha)
    assert np.isnan([found.ci_low, found.ci_high]).all()
    with pytest.raises(ConfigError, match="has no cluster"):
        krippendorff_alpha(rng.integers(0, 3, (2, 3)), clusters=["a", None])


def test_intervals_of_icc_over_clusters_contain_the_truth():
    """Units of one speaker resemble each other; the plain interval contains the truth in two cases of three."""
    rng, held = np.random.default_rng(6), {"over clusters": 0, "plain": 0}
    for _ in range(120):
        speaker = np.repeat(np.arange(10), 20)
        said = np.sqrt(0.5) * rng.normal(size=10)[speaker] + np.sqrt(0.5) * rng.normal(size=200)
        ratings = said[:, None] + 0.5 * rng.normal(size=(200, 4))
        for name, found in (("over clusters", icc(ratings, clusters=speaker)), ("plain", icc(ratings))):
            row = found.set_index("type").loc["ICC(1,1)"]
            held[name] += bool(row["ci_low"] <= 1 / 1.25 <= row["ci_high"])
    assert held["over clusters"] >= 104  # binomial(120, .93) is below with probability 0.01
    assert held["plain"] < 100


def test_icc_over_clusters_changes_intervals_alone():
    rng = np.random.default_rng(0)
    ratings = rng.normal(size=(60, 1)) + rng.normal(size=(60, 3))
    plain, clustered = icc(ratings), icc(ratings, clusters=np.arange(60) % 12)
    pd.testing.assert_frame_equal(
        plain.drop(columns=["ci_low", "ci_high"]), clustered.drop(columns=["ci_low", "ci_high"])
    )
    assert (clustered["ci_low"] < clustered["icc"]).all()
    assert ((clustered["icc"] < clustered["ci_high"]) & (clustered["ci_high"] < 1)).all()
    assert icc(ratings, clusters=np.arange(60) % 4)[["ci_low", "ci_high"]].isna().all(axis=None)
    with pytest.raises(ConfigError, match="one for each of 60 units"):
        icc(ratings, clusters=[1, 2])
