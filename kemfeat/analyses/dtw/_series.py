"""The series that are clustered: one signal of every labelled utterance, and counts of what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat import parallel
from kemfeat.errors import AnalysisError
from kemfeat.store.reader import Store

SeriesSource = Literal["temp", "eda", "ibi", "mel-energy"]
Series = NDArray[np.float64]

ENERGY_RATE = 4.0
"""Sampling rate of ``mel-energy`` [Hz]: that of the wristband's signals."""

_NEEDS: Mapping[SeriesSource, tuple[str, str]] = {
    "temp": ("temp", "temp_mask"),
    "eda": ("eda", "eda_mask"),
    "ibi": ("ibi", "ibi_mask"),
    "mel-energy": ("mel", "mel_lengths"),
}
_ROWS = 256
"""Spectrograms read in one go: 64 MB at the defaults."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cohort:
    """Series of one signal.

    Parameters
    ----------
    signal : {'temp', 'eda', 'ibi', 'mel-energy'}
        The signal.
    unit : str
        Unit of the values.
    rate : float [Hz]
        Samples per second.
    table : DataFrame
        One row per series: ``id``, ``session``, ``speaker``, ``emotion``, ``samples``.
    series : tuple of ndarray, each of shape (samples,), float64
        The measured values of each, in order.
    unlabelled : int
        Utterances that the label rule leaves out.
    silent : int
        Labelled utterances without a measured value.
    gapped : int
        Series with missing samples before or between the measured ones; these gaps are closed.
    """

    signal: SeriesSource
    unit: str
    rate: float
    table: pd.DataFrame
    series: tuple[Series, ...]
    unlabelled: int
    silent: int
    gapped: int


def read(store: Store, *, signal: SeriesSource, labels: str, workers: int) -> Cohort:
    """Select the series of labelled utterances.

    Raises
    ------
    ConfigError
        The label rule does not exist.
    AnalysisError
        The store does not have the signal, or no labelled utterance has a value of it.
    """
    name, beside = _NEEDS[signal]
    if missing := [array for array in (name, beside) if array not in store.arrays]:
        known = [each for each, needs in _NEEDS.items() if set(needs) <= set(store.arrays)]
        raise AnalysisError(
            f"{store.path}: has no array {missing[0]!r}, which {signal} is made from; build the store with it, or "
            f"choose another --signal (available: {', '.join(known) or 'none'})"
        )
    found = store.labels(labels)
    rows = np.flatnonzero(found.notna())
    rate = float(store.array(name).attrs["frame_rate_hz"])  # type: ignore[arg-type]
    everything, gaps = _energies(store, rate, workers) if signal == "mel-energy" else _measured(store, name, beside)
    kept = np.array([row for row in rows if len(everything[row])], np.intp)
    if not len(kept):
        raise AnalysisError(
            f"{store.path}: none of {len(rows):,} utterances with a label ({labels}) has a value of {signal}; choose "
            "another --signal or --labels"
        )
    table = store.utterances[["id", "session", "speaker"]].assign(emotion=found.astype(str)).take(kept)
    series = tuple(everything[row] for row in kept)
    return Cohort(
        signal=signal,
        unit=store.header.arrays[name].unit,
        rate=min(rate, ENERGY_RATE) if signal == "mel-energy" else rate,
        table=table.assign(samples=[len(values) for values in series]).reset_index(drop=True),
        series=series,
        unlabelled=len(found) - len(rows),
        silent=len(rows) - len(kept),
        gapped=int(gaps[kept].sum()),
    )


def _measured(store: Store, name: str, mask: str) -> tuple[list[Series], NDArray[np.bool_]]:
    """The samples of each utterance that the mask marks as measured, and whether any before the last is missing."""
    values, inside = np.asarray(store.array(name)[:]), np.asarray(store.array(mask)[:], bool)
    ends = np.where(inside.any(axis=1), inside.shape[1] - inside[:, ::-1].argmax(axis=1), 0)
    series = [row[known].astype(float) for row, known in zip(values, inside, strict=True)]
    return series, inside.sum(axis=1) < ends


def _energies(store: Store, rate: float, workers: int) -> tuple[list[Series], NDArray[np.bool_]]:
    """The energy of each utterance over time; none has gaps."""
    array, lengths = store.array("mel"), np.asarray(store.array("mel_lengths")[:])

    def part(start: int) -> list[Series]:
        frames = np.asarray(array[start : start + _ROWS])
        return [energy(row[:n], rate=rate) for row, n in zip(frames, lengths[start : start + _ROWS], strict=True)]

    parts: Iterator[list[Series]] = parallel.run_threads(part, range(0, len(lengths), _ROWS), workers=workers)
    return [series for each in parts for series in each], np.zeros(len(lengths), bool)


def energy(mel: NDArray[Any], *, rate: float) -> Series:
    """Energy of a spectrogram over time.

    The mean power over all bands and over the frames that begin within one cell of 1 / :data:`ENERGY_RATE` seconds.
    The mean over a cell is the low-pass filter that taking every n-th frame would need beforehand.

    Parameters
    ----------
    mel : ndarray, shape (frames, bands) [dB]
        Power.
    rate : float [Hz]
        Frames per second.

    Returns
    -------
    ndarray, shape (cells,), float64 [dB]
        Energy of each cell.
    """
    power = np.power(10.0, mel.astype(float) / 10).mean(axis=1)
    cells = np.floor(np.arange(len(power)) * ENERGY_RATE / rate)
    starts = np.flatnonzero(np.diff(cells, prepend=-1.0))
    if not len(starts):
        return np.empty(0)
    sums = np.add.reduceat(power, starts)
    return np.asarray(10 * np.log10(sums / np.diff(starts, append=len(power))))
