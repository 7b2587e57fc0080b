import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d, fftconvolve

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


def published(values, *, level=-32.0, seed=0):
    """The published cleanup from its formula, with the noise of kemfeat: librosa's transforms, a loop over passes."""
    n_fft, hop = 1024, 256
    sound = np.concatenate([np.zeros(10_000), values.astype(np.float64), np.zeros(10_000)])
    noise = band_noise(len(sound), sampling_rate=RATE, level=level, seed=seed)

    def decibel(cells):
        return librosa.amplitude_to_db(np.abs(cells), ref=1.0, amin=1e-20, top_db=80.0)

    of_noise = decibel(librosa.stft(noise, n_fft=n_fft, hop_length=hop))
    threshold = of_noise.mean(axis=1) + 2 * of_noise.std(axis=1)
    triangle = np.outer([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3], [0.2, 0.4, 0.6, 0.8, 1, 0.8, 0.6, 0.4, 0.2])
    sound = sound + noise
    for _ in range(3):
        cells = librosa.stft(sound, n_fft=n_fft, hop_length=hop)
        level_db = decibel(cells)
        below = fftconvolve(level_db < threshold[:, None], triangle / triangle.sum(), mode="same") * 0.9
        amplitude = librosa.db_to_amplitude(level_db * (1 - below) + level_db.min() * below)
        cells = amplitude * np.sign(cells.real) + 1j * cells.imag * (1 - below)
        sound = librosa.istft(cells, hop_length=hop, length=len(sound))
    return sound[10_000:-10_000]


def spoken():
    """Harmonics that glide, in syllables, over some hiss."""
    time = np.arange(48_000) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 25)) * np.clip(np.sin(2 * np.pi * 1.5 * time), 0, None)
    return (0.1 * voice + 0.002 * np.random.default_rng(3).normal(size=48_000)).astype(np.float32)


def levels_of(values):
    cells = librosa.amplitude_to_db(np.abs(librosa.stft(values.astype(np.float64), n_fft=1024)), amin=1e-20)
    return np.clip(cells, -60, 60)


def test_the_published_formula_is_that_of_an_independent_implementation():
    sound = spoken()
    expected, ours, other = published(sound), clean(sound, formula="published"), clean(sound)
    assert np.corrcoef(ours, expected)[0, 1] > 0.999
    of_images = [np.corrcoef(levels_of(one).ravel(), levels_of(expected).ravel())[0, 1] for one in (ours, other)]
    assert of_images[0] >= 0.99
    assert of_images[1] < of_images[0] - 0.01, "the formula by amplitudes is another one"
    assert np.abs(levels_of(ours) - levels_of(expected)).mean() < 1


def test_the_published_formula_makes_loud_sounds_louder():
    word = hiss(-6)
    assert decibels(clean(word)) < -5.5
    assert decibels(clean(word, formula="published")) > -5
