"""Help: commands in groups, with boxes at a terminal alone."""

from __future__ import annotations

import sys
from typing import Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

MARKUP: Literal["rich"] | None = "rich" if sys.stdout.isatty() else None


_METAVARS = {"int": "N", "float": "X", "str": "TEXT", "path": "PATH"}

_SETTINGS, _RUNNING = "Settings", "How it runs"
_PANELS = {
    **dict.fromkeys(("config", "set_", "preset", "features", "tokenizer"), _SETTINGS),
    **dict.fromkeys(("workers", "scheduler", "cache", "device", "progress", "as_json", "help"), _RUNNING),
}


def epilog(name: str, example: str) -> str:
    """The end of the help of a command: an example, and where there is more."""
    return f"Example: kemfeat {example}\n\nMore: docs/cli.md, section kemfeat {name}"


class Command(TyperCommand):
    """A command whose help says what to write after an option, and nothing after a flag."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments and options."""
        return [_for_help(each, ctx) for each in super().get_params(ctx)]


class Commands(TyperGroup):
    """Commands of which one is named; without one they are listed."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options before the command."""
        return [_for_help(each, ctx) for each in super().get_params(ctx)]

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


def _for_help(parameter: Any, ctx: Any) -> Any:
    """A parameter in its group, without ``<bool>``, ``<int range>`` and the like, which typer writes."""
    if parameter.param_type_name == "argument":
        vars(parameter)["display_type_rich"] = _nothing  # its name says it
        return parameter
    parameter.rich_help_panel = _PANELS.get(parameter.name)
    if parameter.is_flag:
        parameter.metavar = ""
    elif parameter.metavar is None:
        kind = parameter.display_type(ctx).strip("<>")
        parameter.metavar = _METAVARS.get(kind.removesuffix(" range"), kind)
    return parameter


def _nothing(ctx: Any) -> None:
    """No type."""
