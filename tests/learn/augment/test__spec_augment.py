"""Park's masks: how wide, where, what stands in them, and the slope around them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.learn.augment import SpecAugment
from kemfeat.learn.augment._draws import Stream
from kemfeat.learn.augment._mel import MelFacts
from kemfeat.learn.augment._spec_augment import spec_augment
from tests.learn.augment.kit import mel_batch, oracle, real

AGREEMENT = 2e-5
few = settings(deadline=None, max_examples=20)


def masked(batch, epoch=0, **chosen):
    stream = Stream(seed=0, number=0)
    return spec_augment(batch, epoch, settings=SpecAugment(**chosen), facts=MelFacts(), stream=stream)


def changes(before, after):
    return before.mel[:, 0] != after.mel[:, 0]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.sampled_from(["mean", "floor"]), st.integers(0, 50))
@few
def test_masks_are_whole_bins_and_whole_frames_of_real_frames(lengths, value, epoch):
    before = mel_batch(lengths, bands=40, more=3)
    after = masked(before, epoch, value=value, time_share=0.5)
    for row, length in enumerate(lengths):
        changed = changes(before, after)[row]
        assert not changed[length:].any()
        bins, frames = changed[:length].all(dim=0), changed[:length].all(dim=1)
        assert torch.equal(changed[:length], bins[None, :] | frames[:, None])
    assert after.mel[:, 0].min() >= -80
    assert after.mel[:, 0].max() <= 0


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 50))
@few
def test_the_slope_is_that_of_the_masked_mel(lengths, epoch):
    before = mel_batch(lengths, bands=40, more=3)
    after = masked(before, epoch, time_share=0.5)
    for row, length in enumerate(lengths):
        expected = oracle(after.mel[row, 0, :length].numpy())
        np.testing.assert_allclose(after.mel[row, 1, :length].numpy(), expected, rtol=0, atol=AGREEMENT)
    assert torch.equal(after.mel[:, 1][~real(before)], before.mel[:, 1][~real(before)])


def test_slopes_that_no_mask_reaches_are_those_of_the_store():
    before = mel_batch([100] * 50)
    before.mel[:, 1] = 7.0  # so that a slope taken anew shows
    after = masked(before, frequency_masks=0, time_masks=1)
    hidden = changes(before, after).any(dim=2)
    window = torch.nn.functional.max_pool1d(hidden.float()[:, None], 9, stride=1, padding=4)[:, 0].bool()
    inner = slice(4, -4)  # at its ends a window is moved inside the clip
    assert torch.equal((after.mel[:, 1] != 7).any(dim=2)[:, inner], window[:, inner])


@pytest.mark.parametrize(("time_share", "most"), [(1.0, 22), (0.1, 10)])
def test_widths_and_begins_are_distributed_as_published(time_share, most):
    before = mel_batch([100] * 2000, bands=40)
    after = masked(before, time_share=time_share, time_masks=1, frequency_masks=0)
    frames = changes(before, after).all(dim=2)
    widths = frames.sum(dim=1)
    assert set(widths.tolist()) == set(range(most + 1))
    assert abs(float(widths.float().mean()) - most / 2) < 0.1 * most
    assert frames.any(dim=0).all(), "a mask can stand anywhere"

    bins = changes(before, masked(before, time_masks=0, frequency_masks=1)).all(dim=1)
    assert set(bins.sum(dim=1).tolist()) == set(range(28))
    assert bins.any(dim=0).all()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_there_are_as_many_masks_as_asked_for(count):
    before = mel_batch([400] * 400, bands=8)
    frames = changes(before, masked(before, frequency_masks=0, time_masks=count)).all(dim=2).int()
    runs = (frames.diff(dim=1, prepend=torch.zeros(400, 1).int()) == 1).sum(dim=1)
    assert int(runs.max()) == count


def test_the_floor_and_the_mean_stand_in_masks():
    before = mel_batch([0, 1, 30, 60], more=5)
    for value in ("floor", "mean"):
        after = masked(before, value=value)
        for row in range(1, 4):
            level = -80.0 if value == "floor" else before.mel[row, 0][real(before)[row]].double().mean()
            found = after.mel[row, 0][changes(before, after)[row]]
            assert len(found)
            np.testing.assert_allclose(found.numpy(), level, atol=1e-4)


def test_masks_wider_than_the_spectrogram_cover_it_at_most():
    before = mel_batch([5] * 200, bands=4)
    after = masked(before, frequency_width=100, time_width=100, time_share=1.0)
    assert changes(before, after).all(dim=(1, 2)).any()


def test_a_batch_without_delta_is_masked_alike():
    before = mel_batch([20, 30])
    assert torch.equal(masked(mel_batch([20, 30], delta=False)).mel[:, 0], masked(before).mel[:, 0])


@pytest.mark.parametrize("chosen", [{"probability": 0.0}, {"copies": (1,)}])
def test_who_is_not_chosen_is_not_changed(chosen):
    before = mel_batch([20, 30])
    assert torch.equal(masked(before, **chosen).mel, before.mel)
