"""Help: commands in groups, with boxes at a terminal alone."""

from __future__ import annotations

import sys
from typing import Any, Literal

import typer
from typer.core import TyperGroup

MARKUP: Literal["rich"] | None = "rich" if sys.stdout.isatty() else None


class Commands(TyperGroup):
    """Commands of which one is named; without one they are listed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments after the options of the group."""
        if not args and not ctx.resilient_parsing:
            print(self.get_help(ctx))
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings of their groups, each with its whole first paragraph."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None:
                first = " ".join((command.help or "").partition("\n\n")[0].split())
                panels.setdefault(getattr(command, "rich_help_panel", None) or "Commands", []).append((name, first))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
