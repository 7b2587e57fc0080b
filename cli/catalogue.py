"""``kemfeat list``."""

from __future__ import annotations

from typing import Annotated

import typer

from kemfeat.errors import PluginError

from . import _options
from ._console import new_console, print_table
from ._json import print_json
from ._names import Kind, entries
from ._torch import require_torch


def catalogue(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(Kind)}.", show_default=False)],
    as_json: _options.Json = False,
) -> None:
    """List the names that options take, and what each is; exit 2 where a plug-in of another package cannot be used."""
    if kind is Kind.MODELS:
        require_torch("list models")
    found = entries(kind)
    if as_json:
        print_json([{"name": name, "about": about} for name, about in found.lines.items()])
    else:
        _print(found.lines)
    if found.broken:
        raise PluginError("\n".join(found.broken))


def _print(lines: dict[str, str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False)
    for name, about in lines.items():
        table.add_row(f"[bold]{escape(name)}[/bold]", escape(about))
    print_table(new_console(), table)
