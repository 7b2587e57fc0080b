"""Tables of results in short: the columns that matter, as the analysis names them, over the rows that have a result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import ConfigDict, Field, model_validator

from kemfeat.analyses.apa import p_value
from kemfeat.analyses.brief import COLUMNS, Form
from kemfeat.config import FrozenConfig
from kemfeat.report.tables import NOTHING, Cell, Table, estimate, printable, share, table

FIRST_ROWS = 50

_Row = Mapping[str, Any]


class StoredColumn(FrozenConfig):
    """:class:`kemfeat.analyses.brief.Column` as ``result.json`` has it."""

    model_config = ConfigDict(extra="ignore")

    head: str
    of: tuple[str, ...]
    form: Form
    words: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _as_many_as_it_takes(self) -> StoredColumn:
        if len(self.of) != COLUMNS[self.form]:
            raise ValueError(f"form {self.form} takes {COLUMNS[self.form]} columns, found {len(self.of)}")
        return self


class StoredBrief(FrozenConfig):
    """:class:`kemfeat.analyses.brief.Brief` as ``result.json`` has it."""

    model_config = ConfigDict(extra="ignore")

    title: str
    columns: tuple[StoredColumn, ...] = Field(min_length=1)
    needs: str = ""
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A table of a result.

    Parameters
    ----------
    brief : Table
        The columns that matter; all of them where the analysis does not say which.
    whole : Table or None
        All columns, named as in the files; None where ``brief`` has them.
    lines : tuple of str
        Its tests, one line each.
    """

    brief: Table
    whole: Table | None
    lines: tuple[str, ...] = ()


def shortened(file: Path, brief: StoredBrief, *, anchor: str) -> Table:
    """Make the short form of a table.

    Parameters
    ----------
    file : Path
        The table as Parquet.
    brief : StoredBrief
        What is shown of it.
    anchor : str
        Address in the page.

    Returns
    -------
    Table
        The first :data:`FIRST_ROWS` rows that have a result; the note counts the others.

    Raises
    ------
    ValueError
        The table lacks a column.
    """
    names = {brief.needs, *brief.where, *(name for column in brief.columns for name in column.of)} - {""}
    parquet = pq.ParquetFile(file)
    if absent := names - set(parquet.schema_arrow.names):
        raise ValueError(f"has no column {min(absent)}")
    shown: list[_Row] = []
    chosen = without = others = 0
    for batch in parquet.iter_batches(columns=sorted(names)):
        for row in batch.to_pylist():
            if any(row[name] not in values for name, values in brief.where.items()):
                others += 1
            elif brief.needs and _is_missing(row[brief.needs]):
                without += 1
            else:
                chosen += 1
                shown += [row] if len(shown) < FIRST_ROWS else []
    note = " ".join(_counted(shown=len(shown), chosen=chosen, without=without, others=others))
    cells = ([_cell(column, row) for column in brief.columns] for row in shown)
    return table(anchor, printable(brief.title), [column.head for column in brief.columns], cells, note=note)


def _counted(*, shown: int, chosen: int, without: int, others: int) -> Iterator[str]:
    if chosen > shown:
        yield f"The first {shown:,} of {chosen:,} rows."
    if without:
        yield f"{without:,} {'row has' if without == 1 else 'rows have'} no result."
    if others:
        yield f"{others:,} further {'row' if others == 1 else 'rows'}: see all columns."


def _cell(column: StoredColumn, row: _Row) -> Any:
    """What a column shows of a row: a plain value, or a finished cell."""
    found = [row[name] for name in column.of]
    if column.form == "pair":
        return f"{found[0]} \u2212 {found[1]}"
    if column.form == "value":
        return column.words.get(found[0], found[0]) if isinstance(found[0], str) else found[0]
    if any(isinstance(each, str) for each in found) or _is_missing(found[0]):
        return Cell(text=NOTHING)
    return _FORMS[column.form](*found)


def _interval(value: float, low: float | None, high: float | None) -> Cell:
    return Cell(text=estimate(value, low, high), number=value)


def _ends(low: float, high: float | None) -> Cell:
    text = NOTHING if _is_missing(high) else estimate(low, low, high).partition(" ")[2]
    return Cell(text=text, number=low)


def _p(p: float) -> Cell:
    return Cell(text=p_value(p).removeprefix("p ").removeprefix("= "), number=p)


_FORMS: Mapping[str, Any] = {"interval": _interval, "ends": _ends, "p": _p, "share": share}


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
