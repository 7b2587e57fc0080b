"""What a reader sees of a table first: the few columns that matter, under headings for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["value", "pair", "interval", "ends", "p", "share"]

COLUMNS: Mapping[Form, int] = {"value": 1, "pair": 2, "interval": 3, "ends": 2, "p": 1, "share": 1}
"""How many columns of a table each form takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as it is shown, made of one or several columns of the table.

    Parameters
    ----------
    head : str
        Heading, the unit in parentheses.
    of : tuple of str
        Columns of the table, as many as :data:`COLUMNS` says.
    form : {"value", "pair", "interval", "ends", "p", "share"}
        ``value`` as it is, ``pair`` as a minus b, ``interval`` as an estimate with the ends of its interval, ``ends``
        as an interval alone, ``p`` as a p-value, ``share`` as a percentage.
    words : mapping of str to str
        What to write for a text of the table, such as the name of a test; others are written as they are.

    Examples
    --------
    >>> Column(head="Hedges' g [95 % CI]", of=("g", "g_low", "g_high"), form="interval").of[0]
    'g'
    """

    head: str
    of: tuple[str, ...]
    form: Form = "value"
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A table in short; the files and the full table keep every column.

    Parameters
    ----------
    title : str
        What the table contains.
    columns : tuple of Column
        What is shown, in this order.
    needs : str
        A column of the table: rows without a value in it have no result and are counted instead of shown. Empty shows
        all rows.
    where : mapping of str to tuple of str
        Columns and the values of which a row must have one there to be shown, such as the primary test among several.

    Examples
    --------
    >>> columns = (Column(head="Speaker", of=("speaker",)), Column(head="Speech (min)", of=("minutes",)))
    >>> Brief(title="Time of each speaker", columns=columns).needs
    ''
    """

    title: str
    columns: tuple[Column, ...]
    needs: str = ""
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def values(**heads: str) -> tuple[Column, ...]:
    """Columns that are shown as they are.

    Parameters
    ----------
    **heads : str
        Heading of each column, by its name in the table.

    Returns
    -------
    tuple of Column
        In the same order.

    Examples
    --------
    >>> [column.head for column in values(n="Utterances", sd="Standard deviation")]
    ['Utterances', 'Standard deviation']
    """
    return tuple(Column(head=head, of=(name,)) for name, head in heads.items())
