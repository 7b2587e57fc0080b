"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dataset = Annotated[str, typer.Option("--dataset", help="Corpus, e.g. KEMDy20.", show_default=False)]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Folder of the corpus.",
        show_default="DATASET* in $KEMFEAT_DATA, data or here",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-j",
        min=1,
        help="Worker processes; the result is the same for any number.",
        show_default="one per core",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a store.", show_default=False)]
Progress = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress", help="Progress bar; plain lines when not a terminal.", show_default="at a terminal"
    ),
]
