"""Cepstra against python_speech_features 0.6; the tolerance is that of samples held as float32."""

import numpy as np
import pytest
import python_speech_features

from kemfeat.features._cepstra import cepstra, frame_count
from kemfeat.media import read_audio

AGREEMENT = 5e-4  # of coefficients up to 60


def noise(n, *, scale=1000, seed=0):
    return np.rint(np.random.default_rng(seed).normal(scale=scale, size=n))


CLIPS = {
    "silence": np.zeros(44000),
    "noise": noise(44000),
    "one frame": noise(400),
    "one frame and a sample": noise(401),
    "whole frames": noise(400 + 160 * 7),
    "faint": noise(20000, scale=1),
    "full scale": np.tile([32767.0, -32768.0], 8000),
    "constant": np.full(16000, 12345.0),
    "click": np.eye(1, 16000, 8000)[0] * 32767,
}


@pytest.mark.parametrize("clip", CLIPS)
def test_agrees_with_python_speech_features(clip):
    values = CLIPS[clip]
    np.testing.assert_allclose(cepstra(values), python_speech_features.mfcc(values, 16000), rtol=0, atol=AGREEMENT)


def test_agrees_with_python_speech_features_on_every_real_clip(shared):
    clips = sorted((shared / "data/kemdy20_real_media/wav").rglob("*.wav"))
    assert clips
    for path in clips:
        values = np.rint(read_audio(path).values.astype(np.float64) * 32768)
        expected = python_speech_features.mfcc(values.astype(np.int16), 16000)
        np.testing.assert_allclose(cepstra(values), expected, rtol=0, atol=AGREEMENT, err_msg=path.name)


@pytest.mark.parametrize(("n", "frames"), [(400, 1), (401, 2), (560, 2), (561, 3), (44000, 274)])
def test_a_last_frame_that_is_not_whole_counts(n, frames):
    assert frame_count(n) == frames == len(cepstra(noise(n)))


def test_the_first_coefficient_is_the_energy():
    loud = cepstra(noise(16000))
    np.testing.assert_allclose(cepstra(noise(16000) * 2)[:, 0] - loud[:, 0], np.log(4), atol=1e-6)
    np.testing.assert_allclose(cepstra(noise(16000) * 2)[:, 1:], loud[:, 1:], atol=1e-3)
