"""Spectrograms and traces of one utterance: axes with units, gaps, the same bytes twice."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.figures.spectrogram import Image, Trace, _gaps, mel_frequencies, utterance

MASK = np.array([True, True, False, False, True, True, False, True])


def panels() -> list[Image | Trace]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 32))
    bands = mel_frequencies(32, fmin=100, fmax=8000)
    return [
        Image(title="mel", values=values - 40, frame_rate=30.0, unit="dB", frequencies=bands),
        Image(title="delta", values=values, frame_rate=30.0, unit="dB/frame", signed=True),
        Trace(title="eda: $raw", values=np.where(MASK, 1.0, np.nan), measured=MASK, sampling_rate=4.0, unit="uS"),
    ]


@pytest.mark.parametrize(("n_mels", "fmin", "fmax"), [(128, 100.0, 8000.0), (40, 0.0, 4000.0), (16, 50.0, 900.0)])
def test_band_centres_are_those_of_librosa(n_mels: int, fmin: float, fmax: float) -> None:
    expected = librosa.mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax)[1:-1]
    np.testing.assert_allclose(mel_frequencies(n_mels, fmin=fmin, fmax=fmax), expected, rtol=1e-12)


def test_axes_have_names_and_units_and_the_bytes_repeat(tmp_path: Path) -> None:
    utterance(tmp_path / "a", panels=panels(), seconds=2.0)
    utterance(tmp_path / "b", panels=panels(), seconds=2.0)
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for text in ("time [s]", "frequency [kHz]", "band", "[dB]", "[dB/frame]", "[µS]", "eda: $raw"):
        assert f">{text}</text>" in svg
    assert svg == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_long_titles_go_on_in_another_line_and_bands_have_their_name(tmp_path: Path) -> None:
    image = Image(title="word " * 30, values=np.zeros((3, 4)), frame_rate=10.0, unit="1", band="coefficient")
    utterance(tmp_path / "a", panels=[image], seconds=1.0)
    texts = re.findall(r">([^<>]+)</text>", (tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert "coefficient" in texts
    assert max(map(len, texts)) <= 80
    assert sum(text.split().count("word") for text in texts) == 30


def test_one_frame_silence_and_nothing_measured_are_drawn(tmp_path: Path) -> None:
    nothing = np.zeros(3, dtype=bool)
    flat: list[Image | Trace] = [
        Image(title="one", values=np.zeros((1, 4)), frame_rate=10.0, unit="dB", signed=True),
        Trace(title="none", values=np.full(3, np.nan), measured=nothing, sampling_rate=4.0, unit="1"),
    ]
    utterance(tmp_path / "flat", panels=flat, seconds=0.1)
    assert (tmp_path / "flat.svg").stat().st_size > 0


@given(st.lists(st.booleans(), max_size=30))
@settings(deadline=None, max_examples=100)
def test_gaps_are_exactly_what_was_not_measured(measured: list[bool]) -> None:
    gaps = _gaps(np.array(measured, dtype=bool))
    rebuilt = np.ones(len(measured), dtype=bool)
    for start, end in gaps:
        assert start < end
        rebuilt[start:end] = False
    assert rebuilt.tolist() == measured
    assert all(after[0] > before[1] for before, after in pairwise(gaps))
