"""``kemfeat ensemble``: one prediction from those of several runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from . import _options
from ._json import print_json


class Method(StrEnum):
    """Ways to combine predictions."""

    SOFT = "soft"
    WEIGHTED = "weighted"
    HARD = "hard"
    STACKING = "stacking"


def ensemble(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs that classify emotions.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="Folder of the ensemble.", show_default=False)],
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            help="Mean of probabilities, with weights, vote of classes, or a regression fitted on validation.",
        ),
    ] = Method.SOFT,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="W1,W2...",
            help="Weights of the runs in their order, for weighted and hard.",
            show_default="weighted: fitted on validation; hard: equal",
        ),
    ] = None,
    as_json: _options.Json = False,
) -> None:
    """Combine the predictions of runs of one fold, joined by utterance; what is fitted never sees the test part."""
    from rich.console import Console

    from kemfeat.analyses.output import plain
    from kemfeat.learn.evaluation.evaluate import evaluate
    from kemfeat.learn.experiments.ensemble import ensemble as combined

    from .evaluate import print_one

    facts = combined(runs, method=method.value, out=out, weights=_numbers(weights))
    found, made = evaluate(out), facts.ensemble
    shares = made.weights if made is not None else ()
    if as_json:
        print_json(plain({**found.content(), "ensemble": made.model_dump() if made else None}))
        return
    console = Console()
    print_one(console, found)
    for run, share in zip(runs, shares, strict=False):
        console.print(f"weight {share:.3f}  {run}", markup=False, highlight=False)
    if made is not None and made.fitted_on:
        console.print(f"fitted on {made.fitted_on:,} utterances of the validation part, which also chose the epochs")
    console.print(str(out), markup=False, highlight=False)


def _numbers(text: str | None) -> tuple[float, ...]:
    from kemfeat.errors import ConfigError

    try:
        return tuple(float(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        raise ConfigError(f"--weights {text}: expected numbers joined by commas, such as 0.1,0.67,0.23") from None
