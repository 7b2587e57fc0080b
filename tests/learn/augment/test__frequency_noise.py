"""System 1's band noise: where it stands, how loud it is, what happens to the slope."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.learn.augment import FrequencyNoise
from kemfeat.learn.augment._draws import Stream
from kemfeat.learn.augment._frequency_noise import frequency_noise
from kemfeat.learn.augment._mel import MelFacts
from tests.learn.augment.kit import mel_batch, oracle, real

AGREEMENT = 2e-5
few = settings(deadline=None, max_examples=20)


def noisy(batch, epoch=0, *, facts=None, **chosen):
    stream = Stream(seed=0, number=0)
    return frequency_noise(batch, epoch, settings=FrequencyNoise(**chosen), facts=facts or MelFacts(), stream=stream)


def bands_of(before, after):
    """Per utterance the first bin that changed and how many did."""
    changed = (before.mel[:, 0] != after.mel[:, 0]).any(dim=1)
    assert all(np.diff(np.flatnonzero(row)).max(initial=1) == 1 for row in changed.numpy()), "one band"
    return changed.int().argmax(dim=1), changed.sum(dim=1)


MANY = partial(mel_batch, [4] * 4000, seed=5)


def test_the_band_is_distributed_as_published():
    before = MANY()
    starts, widths = bands_of(before, noisy(before))
    assert set(starts.tolist()) == set(range(128))
    inside = starts < 99  # bands that begin further up are clipped
    assert set(widths[inside].tolist()) == set(range(10, 30))
    clipped = widths[~inside] < 10
    assert clipped.any()
    assert int((starts + widths).max()) == 128
    assert abs(float(starts.float().mean()) - 63.5) < 2.5
    assert abs(float(widths[inside].float().mean()) - 19.5) < 0.4


def test_the_levels_are_distributed_as_published():
    batch = mel_batch([200] * 300, bands=10)
    noise = noisy(batch, min_width=10, max_width=10).mel[:, 0, :, 9]
    low, high = noise.amin(dim=1), noise.amax(dim=1)
    assert float(low.min()) >= -80
    assert float(high.max()) <= -1
    # of two whole levels from -80 to -1 the lower is -53.8 on average, the higher -27.2
    assert abs(float(low.mean()) + 53.8) < 3
    assert abs(float(high.mean()) + 27.2) < 3
    middle = (noise - low[:, None]) / (high - low).clamp(min=1)[:, None]
    assert abs(float(middle[high - low > 5].mean()) - 0.5) < 0.01


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.sampled_from([4, 16, 128]), st.integers(0, 50))
@few
def test_only_one_band_of_real_frames_changes_and_stays_in_range(lengths, bands, epoch):
    before = mel_batch(lengths, bands=bands, more=3)
    after = noisy(before, epoch)
    bands_of(before, after)
    changed = (before.mel != after.mel).any(dim=3)
    assert not (changed & ~real(before)[:, None]).any()
    assert after.mel[:, 0].min() >= -80
    assert after.mel[:, 0].max() <= 0
    assert torch.equal(after.mel_lengths, before.mel_lengths)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 50))
@few
def test_the_slope_is_that_of_the_noisy_mel(lengths, epoch):
    before = mel_batch(lengths, bands=32, more=2)
    after = noisy(before, epoch)
    for row, length in enumerate(lengths):
        expected = oracle(after.mel[row, 0, :length].numpy())
        np.testing.assert_allclose(after.mel[row, 1, :length].numpy(), expected, rtol=0, atol=AGREEMENT)
    outside = (before.mel[:, 0] == after.mel[:, 0]).all(dim=1)[:, None, :].expand_as(before.mel[:, 1])
    assert torch.equal(after.mel[:, 1][outside], before.mel[:, 1][outside])


def test_the_faithful_slope_is_noise_of_the_same_levels():
    before = mel_batch([200] * 20)
    corrected, faithful = noisy(before), noisy(before, faithful=True)
    assert torch.equal(corrected.mel[:, 0], faithful.mel[:, 0])
    for row, (start, width) in enumerate(zip(*bands_of(before, faithful), strict=True)):
        mel, slope = faithful.mel[row, :, :, start : start + width]
        assert slope.max() <= -1
        assert slope.min() >= -80
        assert abs(float(mel.mean() - slope.mean())) < 2
        assert not torch.equal(mel, slope)
        rest = torch.ones(128, dtype=torch.bool)
        rest[start : start + width] = False
        assert torch.equal(faithful.mel[row, 1, :, rest], before.mel[row, 1, :, rest])


def test_the_levels_follow_the_range_of_the_store():
    before = mel_batch([300] * 200, bands=10)
    for top_db, least in ((40.0, -40.0), (0.5, -0.5)):
        noise = noisy(before, min_width=10, facts=MelFacts(top_db=top_db)).mel[:, 0, :, 9]
        assert least <= float(noise.min()) < 0.9 * least
        assert float(noise.max()) < 0


def test_a_batch_without_delta_gets_noise_in_mel():
    before = mel_batch([20, 30])
    alone = noisy(mel_batch([20, 30], delta=False))
    assert torch.equal(alone.mel[:, 0], noisy(before).mel[:, 0])


@pytest.mark.parametrize("chosen", [{"probability": 0.0}, {"copies": (1,)}])
def test_who_is_not_chosen_is_not_changed(chosen):
    before = mel_batch([20, 30])
    assert torch.equal(noisy(before, **chosen).mel, before.mel)
