"""Mel powers of sixteen frames at once, one frame per vector lane.

A transform of n real samples x is one of n/2 complex ones, z[r] = x[2r] + i x[2r+1] (Press et al., Numerical Recipes,
3rd ed., section 12.3.2). That one is taken in place, in steps of radix 4 and a first one of radix 2 where needed,
decimating in frequency (Cooley and Tukey, Math. Comput. 19:297, 1965), which leaves the bins in the order of their
reversed digits.

Row r of the grid is z[r] of all lanes, first the real parts, then the imaginary ones. Every step does the same to
all lanes, is rounded as it is written, and never crosses them: a frame has the same bits in any lane, beside any other
frames, in vectors of any width.

The compiler turns a loop over lanes into vectors when it can prove, or cheaply check, that what is written is not what
is read. Hence a constant count of lanes, constant distances between the four rows of a butterfly, and slices of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.compiled import compiled
from kemfeat.features._windows import TURN

LANES = 16
"""Loops with fewer turns become vectors only where nothing needs to be checked; more lanes need too much cache."""

_ROW = 2 * LANES
_AT_ONCE = 8
"""Bins that a band adds up before it touches its total."""

_GROUP = 256
"""Rows whose steps are all taken before the next rows are touched: 64 KiB."""

_SIZES = (2 * _GROUP, 4 * _GROUP, 8 * _GROUP, 16 * _GROUP)
"""Lengths of frames whose steps are written out below."""


class Transform(NamedTuple):
    """The tables of frames of n samples.

    Parameters
    ----------
    window : ndarray, shape (n,), float64
        Half of the window; the other factor of 2 is in :func:`_squared_magnitudes`.
    twiddles : ndarray, shape (n / 4, 6), float64
        Row i is cos, -sin of 2 pi i j / (n/2) for j = 1, 2, 3.
    turns : ndarray, shape (n / 4 + 1, 2), float64
        Row k is cos, -sin of 2 pi k / n.
    places : ndarray, shape (n / 2,), int64
        Row of the grid in which bin k ends.
    """

    window: NDArray[np.float64]
    twiddles: NDArray[np.float64]
    turns: NDArray[np.float64]
    places: NDArray[np.int64]


class Bands(NamedTuple):
    """Weighted sums of neighbouring bins.

    Parameters
    ----------
    first_bins : ndarray, shape (bands,), int64
        First bin of each band.
    offsets : ndarray, shape (bands + 1,), int64
        Where each band begins in ``weights``, multiples of 8.
    weights : ndarray, float64
        Weights of all bands, end to end, each band's own followed by zeros.
    """

    first_bins: NDArray[np.int64]
    offsets: NDArray[np.int64]
    weights: NDArray[np.float64]


def fits(n_fft: int) -> bool:
    """Whether frames of ``n_fft`` samples can be transformed here."""
    return n_fft in _SIZES


def transform(window: NDArray[np.float64]) -> Transform:
    """The tables for frames under ``window`` [shape=(n,)], where n fits."""
    rows = window.size // 2
    angles = TURN / rows * np.outer(np.arange(rows // 2), [1, 2, 3])
    half_angles = TURN / window.size * np.arange(rows // 2 + 1)
    return Transform(
        window=0.5 * window,
        twiddles=np.stack([np.cos(angles), -np.sin(angles)], axis=2).reshape(-1, 6).astype(np.float64),
        turns=np.stack([np.cos(half_angles), -np.sin(half_angles)], axis=1).astype(np.float64),
        places=np.argsort(_bins(rows)),
    )


def _bins(rows: int) -> NDArray[np.int64]:
    """The bin that each row holds in the end; part j of the rows holds bins j, j + radix ... in like order."""
    if rows == 1:
        return np.zeros(1, dtype=np.int64)
    radix = 2 if rows.bit_length() % 2 == 0 else 4
    return (radix * _bins(rows // radix) + np.arange(radix)[:, None]).ravel()


def bands(weights: list[NDArray[np.float64]], *, first_bins: list[int]) -> Bands:
    """Bands that begin at ``first_bins`` and have ``weights`` [each shape=(bins of the band,)]."""
    padded = [np.pad(band, (0, -len(band) % _AT_ONCE)) for band in weights]
    return Bands(
        first_bins=np.array(first_bins, dtype=np.int64),
        offsets=np.cumsum([0, *map(len, padded)], dtype=np.int64),
        weights=np.concatenate(padded),
    )


class _Work(NamedTuple):
    """Memory for intermediate numbers; allocating it in compiled code takes half a second more to compile."""

    grid: NDArray[np.float64]
    bins: NDArray[np.float64]
    totals: NDArray[np.float64]
    span: NDArray[np.float32]


def mel_powers(
    samples: NDArray[np.float32], hop_length: int, transform: Transform, bands: Bands, powers: NDArray[np.float32]
) -> None:
    """Fill ``powers`` [shape=(t, bands)] with the bands of the frames at every ``hop_length``-th of ``samples``."""
    rows = transform.places.size
    work = _Work(
        grid=np.empty(rows * _ROW),
        bins=np.zeros((rows + _AT_ONCE) * LANES),
        totals=np.empty(LANES),
        span=np.zeros((LANES - 1) * hop_length + 2 * rows, np.float32),
    )
    _mel_powers(samples, hop_length, transform, bands, powers, work)


@compiled()
def _mel_powers(
    samples: NDArray[np.float32],
    hop_length: int,
    transform: Transform,
    bands: Bands,
    powers: NDArray[np.float32],
    work: _Work,
) -> None:
    span = work.span
    for first in range(0, powers.shape[0], LANES):
        under = samples[first * hop_length : first * hop_length + span.size]
        for i in range(under.size):  # an assignment of slices would take a second to compile, for the text of its error
            span[i] = under[i]  # the last span keeps old samples in lanes that are not used
        _load(span, hop_length, transform.window, work.grid)
        _transform(work.grid, transform.twiddles)
        _squared_magnitudes(work.grid, transform.turns, transform.places, work.bins)
        _sum(work.bins, bands, work.totals, powers[first : first + LANES])


@compiled()
def band_powers(spectra: NDArray[np.complex128], bands: Bands, powers: NDArray[np.float32]) -> None:
    """Fill ``powers`` [shape=(t, bands)] with the bands of ready ``spectra`` [shape=(t, bins)]."""
    bins = np.zeros((spectra.shape[1] + _AT_ONCE) * LANES)
    totals = np.empty(LANES)
    for first in range(0, powers.shape[0], LANES):
        for lane in range(min(LANES, powers.shape[0] - first)):
            spectrum = spectra[first + lane]
            for k in range(spectrum.size):
                bins[k * LANES + lane] = spectrum[k].real * spectrum[k].real + spectrum[k].imag * spectrum[k].imag
        _sum(bins, bands, totals, powers[first : first + LANES])


@compiled(inline=True)
def _load(
    samples: NDArray[np.float32], hop_length: int, window: NDArray[np.float64], grid: NDArray[np.float64]
) -> None:
    """Fill ``grid`` with windowed frames: even samples are real parts, odd ones imaginary."""
    for i in range(window.size):
        weight, lanes = window[i], grid[i * LANES : (i + 1) * LANES]
        for lane in range(LANES):
            lanes[lane] = weight * samples[lane * hop_length + i]


@compiled(inline=True)
def _halve(grid: NDArray[np.float64], twiddles: NDArray[np.float64]) -> None:
    """A step of radix 2 for all rows."""
    half = grid.size // 2
    for i in range(half // _ROW):
        wr, wi = twiddles[i, 0], twiddles[i, 1]
        a, b = grid[i * _ROW : (i + 1) * _ROW], grid[half + i * _ROW : half + (i + 1) * _ROW]
        for re in range(LANES):
            im = re + LANES
            xr, xi = a[re] - b[re], a[im] - b[im]
            a[re], a[im] = a[re] + b[re], a[im] + b[im]
            b[re], b[im] = xr * wr - xi * wi, xr * wi + xi * wr


def _quarter(quarter: int) -> Callable[[NDArray[np.float64], NDArray[np.float64]], None]:
    """A step of radix 4 for every group of 4 ``quarter`` rows; compiled for each distance, as it must be constant."""

    def step(grid: NDArray[np.float64], twiddles: NDArray[np.float64]) -> None:
        q, stride = quarter * _ROW, twiddles.shape[0] // (2 * quarter)
        for group in range(0, grid.size, 4 * q):
            for i in range(quarter):
                w = twiddles[i * stride]
                w1r, w1i, w2r, w2i, w3r, w3i = w[0], w[1], w[2], w[3], w[4], w[5]
                z = grid[group + i * _ROW : group + (i + 1) * _ROW + 3 * q]
                for re in range(LANES):
                    im = re + LANES
                    sr, si = z[re] + z[re + 2 * q], z[im] + z[im + 2 * q]
                    tr, ti = z[re] - z[re + 2 * q], z[im] - z[im + 2 * q]
                    ur, ui = z[re + q] + z[re + 3 * q], z[im + q] + z[im + 3 * q]
                    vr, vi = z[re + q] - z[re + 3 * q], z[im + q] - z[im + 3 * q]
                    z[re], z[im] = sr + ur, si + ui
                    xr, xi = tr + vi, ti - vr
                    z[re + q], z[im + q] = xr * w1r - xi * w1i, xr * w1i + xi * w1r
                    xr, xi = sr - ur, si - ui
                    z[re + 2 * q], z[im + 2 * q] = xr * w2r - xi * w2i, xr * w2i + xi * w2r
                    xr, xi = tr - vi, ti + vr
                    z[re + 3 * q], z[im + 3 * q] = xr * w3r - xi * w3i, xr * w3i + xi * w3r

    step.__qualname__ = f"{_quarter.__name__}_{quarter}"
    return compiled()(step)


_quarter_256, _quarter_64, _quarter_16, _quarter_4, _quarter_1 = map(_quarter, (256, 64, 16, 4, 1))


@compiled(inline=True)
def _transform(grid: NDArray[np.float64], twiddles: NDArray[np.float64]) -> None:
    """Transform every lane of ``grid`` in place."""
    rows = grid.size // _ROW
    if rows in (2 * _GROUP, 8 * _GROUP):
        _halve(grid, twiddles)
    if rows >= 4 * _GROUP:
        _quarter_256(grid, twiddles)
    for start in range(0, grid.size, _GROUP * _ROW):
        group = grid[start : start + _GROUP * _ROW]
        _quarter_64(group, twiddles)
        _quarter_16(group, twiddles)
        _quarter_4(group, twiddles)
        _quarter_1(group, twiddles)


@compiled(inline=True)
def _squared_magnitudes(
    grid: NDArray[np.float64], turns: NDArray[np.float64], places: NDArray[np.int64], bins: NDArray[np.float64]
) -> None:
    """Fill ``bins`` with |X[k]|^2, k = 0 to n/2, where 2 X[k] = z[k] + conj z[-k] - i turn[k] (z[k] - conj z[-k])."""
    rows = places.size
    for k in range(rows // 2 + 1):
        there, back = places[k] * _ROW, places[(rows - k) % rows] * _ROW
        z, y = grid[there : there + _ROW], grid[back : back + _ROW]
        low, high = bins[k * LANES : (k + 1) * LANES], bins[(rows - k) * LANES : (rows - k + 1) * LANES]
        wr, wi = turns[k, 0], turns[k, 1]
        for re in range(LANES):
            im = re + LANES
            er, ei = z[re] + y[re], z[im] - y[im]
            dr, di = z[im] + y[im], y[re] - z[re]
            xr, xi = dr * wr - di * wi, dr * wi + di * wr
            pr, pi, qr, qi = er + xr, ei + xi, er - xr, ei - xi
            low[re] = pr * pr + pi * pi
            high[re] = qr * qr + qi * qi


@compiled(inline=True)
def _sum(bins: NDArray[np.float64], bands: Bands, totals: NDArray[np.float64], powers: NDArray[np.float32]) -> None:
    """Fill ``powers`` [shape=(frames, bands)], the first lanes, with the sums of the bands."""
    for m in range(bands.first_bins.size):
        totals[:] = 0.0
        start = bands.offsets[m]
        for k in range(start, bands.offsets[m + 1], _AT_ONCE):
            w = bands.weights[k : k + _AT_ONCE]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            row = bands.first_bins[m] + k - start
            p = bins[row * LANES : (row + _AT_ONCE) * LANES]
            for i in range(LANES):
                near = (w0 * p[i] + w1 * p[i + LANES]) + (w2 * p[i + 2 * LANES] + w3 * p[i + 3 * LANES])
                far = (w4 * p[i + 4 * LANES] + w5 * p[i + 5 * LANES]) + (w6 * p[i + 6 * LANES] + w7 * p[i + 7 * LANES])
                totals[i] += near + far
        for lane in range(powers.shape[0]):
            powers[lane, m] = totals[lane]
