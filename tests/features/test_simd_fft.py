"""Mel powers in lanes against a plain transform, and the laws of lanes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.fft

from kemfeat.features import _simd_fft
from kemfeat.features._windows import hann

WIDTHS = [4, 1, 9, 8, 17]
EVERY_BAND = """
import sys, hashlib, numpy as np
from kemfeat.features import _simd_fft
from kemfeat.features._windows import hann
samples = np.random.default_rng(0).standard_normal(6000).astype("f4")
powers = np.empty((20, 3), dtype="f4")
bands = _simd_fft.bands([np.ones(9), np.ones(40), np.ones(100)], first_bins=[0, 10, 50])
_simd_fft.mel_powers(samples, 250, _simd_fft.transform(hann(512)), bands, powers)
sys.stdout.write(hashlib.sha256(powers.tobytes()).hexdigest())
"""


def noise(n: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def some_bands(n_fft: int) -> tuple[_simd_fft.Bands, np.ndarray]:
    """Bands of several widths, one up to the last bin, and as a matrix [shape=(bands, bins)]."""
    rng = np.random.default_rng(1)
    bins = n_fft // 2 + 1
    widths = [min(width, bins) for width in WIDTHS]
    firsts = [*(min(3 * i, bins - width) for i, width in enumerate(widths[:-1])), bins - widths[-1]]
    weights = [rng.uniform(0.1, 1, width) for width in widths]
    matrix = np.zeros((len(widths), bins))
    for row, first, band in zip(matrix, firsts, weights, strict=True):
        row[first : first + len(band)] = band
    return _simd_fft.bands(weights, first_bins=firsts), matrix


def powers_of(samples: np.ndarray, frames: int, *, n_fft: int, hop: int) -> np.ndarray:
    bands, _ = some_bands(n_fft)
    powers = np.empty((frames, len(bands.first_bins)), dtype=np.float32)
    _simd_fft.mel_powers(samples, hop, _simd_fft.transform(hann(n_fft)), bands, powers)
    return powers


def spectra_of(samples: np.ndarray, frames: int, *, n_fft: int, hop: int) -> np.ndarray:
    cut = np.stack([samples[t * hop : t * hop + n_fft] for t in range(frames)])
    return scipy.fft.rfft(cut * hann(n_fft), axis=1)


@pytest.mark.parametrize("n_fft", [512, 1024, 2048, 4096])
@pytest.mark.parametrize(("hop", "frames"), [(7, 1), (8, 16), (16, 37)])
def test_powers_are_those_of_a_plain_transform(n_fft: int, hop: int, frames: int) -> None:
    samples = noise((frames - 1) * hop + n_fft)
    _, matrix = some_bands(n_fft)
    expected = np.abs(spectra_of(samples, frames, n_fft=n_fft, hop=hop)) ** 2 @ matrix.T
    np.testing.assert_allclose(powers_of(samples, frames, n_fft=n_fft, hop=hop), expected, rtol=2e-7)


@pytest.mark.parametrize("n_fft", [512, 1024, 2048, 4096])
@pytest.mark.parametrize("kind", ["noise", "constant", "Nyquist", "click", "tone"])
def test_every_bin_is_exact_to_the_last_digits(n_fft: int, kind: str) -> None:
    """One band per bin; errors are measured against the frame's largest bin, as those of a transform are."""
    time = np.arange(n_fft)
    signals = {
        "noise": noise(n_fft),
        "constant": np.ones(n_fft),
        "Nyquist": (-1.0) ** time,
        "click": time == n_fft // 3,
        "tone": np.sin(0.3 * time),
    }
    samples = signals[kind].astype(np.float32)
    bins = n_fft // 2 + 1
    powers = np.empty((1, bins), dtype=np.float32)
    bands = _simd_fft.bands([np.ones(1)] * bins, first_bins=list(range(bins)))
    _simd_fft.mel_powers(samples, 1, _simd_fft.transform(hann(n_fft)), bands, powers)
    magnitudes = np.abs(np.fft.rfft(samples.astype(np.longdouble) * hann(n_fft)))
    error = np.abs(np.sqrt(powers[0].astype(np.float64)) - magnitudes).max()
    assert error <= 1e-7 * magnitudes.max()  # the powers are rounded to float32
    silent = magnitudes < 1e-12 * magnitudes.max()
    assert np.sqrt(powers[0][silent]).max(initial=0) < 1e-15 * magnitudes.max() * np.log2(n_fft)


def test_ready_spectra_give_the_same_bands() -> None:
    samples = noise(20 * 128 + 512)
    bands, _ = some_bands(512)
    powers = np.empty((21, len(WIDTHS)), dtype=np.float32)
    _simd_fft.band_powers(spectra_of(samples, 21, n_fft=512, hop=128), bands, powers)
    np.testing.assert_allclose(powers, powers_of(samples, 21, n_fft=512, hop=128), rtol=2e-7)


def test_a_frame_has_the_same_bits_in_every_lane_beside_any_others() -> None:
    n_fft, hop = 512, 512
    frame, others = noise(n_fft), [noise(40 * n_fft, seed=seed) * 10.0**seed for seed in range(3)]
    found = set()
    for other in others:
        for lane in range(0, 40, 3):
            samples = other.astype(np.float32)
            samples[lane * hop : lane * hop + n_fft] = frame
            found.add(powers_of(samples, 40, n_fft=n_fft, hop=hop)[lane].tobytes())
    assert len(found) == 1


def test_a_frame_that_is_not_finite_stays_alone() -> None:
    samples = noise(512 * 20)
    clean = powers_of(samples, 20, n_fft=512, hop=512)
    samples[512 * 3 + 7] = np.inf
    found = powers_of(samples, 20, n_fft=512, hop=512)
    assert not np.isfinite(found[3]).any()
    np.testing.assert_array_equal(np.delete(found, 3, axis=0), np.delete(clean, 3, axis=0))


def test_read_only_samples() -> None:
    samples = noise(4000)
    expected = powers_of(samples, 10, n_fft=512, hop=256)
    samples.flags.writeable = False
    np.testing.assert_array_equal(powers_of(samples, 10, n_fft=512, hop=256), expected)


@pytest.mark.parametrize(
    ("n_fft", "fits"), [(2, False), (400, False), (512, True), (1000, False), (4096, True), (8192, False)]
)
def test_lengths_that_fit(n_fft: int, fits: bool) -> None:
    assert _simd_fft.fits(n_fft) == fits


def test_vectors_of_another_width_make_the_same_bytes(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", EVERY_BAND]
    narrow = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    samples = noise(6000)
    powers = np.empty((20, 3), dtype=np.float32)
    bands = _simd_fft.bands([np.ones(9), np.ones(40), np.ones(100)], first_bins=[0, 10, 50])
    _simd_fft.mel_powers(samples, 250, _simd_fft.transform(hann(512)), bands, powers)
    assert narrow.stdout == hashlib.sha256(powers.tobytes()).hexdigest()
