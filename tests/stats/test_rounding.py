"""Rounding is no information: tests of values that differ by it answer as those of constant values do."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.stats.agreement import icc, krippendorff_alpha
from kemfeat.stats.clustered_effects import clustered_effects
from kemfeat.stats.correlation import repeated, within
from kemfeat.stats.group_tests import assumptions, describe, games_howell, robustness, welch_anova
from kemfeat.stats.kappa import kappas
from kemfeat.stats.metrics import regression
from kemfeat.stats.mixed import mixed_model
from kemfeat.stats.nested import cluster_means, cluster_robust, random_intercept
from kemfeat.stats.ordinal import ordinal_model
from kemfeat.stats.rotating_icc import rotating_icc
from kemfeat.stats.rounding import NOISE, NOISE_SINGLE, noise_of, settled, tied, varies, with_width
from kemfeat.stats.slopes import random_slopes

GROUPS = np.tile(["a", "b", "c"], 24)
CLUSTERS = np.repeat(np.arange(6), 12)
OTHER = np.random.default_rng(1).normal(size=72)
EPS = np.finfo(float).eps

DESIGNS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "all": lambda rng: np.ones(72),
    "group": lambda rng: np.array([1.0, 1.3, 2.1])[np.unique(GROUPS, return_inverse=True)[1]],
    "two groups": lambda rng: np.where(GROUPS == "c", 1 + rng.random(72), 1.0),
    "cluster": lambda rng: (1 + rng.random(6))[CLUSTERS],
    "cell": lambda rng: (1 + rng.random(18))[CLUSTERS * 3 + np.unique(GROUPS, return_inverse=True)[1]],
    "scale": lambda rng: rng.integers(1, 6, 72) / 10,
}

TESTS: dict[str, Callable[[np.ndarray], Any]] = {
    "welch_anova": lambda y: welch_anova(y, GROUPS),
    "games_howell": lambda y: games_howell(y, GROUPS),
    "describe": lambda y: describe(y, GROUPS, resamples=50),
    "assumptions": lambda y: assumptions(y, GROUPS),
    "robustness": lambda y: robustness(y, GROUPS, permutations=19),
    "cluster_robust": lambda y: cluster_robust(y, GROUPS, CLUSTERS),
    "cluster_means": lambda y: cluster_means(y, GROUPS, CLUSTERS),
    "random_intercept": lambda y: random_intercept(y, GROUPS, CLUSTERS),
    "random_slopes": lambda y: random_slopes(y, GROUPS, CLUSTERS),
    "clustered_effects": lambda y: clustered_effects(y, GROUPS, CLUSTERS),
    "mixed_model": lambda y: mixed_model(y, GROUPS, {"speaker": CLUSTERS}),
    "ordinal_model": lambda y: ordinal_model(y, GROUPS, CLUSTERS),
    "within": lambda y: within(y, y=OTHER, groups=CLUSTERS),
    "within ranks": lambda y: within(y, y=OTHER, groups=CLUSTERS, ranks=True),
    "repeated": lambda y: repeated(y, y=OTHER, subjects=CLUSTERS),
    "regression": lambda y: regression(y, OTHER, speakers=CLUSTERS, resamples=40),
    "icc": lambda y: icc(y.reshape(12, 6)),
    "icc over clusters": lambda y: icc(y.reshape(12, 6), clusters=np.repeat(np.arange(6), 2)),
    "rotating_icc": lambda y: rotating_icc(np.where(np.eye(12, 6) == 1, np.nan, y.reshape(12, 6))),
    **{
        f"alpha {level}": lambda y, level=level: krippendorff_alpha(y.reshape(12, 6), level=level)
        for level in ("nominal", "ordinal", "interval")
    },
    **{
        f"kappas {weights}": lambda y, weights=weights: kappas(y.reshape(12, 6), weights=weights)
        for weights in ("identity", "linear", "quadratic")
    },
}


def flat(found: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and text of a result, by the path to it."""
    if isinstance(found, pd.DataFrame):
        for column in found:
            for row, value in enumerate(found[column]):
                yield f"{name}.{column}[{row}]", value
    elif dataclasses.is_dataclass(found):
        for field in dataclasses.fields(found):
            yield from flat(getattr(found, field.name), f"{name}.{field.name}")
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from flat(value, f"{name}.{key}")
    elif isinstance(found, tuple | list | np.ndarray):
        for at, value in enumerate(found):
            yield from flat(value, f"{name}[{at}]")
    else:
        yield name, found


def same(noisy: Any, exact: Any, *, scale: float, fligner: bool) -> None:
    """Texts are equal, NaN is where it was, numbers agree to what rounding of ``scale`` changes."""
    mine, other = dict(flat(noisy)), dict(flat(exact))
    assert mine.keys() == other.keys()
    for name, value in mine.items():
        if fligner and name in (".statistic[3]", ".p[3]", ".log_p[3]"):
            # R and SciPy, too, rank distances that only rounding sets apart.
            assert np.isnan(value) == np.isnan(other[name])
        elif isinstance(value, float):
            small = scale**2 if "var" in name else scale
            assert value == pytest.approx(other[name], rel=1e-5, abs=1e-9 * max(1.0, small), nan_ok=True), name
        else:
            assert value == other[name], name


