"""The Markdown table of a run."""

from __future__ import annotations

import statistics

from ._record import Document, Row
from ._targets import target_of

_HEAD = ("what", "measured", "by round", "cost", "target", "command")


def table(document: Document) -> str:
    """Where it was measured, and one line per row with the command that makes it."""
    machine = document.machine
    versions = ", ".join(f"{name} {version}" for name, version in sorted(document.versions.items()))
    lines = [
        f"{document.created[:10]}; {machine.cores} cores of {machine.cpu}, {machine.memory:.0f} GB, {machine.system}, "
        f"Python {machine.python}; load {machine.load[0]:.1f} before; {versions}.",
        "",
        _line(*_HEAD),
        _line(*("---" for _ in _HEAD)),
        *(_line(*_cells(row, document)) for row in document.rows),
    ]
    notes = list(dict.fromkeys(f"- `{row.key}`: {row.note}" for row in document.rows if row.note))
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _cells(row: Row, document: Document) -> tuple[str, ...]:
    target = target_of(row, quick=document.quick)
    command = " ".join(["kemfeat bench", *document.options, "--only", row.comparison])
    if row.value is None or row.low is None or row.high is None:
        return f"`{row.key}` {row.what}", row.missing, "", "", str(target or ""), f"`{command}`"
    rounds = max(map(len, row.samples.values()), default=1)
    by_round = f"{number(row.low)} to {number(row.high)}, {rounds} rounds" if rounds > 1 else "1 round"
    verdict = "" if target is None else f"{target}: {'met' if target.met(row.value) else '**missed**'}"
    measured = f"{number(row.value)} {row.unit}"
    return f"`{row.key}` {row.what}", measured, by_round, _cost(row), verdict, f"`{command}`"


def _cost(row: Row) -> str:
    """Per contestant the median rate, where samples are seconds per something; where there are several, the median."""
    unit, _, item = row.sample_unit.partition("/")
    middle = {name: statistics.median(values) for name, values in row.samples.items()}
    if unit == "s" and item:
        rates = ", ".join(f"{name} {number(1 / value)}" for name, value in middle.items())
        return f"{rates} {'batches' if item == 'batch' else f'{item}s'}/s"
    if len(middle) > 1:
        return ", ".join(f"{name} {number(value)} {row.sample_unit}" for name, value in middle.items())
    return ""


def number(value: float) -> str:
    """Three digits that matter, whole numbers from 100 on, as people write them."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
