"""``kemfeat analyze correlation``."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import _options
from . import _run


def correlation(
    store: _run.StorePath = None,
    labels: _run.Labels = "7class",
    examples: Annotated[int, typer.Option("--examples", metavar="N", help="Conversations to draw.")] = 4,
    out: _run.Out = None,
    as_json: _options.Json = False,
) -> None:
    """Whether EDA, TEMP and heart rate change when emotion, arousal and valence do."""
    settings = {"labels": labels, "examples": examples}
    _run.run("correlation", settings, store=store, out=out, as_json=as_json)
