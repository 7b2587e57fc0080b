"""Find the same recording again: re-encoded, louder, with noise far below it, or cut by up to a quarter of a second.

A fingerprint is a log-mel spectrogram made coarse: sixteen bands over the lower three quarters of the mel bins (below
about 4 kHz at the defaults, what a telephone keeps), dB against its loudest cell, nothing below -45 dB, smoothed over
three frames so that half a frame of shift matters little. Candidates come from a tree over short summaries; each is
then shifted against the other and correlated.

What the thresholds were chosen on is in ``docs/decisions/0010-splits.md``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Fingerprint = NDArray[np.uint8]
"""Quarters of a dB above the floor [shape=(frames, bands)]."""

BANDS = 16
ALIKE = 0.92
"""Correlation from which two fingerprints are the same recording."""

_KEPT_BINS = 0.75
_FLOOR = -45.0
_STEP = 0.25
_PLAIN = 1.0
"""Below this many dB of variation over time there is nothing to recognise: silence, a tone, steady noise."""
_SHIFT = 8
"""Frames; a quarter of a second at the defaults."""
_OVERLAP = 0.7
_QUARTERS = 4
_NEAR = 1.6
"""dB between summaries (root mean square) up to which two recordings are compared in full."""
_NEIGHBOURS = 16
_DIRECTIONS = 24


def fingerprint(mel: NDArray[np.floating]) -> Fingerprint | None:
    """Fingerprint of a log-mel spectrogram.

    Parameters
    ----------
    mel : dB [shape=(frames, mel bins)], real frames only.

    Returns
    -------
    ndarray or None
        [shape=(frames, bands)], at most :data:`BANDS` of them; None where there is nothing to recognise.
    """
    bins = max(1, int(mel.shape[1] * _KEPT_BINS))
    edges = np.unique(np.linspace(0, bins, BANDS + 1).astype(np.int64))
    if not len(mel) or not np.isfinite(mel).all():
        return None
    bands = np.add.reduceat(mel[:, :bins], edges[:-1], axis=1, dtype=np.float32) / np.diff(edges).astype(np.float32)
    bands = np.maximum(bands - bands.max(), np.float32(_FLOOR))
    around = np.pad(bands, ((1, 1), (0, 0)), mode="edge")
    smooth = (around[:-2] + 2 * bands + around[2:]) / 4
    if float((smooth - smooth.mean(axis=0)).std()) < _PLAIN:
        return None
    coarse: Fingerprint = np.round((smooth - _FLOOR) / _STEP).astype(np.uint8)
    return coarse


def same_recording(prints: Sequence[Fingerprint | None]) -> NDArray[np.int64]:
    """Number the recordings: rows with equal numbers are the same one, directly or through others.

    Memory is that of the fingerprints; time grows little faster than their number, as each is compared with few.

    Returns
    -------
    ndarray [shape=(len(prints),)]
        From 0; -1 where there is no fingerprint.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    found = np.full(len(prints), -1, np.int64)
    there, which = _distinct(prints)
    if there:
        pairs = [(a, b) for a, b in _candidates(there) if alikeness(there[a], there[b]) >= ALIKE]
        rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
        links = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(len(there), len(there)))
        recordings = connected_components(links, directed=False)[1]
        has = which >= 0
        found[has] = recordings[which[has]]
    return found


def alikeness(one: Fingerprint, other: Fingerprint) -> float:
    """Largest correlation of two fingerprints over shifts of up to a quarter of a second, -1 to 1.

    Bands are centred over the frames compared, at least 70 % of the longer one's, so that loudness, microphone and
    voice on average do not count.
    """
    first, second = (fingerprint.astype(np.float32) for fingerprint in (one, other))
    least = _OVERLAP * max(len(first), len(second))
    best = -1.0
    for shift in range(-_SHIFT, _SHIFT + 1):
        begin, lag = max(0, shift), max(0, -shift)
        frames = min(len(first) - begin, len(second) - lag)
        if frames >= max(2, least):
            best = max(best, _correlation(first[begin : begin + frames], second[lag : lag + frames]))
    return best


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = float(np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
    return float(np.vdot(a, b)) / scale if scale > 0 else -1.0


def _distinct(prints: Sequence[Fingerprint | None]) -> tuple[list[Fingerprint], NDArray[np.int64]]:
    """Each fingerprint once, and which one every row has: any number of equal rows cost one comparison."""
    places: dict[bytes, int] = {}
    distinct: list[Fingerprint] = []
    which = np.full(len(prints), -1, np.int64)
    for row, each in enumerate(prints):
        if each is not None:
            which[row] = place = places.setdefault(hashlib.sha256(each.tobytes()).digest(), len(distinct))
            if place == len(distinct):
                distinct.append(each)
    return distinct, which


def _candidates(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs whose summaries and lengths are near: the nearest few of every one, each pair once."""
    from scipy.spatial import cKDTree

    summaries = np.array([_summary(each) for each in prints])
    frames = np.array([len(each) for each in prints])
    radius = _NEAR * np.sqrt(summaries.shape[1])
    # The tree is fast in few directions; leaving some out makes distances smaller, so that it misses none.
    tree = cKDTree(_turned(summaries))
    near = np.asarray(tree.query(tree.data, k=_NEIGHBOURS + 1, distance_upper_bound=radius, workers=-1)[1])
    one, place = np.nonzero(near < len(prints))
    other = near[one, place]
    longer, shorter = np.maximum(frames[one], frames[other]), np.minimum(frames[one], frames[other])
    fits = (one != other) & (longer - shorter <= _SHIFT) & (shorter >= _OVERLAP * longer)
    for a, b in np.unique(np.sort(np.stack([one, other], axis=1)[fits], axis=1), axis=0):
        if np.linalg.norm(summaries[a] - summaries[b]) <= radius:
            yield int(a), int(b)


def _turned(summaries: NDArray[np.float64]) -> NDArray[np.float64]:
    """The summaries along the directions in which they differ most."""
    centred = summaries - summaries.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :_DIRECTIONS]
    turned: NDArray[np.float64] = centred @ directions
    return turned


def _summary(each: Fingerprint) -> NDArray[np.float64]:
    """Mean bands of the four quarters of a recording, dB; a quarter is one of its loudness, not of its time.

    So silence around it hardly counts, and cutting a little off moves the quarters by little.
    """
    bands = each * _STEP + _FLOOR
    loudness = 10 ** (bands.max(axis=1) / 20)
    passed = np.concatenate([[0.0], np.cumsum(loudness / loudness.sum())])
    sums = np.vstack([np.zeros(bands.shape[1]), np.cumsum(bands * (loudness / loudness.sum())[:, None], axis=0)])
    quarters = np.linspace(0, 1, _QUARTERS + 1)
    at = np.stack([np.interp(quarters, passed, band) for band in sums.T], axis=1)
    return (np.diff(at, axis=0) * _QUARTERS).ravel()
