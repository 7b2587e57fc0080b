import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.features._image import area_means, grey

quick = settings(deadline=None, max_examples=60)
sizes = st.integers(1, 12)


def shares(edges, pixels):
    """Per pixel and cell the share of the pixel that the cell covers."""
    edges = np.concatenate([[min(edges[0], pixels[0])], edges[1:-1], [max(edges[-1], pixels[-1])]])
    low = np.maximum(edges[None, :-1], pixels[:-1, None])
    high = np.minimum(edges[None, 1:], pixels[1:, None])
    return np.maximum(high - low, 0) / np.diff(pixels)[:, None]


@quick
@given(sizes, sizes, st.integers(0, 1000))
def test_a_pixel_is_the_mean_of_the_area_below_it(n, m, seed):
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, 3))
    edges = np.concatenate([[0.0], np.cumsum(0.1 + random.random(n))])
    pixels = np.linspace(random.uniform(-1, 0.3), edges[-1] * random.uniform(0.3, 1.5) + 0.4, m + 1)
    np.testing.assert_allclose(area_means(values, edges, pixels), shares(edges, pixels) @ values, atol=1e-9)


@quick
@given(sizes, sizes)
def test_a_constant_stays_and_the_mean_is_kept(n, m):
    edges, pixels = np.linspace(0, 1, n + 1), np.linspace(0, 1, m + 1)
    np.testing.assert_allclose(area_means(np.full((n, 2), 7.0), edges, pixels), 7.0)
    values = np.random.default_rng(n).normal(size=(n, 2))
    np.testing.assert_allclose(area_means(values, edges, pixels).mean(axis=0), values.mean(axis=0), atol=1e-9)


@quick
@given(sizes)
def test_the_same_grid_changes_nothing(n):
    values = np.random.default_rng(n).normal(size=(n, 4))
    edges = np.arange(n + 1) * 0.25
    np.testing.assert_allclose(area_means(values, edges, edges), values, atol=1e-12)


def test_grey_values_are_linear_in_decibels_and_cut_at_the_ends():
    levels = np.array([-400, -60, 0, 60, 99, -60 + 120 / 255])
    assert grey(levels, lowest=-60, highest=60).tolist() == [0, 0, 128, 255, 255, 1]
