"""Splits skin conductance into a tonic and a phasic part, and finds the responses in the phasic part.

The convex decomposition of Greco, Valenza, Lanata, Scilingo and Citi (cvxEDA, IEEE Transactions on Biomedical
Engineering 63:797, 2016), with their constants: the signal is the response of the Bateman function
``exp(-t / 2 s) - exp(-t / 0.7 s)`` to a driver that is nowhere negative, plus cubic B-splines with a knot every 10 s
and a straight line, plus noise. The quadratic programme is solved by Clarabel (Goulart and Chen, arXiv:2405.12762).
Samples that are missing are no part of the residual; nothing is interpolated before the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

DECAY, _RISE = 2.0, 0.7
"""Time constants of a response [s]: nothing that is one falls faster than ``exp(-t / DECAY)``."""
_KNOTS = 10.0
"""Time between two knots of the tonic part [s]."""
_SPARSITY, _SMOOTHNESS = 8e-4, 1e-2
"""Penalties of the driver (alpha) and of the splines (gamma)."""
_FOOT = 0.01
"""Share of its amplitude that a response may rise before its onset."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parts:
    """The two parts of skin conductance.

    Parameters
    ----------
    tonic : ndarray, shape (n,), float64 [uS]
        The level, which drifts.
    phasic : ndarray, shape (n,), float64 [uS], >= 0
        The responses.
    """

    tonic: Floats
    phasic: Floats


@dataclass(frozen=True, slots=True)
class Responses:
    """Skin-conductance responses, by the time of their onset.

    Parameters
    ----------
    onsets : ndarray, shape (m,), int64
        Last sample before each peak that is at most 1 % of the amplitude above the trough.
    peaks : ndarray, shape (m,), int64
        Sample of each peak.
    amplitudes : ndarray, shape (m,), float64 [uS]
        From trough to peak.
    """

    onsets: NDArray[np.int64]
    peaks: NDArray[np.int64]
    amplitudes: Floats


def decompose(values: Floats, *, rate: float) -> Parts | None:
    """Split skin conductance into its parts.

    Parameters
    ----------
    values : ndarray, shape (n,), float64 [uS]
        Samples, a period apart; NaN where one is missing.
    rate : float, > 0 [Hz]
        Samples per second.

    Returns
    -------
    Parts or None
        None where the solver does not converge.

    Examples
    --------
    >>> import numpy as np
    >>> level = decompose(np.full(120, 2.5), rate=4.0)
    >>> bool(np.allclose(level.tonic, 2.5, atol=1e-5)), bool(np.allclose(level.phasic, 0, atol=1e-5))
    (True, True)
    """
    import clarabel
    from scipy import signal, sparse

    count = len(values)
    numerator, denominator = bateman(rate)
    response, driver = (_causal(row, count) for row in (numerator, denominator))
    splines = _splines(count, rate)
    line = sparse.csc_array(np.column_stack([np.ones(count), np.linspace(0.0, 1.0, count)]))
    parts = sparse.hstack([response, splines, line]).tocsc()
    seen = np.isfinite(values)
    level = float(values[seen].mean())
    fitted = parts[seen]
    ridge = np.concatenate([np.zeros(count), np.full(splines.shape[1], _SMOOTHNESS), np.zeros(2)])
    quadratic = sparse.triu(fitted.T @ fitted + sparse.diags_array(ridge)).tocsc()
    linear = -(fitted.T @ (values[seen] - level))
    linear[:count] += _SPARSITY * driver.sum(axis=0)
    bound = sparse.hstack([-driver, sparse.csc_array((count, parts.shape[1] - count))]).tocsc()
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cone = [clarabel.NonnegativeConeT(count)]
    found = clarabel.DefaultSolver(quadratic, linear, bound, np.zeros(count), cone, settings).solve()
    if found.status not in (clarabel.SolverStatus.Solved, clarabel.SolverStatus.AlmostSolved):
        return None
    solution = np.asarray(found.x)
    impulses = np.maximum(driver @ solution[:count], 0.0)
    return Parts(level + parts[:, count:] @ solution[count:], signal.lfilter(numerator, denominator, impulses))


def bateman(rate: float) -> tuple[Floats, Floats]:
    """The Bateman function as a filter, by the bilinear transform.

    Parameters
    ----------
    rate : float, > 0 [Hz]
        Samples per second.

    Returns
    -------
    tuple of (ndarray, ndarray), each shape (3,), float64
        Numerator and denominator.
    """
    from scipy import signal

    slow, fast = 1 / DECAY, 1 / _RISE
    numerator, denominator = signal.bilinear([fast - slow], [1.0, slow + fast, slow * fast], fs=rate)
    return numerator, denominator


def responses(phasic: Floats, *, smallest: float) -> Responses:
    """Find the responses: each rise of the phasic part from a trough to the peak after it.

    Parameters
    ----------
    phasic : ndarray, shape (n,), float64 [uS]
        The phasic part.
    smallest : float, > 0 [uS]
        Amplitude below which a rise is none.

    Returns
    -------
    Responses
        Those that are at least as large.

    Examples
    --------
    >>> import numpy as np
    >>> responses(np.array([0.1, 0.0, 0.3, 0.5, 0.2, 0.21, 0.2]), smallest=0.03).onsets.tolist()
    [1]
    """
    from scipy import signal

    peaks, _ = signal.find_peaks(phasic)
    begins = np.concatenate([[0], peaks[:-1]])[: len(peaks)]
    onsets = np.array(list(map(partial(_onset, phasic), begins, peaks)), dtype=np.int64)
    troughs = np.array([phasic[begin:peak].min() for begin, peak in zip(begins, peaks, strict=True)])
    amplitudes = phasic[peaks] - troughs
    large = amplitudes >= smallest
    return Responses(onsets[large], peaks[large], amplitudes[large])


def _onset(phasic: Floats, begin: np.int64, peak: np.int64) -> int:
    """The last sample before a peak that is hardly above the trough."""
    before = phasic[begin:peak]
    low = before <= before.min() + _FOOT * (phasic[peak] - before.min())
    return int(begin + np.flatnonzero(low)[-1])


def _causal(coefficients: Floats, count: int) -> Any:
    """The matrix that multiplies a signal of so many samples by a polynomial in the delay."""
    from scipy import sparse

    delays = [-delay for delay in range(len(coefficients))]
    return sparse.diags_array(list(coefficients), offsets=delays, shape=(count, count)).tocsc()


def _splines(count: int, rate: float) -> Any:
    """Cubic B-splines at every sample, with a knot every 10 s and three before and after."""
    from scipy.interpolate import BSpline

    times = np.arange(count) / rate
    knots = _KNOTS * np.arange(-3, np.floor(times[-1] / _KNOTS) + 5)
    return BSpline.design_matrix(times, knots, 3)
