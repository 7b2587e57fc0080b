import librosa
import numpy as np
import pytest
import python_speech_features
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.tick_audio import EXTRACTOR, TickAudioConfig
from kemfeat.media import read_audio
from kemfeat.records import Signal
from tests.features.kit import both

NOISE = (0.1 * np.random.default_rng(0).normal(size=80_000)).astype(np.float32)


def extract(values, slots, *, rate=16000, **config):
    audio = None if values is None else Signal(np.asarray(values, dtype=np.float32), rate, "1")
    made = EXTRACTOR.open(TickAudioConfig(**config), None)({"audio": audio, **both(slots)})
    assert dict(made.columns) == {}
    return made.arrays["tick_audio"], made.arrays["tick_audio_mask"]


def librosa_levels(values, middle, *, n_mels=26):
    """Level of the frame whose 400 samples have this middle, dB."""
    padded = np.pad(values.astype(np.float64), 512)
    under = padded[middle + 512 - 256 : middle + 512 + 256]
    powers = librosa.feature.melspectrogram(
        y=under, sr=16000, n_fft=512, win_length=400, hop_length=512, center=False, n_mels=n_mels
    )
    return 10 * np.log10(np.maximum(powers[:, 0], 1e-10))


@pytest.mark.parametrize("n_mels", [26, 64])
def test_frames_are_librosas(n_mels):
    made, mask = extract(NOISE, range(20), n_mels=n_mels)
    assert made.shape == (20, 273, n_mels)
    for tick, frame in [(0, 136), (0, 137), (0, 272), (7, 0), (7, 136), (19, 100), (19, 157)]:
        middle = 4000 * tick + 160 * (frame - 136)
        assert mask[tick, frame]
        np.testing.assert_allclose(made[tick, frame], librosa_levels(NOISE, middle, n_mels=n_mels), atol=1e-3)


def test_the_middle_frame_is_centred_on_the_tick():
    clicks = np.zeros(80_000, dtype=np.float32)
    clicks[4000 * 9] = 1
    made, _ = extract(clicks, range(20))
    assert made[9, :, 20].argmax() == 136
    assert made[8, :, 20].argmax() == 136 + 25
    assert made[4, :, 20].argmax() == 136 + 125
    assert (made[3] == -100).all(), "the click lies outside of the 2.75 s"


def test_neighbours_share_frames():
    made, _ = extract(NOISE, range(20))
    np.testing.assert_array_equal(made[5, 25:], made[6, :-25])


def test_outside_of_the_audio_there_is_silence_and_no_mask():
    made, mask = extract(NOISE[:16_000], range(9))
    assert not mask[0, :136].any()
    assert mask[0, 136 : 136 + 100].all()
    assert not mask[0, 136 + 100 :].any()
    assert (made[0, :130] == -100).all()
    assert not mask[8, 0 : 273 - 30][137:].any()
    assert (made[8, 136:] == -100).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=12).map(sorted), st.integers(1, 80_000))
def test_a_tick_is_the_same_whatever_other_ticks_there_are(slots, samples):
    made, mask = extract(NOISE[:samples], slots)
    alone = np.stack([extract(NOISE[:samples], [slots[0], slot])[0][-1] for slot in slots[1:]] or [made[0]])
    np.testing.assert_array_equal(made[-len(alone) :], alone)
    middles = 4000 * (np.array(slots) - slots[0])[:, None] + 160 * (np.arange(273) - 136)
    np.testing.assert_array_equal(mask, (middles >= 0) & (middles < samples))


def test_levels_are_absolute():
    loud, _ = extract(NOISE, range(20))
    faint, _ = extract(NOISE / 10, range(20))
    np.testing.assert_allclose((loud - faint)[8], 20, atol=1e-3)


def published(values, first, last):
    """Cepstra of the published window over samples first to last, without a word in common with the feature."""
    piece = np.rint(values.astype(np.float64) * 32768).astype(np.int16)[first:last]
    if len(piece) < 0.08 * 16000:
        fitted = np.zeros(44_000, dtype=np.int16)
    elif len(piece) < 44_000:
        missing = 44_000 - len(piece)
        fitted = np.pad(piece, (missing // 2, missing - missing // 2), mode="reflect")
    else:
        cut = (len(piece) - 44_000) // 2
        fitted = piece[cut : cut + 44_000]
    return python_speech_features.mfcc(fitted, 16000)


def test_faithful_is_python_speech_features_on_real_speech(shared):
    for path in sorted((shared / "data/kemdy20_real_media/wav").rglob("*.wav"))[:12]:
        values = read_audio(path).values
        count = int(len(values) / 4000) + 1
        made, _ = extract(values, range(count), preset="faithful")
        assert made.shape == (count, 274, 13)
        for tick in range(count):
            expected = published(values, 4000 * max(tick - 5, 0), 4000 * min(tick + 5, count - 1))
            np.testing.assert_allclose(made[tick], expected, rtol=0, atol=5e-4)


def test_faithful_goes_by_order_over_a_gap_and_cuts_both_ends():
    slots = [0, 1, 2, 3, 4, 5, 6, 7, 8, 18, 19]
    made, mask = extract(NOISE, slots, preset="faithful")
    np.testing.assert_allclose(made[5], published(NOISE, 0, 76_000), rtol=0, atol=5e-4)
    assert mask[5].all()


@pytest.mark.parametrize(("samples", "real"), [(1279, 0), (1280, 8), (16_000, 100)])
def test_faithful_marks_what_is_no_mirror_image(samples, real):
    made, mask = extract(NOISE[:samples], range(6), preset="faithful")
    assert mask[0].sum() == real
    assert (made[0, 3] == made[0, 200]).all() == (real == 0), "too short a slice becomes zeros"


@pytest.mark.parametrize("preset", ["default", "faithful"])
def test_without_ticks_there_is_no_row_and_without_audio_no_feature(preset):
    made, mask = extract(NOISE, [], preset=preset)
    assert len(made) == len(mask) == 0
    with pytest.raises(ExtractionError, match="tick_audio: the utterance has no audio"):
        extract(None, range(3), preset=preset)


def test_audio_that_ends_long_before_the_ticks_is_silence():
    made, mask = extract(NOISE[:100], range(40))
    assert (made[20:] == -100).all()
    assert not mask[20:].any()


@pytest.mark.parametrize("values", [{"kind": "mfcc", "n_mels": 40}, {"n_mels": 200}, {"n_mels": 0}, {"frames": 3}])
def test_bad_settings_are_refused(values):
    with pytest.raises(ConfigError, match="tick_audio"):
        validated(TickAudioConfig, values, where="tick_audio")


def test_the_channel_is_chosen_as_elsewhere_and_the_usual_one_is_not_recorded():
    stereo = np.column_stack([0 * NOISE, NOISE])
    with pytest.raises(ExtractionError, match=r"tick_audio: the sound is in channel 2 of 2, the first one is silent"):
        extract(stereo, range(2))
    for made, expected in zip(extract(stereo, range(2), channels=2), extract(NOISE, range(2)), strict=True):
        np.testing.assert_array_equal(made, expected)
    assert "channels" not in TickAudioConfig().model_dump(mode="json")
    assert TickAudioConfig(channels="mean").model_dump(mode="json")["channels"] == "mean"
