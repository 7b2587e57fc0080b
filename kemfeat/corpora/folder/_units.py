"""Units that a user's table may declare for its signals, and how to convert them to kemfeat's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kemfeat.arrays import Floats
from kemfeat.manifest import UNITS

CONVERSIONS: Mapping[str, Mapping[str, Callable[[Floats], Floats]]] = {
    "eda": {
        "uS": lambda values: values,
        "nS": lambda values: values / 1000,
        "mS": lambda values: values * 1000,
        "S": lambda values: values * 1e6,
        "kOhm": lambda values: 1000 / values,
        "Ohm": lambda values: 1e6 / values,
    },
    "temp": {
        "degC": lambda values: values,
        "degF": lambda values: (values - 32) / 1.8,
        "K": lambda values: values - 273.15,
    },
    "ecg": {"mV": lambda values: values, "uV": lambda values: values / 1000, "V": lambda values: values * 1000},
    "ibi": {"s": lambda values: values, "ms": lambda values: values / 1000},
}
"""Per medium and unit the conversion to the unit of :data:`kemfeat.manifest.UNITS`."""


def find_unit(medium: str, text: str) -> str | None:
    """The unit that a cell declares.

    Parameters
    ----------
    medium : str
        A key of :data:`CONVERSIONS`.
    text : str
        The cell, in upper or lower case; blank for the unit of kemfeat.

    Returns
    -------
    str or None
        A key of ``CONVERSIONS[medium]``, None where the cell is none.

    Examples
    --------
    >>> find_unit("temp", "°F"), find_unit("eda", ""), find_unit("ibi", "min")
    ('degF', 'uS', None)
    """
    wanted = text.replace("°", "deg").replace("µ", "u").replace("μ", "u").casefold()
    known = {unit.casefold(): unit for unit in CONVERSIONS[medium]}
    return known.get(wanted) if wanted else UNITS[medium]


def converted(values: Floats, *, medium: str, unit: str) -> Floats:
    """Values in the unit of kemfeat.

    Parameters
    ----------
    values : ndarray, float64
        Values in ``unit``.
    medium : str
        A key of :data:`CONVERSIONS`.
    unit : str
        A key of ``CONVERSIONS[medium]``.

    Returns
    -------
    ndarray, same shape, float64
        NaN where the conversion is not finite, as of a resistance of 0.

    Examples
    --------
    >>> converted(np.array([500.0, 0.0]), medium="eda", unit="kOhm").tolist()
    [2.0, nan]
    """
    with np.errstate(divide="ignore", over="ignore"):
        made = CONVERSIONS[medium][unit](values)
    return np.where(np.isfinite(made), made, np.nan)
