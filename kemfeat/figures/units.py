"""Units and signals as people write them; files keep to ASCII and short names."""

from __future__ import annotations

_SHOWN = {"uS": "µS", "degC": "°C", "1": ""}
_SIGNALS = {
    "eda": "skin conductance",
    "temp": "skin temperature",
    "ibi": "time between heart beats",
    "hr": "heart rate",
    "ecg": "electrocardiogram",
    "mel-energy": "energy of the sound",
}


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


def with_unit(name: str, unit: str) -> str:
    """Write what is measured and its unit.

    Parameters
    ----------
    name : str
        What is measured.
    unit : str
        As a store has it; empty or ``1`` for none.

    Returns
    -------
    str
        The unit in parentheses, where there is one.

    Examples
    --------
    >>> with_unit("Difference", "uS"), with_unit("Difference", "")
    ('Difference (µS)', 'Difference')
    """
    return f"{name} ({shown_unit(unit)})" if shown_unit(unit) else name


def signal_name(signal: str) -> str:
    """Name a signal in words.

    Parameters
    ----------
    signal : str
        As a store has it, such as ``temp``.

    Returns
    -------
    str
        In lower case; a signal without a name of its own stays as it is.

    Examples
    --------
    >>> signal_name("temp"), signal_name("pulse")
    ('skin temperature', 'pulse')
    """
    return _SIGNALS.get(signal, signal)


def signal_words() -> dict[str, str]:
    """Names of all signals as cells of a table have them.

    Returns
    -------
    dict of str to str
        By the name in a store, with a capital.

    Examples
    --------
    >>> signal_words()["eda"]
    'Skin conductance'
    """
    return {signal: f"{name[0].upper()}{name[1:]}" for signal, name in _SIGNALS.items()}
