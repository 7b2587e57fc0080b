"""The slope in torch is the slope of the store: kemfeat's own function and librosa as oracles."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.features import delta
from kemfeat.learn import StoreDataset
from kemfeat.learn.augment._mel import slopes
from tests.learn.augment.kit import longer, mel_batch

AGREEMENT = 2e-5  # dB per frame; float32 sums here, float64 sums there

few = settings(deadline=None, max_examples=30)
lengths_of_rows = st.lists(st.integers(0, 40), min_size=1, max_size=6)


@given(lengths_of_rows, st.sampled_from([3, 5, 9, 15]), st.integers(0, 5), st.integers(0, 9))
@few
def test_agrees_with_the_feature_whatever_the_lengths(lengths, width, more, seed):
    batch = mel_batch(lengths, bands=5, more=more, seed=seed)
    found = slopes(batch.mel[:, 0], batch.mel_lengths, width=width)
    for row, length in enumerate(lengths):
        assert not found[row, length:].any()
        if length:
            expected = delta.slopes(batch.mel[row, 0, :length].numpy().copy(), width=width)
            np.testing.assert_allclose(found[row, :length].numpy(), expected, rtol=0, atol=AGREEMENT)


@given(st.integers(9, 60), st.integers(0, 9))
@few
def test_agrees_with_librosa(frames, seed):
    batch = mel_batch([frames], bands=5, seed=seed)
    expected = librosa.feature.delta(batch.mel[0, 0].numpy().T.astype(np.float64), width=9).T
    found = slopes(batch.mel[:, 0], batch.mel_lengths, width=9)[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=AGREEMENT)


@given(lengths_of_rows, st.integers(1, 30))
@few
def test_padding_changes_no_bit(lengths, more):
    batch = mel_batch(lengths, bands=5)
    found = slopes(batch.mel[:, 0], batch.mel_lengths, width=9)
    padded = slopes(longer(batch, more).mel[:, 0], batch.mel_lengths, width=9)
    assert torch.equal(padded[:, : found.shape[1]], found)


@pytest.mark.parametrize("frames", [2, 3, 8, 9, 30])
def test_the_slope_of_a_ramp_is_its_slope(frames):
    ramp = 1.5 * torch.arange(float(frames))[None, :, None].expand(1, frames, 3) - 40
    found = slopes(ramp, torch.tensor([frames]), width=9)
    torch.testing.assert_close(found, torch.full_like(found, 1.5))


def test_the_slope_of_a_store_is_found_again(store):
    dataset = StoreDataset(store, media=("mel", "delta"))
    batch = dataset.__getitems__(range(40))
    found = slopes(batch.mel[:, 0], batch.mel_lengths, width=9)
    whole = batch.mel_lengths < 300  # longer clips are cut: their last slopes have seen the frames behind
    torch.testing.assert_close(found[whole], batch.mel[whole, 1], rtol=0, atol=AGREEMENT)
