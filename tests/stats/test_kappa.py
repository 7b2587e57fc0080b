"""Kappas and Gwet's AC: against published values, statsmodels and their definition."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

from kemfeat.errors import ConfigError
from kemfeat.stats.kappa import COEFFICIENTS, kappas

nan = np.nan
FOUR_RATERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, nan],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
).T
"""Gwet (2014), Handbook of Inter-Rater Reliability, data cac.raw4raters of R's irrCAC: 12 units, 4 raters."""


def values(ratings, **settings) -> dict[str, float]:
    return kappas(ratings, **settings).set_index("coefficient")["value"].to_dict()


def drawn(seed: int, *, units: int = 40, raters: int = 3, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, (units, 1))
    table = np.clip(truth + rng.integers(-1, 2, (units, raters)), 1, 5).astype(float)
    table[rng.random(table.shape) < missing] = nan
    return table


def test_four_raters_with_missing_ratings_are_published():
    """What irrCAC prints for its own data."""
    found = kappas(FOUR_RATERS)
    assert found["value"].round(5).tolist() == [0.77544, 0.76117, 0.76282]
    assert (found["units"] == 11).all()
    assert (found["ratings"] == 40).all()


@pytest.mark.parametrize(("weights", "wt"), [("identity", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_for_two_raters_it_is_cohens_weighted_kappa(weights, wt):
    table = drawn(0, raters=2)
    crossed = np.zeros((5, 5))
    np.add.at(crossed, tuple(table.astype(int).T - 1), 1)
    assert values(table, weights=weights)["conger_kappa"] == pytest.approx(cohens_kappa(crossed, wt=wt).kappa)


@pytest.mark.parametrize("raters", [2, 3, 7])
def test_fleiss_kappa_is_that_of_statsmodels(raters):
    table = drawn(1, raters=raters)
    assert values(table)["fleiss_kappa"] == pytest.approx(fleiss_kappa(aggregate_raters(table.astype(int))[0]))


def by_definition(table: np.ndarray, weights: str) -> list[float]:
    """Over all pairs of ratings, one by one."""
    used = sorted(set(table[np.isfinite(table)].tolist()))
    power = {"linear": 1, "quadratic": 2}.get(weights)

    def credit(a: float, b: float) -> float:
        return float(a == b) if power is None else 1 - (abs(a - b) / (used[-1] - used[0])) ** power

    rows = [[float(each) for each in row if np.isfinite(each)] for row in table]
    observed = np.mean([np.mean([credit(a, b) for a, b in permutations(row, 2)]) for row in rows if len(row) > 1])
    share = {each: np.mean([row.count(each) / len(row) for row in rows if row]) for each in used}
    fleiss = sum(share[a] * share[b] * credit(a, b) for a in used for b in used)
    total, q = sum(credit(a, b) for a in used for b in used), len(used)
    gwet = total / (q * (q - 1)) * sum(share[each] * (1 - share[each]) for each in used)
    own = [{each: np.mean(column[np.isfinite(column)] == each) for each in used} for column in table.T]
    pairs = list(permutations(own, 2))
    conger = sum(g[a] * h[b] * credit(a, b) for g, h in pairs for a in used for b in used) / len(pairs)
    return [(observed - chance) / (1 - chance) for chance in (gwet, fleiss, conger)]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), weights=st.sampled_from(["identity", "linear", "quadratic"]))
def test_with_missing_ratings_it_is_the_definition(seed, weights):
    table = drawn(seed, units=12, raters=4, missing=0.3)
    table[0], table[1] = 1, 5
    assert list(values(table, weights=weights).values()) == pytest.approx(by_definition(table, weights))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_neither_order_nor_names_nor_units_of_a_scale_matter(seed):
    table, rng = drawn(seed, missing=0.2), np.random.default_rng(seed)
    shuffled = table[rng.permutation(len(table))][:, rng.permutation(table.shape[1])]
    for weights in ("identity", "quadratic"):
        assert values(shuffled, weights=weights) == pytest.approx(values(table, weights=weights))
        assert values(10 * table - 3, weights=weights) == pytest.approx(values(table, weights=weights))
    names = np.where(np.isnan(table), None, np.char.add("class ", np.nan_to_num(table).astype(int).astype(str)))
    assert values(names) == pytest.approx(values(table))


def test_raters_who_rotate_and_raters_without_a_rating():
    """Two ratings of each unit, by any two of six raters: the raters' names are all that changes."""
    pairs, rng = drawn(3, units=60, raters=2), np.random.default_rng(3)
    rotating = np.full((60, 7), nan)
    for row, pair in zip(rotating, pairs, strict=True):
        row[rng.choice(6, 2, replace=False)] = pair
    found, plain = values(rotating, weights="linear"), values(pairs, weights="linear")
    assert found["gwet_ac"] == pytest.approx(plain["gwet_ac"])
    assert found["fleiss_kappa"] == pytest.approx(plain["fleiss_kappa"])
    assert np.isfinite(found["conger_kappa"])
    assert values(rotating[:, :6], weights="linear") == pytest.approx(found)


def test_where_one_category_prevails_gwet_does_not_fall():
    """Feinstein and Cicchetti's paradox (1990): 118 agree on yes, none on no, 7 disagree."""
    ratings = [["yes", "yes"]] * 118 + [["yes", "no"]] * 5 + [["no", "yes"]] * 2
    found = values(ratings)
    assert found["conger_kappa"] < 0 < 0.93 < found["gwet_ac"]


def test_intervals_over_speakers_hold_the_truth_and_few_have_none():
    rng, held = np.random.default_rng(0), np.zeros(3)
    speaker = np.repeat(np.arange(12), 15)

    def many(speakers: np.ndarray) -> np.ndarray:
        level = rng.normal(size=speakers.max() + 1)[speakers]
        said = 3 + level[:, None] + 0.7 * rng.normal(size=(len(speakers), 1)) + rng.normal(size=(len(speakers), 4))
        return np.clip(np.rint(said), 1, 5)

    truth = kappas(many(np.repeat(np.arange(4000), 15)), weights="quadratic", clusters=np.repeat(range(4000), 15))
    for _ in range(150):
        found = kappas(many(speaker), weights="quadratic", clusters=speaker)
        held += ((found["ci_low"] <= truth["value"]) & (truth["value"] <= found["ci_high"])).to_numpy()
    assert (held >= 132).all()  # binomial(150, .93) is below with probability 0.02
    assert (held < 150).all()
    few = kappas(many(speaker), clusters=speaker % 4)
    assert few["ci_low"].isna().all()
    assert few["value"].notna().all()


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [([[1, 1], [1, 1]], "all ratings are equal"), ([[1, None], [None, 2]], "no unit has two ratings")],
)
def test_what_is_not_defined_says_why(ratings, reason):
    found = kappas(ratings)
    assert found["coefficient"].tolist() == list(COEFFICIENTS)
    assert found["value"].isna().all()
    assert (found["reason"] == reason).all()


