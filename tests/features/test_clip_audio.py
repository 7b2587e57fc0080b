import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features.clip_audio import EXTRACTOR, ClipAudioConfig
from kemfeat.media import read_audio
from kemfeat.records import Signal

PCM = np.random.default_rng(0).integers(-32768, 32768, size=170_000).astype(np.int16)


def extract(values, **config):
    made = EXTRACTOR.open(ClipAudioConfig(**config), None)({"audio": Signal(values, 16000, "1")})
    return made.arrays["clip_audio"], made.arrays["clip_audio_lengths"], made.columns["clip_audio_length_total"]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 170_000))
def test_a_16_bit_recording_is_stored_sample_by_sample(samples):
    made, lengths, total = extract((PCM[:samples] / 32768).astype(np.float32))
    count = max(1, samples // 48_000)
    assert made.shape == (count, 48_000)
    assert made.dtype == np.int16
    np.testing.assert_array_equal(made.ravel()[: min(samples, count * 48_000)], PCM[: min(samples, count * 48_000)])
    assert lengths.tolist() == total == [min(samples, 48_000)] * count
    assert not made[0, samples:].any()


def test_real_clips_are_stored_sample_by_sample(shared):
    for path in sorted((shared / "data/kemdy20_real_media/wav").rglob("*.wav"))[:10]:
        expected, _ = soundfile.read(path, dtype="int16")
        made, lengths, _ = extract(read_audio(path).values, preset="whole")
        np.testing.assert_array_equal(made[0, : lengths[0]], expected)


def test_whole_utterances_are_cut_and_the_cut_is_counted():
    made, lengths, total = extract((PCM / 32768).astype(np.float32), preset="whole", max_seconds=2.0)
    np.testing.assert_array_equal(made, PCM[None, :32_000])
    assert lengths.tolist() == [32_000]
    assert total == [170_000]


def test_what_is_beyond_full_scale_is_cut():
    made, _, _ = extract(np.array([1.5, 1.0, -1.0, -2.0], dtype=np.float32))
    assert made[0, :4].tolist() == [32767, 32767, -32768, -32768]


def test_noise_behind_a_short_clip_is_not_counted():
    made, lengths, _ = extract(np.zeros(1000, dtype=np.float32), remainder="noise")
    assert lengths.tolist() == [1000]
    assert 20 * np.log10(made[0, 1000:].std() / 32768) == pytest.approx(-32, abs=0.2)


def test_missing_audio_is_refused():
    with pytest.raises(ExtractionError, match="clip_audio: the utterance has no audio"):
        EXTRACTOR.open(ClipAudioConfig(), None)({"audio": None})


@pytest.mark.parametrize("values", [{"max_seconds": 0.0}, {"n_fft": 800}, {"preset": "faithful"}])
def test_bad_settings_are_refused(values):
    with pytest.raises(ConfigError, match="clip_audio"):
        validated(ClipAudioConfig, values, where="clip_audio")