def answer(test: str, values: np.ndarray) -> Any:
    try:
        return TESTS[test](values)
    except ConfigError as error:
        return str(error)


@pytest.mark.parametrize("test", TESTS)
@settings(max_examples=12, deadline=None)
@given(
    design=st.sampled_from(list(DESIGNS)),
    seed=st.integers(0, 2**32),
    scale=st.sampled_from([-3370.0, 0.0337, 1.0, 33.7, 0.1]),
)
def test_values_that_differ_by_rounding_answer_as_constant_values_do(
    design: str, test: str, seed: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    values = scale * DESIGNS[design](rng)
    noisy = values * (1 + rng.integers(-3, 4, 72) * EPS)
    same(answer(test, noisy), answer(test, values), scale=abs(scale), fligner=test == "assumptions")


def intervals(found: Any) -> Iterator[tuple[str, float, float]]:
    numbers = dict(flat(found))
    for name, value in numbers.items():
        for low, high in (("_low", "_high"), ("_ci[0]", "_ci[1]")):
            if low in name:
                yield name, value, numbers[name.replace(low, high)]


@pytest.mark.parametrize("test", TESTS)
@settings(max_examples=12, deadline=None)
@given(design=st.sampled_from(list(DESIGNS)), seed=st.integers(0, 2**32))
def test_no_interval_has_no_width(design: str, test: str, seed: int) -> None:
    for name, low, high in intervals(answer(test, DESIGNS[design](np.random.default_rng(seed)))):
        assert low < high or (np.isnan(low) and np.isnan(high)), name


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(1, 4))
def test_only_sets_that_vary_by_rounding_are_settled(values: list[float], sets: int) -> None:
    y, codes = np.array(values), np.arange(len(values)) % sets
    found = settled(y, codes)
    np.testing.assert_allclose(found, y, rtol=0, atol=NOISE * np.abs(y).max())
    for code in range(sets):
        mine = found[codes == code]
        assert (np.ptp(mine) == 0) if len(mine) and not varies(y[codes == code]) else True
        if varies(y[codes == code]) and varies(y):
            np.testing.assert_array_equal(mine, y[codes == code])
    np.testing.assert_array_equal(settled(found, codes), found)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=30), st.integers(0, 2**32))
def test_ties_are_those_of_the_numbers_before_rounding(steps: list[int], seed: int) -> None:
    exact = np.array(steps) / 10
    noisy = exact * (1 + np.random.default_rng(seed).integers(-3, 4, len(steps)) * EPS)
    np.testing.assert_array_equal(
        np.unique(tied(noisy), return_inverse=True)[1], np.unique(exact, return_inverse=True)[1]
    )
    np.testing.assert_allclose(tied(noisy), noisy, rtol=NOISE, atol=0)


def test_dense_values_and_values_far_from_0_keep_their_digits() -> None:
    dense = 1e9 + np.linspace(0, 1, 1000)
    np.testing.assert_array_equal(tied(dense), dense)
    far = 1e9 + np.array([0.0, 1.0, 5.0])
    np.testing.assert_array_equal(settled(far), far)
    np.testing.assert_array_equal(tied(np.array([np.nan, 1.0])), [np.nan, 1.0])


def test_the_largest_double_does_not_overflow() -> None:
    ends = np.array([-1.7e308, 1.7e308])
    with warnings.catch_warnings(action="error"):
        assert varies(ends)
        np.testing.assert_array_equal(settled(ends), ends)
        np.testing.assert_array_equal(tied(ends), ends)


def test_values_in_single_precision_have_a_tolerance_of_their_own() -> None:
    assert (noise_of(np.zeros(1, np.float32)), noise_of(np.zeros(1, np.float16))) == (NOISE_SINGLE, NOISE_SINGLE)
    assert noise_of([0.0]) == noise_of(np.zeros(1)) == NOISE
    values = np.float32(33.7) + np.random.default_rng(0).integers(-2, 3, 72).astype(np.float32) * np.float32(4e-6)
    assert welch_anova(values, GROUPS).reason.startswith("fewer than two groups with a variance")
    assert np.isnan(cluster_robust(values, GROUPS, CLUSTERS).p)


def test_limits_without_width_are_nan() -> None:
    low, high = with_width([1.0, 0.0, 0.3, np.nan], [1.0, 1.0, 0.1 + 0.2, 2.0])
    np.testing.assert_array_equal(low, [np.nan, 0.0, np.nan, np.nan])
    np.testing.assert_array_equal(high, [np.nan, 1.0, np.nan, np.nan])
