from __future__ import annotations

import csv
import json
import operator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tslearn.metrics import cdist_dtw, dtw

from kemfeat import parallel
from kemfeat.errors import ConfigError
from kemfeat.stats.dtw import DtwConfig, block, distance_matrix, length_confound, scale

laws = settings(deadline=None, max_examples=30)


@st.composite
def groups_of_series(draw: st.DrawFn, dimensions: int | None = None) -> list[np.ndarray]:
    d = draw(st.integers(1, 3)) if dimensions is None else dimensions
    lengths = draw(st.lists(st.integers(1, 14), min_size=1, max_size=7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [rng.normal(size=(length, d)) for length in lengths]


configs = st.builds(
    dict,
    cost=st.sampled_from(["abs", "squared"]),
    step=st.sampled_from(["symmetric1", "symmetric2"]),
    window=st.sampled_from([None, 0, 1, 2, 5]),
    normalize=st.booleans(),
)


def textbook(x: np.ndarray, y: np.ndarray, *, cost: str, step: str, window: int | None, normalize: bool) -> float:
    """The recurrence, cell by cell."""
    n, m = len(x), len(y)
    grid = np.full((n + 1, m + 1), np.inf)
    weight = 2 if step == "symmetric2" else 1
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            if window is not None and not -((-i * m) // n) - window <= j <= i * m // n + window and i + j > 2:
                continue
            difference = x[i - 1] - y[j - 1]
            c = float((difference**2).sum() if cost == "squared" else abs(difference).sum())
            straight = min(grid[i - 1, j], grid[i, j - 1]) + c
            grid[i, j] = c if i == j == 1 else min(grid[i - 1, j - 1] + weight * c, straight)
    total = np.sqrt(grid[n, m]) if cost == "squared" else grid[n, m]
    return float(total / (n + m) if normalize else total)


def random_series(count: int, *, seed: int = 0, longest: int = 40) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.random(length) for length in rng.integers(1, longest + 1, count)]


@laws
@given(groups_of_series(), configs)
def test_every_entry_is_the_textbook_recurrence_to_the_last_bit(series: list[np.ndarray], config: dict[str, Any]):
    expected = [[textbook(x, y, **config) for y in series] for x in series]
    np.testing.assert_array_equal(distance_matrix(series, **config), expected)


@laws
@given(groups_of_series(), configs)
def test_a_series_is_at_distance_zero_from_itself(series: list[np.ndarray], config: dict[str, Any]):
    assert not np.diagonal(distance_matrix(series, **config)).any()


@laws
@given(groups_of_series(), configs.filter(lambda config: config["window"] is None))
def test_without_a_window_both_directions_are_equal_at_any_lengths(series: list[np.ndarray], config: dict[str, Any]):
    distances = distance_matrix(series, **config)
    np.testing.assert_array_equal(distances, distances.T)
    everything = range(len(series))
    computed_both_ways = block(series, rows=everything, columns=everything, config=DtwConfig(**config))
    np.testing.assert_array_equal(computed_both_ways, distances)


@laws
@given(groups_of_series(), configs)
def test_a_window_as_long_as_the_series_is_no_window(series: list[np.ndarray], config: dict[str, Any]):
    wide = distance_matrix(series, **{**config, "window": 14})
    np.testing.assert_array_equal(wide, distance_matrix(series, **{**config, "window": None}))


@laws
@given(groups_of_series(), configs)
def test_a_wider_window_never_lengthens_a_distance(series: list[np.ndarray], config: dict[str, Any]):
    narrow, wide = (distance_matrix(series, **{**config, "window": window}) for window in (1, 3))
    assert (wide <= narrow).all()


@laws
@given(groups_of_series(), configs)
def test_normalising_divides_by_the_sum_of_the_lengths(series: list[np.ndarray], config: dict[str, Any]):
    lengths = np.array([len(values) for values in series])
    plain, normalised = (distance_matrix(series, **{**config, "normalize": normalize}) for normalize in (False, True))
    np.testing.assert_array_equal(normalised, plain / (lengths[:, None] + lengths))


@laws
@given(groups_of_series(), configs, st.randoms(use_true_random=False))
def test_reordering_the_series_reorders_the_matrix(series: list[np.ndarray], config: dict[str, Any], random: Any):
    order = random.sample(range(len(series)), len(series))
    shuffled = distance_matrix([series[place] for place in order], **config)
    np.testing.assert_array_equal(shuffled, distance_matrix(series, **config)[np.ix_(order, order)])


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_threads_and_the_company_of_other_series_change_no_byte(window: int | None, dtype: Any):
    series = random_series(300)  # more than two bundles of lanes
    one, three = (distance_matrix(series, window=window, dtype=dtype, n_threads=threads) for threads in (1, 3))
    assert one.dtype == dtype
    assert one.tobytes() == three.tobytes()
    alone = [distance_matrix([series[0], other], window=window, dtype=dtype)[0, 1] for other in series]
    np.testing.assert_array_equal(one[0], alone)


@pytest.mark.parametrize("window", [None, 6])
def test_blocks_make_up_the_matrix(window: int | None):
    series = random_series(150)
    whole = distance_matrix(series, window=window)
    for rows, columns in [(range(70), range(150)), (range(70, 150), [3, 149, 3, 0]), ([], range(4)), (range(4), [])]:
        part = block(series, rows=rows, columns=columns, config=DtwConfig(window=window))
        np.testing.assert_array_equal(part, whole[np.ix_(rows, columns)])


@pytest.mark.slow
def test_blocks_are_tasks_for_other_processes():
    series = random_series(30)
    halves = [range(10), range(10, 30)]
    tasks = [partial(block, series, rows=rows, columns=range(30), config=DtwConfig()) for rows in halves]
    with parallel.open_pool(workers=2) as pool:
        parts = sorted(pool.run(operator.call, tasks), key=len)
    np.testing.assert_array_equal(np.concatenate(parts), distance_matrix(series))


def test_single_precision_is_close_where_distances_are_not_tiny():
    series = random_series(60)
    double, single = (distance_matrix(series, dtype=dtype) for dtype in ("float64", "float32"))
    np.testing.assert_allclose(single, double, rtol=2e-5, atol=1e-5)


def test_a_plain_row_is_one_number_per_sample():
    series = random_series(9)
    np.testing.assert_array_equal(
        distance_matrix(series), distance_matrix([values[:, None].tolist() for values in series])
    )


@pytest.mark.parametrize("count", [0, 1])
def test_few_series_make_a_small_matrix(count: int):
    np.testing.assert_array_equal(distance_matrix([[1.0, 2.0]] * count), np.zeros((count, count)))


def test_no_path_inside_the_band_is_infinitely_far():
    distances = distance_matrix([np.zeros(1), np.zeros(30)], window=3)
    assert distances[0, 1] == np.inf
    assert distances[1, 0] == 0


def test_the_callers_series_are_left_alone():
    series = random_series(5)
    for values in series:
        values.setflags(write=False)
    copies = [values.copy() for values in series]
    distance_matrix([np.asfortranarray(values[:, None]) for values in series], window=3)
    scale(series)
    for values, copy in zip(series, copies, strict=True):
        np.testing.assert_array_equal(values, copy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cost": "l2"}, "cost"),
        ({"step": "asymmetric"}, "step"),
        ({"window": -1}, "window"),
        ({"window": 2.5}, "window"),
        ({"dtype": "float16"}, "dtype"),
        ({"n_threads": 0}, "n_threads is 0"),
    ],
)
def test_a_setting_out_of_range_is_named(arguments: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        distance_matrix([[1.0]], **arguments)


@laws
@given(groups_of_series(dimensions=1))
def test_squared_symmetric1_is_what_tslearn_computes(series: list[np.ndarray]):
    distances = distance_matrix(series, cost="squared", step="symmetric1")
    expected = [[dtw(x, y) for y in series] for x in series]
    np.testing.assert_allclose(distances, expected, rtol=1e-13, atol=1e-13)


def test_many_numbers_per_sample_are_what_tslearn_computes():
    rng = np.random.default_rng(0)
    series = rng.normal(size=(12, 25, 3))
    distances = distance_matrix(list(series), cost="squared", step="symmetric1")
    np.testing.assert_allclose(distances, cdist_dtw(series), rtol=1e-13, atol=1e-13)


def reference_series(shared: Path) -> list[np.ndarray]:
    stored = json.loads((shared / "data" / "golden" / "dtw_series.json").read_text())
    return list(scale(stored["series"]).series)


@pytest.mark.parametrize(
    ("name", "count", "arguments"),
    [
        ("dtw_basic_default_minmax", 125, {}),
        ("dtw_basic_L1_symmetric1_20", 20, {"step": "symmetric1"}),
        ("dtw_basic_L1_symmetric2_20", 20, {}),
        ("dtw_basic_L2_symmetric2_20", 20, {"cost": "squared"}),
        ("dtw_basic_normalized_20", 20, {"normalize": True}),
        ("dtw_basic_window10_20", 20, {"window": 10}),
        ("cran_dtw_symmetric2_abs_20", 20, {}),
    ],
)
def test_golden_dtwclust_and_cran_dtw(shared: Path, name: str, count: int, arguments: dict[str, Any]):
    expected = np.loadtxt(shared / "data" / "golden" / f"{name}.csv", delimiter=",")
    distances = distance_matrix(reference_series(shared)[:count], **arguments)
    np.testing.assert_allclose(distances, expected, rtol=1e-12, atol=1e-12)


def test_golden_of_a_pair_worked_by_hand():
    # |differences| of (0, 2) and (0, 1, 2): 0 1 2 / 2 1 0; the path 0-0, 0-1, 2-2 costs 0 + 1 + 2 * 0 or 0 + 2 * 1 + 0
    assert distance_matrix([[0.0, 2.0], [0.0, 1.0, 2.0]])[0, 1] == 1
    # (0, 0) and (1, 1): the diagonal costs 1 + 2 * 1 with symmetric2, 1 + 1 with symmetric1
    assert distance_matrix([[0.0, 0.0], [1.0, 1.0]])[0, 1] == 3
    assert distance_matrix([[0.0, 0.0], [1.0, 1.0]], step="symmetric1")[0, 1] == 2
    assert distance_matrix([[0.0], [3.0]], cost="squared")[0, 1] == 3


def published_accuracy(folder: Path, problem: str) -> float:
    with (folder / "singleTrainTest.csv").open(encoding="utf-8-sig") as lines:
        rows = list(csv.reader(lines, delimiter=";"))
    column = rows[0].index("DTW_R1_1NN")
    return next(float(row[column]) for row in rows[1:] if row and row[0] == problem)


def problems(folder: Path, problem: str) -> tuple[np.ndarray, ...]:
    if problem == "Trace":
        with np.load(folder / "Trace.npz", allow_pickle=False) as stored:
            return tuple(stored[name] for name in ("X_train", "y_train", "X_test", "y_test"))
    train, test = (np.loadtxt(folder / f"{problem}_{part}.txt") for part in ("TRAIN", "TEST"))
    return train[:, 1:], train[:, 0], test[:, 1:], test[:, 0]


@pytest.mark.parametrize("problem", ["GunPoint", "Trace"])
def test_nearest_neighbours_reach_the_published_accuracy(shared: Path, problem: str):
    folder = shared / "data" / "ucr"
    known, classes, asked, truth = problems(folder, problem)
    series, config = [*asked, *known], DtwConfig(cost="squared", step="symmetric1")
    distances = block(series, rows=range(len(asked)), columns=range(len(asked), len(series)), config=config)
    accuracy = np.mean(classes[distances.argmin(axis=1)] == truth)
    assert accuracy == pytest.approx(published_accuracy(folder, problem), abs=1e-8)


def test_scaling_reaches_zero_and_one_and_remembers_the_range():
    scaled = scale([[3.0, 5.0, 4.0], [7.0, 7.0]])
    np.testing.assert_array_equal(scaled.series[0], [0, 1, 0.5])
    np.testing.assert_array_equal(scaled.series[1], [0, 0])
    np.testing.assert_array_equal(scaled.low, [3, 7])
    np.testing.assert_array_equal(scaled.high, [5, 7])
    np.testing.assert_array_equal(scaled.constant, [False, True])


def test_the_numbers_of_a_sample_share_one_range():
    np.testing.assert_array_equal(scale([[[0.0, 8.0], [2.0, 4.0]]]).series[0], [[0, 1], [0.25, 0.5]])


def test_a_constant_series_has_distances():
    distances = distance_matrix(scale([[2.0, 2.0, 2.0], [31.5], [0.0, 1.0]]).series)
    assert np.isfinite(distances).all()
    assert distances[0, 1] == 0


@laws
@given(groups_of_series(), st.floats(0.01, 100), st.floats(-100, 100))
def test_scaling_takes_level_and_size_away(series: list[np.ndarray], factor: float, level: float):
    moved = scale([factor * values + level for values in series]).series
    for ours, theirs in zip(scale(series).series, moved, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_the_length_confound_is_spearmans_correlation_over_pairs():
    series = random_series(30)
    lengths = [len(values) for values in series]
    distances = distance_matrix(series)
    first, second = np.triu_indices(30, k=1)
    expected = stats.spearmanr(distances[first, second], np.take(lengths, first) + np.take(lengths, second)).statistic
    found = length_confound(distances, lengths=lengths)
    assert found.rho == pytest.approx(expected)
    assert found.pairs == 435


def test_normalising_takes_the_confound_from_series_that_differ_in_level_alone():
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 60, 100)
    series = [np.full(length, level) for length, level in zip(lengths, rng.random(100), strict=True)]
    plain, normalised = (
        length_confound(distance_matrix(series, normalize=normalize), lengths=lengths).rho
        for normalize in (False, True)
    )
    assert plain > 0.3
    assert abs(normalised) < 0.1


def test_a_sample_of_pairs_estimates_the_same_confound():
    series = random_series(120)
    lengths = [len(values) for values in series]
    distances = distance_matrix(series)
    sample = length_confound(distances, lengths=lengths, max_pairs=3000)
    assert sample.pairs == 3000
    assert sample.rho == pytest.approx(length_confound(distances, lengths=lengths).rho, abs=0.05)


def test_unreachable_pairs_do_not_enter_the_confound():
    found = length_confound(np.array([[0, np.inf, 1.0], [2, 0, 3], [1, 3, 0]]), lengths=[1, 20, 4])
    assert found.pairs == 2


@pytest.mark.parametrize("distances", [np.zeros((3, 3)), np.full((3, 3), np.inf), np.zeros((1, 1))])
def test_a_confound_without_spread_is_undefined(distances: np.ndarray):
    assert np.isnan(length_confound(distances, lengths=range(1, len(distances) + 1)).rho)


def test_lengths_must_fit_the_matrix():
    with pytest.raises(ConfigError, match="2 lengths for a matrix of shape"):
        length_confound(np.zeros((3, 3)), lengths=[1, 2])
