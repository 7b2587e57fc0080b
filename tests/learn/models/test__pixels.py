"""kemfeat.learn.models._pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import AnalysisError
from kemfeat.learn.models._pixels import array_of, coloured, resized, scaled, seismic
from tests.learn.models import kit


def test_the_table_is_that_of_matplotlib() -> None:
    colormaps = pytest.importorskip("matplotlib").colormaps
    expected = colormaps["seismic"](np.arange(256))[:, :3]
    np.testing.assert_allclose(seismic().numpy(), expected, rtol=0, atol=1e-6)


def test_its_channels_do_not_rise_with_the_level_but_grey_ones_do() -> None:
    levels = torch.arange(256, dtype=torch.uint8)[None, None]
    assert (coloured(levels, None).diff(dim=3) > 0).all()
    falls = (coloured(levels, seismic())[0, :, 0].diff(dim=1) < 0).any(dim=1)
    assert falls.tolist() == [True, True, True]  # S11


def test_every_pixel_gets_its_colour() -> None:
    grey = kit.batch().arrays["stft_image"]
    table = seismic()
    made = coloured(grey, table)
    assert made.shape == (3, 3, *kit.IMAGE)
    for row, y, x in ((0, 0, 0), (1, 17, 250), (2, 199, 299)):
        assert torch.equal(made[row, :, y, x], table[int(grey[row, y, x])])


@given(st.tuples(st.integers(8, 60), st.integers(8, 60)))
@settings(deadline=None, max_examples=20)
def test_an_even_image_stays_even_at_any_size(size: tuple[int, int]) -> None:
    assert torch.allclose(resized(torch.full((1, 3, 30, 40), 0.25), size), torch.full((1, 3, *size), 0.25))


def test_a_smaller_image_keeps_its_mean() -> None:
    pixels = coloured(kit.batch().arrays["stft_image"], None)
    assert torch.allclose(resized(pixels, (50, 75)).mean(dim=(2, 3)), pixels.mean(dim=(2, 3)), atol=1e-5)
    assert resized(pixels, kit.IMAGE) is pixels


def test_the_scale_of_an_image_is_its_own() -> None:
    images = coloured(kit.batch().arrays["stft_image"], None)
    made = scaled(images, "image")
    assert made.mean(dim=(1, 2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(made.std(dim=(1, 2, 3), correction=0), torch.ones(len(images)))
    torch.testing.assert_close(scaled(0.2 + 0.5 * images, "image"), made)
    assert not scaled(torch.full((1, 3, 4, 4), 0.3), "image").any()
    nearly = torch.full((1, 3, 4, 4), 0.3)
    nearly[0, 0, 0, 0] += 1e-3  # rounding noise is not blown up
    assert scaled(nearly, "image").abs().max() < 1


def test_the_published_scale_is_that_of_photographs() -> None:
    ends = torch.tensor([0.0, 1.0])[None, None, None].expand(1, 3, 1, 2)
    red, green, blue = scaled(ends, "imagenet")[0, :, 0, 1].tolist()
    assert (red, green, blue) == pytest.approx((0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225), rel=1e-5)


def test_a_batch_without_the_array_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no posture; this model reads the feature pose; build the store with it"):
        array_of(kit.batch(), "posture", feature="pose")
