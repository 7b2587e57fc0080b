import numpy as np
import pytest

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features._audio import WaveformConfig, audio_of, brought_in, finite
from kemfeat.records import Signal
from kemfeat.waveform import QUIET_CHANNEL, channel_count


def test_the_first_of_several_channels_is_taken_sample_by_sample():
    values = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    made = finite(Signal(values, 16000, "1"), WaveformConfig(), feature="x")
    assert made.flags.c_contiguous
    np.testing.assert_array_equal(made, values[:, 0])


def test_audio_is_brought_to_the_rate():
    assert len(finite(Signal(np.ones(8000), 8000, "1"), WaveformConfig(), feature="x")) == 16000


@pytest.mark.parametrize("medium", [None, "words"])
def test_missing_audio_is_refused(medium):
    with pytest.raises(ExtractionError, match="x: the utterance has no audio"):
        audio_of({"audio": medium}, feature="x")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(value):
    with pytest.raises(ExtractionError, match="x: samples are NaN or infinite"):
        finite(Signal(np.array([0.0, value]), 16000, "1"), WaveformConfig(), feature="x")


def test_less_than_a_sample_is_refused():
    with pytest.raises(ExtractionError, match=r"x: 1 samples at 1e\+06 Hz are less than one at 16000 Hz"):
        finite(Signal(np.ones(1, np.float32), 1_000_000, "1"), WaveformConfig(), feature="x")


def test_channels_are_counted_averaged_or_refused():
    stereo = Signal(np.array([[0.2, 0.4], [0.0, -0.2]], dtype=np.float32), 16000, "1")
    assert channel_count(stereo) == 2
    np.testing.assert_allclose(brought_in(stereo, WaveformConfig(channels="mean"), feature="x"), [0.3, -0.1], atol=1e-7)
    with pytest.raises(ExtractionError, match=r"2 channels, .* set x\.channel to mean, loudest, or the number"):
        brought_in(stereo, WaveformConfig(channels="refuse"), feature="x")


def test_another_rate_may_be_refused():
    with pytest.raises(ExtractionError, match=r"at 8000 Hz, expected 16000 Hz; set x\.resample"):
        brought_in(Signal(np.ones(80, np.float32), 8000, "1"), WaveformConfig(resample=False), feature="x")


def tones(*gains):
    """One tone in as many channels, each with its own gain and phase."""
    time = np.arange(1600) / 16000
    waves = [gain * np.sin(2 * np.pi * 200 * time + phase) for phase, gain in enumerate(gains)]
    return Signal(np.array(waves, np.float32).T, 16000, "1")


@pytest.mark.parametrize(
    ("channel", "used"), [("loudest", 1), (2, 1), (1, 0), (3, 2)], ids=["loudest", "second", "first", "third"]
)
def test_a_channel_is_used_as_set(channel, used):
    stereo = tones(0.001, 0.5, 0.1)
    made = brought_in(stereo, WaveformConfig(channels=channel), feature="x")
    np.testing.assert_array_equal(made, stereo.values[:, used])


@pytest.mark.parametrize(("gain", "said"), [(0.0, "is silent"), (0.001, "is 54 dB softer")])
def test_a_first_channel_that_is_far_softer_is_refused_and_not_taken_for_the_speaker(gain, said):
    expected = rf"x: the sound is in channel 2 of 2, the first one {said}; set x\.channel to mean, loudest, or"
    with pytest.raises(ExtractionError, match=expected):
        brought_in(tones(gain, 0.5), WaveformConfig(), feature="x")


def test_the_first_channel_is_used_up_to_the_limit_and_in_silence():
    softer = 10 ** (-(QUIET_CHANNEL - 0.1) / 20)
    for stereo in (tones(0.5 * softer, 0.5), tones(0.5, 0.0), tones(0.0, 0.0)):
        np.testing.assert_array_equal(brought_in(stereo, WaveformConfig(), feature="x"), stereo.values[:, 0])


@pytest.mark.parametrize("channel", ["first", "mean", "loudest", "refuse", 1])
def test_one_channel_is_the_same_whatever_is_set(channel):
    mono = Signal(tones(0.5).values[:, 0], 16000, "1")
    np.testing.assert_array_equal(brought_in(mono, WaveformConfig(channels=channel), feature="x"), mono.values)


@pytest.mark.parametrize(("count", "said"), [(1, "1 channel,"), (2, "2 channels,")])
def test_a_channel_that_the_audio_lacks_is_refused(count, said):
    with pytest.raises(ExtractionError, match=rf"x: the audio has {said} expected a channel 3; set x\.channel"):
        brought_in(tones(*[0.5] * count), WaveformConfig(channels=3), feature="x")


def test_the_setting_has_one_meaning_under_both_names():
    assert validated(WaveformConfig, {"channel": 2}, where="mel") == WaveformConfig(channels=2)
    with pytest.raises(ConfigError, match="two names of one setting"):
        validated(WaveformConfig, {"channel": 2, "channels": 2}, where="mel")


@pytest.mark.parametrize("channel", [0, 65, -1, True, "second", 1.0, None])
def test_other_channels_are_refused_in_one_sentence(channel):
    with pytest.raises(ConfigError, match=r"^mel: channels: expected one of first, .* 1 for the first, found [^;]*$"):
        validated(WaveformConfig, {"channel": channel}, where="mel")