@pytest.mark.parametrize(
    ("ratings", "options", "said"),
    [
        ([["a", "b"]], {"weights": "linear"}, "use weights='identity' for labels"),
        ([[1, 2]], {"weights": "cubic"}, "expected one of identity, linear, quadratic"),
        ([1, 2], {}, "one row per unit"),
        ([[1, 2], [2, 2]], {"clusters": ["a"]}, "expected one for each of 2 units"),
        (np.arange(402).reshape(201, 2), {}, "at most 200"),
    ],
)
def test_refusals(ratings, options, said):
    with pytest.raises(ConfigError, match=said):
        kappas(ratings, **options)


def test_missing_values_of_every_kind_are_missing():
    table = pd.DataFrame({"a": [1, 2, 3, 3], "b": pd.array([1, None, 3, 2], dtype="Int64"), "c": [np.nan, 2, 3, 1]})
    plain = np.array([[1, 1, nan], [2, nan, 2], [3, 3, 3], [3, 2, 1]])
    assert values(table) == pytest.approx(values(plain))


@pytest.mark.parametrize("weights", ["identity", "linear", "quadratic"])
def test_an_infinite_rating_is_refused(weights):
    with pytest.raises(ConfigError, match=r"found 2 infinite .* the first by rater 1 of unit 0"):
        kappas([[1.0, np.inf], [2.0, 2.0], [-np.inf, 1.0]], weights=weights)


def test_raters_who_always_agree_have_no_interval():
    found = kappas([[1, 1], [2, 2], [3, 3], [1, 1], [2, 2], [2, 2]])
    assert found["value"].tolist() == [1.0, 1.0, 1.0]
    assert found[["ci_low", "ci_high"]].isna().all(axis=None)
