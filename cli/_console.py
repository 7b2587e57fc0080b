"""Results for people: tables and colours as wide as a terminal, elsewhere whole lines that grep finds."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDER_THAN_ANY_LINE = 1_000_000


def at_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def new_console() -> Console:
    """A console on stdout that wraps lines at a terminal alone."""
    from rich.console import Console

    return Console(width=None if at_terminal() else _WIDER_THAN_ANY_LINE)


def say_next(command: str, *words: object, **options: object) -> None:
    """Name the command that usually follows, at a terminal alone; an option without a value is left out."""
    if at_terminal():
        given = ((f"--{name}", str(value)) for name, value in options.items() if value is not None)
        line = shlex.join(("kemfeat", *command.split(), *map(str, words), *(each for pair in given for each in pair)))
        print(f"Next: {line}")


def print_table(console: Console, table: Table) -> None:
    """Print a table; where stdout is not a terminal without a box, and each row as one line."""
    if at_terminal():
        console.print(table)
        return
    table.box, table.pad_edge, table.title_justify = None, False, "left"
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip(" ") for line in captured.get().rstrip("\n").split("\n")))
