import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d

from kemfeat.features._spectral_gate import _smoothed, band_noise, cleaned

RATE = 16000


def tone(hertz, level):
    return (10 ** (level / 20) * np.sqrt(2) * np.sin(2 * np.pi * hertz * np.arange(32_000) / RATE)).astype(np.float32)


def hiss(level, *, seed=0):
    return (10 ** (level / 20) * np.random.default_rng(seed).normal(size=32_000)).astype(np.float32)


def decibels(values):
    return 20 * np.log10(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def clean(values, **settings):
    return cleaned(values, sampling_rate=RATE, **{"level": -32.0, "seed": 0, **settings})


@settings(deadline=None, max_examples=30)
@given(st.integers(20, 20_000), st.floats(-80, 0), st.integers(0, 5))
def test_noise_has_its_level_and_a_flat_spectrum_in_its_band(n, level, seed):
    noise = band_noise(n, sampling_rate=RATE, level=level, seed=seed)
    assert decibels(noise) == pytest.approx(level, abs=1e-6)
    magnitudes = np.abs(np.fft.rfft(noise))[:-1]
    inside = np.fft.rfftfreq(n, 1 / RATE)[:-1] >= 1
    np.testing.assert_allclose(magnitudes[~inside], 0, atol=1e-6)
    np.testing.assert_allclose(magnitudes[inside], magnitudes[inside][0], rtol=1e-6)


def test_noise_ends_at_30_khz_where_the_rate_goes_further():
    spectrum = np.abs(np.fft.rfft(band_noise(9600, sampling_rate=96_000, level=-20, seed=0)))
    assert (spectrum > 1e-6).sum() == 3000


def test_noise_depends_on_its_seed_alone():
    one, again, other = (band_noise(1000, sampling_rate=RATE, level=-30, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("n", [1, 2])
def test_no_frequency_in_the_band_is_no_noise(n):
    assert np.isfinite(band_noise(n, sampling_rate=1000, level=-30, seed=0)).all()


def test_silence_stays_far_below_the_noise_that_is_added():
    made = clean(np.zeros(32_000, dtype=np.float32))
    assert made.dtype == np.float32
    assert made.shape == (32_000,)
    assert decibels(made) < -32 - 20


def test_what_is_louder_than_the_noise_is_kept():
    loud = hiss(-8)
    made = clean(loud)
    assert np.corrcoef(made, loud)[0, 1] > 0.98
    assert decibels(made) == pytest.approx(-8, abs=1)


def test_what_is_quieter_than_the_noise_is_lost():
    assert decibels(clean(hiss(-45))) < -32 - 20
    assert decibels(clean(hiss(-45), level=-75.0)) == pytest.approx(-45, abs=1)


def test_noise_between_words_goes_and_the_words_stay():
    word = hiss(-6)
    word[16_000:] = 0
    made = clean(word + hiss(-45, seed=1))
    assert decibels(made[20_000:]) < -45 - 15
    assert decibels(made[:14_000]) == pytest.approx(-6, abs=1)


def test_a_thin_tone_loses_by_the_smoothing_of_the_mask():
    assert -20 < decibels(clean(tone(1000, -10))[4000:-4000]) < -13


def test_the_same_audio_gives_the_same_bytes():
    assert clean(tone(300, -20)).tobytes() == clean(tone(300, -20)).tobytes()


@pytest.mark.parametrize("samples", [1, 100, 1023, 1025])
def test_any_length_comes_back(samples):
    assert clean(tone(300, -20)[:samples]).shape == (samples,)


def test_the_mask_is_smoothed_by_a_triangle_in_both_directions():
    mask = (np.random.default_rng(0).random((40, 50)) < 0.5).astype(float)
    triangle = np.outer(np.array([1, 2, 3, 2, 1]), np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]))
    expected = convolve2d(mask, triangle / triangle.sum(), mode="same")
    np.testing.assert_allclose(_smoothed(mask), expected, atol=1e-12)
