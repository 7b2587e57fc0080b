"""Frames are cut where librosa cuts them, whatever the block size."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.features._windows import Framing, PadMode, hann, rounding_error


def cut(values: np.ndarray, framing: Framing, *, frames: int) -> np.ndarray:
    rows = []
    for span, samples in framing.blocks(values, frames=frames):
        count = span.stop - span.start
        assert len(samples) == (count - 1) * framing.hop_length + framing.n_fft
        rows += [samples[i * framing.hop_length :][: framing.n_fft] for i in range(count)]
    return np.stack(rows)


@given(
    n_samples=st.integers(1, 200),
    half=st.integers(1, 20),
    hop=st.integers(1, 40),
    frames=st.integers(1, 9),
    pad_mode=st.sampled_from(["constant", "reflect"]),
)
@settings(deadline=None, max_examples=200)
def test_blocks_are_the_frames_of_the_padded_signal(
    n_samples: int, half: int, hop: int, frames: int, pad_mode: PadMode
) -> None:
    values = np.arange(1.0, n_samples + 1)
    framing = Framing(2 * half, min(hop, 2 * half), pad_mode)
    padded = np.pad(values, half, mode=pad_mode)
    expected = librosa.util.frame(padded, frame_length=framing.n_fft, hop_length=framing.hop_length).T
    assert framing.count(n_samples) == len(expected)
    np.testing.assert_array_equal(cut(values, framing, frames=frames), expected)


def test_a_span_without_padding_is_a_view() -> None:
    values = np.arange(100.0)
    spans = [samples for _, samples in Framing(8, 4, "constant").blocks(values, frames=3)]
    assert not np.shares_memory(spans[0], values)
    assert all(np.shares_memory(samples, values) for samples in spans[1:-1])


@pytest.mark.parametrize("values", [np.float32([-80.0, -33.333, 0.0]), np.zeros(0, dtype=np.float32)])
def test_rounding_error_is_what_a_reader_sees(values: np.ndarray) -> None:
    seen = np.abs(values.astype(np.float16).astype(np.float64) - values).max(initial=0)
    assert rounding_error(values, dtype="float16") == seen
    assert rounding_error(values, dtype="float32") == 0


@pytest.mark.parametrize("n", [2, 16, 400, 2048])
def test_window_is_the_periodic_one(n: int) -> None:
    np.testing.assert_allclose(hann(n), librosa.filters.get_window("hann", n), rtol=0, atol=5e-16)
