"""``kemfeat analyze``: one file per analysis."""

from __future__ import annotations

import typer

app = typer.Typer(help="Analyse a store: tables, figures and one JSON per analysis.", no_args_is_help=True)
