"""``kemfeat analyze agreement``."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import _options
from . import _run


def agreement(
    store: _run.StorePath = None,
    resamples: Annotated[
        int, typer.Option("--resamples", metavar="N", help="Bootstrap samples behind the intervals of alpha.")
    ] = 1000,
    out: _run.Out = None,
    as_json: _options.Json = False,
) -> None:
    """How far the raters agree: Krippendorff's alpha, intraclass correlation, each rater against the others."""
    _run.run("agreement", {"resamples": resamples}, store=store, out=out, as_json=as_json)
