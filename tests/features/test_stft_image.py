import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.stft_image import EXTRACTOR, StftImageConfig, area_means, grey, image, levels
from kemfeat.media import read_audio
from kemfeat.records import Signal

NOISE = (0.1 * np.random.default_rng(0).normal(size=170_000)).astype(np.float32)


def extract(values, *, rate=16000, **config):
    made = EXTRACTOR.open(StftImageConfig(**config), None)({"audio": Signal(values, rate, "1")})
    return made.arrays["stft_image"], made.columns["stft_image_columns"]


def tone(hertz, seconds=3.0, amplitude=1.0, rate=16000):
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("preset", ["clips", "faithful"])
def test_levels_are_librosas(preset):
    config = StftImageConfig(preset=preset)
    spectrum = np.abs(
        librosa.stft(
            NOISE[:50_000].astype(float), n_fft=config.n_fft, hop_length=config.hop_length, pad_mode="constant"
        )
    )
    expected = librosa.amplitude_to_db(spectrum, ref=1.0, amin=1e-20, top_db=config.top_db).T
    made = levels(NOISE[:50_000], config=config)
    assert made.shape == expected.shape
    # librosa squares the amplitudes before it compares them with the smallest
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-4)


def test_levels_are_librosas_on_real_speech(shared):
    config = StftImageConfig()
    for path in sorted((shared / "data/kemdy20_real_media/wav").rglob("*.wav"))[:20]:
        values = read_audio(path).values
        spectrum = np.abs(librosa.stft(values.astype(float), n_fft=800, hop_length=160, pad_mode="constant"))
        expected = librosa.amplitude_to_db(spectrum, ref=1.0, amin=1e-20, top_db=None).T
        np.testing.assert_allclose(levels(values, config=config), expected, rtol=0, atol=1e-4, err_msg=path.name)


def shares(middles, half, pixels):
    """Per pixel and cell the share of the pixel that the cell around its middle covers; the ends reach on."""
    low, high = middles - half, middles + half
    low[0], high[-1] = min(low[0], pixels[0]), max(high[-1], pixels[-1])
    covered = np.minimum(high, pixels[1:, None]) - np.maximum(low, pixels[:-1, None])
    return np.maximum(covered, 0) / np.diff(pixels)[:, None]


