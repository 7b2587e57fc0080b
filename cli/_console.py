"""Results for people: tables and colours as wide as a terminal, elsewhere whole lines that grep finds."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
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


def linked(place: object) -> str:
    """What was written, printable; at a terminal that shows links a link to it, where it is on this machine."""
    from kemfeat.findings import printable

    shown = printable(str(place))
    if not at_terminal() or not isinstance(place, Path) or os.environ.get("NO_COLOR") or _shows_no_links():
        return shown
    return f"\x1b]8;;{place.absolute().as_uri()}\x1b\\{shown}\x1b]8;;\x1b\\"


def _shows_no_links() -> bool:
    return os.environ.get("TERM", "dumb") in ("dumb", "linux")


def say_next(command: str, *words: object, **options: object) -> None:
    """Name the command that usually follows, at a terminal alone; an option without a value is left out."""
    if at_terminal():
        from kemfeat.findings import printable

        given = ((f"--{name}", str(value)) for name, value in options.items() if value is not None)
        line = shlex.join(("kemfeat", *command.split(), *map(str, words), *(each for pair in given for each in pair)))
        print(f"Next: {printable(line)}")


def print_table(console: Console, table: Table) -> None:
    """Print a table; where stdout is not a terminal without a box, and each row as one line."""
    if at_terminal():
        console.print(table)
        return
    table.box, table.pad_edge, table.title_justify = None, False, "left"
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip(" ") for line in captured.get().rstrip("\n").split("\n")))
