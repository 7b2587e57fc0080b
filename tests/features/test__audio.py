import numpy as np
import pytest

from kemfeat.errors import ExtractionError
from kemfeat.features._audio import WaveformConfig, audio_of, brought_in, channel_count, finite
from kemfeat.records import Signal


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
    with pytest.raises(ExtractionError, match=r"2 channels, .* set x\.channels to first or mean"):
        brought_in(stereo, WaveformConfig(channels="refuse"), feature="x")


def test_another_rate_may_be_refused():
    with pytest.raises(ExtractionError, match=r"at 8000 Hz, expected 16000 Hz; set x\.resample"):
        brought_in(Signal(np.ones(80, np.float32), 8000, "1"), WaveformConfig(resample=False), feature="x")