@pytest.mark.parametrize(
    ("preset", "samples"), [("clips", 48_000), ("whole", 100_001), ("whole", 319), ("faithful", 70_000)]
)
def test_a_pixel_is_the_mean_level_of_its_area(preset, samples):
    config = StftImageConfig(preset=preset)
    cells = np.clip(levels(NOISE[:samples], config=config), -60, 60)
    frequencies, times = np.arange(cells.shape[1]) * config.sampling_rate / config.n_fft, np.arange(len(cells)) * 1.0
    rows = shares(frequencies, config.sampling_rate / config.n_fft / 2, np.linspace(0, 8000, 201))
    columns = shares(times * config.hop_length, config.hop_length / 2, np.linspace(0, samples, 301))
    expected = ((rows @ cells.T @ columns.T)[::-1] + 60) / 120 * 255
    assert np.abs(image(NOISE[:samples], config=config) - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("hertz", [100, 1020, 4020, 7900])
def test_a_tone_is_a_row_and_the_top_is_high(hertz):
    (made,), _ = extract(tone(hertz))
    assert made.dtype == np.uint8
    assert made.shape == (200, 300)
    assert abs(int(made[:, 150].argmax()) - (199 - hertz // 40)) <= 1
    brightest = made[:, 10:-10].max(axis=0)
    assert brightest.max() - brightest.min() <= 1


def test_the_scale_is_fixed():
    loud, faint = extract(NOISE[:48_000])[0], extract(NOISE[:48_000] / 10)[0]
    steps = loud.astype(int) - faint.astype(int)
    assert np.median(steps) in (42, 43), "20 dB are 42.5 steps"
    assert steps.mean() == pytest.approx(42.5, abs=0.1)
    full = levels(tone(4000), config=StftImageConfig())
    assert full.max() == pytest.approx(20 * np.log10(200), abs=0.01)


def test_silence_is_black():
    made, columns = extract(np.zeros(16_000, dtype=np.float32))
    assert not made.any()
    assert columns == [100]


def test_time_runs_to_the_right():
    click = np.zeros(48_000, dtype=np.float32)
    click[16_000] = 1
    (made,), _ = extract(click)
    seen = np.flatnonzero(made.any(axis=0))
    assert seen.min() >= 100 - 3
    assert seen.max() <= 100 + 3
    assert made[100].argmax() in (99, 100)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 170_000))
def test_there_is_an_image_for_each_clip_and_it_knows_its_length(samples):
    made, columns = extract(NOISE[:samples])
    assert len(made) == max(1, samples // 48_000)
    expected = -(-300 * samples // 48_000) if samples < 48_000 else 300
    assert columns == [expected] * len(made)
    assert made[0, 100, : max(expected - 2, 1)].all()
    assert not made[0, :, expected + 3 :].any()


def test_clips_are_images_of_their_own_sound():
    made, _ = extract(NOISE[:96_000])
    np.testing.assert_array_equal(made[1], image(NOISE[48_000:96_000], config=StftImageConfig()))
    assert not np.array_equal(made[0], made[1])


@pytest.mark.parametrize("samples", [1, 79, 81, 160, 239, 241, 30_000, 170_000])
def test_whole_utterances_fill_the_image_whatever_their_length(samples):
    made, columns = extract(np.tile(tone(1000), 4)[:samples], preset="whole")
    assert made.shape == (1, 200, 300)
    assert columns == [300]


def test_a_clip_that_is_too_short_may_be_followed_by_noise():
    made, columns = extract(NOISE[:16_000], remainder="noise")
    assert columns == [100]
    assert made[0, 100, 110:].all()


def test_cleaned_images_differ_by_what_was_noise():
    sound = NOISE[:48_000] / 100
    sound[:24_000] *= 300
    plain, cleaned = extract(sound)[0][0], extract(sound, preset="clips-denoised")[0][0]
    assert abs(plain[:, :140].mean() - cleaned[:, :140].mean()) < 6
    assert cleaned[:, 160:].mean() < plain[:, 160:].mean() - 20


def test_faithful_raises_what_is_80_db_below_the_highest():
    made, _ = extract(tone(46 * 44100 / 2048), preset="faithful")
    highest = 20 * np.log10(512)
    floor = round(255 * (highest - 80 + 60) / 120)
    assert abs(int(made[0, 10, 150]) - floor) <= 1


def test_the_description_says_what_was_done_to_the_sound():
    (spec,) = EXTRACTOR.specs(StftImageConfig(denoise=True, band=(50.0, 9000.0)))
    assert spec.description.endswith("8000 Hz at the top; noise gated, 50 to 7920 Hz")


def test_missing_audio_is_refused():
    with pytest.raises(ExtractionError, match="stft_image: the utterance has no audio"):
        EXTRACTOR.open(StftImageConfig(), None)({"audio": None})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fmax": 9000.0}, "above half the sampling_rate"),
        ({"hop_length": 900}, "leaves samples between frames"),
        ({"n_fft": 801}, "n_fft"),
        ({"top_db": 0.0}, "top_db"),
        ({"colours": "seismic"}, "unknown key 'colours'"),
        ({"preset": "faithful", "denoise": True}, "set remainder to zeros"),
    ],
)
def test_bad_settings_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        validated(StftImageConfig, values, where="stft_image")


def test_the_published_set_of_clips_can_be_named():
    settings = {"preset": "faithful", "length": 3.0, "denoise": True, "remainder": "zeros"}
    config = validated(StftImageConfig, settings, where="stft_image")
    assert (config.sampling_rate, config.length, config.denoise) == (44100, 3.0, True)


quick = settings(deadline=None, max_examples=60)
sizes = st.integers(1, 12)


def shares_image(edges, pixels):
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
    np.testing.assert_allclose(area_means(values, edges, pixels), shares_image(edges, pixels) @ values, atol=1e-9)


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
