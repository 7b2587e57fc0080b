"""kemfeat.learn.augment._images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import rotate
from torch import Tensor

from kemfeat.errors import ConfigError
from kemfeat.learn.augment import HorizontalFlip, ImageCrop, ImageRotation
from kemfeat.learn.augment._draws import Stream
from kemfeat.learn.augment._images import _sampled, cropped, flipped, rotated
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.augment.kit import some
from tests.learn.models import kit

STREAM = Stream(seed=1, number=0)
EACH = {
    "crop": (cropped, ImageCrop()),
    "crop, sometimes": (cropped, ImageCrop(probability=0.5)),
    "rotation": (rotated, ImageRotation()),
    "flip": (flipped, HorizontalFlip(probability=0.5)),
}
every = pytest.mark.parametrize("name", EACH)
few = settings(deadline=None, max_examples=6)


def images(batch: Batch) -> Tensor:
    return batch.arrays["stft_image"]


def clips(count: int) -> Batch:
    return replace(kit.batch((2,) * count, (2,) * count), edges=None, directions=None)


def changed(name: str, batch: Batch, epoch: int = 0) -> Batch:
    apply, chosen = EACH[name]
    return apply(batch, epoch, settings=chosen, stream=STREAM)  # type: ignore[operator]


@every
@few
@given(st.permutations(range(5)), st.integers(0, 3))
def test_an_image_is_changed_alike_in_any_batch(name: str, order: list[int], epoch: int) -> None:
    batch = clips(5)
    whole = images(changed(name, batch, epoch))
    assert whole.dtype == torch.uint8
    assert torch.equal(images(changed(name, some(batch, order[:3]), epoch)), whole[order[:3]])


@every
def test_epochs_differ_and_the_batch_given_does_not_change(name: str) -> None:
    batch = clips(12)
    before = images(batch).clone()
    first, again, later = (images(changed(name, batch, epoch)) for epoch in (0, 0, 1))
    assert torch.equal(images(batch), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def test_a_flip_mirrors_the_columns_of_those_chosen() -> None:
    batch = clips(40)
    made = images(flipped(batch, 0, settings=HorizontalFlip(probability=0.5), stream=STREAM))
    mirrored = (made == images(batch).flip(2)).all(dim=(1, 2))
    kept = (made == images(batch)).all(dim=(1, 2))
    assert torch.equal(mirrored, ~kept)
    assert 5 < int(mirrored.sum()) < 35


def test_a_published_crop_takes_away_ten_rows_and_stretches_the_rest() -> None:
    batch = clips(2)
    ramp = torch.arange(200).to(torch.uint8)[None, :, None].expand(2, 200, 300).contiguous()
    made = images(
        cropped(batch.with_tensors({"arrays.stft_image": ramp}), 0, settings=ImageCrop(faithful=True), stream=STREAM)
    )
    expected = 10 + (torch.arange(200) + 0.5) * 190 / 200 - 0.5
    assert ((made[0, :, 0].float() - expected.clamp(10, 199)).abs() <= 0.51).all()
    assert torch.equal(made[1], made[0][:, :1].expand(200, 300))


def test_crops_are_drawn_from_none_to_all_of_the_rows() -> None:
    batch = replace(clips(2), rows=torch.arange(2))
    ramp = torch.arange(200).to(torch.uint8)[None, :, None].expand(2, 200, 300).contiguous()
    batch = batch.with_tensors({"arrays.stft_image": ramp})
    tops = {int(images(cropped(batch, e, settings=ImageCrop(rows=3), stream=STREAM))[0, 0, 0]) for e in range(40)}
    assert tops == {0, 1, 2, 3}


@pytest.mark.parametrize("degrees", [-10.0, 3.0, 90.0])
def test_a_rotation_is_that_of_scipy(degrees: float) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (40, 41)).astype(np.uint8)
    expected = rotate(grey.astype(float), degrees, reshape=False, order=1, mode="constant", cval=0.0)
    angle = torch.tensor(degrees).deg2rad()
    y, x = torch.arange(40.0)[:, None] - 19.5, torch.arange(41.0) - 20
    made = _sampled(
        torch.from_numpy(grey)[None],
        (19.5 + angle.cos() * y + angle.sin() * x)[None],
        (20 + angle.cos() * x - angle.sin() * y)[None],
    )[0].numpy()
    inside = (slice(8, -8), slice(8, -8))
    assert np.abs(made[inside] - expected[inside]).max() <= 1


def test_angles_are_up_to_ten_degrees_to_both_sides() -> None:
    batch = clips(30)
    bar = torch.zeros(30, 200, 300, dtype=torch.uint8)
    bar[:, 99:101] = 255
    made = images(rotated(batch.with_tensors({"arrays.stft_image": bar}), 0, settings=ImageRotation(), stream=STREAM))
    rows = torch.arange(200.0)[:, None]
    left, right = (
        (rows * made[:, :, at : at + 1].float()).sum(dim=(1, 2)) / made[:, :, at].sum(dim=1) for at in (50, 250)
    )
    slopes = torch.rad2deg(torch.atan((right - left) / 200))
    assert slopes.abs().max() <= 10.2
    assert slopes.min() < -5
    assert slopes.max() > 5


@every
def test_a_batch_without_images_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"changes stft_image, and the batch has none; add 'stft_image' to media"):
        changed(name, replace(clips(1), arrays={}))


def test_only_a_faithful_recipe_lets_speech_run_backwards() -> None:
    flip = {"train.augment": ["horizontal-flip"]}
    assert load_recipe("av/cnn", {"variant": "faithful", **flip}).train.augment == (HorizontalFlip(),)
    with pytest.raises(ConfigError, match="makes speech run backwards"):
        load_recipe("av/cnn", flip)
