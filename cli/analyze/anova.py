"""``kemfeat analyze anova``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .. import _options
from . import _run


def anova(
    store: _run.StorePath = None,
    dv: Annotated[
        list[str] | None,
        typer.Option(
            "--dv", metavar="COLUMN", help="Numeric column; may be repeated.", show_default="arousal and valence"
        ),
    ] = None,
    between: Annotated[str, typer.Option("--between", metavar="COLUMN", help="Categorical column.")] = "emotion",
    labels: _run.Labels = "5class",
    cluster: Annotated[
        str, typer.Option("--cluster", metavar="COLUMN", help="What utterances are nested in.")
    ] = "speaker",
    out: _run.Out = None,
    as_json: _options.Json = False,
) -> None:
    """Compare groups of utterances: Welch, Games-Howell, and tests that count speakers instead of utterances."""
    settings: dict[str, Any] = {"between": between, "labels": labels, "cluster": cluster}
    if dv:
        settings["dv"] = dv
    _run.run("anova", settings, store=store, out=out, as_json=as_json)
