"""``kemfeat ensemble``: one prediction from those of several runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked, new_console
from ._json import print_json
from ._progress import Reporter
from ._torch import Device, require_torch
from ._training_lines import TrainingLines

if TYPE_CHECKING:
    import pandas as pd


class Method(StrEnum):
    """Ways to combine predictions."""

    SOFT = "soft"
    WEIGHTED = "weighted"
    HARD = "hard"
    STACKING = "stacking"


class Stacker(StrEnum):
    """Models of stacking."""

    LOGISTIC = "logistic"
    LIGHTGBM = "lightgbm"


class Part(StrEnum):
    """Parts that can be fitted on."""

    VALID = "valid"
    TEST = "test"


class Softmax(StrEnum):
    """What a softmax is taken over."""

    ROW = "row"
    ALL = "all"


class Votes(StrEnum):
    """How votes count."""

    SUM = "sum"
    PRODUCT = "product"


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
    stacker: Annotated[
        Stacker, typer.Option("--stacker", help="Regression on probabilities; LightGBM on labels is published (J4).")
    ] = Stacker.LOGISTIC,
    fit_on: Annotated[
        Part, typer.Option("--fit-on", help="Part that is fitted on; the test part is published (J1).")
    ] = Part.VALID,
    softmax: Annotated[
        Softmax, typer.Option("--softmax", help="One softmax for each row; one over all is published (J3).")
    ] = Softmax.ROW,
    votes: Annotated[
        Votes, typer.Option("--votes", help="Votes of hard: sums of weights; their product is published (J4).")
    ] = Votes.SUM,
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Fit on the test part, and say so in every number and figure.")
    ] = False,
    inner: Annotated[
        int,
        typer.Option(
            "--inner", min=0, help="Train each run on that many folds of its train part, and fit on what they left out."
        ),
    ] = 0,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="STORE",
            help="Store of the runs, for --inner.",
            parser=_options.as_shown,
            autocompletion=_completion.stores,
        ),
    ] = None,
    split: Annotated[
        Path | None, typer.Option("--split", metavar="SPLIT", help="Split of the runs, for --inner.")
    ] = None,
    device: Annotated[
        Device, typer.Option("--device", help="Where --inner trains; auto uses a GPU where there is one.")
    ] = Device.AUTO,
    progress: _options.ShowProgress = None,
    as_json: _options.Json = False,
) -> None:
    """Combine the predictions of runs of one fold, joined by utterance; what is fitted never sees the test part."""
    from kemfeat.analyses.output import plain
    from kemfeat.learn.evaluation.evaluate import evaluate
    from kemfeat.learn.experiments.ensemble import Formulas, require_possible
    from kemfeat.learn.experiments.ensemble import ensemble as combined

    from .evaluate import print_one

    formulas = Formulas(
        stacker=stacker.value,
        fit_on=fit_on.value,
        softmax=softmax.value,
        votes=votes.value,
        allow_leakage=allow_leakage,
    )
    inside = _Inner(folds=inner, store=store, split=split, device=device.value, progress=progress)
    shares_given = _numbers(weights)
    require_possible(runs, method.value, out, weights=shares_given, formulas=formulas, out_of_fold=inner > 0)
    tables = _out_of_fold(runs, out, inside)
    facts = combined(runs, method=method.value, out=out, weights=shares_given, formulas=formulas, out_of_fold=tables)
    found, made = evaluate(out), facts.ensemble
    shares = made.weights if made is not None else ()
    if as_json:
        print_json(plain({**found.content(), "ensemble": made.model_dump() if made else None}))
        return
    console = new_console()
    print_one(console, found)
    for run, share in zip(runs, shares, strict=False):
        console.print(f"weight {share:.3f}  {run}", markup=False, highlight=False)
    if made is not None and made.fitted_on:
        console.print(f"fitted on {many(made.fitted_on, 'utterance')} of {_FITTED[made.fitted_part]}")
    print(linked(out))


_FITTED = {
    "valid": "the validation part, which also chose the epochs",
    "train": "the train part, each predicted by a model that did not see it",
    "test": "the test part: these are training scores (J1)",
}


@dataclass(frozen=True, kw_only=True)
class _Inner:
    """How predictions out of fold are made."""

    folds: int
    store: str | None
    split: Path | None
    device: str
    progress: bool | None


def _out_of_fold(runs: list[Path], out: Path, inner: _Inner) -> list[pd.DataFrame]:
    """A table for each run where they are asked for."""
    from kemfeat.errors import ConfigError

    if not inner.folds:
        return []
    if inner.folds == 1:
        raise ConfigError("--inner 1: one inner fold leaves nothing to train on; pass 2 or more, or 0 for none")
    if inner.store is None or inner.split is None:
        raise ConfigError("--inner: trains models within the train part; pass --store and --split, those of the runs")
    require_torch("ensemble --inner")
    from kemfeat.learn.experiments.out_of_fold import out_of_fold
    from kemfeat.splits import read_split
    from kemfeat.store.reader import open_store

    with Reporter(bar=inner.progress) as reporter:
        return out_of_fold(
            runs,
            store=open_store(inner.store),
            split=read_split(inner.split),
            out=out,
            folds=inner.folds,
            device=inner.device,
            progress=TrainingLines(reporter),
        )


def _numbers(text: str | None) -> tuple[float, ...]:
    from kemfeat.corpora.text import number
    from kemfeat.errors import ConfigError

    found = tuple(number(part) for part in text.split(",")) if text is not None else ()
    if any(isnan(share) for share in found):
        raise ConfigError(f"--weights {text}: expected numbers joined by commas, such as 0.1,0.67,0.23")
    return found
