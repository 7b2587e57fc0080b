"""Units as people write them; files keep to ASCII."""

from __future__ import annotations

_SHOWN = {"uS": "µS", "degC": "°C", "1": ""}


def shown_unit(unit: str) -> str:
    """Write a unit for people.

    Parameters
    ----------
    unit : str
        As a store has it, such as ``uS`` or ``degC``; ``1`` for none.

    Returns
    -------
    str
        With the signs that the unit has outside of files; empty for none.

    Examples
    --------
    >>> shown_unit("uS"), shown_unit("mV"), shown_unit("1")
    ('µS', 'mV', '')
    """
    return _SHOWN.get(unit, unit)
