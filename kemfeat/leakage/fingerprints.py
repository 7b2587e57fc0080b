"""Find copies of a recording: re-encoded, louder, with faint noise, or cut by up to a quarter of a second.

A fingerprint is a coarse log-mel spectrogram: sixteen bands over the lower three quarters of the mel bins (below about
4 kHz at the defaults, the band of a telephone), in dB relative to its loudest cell, limited to -45 dB, smoothed over
three frames so that a shift of half a frame matters little. Candidate pairs come from a tree over short summaries; the
two of a pair are then shifted against each other and correlated.

``docs/decisions/0010-splits.md`` describes the data on which the thresholds were chosen.
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
"""Correlation from which two fingerprints count as the same recording."""

_KEPT_BINS = 0.75
_FLOOR = -45.0
_STEP = 0.25
_PLAIN = 1.0
"""Below this variation over time [dB] there is nothing to recognise: silence, a tone, steady noise."""
_SHIFT = 8
"""Largest shift [frames]; a quarter of a second at the defaults."""
_OVERLAP = 0.7
_QUARTERS = 4
_NEAR = 1.6
"""Root mean square difference of two summaries [dB] up to which two recordings are compared in full."""
_NEIGHBOURS = 16
_DIRECTIONS = 24


def fingerprint(mel: NDArray[np.floating]) -> Fingerprint | None:
    """Make the fingerprint of a log-mel spectrogram.

    Parameters
    ----------
    mel : ndarray, shape (frames, mel bins) [dB]
        Real frames only, without padding.

    Returns
    -------
    ndarray, shape (frames, bands), uint8, or None
        At most :data:`BANDS` bands; None where there is nothing to recognise.

    Examples
    --------
    >>> import numpy as np
    >>> mel = np.random.default_rng(0).uniform(-60, 0, (100, 128))
    >>> fingerprint(mel).shape
    (100, 16)
    >>> fingerprint(np.zeros((100, 128))) is None
    True
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
    """Number the recordings: rows with equal numbers are the same recording, directly or through others.

    Memory is that of the fingerprints; time grows little faster than their number, because each is compared with few.

    Parameters
    ----------
    prints : sequence of ndarray or None
        Results of :func:`fingerprint`.

    Returns
    -------
    ndarray, shape (n,), int64
        Numbers from 0; -1 where there is no fingerprint.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = (fingerprint(np.random.default_rng(seed).uniform(-60, 0, (100, 128))) for seed in (0, 1))
    >>> same_recording([one, other, None, one]).tolist()
    [0, 1, -1, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    found = np.full(len(prints), -1, np.int64)
    there, which = _distinct(prints)
    if there:
        rows, columns = np.array([pair[:2] for pair in _alike(there)], np.int64).reshape(-1, 2).T
        links = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(len(there), len(there)))
        recordings = connected_components(links, directed=False)[1]
        has = which >= 0
        found[has] = recordings[which[has]]
    return found


def most_alike(prints: Sequence[Fingerprint | None]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each row the row of another copy of its recording, the most similar one.

    Parameters
    ----------
    prints : sequence of ndarray or None
        Results of :func:`fingerprint`.

    Returns
    -------
    others : ndarray, shape (n,), int64
        The first of the most similar rows; -1 where no other row is the same recording.
    similarities : ndarray, shape (n,), float64
        Their :func:`alikeness`, from :data:`ALIKE` to 1; -1 where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = (fingerprint(np.random.default_rng(seed).uniform(-60, 0, (100, 128))) for seed in (0, 1))
    >>> others, similarities = most_alike([one, other, None, one])
    >>> others.tolist(), similarities.tolist()
    ([3, -1, -1, 0], [1.0, -1.0, -1.0, 1.0])
    """
    others, similarities = np.full(len(prints), -1, np.int64), np.full(len(prints), -1.0)
    there, which = _distinct(prints)
    rows = [np.flatnonzero(which == place) for place in range(len(there))]
    for equal in (each for each in rows if len(each) > 1):
        others[equal], others[equal[0]], similarities[equal] = equal[0], equal[1], 1.0
    for one, other, similarity in _alike(there) if len(there) > 1 else ():
        for mine, theirs in ((rows[one], rows[other]), (rows[other], rows[one])):
            closer = mine[_is_closer(similarity, theirs[0], similarities[mine], others[mine])]
            others[closer], similarities[closer] = theirs[0], similarity
    return others, similarities


