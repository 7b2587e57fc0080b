"""Standard deviations by the training rows alone, or by each row's speaker; read or merged makes no difference."""

import numpy as np
import pytest
import torch

from kemfeat.build import build_store
from kemfeat.errors import ConfigError
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.data.standardise import Standardise, train_moments
from kemfeat.synth.kemdy20 import SYNTH


def rows_of(store, column, names):
    return np.flatnonzero(store.utterances[column].isin(names)).tolist()


def frames_of(store, rows):
    values, lengths = store.array("mel")[:], store.array("mel_lengths")[:]
    return np.concatenate([values[row, : lengths[row]] for row in rows]).astype(np.float64)


@pytest.mark.parametrize("cut", [0, 1], ids=["whole sessions, merged", "not whole, read"])
def test_they_are_the_moments_of_those_rows(store, cut):
    rows = rows_of(store, "session", store.utterances["session"].unique()[:2])[cut:]
    found, frames = train_moments(store, rows, array="mel"), frames_of(store, rows)
    assert found.count == len(frames)
    np.testing.assert_allclose(found.mean, frames.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.std, frames.std(axis=0), rtol=1e-9)


def batches(store, transform):
    return list(StoreLoader(store, range(len(store)), 16, media=("mel", "delta"), transform=transform))


def real_frames(some):
    return torch.cat([batch.mel[i, 0, :n] for batch in some for i, n in enumerate(batch.mel_lengths)]).double()


def test_training_frames_have_mean_0_and_deviation_1(store):
    rows = rows_of(store, "session", store.utterances["session"].unique()[:2])
    found = StoreLoader(store, rows, 16, media=("mel", "delta"), transform=Standardise(store, rows))
    frames = real_frames(found)
    torch.testing.assert_close(frames.mean(dim=0), torch.zeros(frames.shape[1]).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(frames.std(dim=0, correction=0), torch.ones(frames.shape[1]).double(), atol=1e-4, rtol=0)


def test_every_speaker_has_mean_0(store):
    some = batches(store, Standardise(store, [], by="speaker"))
    frames = [batch.mel[i, 0, :n] for batch in some for i, n in enumerate(batch.mel_lengths)]
    speakers = store.utterances["speaker"].to_numpy()
    for speaker in np.unique(speakers):
        own = torch.cat([frames[row] for row in np.flatnonzero(speakers == speaker)])
        torch.testing.assert_close(own.mean(dim=0), torch.zeros(own.shape[1]), atol=1e-3, rtol=0)


def test_frames_behind_the_real_ones_are_0(store):
    some = batches(store, Standardise(store, range(len(store))))
    behind = torch.cat([batch.mel[i, :, n:].flatten() for batch in some for i, n in enumerate(batch.mel_lengths)])
    assert len(behind)
    assert not behind.any()


def test_other_rows_change_nothing(store):
    """What is tested on does not leak into the statistics of what is trained on."""
    train = rows_of(store, "session", store.utterances["session"].unique()[:2])
    assert torch.equal(Standardise(store, train).mean, Standardise(store, list(reversed(train))).mean)
    assert not torch.equal(Standardise(store, train).mean, Standardise(store, range(len(store))).mean)


@pytest.fixture(scope="module")
def functionals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("functionals")
    SYNTH.write(folder / "KEMDy20", utterances=60, sessions=4, seed=3)
    mel, hrv = {"n_mels": 8, "max_frames": 40}, {"min_beats": 3, "context": 30.0}
    settings = {"features": ("mel", "ibi", "hrv"), "mel": mel, "hrv": hrv}
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=settings).store


@pytest.mark.parametrize("by", ["train", "speaker"])
def test_functionals_are_standardised_over_the_rows_that_have_them(functionals, by):
    store = functionals
    train = rows_of(store, "session", store.utterances["session"].unique()[:2])
    transform = Standardise(store, train, by=by, arrays=["hrv"])
    loader = StoreLoader(store, range(len(store)), 16, arrays=["hrv"], transform=transform)
    found = torch.cat([batch.arrays["hrv"] for batch in loader])[:, 0].numpy()
    values = np.asarray(store.array("hrv")[:], dtype=np.float64)[:, 0]
    speakers = store.utterances["speaker"].to_numpy()
    for speaker in np.unique(speakers):
        of = train if by == "train" else np.flatnonzero(speakers == speaker)
        mean, std = np.nanmean(values[of], axis=0), np.nanstd(values[of], axis=0)
        mine = speakers == speaker
        expected = np.nan_to_num((values[mine] - mean) / np.maximum(std, 1e-6))
        np.testing.assert_allclose(found[mine], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["mel", "mel_lengths", "nothing"])
def test_what_is_not_one_row_of_numbers_is_refused(functionals, name):
    with pytest.raises(ConfigError, match=f"Standardise: {name} is not an array with one row of numbers"):
        Standardise(functionals, [0], arrays=[name])
