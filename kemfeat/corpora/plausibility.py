"""Notices physiology that cannot be what its name and unit say, and guesses why."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.findings import IMPLAUSIBLE_SIGNAL, Findings
from kemfeat.manifest import UNITS


class _Cause(NamedTuple):
    """Medians that point to a cause."""

    lowest: float
    highest: float
    text: str


RANGES = {"eda": (-0.5, 100.0), "temp": (20.0, 45.0), "ibi": (0.2, 4.0), "ecg": (-20.0, 20.0)}
"""Per medium the least and the greatest value that a sensor on a person gives, in the units of
:data:`kemfeat.manifest.UNITS`."""

_CAUSES = {
    "eda": (
        _Cause(100.0, np.inf, "perhaps nanosiemens, or a resistance"),
        _Cause(-np.inf, -0.5, "perhaps normalised values, or another signal"),
    ),
    "temp": (
        _Cause(60.0, 115.0, "perhaps degrees Fahrenheit"),
        _Cause(250.0, 330.0, "perhaps kelvin"),
        _Cause(-0.5, 20.0, "perhaps electrodermal activity (are EDA and TEMP swapped?), or a sensor that was not worn"),
    ),
    "ibi": (_Cause(100.0, 5000.0, "perhaps milliseconds"), _Cause(20.0, 100.0, "perhaps beats per minute")),
    "ecg": (_Cause(-np.inf, np.inf, "perhaps microvolts, or counts of the converter"),),
}

LEAST_EDA = 0.001
"""EDA [uS] that some sample of a sensor reaches; an Empatica E4 without contact gives 0.0013."""

SKIN_TEMPERATURE = (28.0, 38.0, 0.25)
"""Least and greatest median and greatest standard deviation of EDA that looks like skin temperature [degC]."""

BEAT_DISTANCES = (0.01, 300.0)
"""Least and greatest median distance of beats, in median intervals; gaps in the recording make it greater than 1."""


def check_values(medium: str, values: NDArray[np.float64], *, where: str, findings: Findings) -> None:
    """Report values outside the range of a medium, and EDA within it that looks like something else.

    Parameters
    ----------
    medium : str
        A key of :data:`RANGES`.
    values : ndarray, shape (n,), float64
        The samples of a file, or its intervals between beats; NaN is ignored.
    where : str
        The file, for the finding.
    findings : Findings
        Receives one case with the range that was found and the likely cause.

    Examples
    --------
    >>> found = Findings()
    >>> check_values("temp", np.array([91.4, 91.5]), where="t.csv", findings=found)
    >>> found.merged()[0].examples[0]
    't.csv: 2 of 2 values of TEMP outside 20 to 45 degC, found 91.4 to 91.5; perhaps degrees Fahrenheit'
    """
    known = values[np.isfinite(values)]
    lowest, highest = RANGES[medium]
    outside = np.count_nonzero((known < lowest) | (known > highest))
    if not outside:
        guess = _looks_like(known) if medium == "eda" and len(known) else None
        if guess is not None:
            found = f"found {known.min():g} to {known.max():g} {UNITS[medium]}"
            findings.add(IMPLAUSIBLE_SIGNAL, f"{where}: {len(known)} values of EDA, {found}; {guess}")
        return
    middle = float(np.median(known))
    causes = [cause.text for cause in _CAUSES[medium] if cause.lowest <= middle <= cause.highest]
    findings.add(
        IMPLAUSIBLE_SIGNAL,
        f"{where}: {outside} of {len(known)} values of {medium.upper()} outside {lowest:g} to {highest:g} "
        f"{UNITS[medium]}, found {known.min():g} to {known.max():g}; {causes[0] if causes else 'perhaps artefacts'}",
    )


def _looks_like(eda: NDArray[np.float64]) -> str | None:
    """What EDA within its range more likely is; None where it looks like EDA."""
    lowest, highest, spread = SKIN_TEMPERATURE
    if np.abs(eda).max() < LEAST_EDA:
        return "perhaps siemens, or a sensor that was not worn"
    if lowest <= np.median(eda) <= highest and np.std(eda) <= spread:
        return "perhaps skin temperature: are EDA and TEMP swapped?"
    return None


def check_beats(times: NDArray[np.float64], intervals: NDArray[np.float64], *, where: str, findings: Findings) -> None:
    """Report beats that are far more or less apart than their intervals say.

    Parameters
    ----------
    times, intervals : ndarray, shape (n,), float64 [s]
        Times of the beats of a file, and the interval before each; beats with NaN are ignored.
    where : str
        The file, for the finding.
    findings : Findings
        Receives one case with the median distance, the median interval and the likely cause.

    Examples
    --------
    >>> found = Findings()
    >>> check_beats(np.array([100.0, 850.0, 1600.0]), np.array([0.75, 0.75, 0.75]), where="i.csv", findings=found)
    >>> found.merged()[0].examples[0]
    'i.csv: beats 750 s apart with intervals of 0.75 s (medians); perhaps one is in milliseconds, the other in seconds'
    """
    known = np.isfinite(times) & (intervals > 0)
    if np.count_nonzero(known) < 2:
        return
    apart, interval = float(np.median(np.diff(np.sort(times[known])))), float(np.median(intervals[known]))
    least, most = BEAT_DISTANCES
    if not least <= apart / interval <= most:
        findings.add(
            IMPLAUSIBLE_SIGNAL,
            f"{where}: beats {apart:g} s apart with intervals of {interval:g} s (medians); perhaps one is in "
            "milliseconds, the other in seconds",
        )