def _is_closer(
    similarity: float, row: np.int64, known: NDArray[np.float64], rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether a row is more similar than the one that is known, or as similar and before it."""
    closer: NDArray[np.bool_] = (similarity > known) | ((similarity == known) & (row < rows))
    return closer


def alikeness(one: Fingerprint, other: Fingerprint) -> float:
    """Largest correlation of two fingerprints over shifts of up to a quarter of a second.

    Bands are centred over the frames compared, at least 70 % of the longer fingerprint, so that loudness, microphone
    and average voice do not count.

    Parameters
    ----------
    one, other : ndarray, shape (frames, bands), uint8
        Results of :func:`fingerprint`.

    Returns
    -------
    float, -1 to 1
        The correlation; -1 where the two overlap too little at every shift.
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
    """The distinct fingerprints, and which one each row has; equal rows are compared only once."""
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
    """Pairs with similar summaries and lengths: the nearest few of every fingerprint, each pair once."""
    from scipy.spatial import cKDTree

    summaries = np.array([_summary(each) for each in prints])
    frames = np.array([len(each) for each in prints])
    radius = _NEAR * np.sqrt(summaries.shape[1])
    # A tree is fast in few dimensions; leaving some out makes distances smaller, so no pair is missed.
    tree = cKDTree(_turned(summaries))
    near = np.asarray(tree.query(tree.data, k=_NEIGHBOURS + 1, distance_upper_bound=radius, workers=-1)[1])
    one, place = np.nonzero(near < len(prints))
    other = near[one, place]
    longer, shorter = np.maximum(frames[one], frames[other]), np.minimum(frames[one], frames[other])
    fits = (one != other) & (longer - shorter <= _SHIFT) & (shorter >= _OVERLAP * longer)
    for a, b in np.unique(np.sort(np.stack([one, other], axis=1)[fits], axis=1), axis=0):
        if np.linalg.norm(summaries[a] - summaries[b]) <= radius:
            yield int(a), int(b)


def _alike(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int, float]]:
    """Pairs that are the same recording, with their similarity."""
    for one, other in _candidates(prints):
        similarity = alikeness(prints[one], prints[other])
        if similarity >= ALIKE:
            yield one, other, min(similarity, 1.0)


def _turned(summaries: NDArray[np.float64]) -> NDArray[np.float64]:
    """The summaries projected on the directions in which they differ most."""
    centred = summaries - summaries.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :_DIRECTIONS]
    turned: NDArray[np.float64] = centred @ directions
    return turned


def _summary(each: Fingerprint) -> NDArray[np.float64]:
    """Mean bands of the four quarters of a recording [dB]; quarters are of its summed loudness, not of its time.

    Silence around it therefore hardly counts, and cutting a little off moves the quarters only slightly.
    """
    bands = each * _STEP + _FLOOR
    loudness = 10 ** (bands.max(axis=1) / 20)
    passed = np.concatenate([[0.0], np.cumsum(loudness / loudness.sum())])
    sums = np.vstack([np.zeros(bands.shape[1]), np.cumsum(bands * (loudness / loudness.sum())[:, None], axis=0)])
    quarters = np.linspace(0, 1, _QUARTERS + 1)
    at = np.stack([np.interp(quarters, passed, band) for band in sums.T], axis=1)
    return (np.diff(at, axis=0) * _QUARTERS).ravel()
