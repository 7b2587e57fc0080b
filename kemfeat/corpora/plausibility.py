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


RANGES = {"eda": (-0.5, 100.0), "temp": (10.0, 45.0), "ibi": (0.2, 4.0), "ecg": (-20.0, 20.0)}
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
        _Cause(-0.5, 10.0, "perhaps electrodermal activity: are EDA and TEMP swapped?"),
    ),
    "ibi": (_Cause(100.0, 5000.0, "perhaps milliseconds"), _Cause(20.0, 100.0, "perhaps beats per minute")),
    "ecg": (_Cause(-np.inf, np.inf, "perhaps microvolts, or counts of the converter"),),
}


def check_values(medium: str, values: NDArray[np.float64], *, where: str, findings: Findings) -> None:
    """Report values outside the range of a medium.

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
    't.csv: 2 of 2 values of TEMP outside 10 to 45 degC, found 91.4 to 91.5; perhaps degrees Fahrenheit'
    """
    known = values[np.isfinite(values)]
    lowest, highest = RANGES[medium]
    outside = np.count_nonzero((known < lowest) | (known > highest))
    if not outside:
        return
    middle = float(np.median(known))
    causes = [cause.text for cause in _CAUSES[medium] if cause.lowest <= middle <= cause.highest]
    findings.add(
        IMPLAUSIBLE_SIGNAL,
        f"{where}: {outside} of {len(known)} values of {medium.upper()} outside {lowest:g} to {highest:g} "
        f"{UNITS[medium]}, found {known.min():g} to {known.max():g}; {causes[0] if causes else 'perhaps artefacts'}",
    )
