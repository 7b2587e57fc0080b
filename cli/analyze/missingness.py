"""``kemfeat analyze missingness``."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import _options
from . import _run


def missingness(
    store: _run.StorePath = None,
    labels: _run.Labels = "7class",
    least_gap: Annotated[
        float, typer.Option("--least-gap", metavar="SECONDS", help="Pauses from this length on are listed and drawn.")
    ] = 5.0,
    out: _run.Out = None,
    as_json: _options.Json = False,
) -> None:
    """Which utterances have EDA, TEMP and heart beats, and where recordings are silent."""
    settings = {"labels": labels, "least_gap": least_gap}
    _run.run("missingness", settings, store=store, out=out, as_json=as_json)
