"""The same recording again is found, other speech is not."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.leakage.fingerprints import ALIKE, BANDS, alikeness, fingerprint, most_alike, same_recording


def speech(seed: int, *, frames: int = 80, bins: int = 64) -> np.ndarray:
    """A log-mel spectrogram of blobs between two short silences, dB against its loudest bin."""
    field = scipy.ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(frames, bins)), (3, 4))
    field *= 12 / field.std()
    field[:4] -= 60
    field[-4:] -= 60
    return np.maximum(field - field.max(), -80)


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 10_000),
    gain=st.floats(-30, 30),
    cut=st.integers(-4, 4),
    noise=st.floats(0, 1),
)
def test_a_copy_is_found_whatever_its_gain_noise_and_cut(seed, gain, cut, noise):
    mel = speech(seed)
    changed = mel + gain + np.random.default_rng(seed + 1).normal(0, noise, mel.shape)
    copy = changed[cut:] if cut >= 0 else changed[:cut]
    others = [fingerprint(speech(seed + each)) for each in range(1, 9)]
    numbers = same_recording([fingerprint(mel), fingerprint(copy), *others])
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 9


@settings(deadline=None, max_examples=20)
@given(one=st.integers(0, 99), other=st.integers(100, 199))
def test_alikeness_is_one_with_itself_symmetric_and_low_with_others(one, other):
    first, second = fingerprint(speech(one)), fingerprint(speech(other, frames=76))
    assert alikeness(first, first) == pytest.approx(1, abs=1e-5)
    assert alikeness(first, second) == pytest.approx(alikeness(second, first), abs=1e-5)
    assert alikeness(first, second) < ALIKE


def test_lengths_too_different_are_never_alike():
    mel = speech(1, frames=100)
    assert alikeness(fingerprint(mel), fingerprint(mel[:60])) == -1


@pytest.mark.parametrize("mel", [np.zeros((50, 64)), np.zeros((0, 64)), np.full((50, 64), np.nan)])
def test_there_is_nothing_to_recognise_in_silence_or_in_no_frames(mel):
    assert fingerprint(mel) is None


def test_a_steady_sound_has_no_fingerprint():
    rng = np.random.default_rng(0)
    assert fingerprint(np.linspace(0, -40, 64) + rng.normal(0, 0.5, (60, 64))) is None


@pytest.mark.parametrize("bins", [1, 3, 16, 128])
def test_few_mel_bins_make_fewer_bands(bins):
    print_ = fingerprint(speech(2, bins=bins))
    assert print_ is not None
    assert print_.shape == (80, min(BANDS, max(1, bins * 3 // 4)))
    assert print_.dtype == np.uint8


def test_rows_without_a_fingerprint_are_no_recording():
    assert same_recording([None, fingerprint(speech(1)), None]).tolist() == [-1, 0, -1]
    assert same_recording([]).tolist() == []
    assert same_recording([None]).tolist() == [-1]


def test_hundreds_of_equal_rows_are_one_recording():
    copies, others = [fingerprint(speech(1))] * 300, [fingerprint(speech(each)) for each in range(2, 12)]
    numbers = same_recording([*copies, *others])
    assert len(set(numbers[:300])) == 1
    assert len(set(numbers)) == 11


@pytest.fixture(scope="module")
def clips(shared):
    """Real clips with their log-mel: the same sentences by the same people, acted with several emotions."""
    import soundfile

    files = sorted((shared / "data" / "kemdy20_real_media" / "wav").rglob("*.wav"))
    return [soundfile.read(file, dtype="float32")[0] for file in files]


def prints(clips):
    from kemfeat.features.mel import MelConfig, decibels, mel_filters, mel_powers

    config = MelConfig()
    filters = mel_filters(config)
    powers = [mel_powers(np.ascontiguousarray(each, np.float32), config=config, filters=filters) for each in clips]
    return [fingerprint(decibels(each, top_db=80)) for each in powers]


@pytest.fixture(scope="module")
def originals(clips):
    return prints(clips)


def coded(values, container, subtype):
    import soundfile

    held = io.BytesIO()
    soundfile.write(held, values, 16000, format=container, subtype=subtype)
    held.seek(0)
    return soundfile.read(held, dtype="float32")[0]


def resampled(values, rate):
    import soxr

    return soxr.resample(soxr.resample(values, 16000, rate), rate, 16000)


CHANGES = {
    "quieter by 20 dB, 16 bit": lambda y: coded(y * 0.1, "WAV", "PCM_16"),
    "dithered": lambda y: coded(y + np.random.default_rng(0).normal(0, 1 / 32768, len(y)), "WAV", "PCM_16"),
    "8 kHz": lambda y: resampled(y, 8000),
    "mu-law": lambda y: coded(y, "WAV", "ULAW"),
    "vorbis, cut by 20 ms": lambda y: coded(y[320:], "OGG", "VORBIS"),
    "cut by 60 ms on both sides": lambda y: y[960:-960],
}


def test_real_speech_is_never_taken_for_other_speech(originals):
    pairs = [alikeness(one, other) for one, other in itertools.combinations(originals, 2)]
    assert len(pairs) == 154 * 153 // 2
    assert max(pairs) < 0.88 < ALIKE


@pytest.mark.parametrize("change", CHANGES)
def test_every_real_clip_is_found_again(change, clips, originals):
    numbers = same_recording([*originals, *prints(map(CHANGES[change], clips))])
    assert numbers[:154].tolist() == numbers[154:].tolist()
    assert len(set(numbers)) == 154


def test_the_most_alike_is_that_of_all_pairs():
    mels = [speech(seed) for seed in range(5)]
    prints = [fingerprint(mel) for mel in (*mels, mels[0] + 3, mels[1][2:], mels[0], np.zeros((50, 64)))]
    others, similarities = most_alike(prints)
    for row, each in enumerate(prints):
        pairs = [
            (alikeness(each, it), -at)
            for at, it in enumerate(prints)
            if at != row and each is not None and it is not None
        ]
        best = max(pairs, default=(-1, 0))
        assert others[row] == (-best[1] if best[0] >= ALIKE else -1)
        assert similarities[row] == pytest.approx(best[0] if best[0] >= ALIKE else -1, abs=1e-5)
