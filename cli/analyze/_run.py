"""What every ``kemfeat analyze`` command does once its options are a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._json import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kemfeat.store.reader import Store

StorePath = Annotated[
    Path | None, typer.Argument(metavar="[STORE]", help="Folder of a store.", show_default="the one in ./stores")
]
Labels = Annotated[
    str,
    typer.Option(
        "--labels", metavar="RULE", help="annotated, first, 7class, 5class, 4class, 4class-unmerged or votes."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the result.", show_default="STORE/analyses/NAME")]


def run(name: str, settings: Mapping[str, Any], *, store: Path | None, out: Path | None, as_json: bool) -> None:
    """Run one analysis, write its result, and say in a few lines what it found."""
    from kemfeat import plugins
    from kemfeat.analyses import AnyAnalysis
    from kemfeat.analyses.output import default_folder, write
    from kemfeat.config import validated

    analysis: AnyAnalysis = plugins.find("analyses", name)
    config = validated(analysis.config, settings, where=name)
    opened = open_one(store)
    folder = out or default_folder(opened, analysis)
    content = write(analysis, analysis.run(opened, config), store=opened, config=config, out=folder)
    if as_json:
        print_json(content)
    else:
        _print_summary(content, folder)


def open_one(store: Path | None) -> Store:
    """The store of that folder, or the only one in ``./stores``."""
    from kemfeat.errors import ConfigError
    from kemfeat.store.reader import open_store

    if store is not None:
        return open_store(store)
    found = sorted(path.parent for path in Path("stores").glob("*/kemfeat.json"))
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        raise ConfigError(f"stores: found {len(found)} stores ({names}), expected one; name the STORE to analyse")
    return open_store(found[0])


def _print_summary(content: dict[str, Any], folder: Path) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    first, *rest = content["summary"] or ["nothing to say"]
    console.print(f"[bold]{escape(first)}[/bold]")
    for sentence in rest:
        console.print(escape(sentence))
    for warning in content["warnings"]:
        console.print(f"[yellow]{escape(warning)}[/yellow]")
    console.print(
        f"[dim]{len(content['tables'])} tables and {len(content['figures'])} figures in {escape(str(folder))}[/dim]"
    )
