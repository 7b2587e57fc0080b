"""``kemfeat embed``: what a trained model computes before its last layer, for models that build on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked
from ._progress import Reporter
from ._torch import Device, require_torch
from ._training_lines import TrainingLines


def embed(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that kemfeat train wrote.", show_default=False)],
    store: Annotated[
        str,
        typer.Option(
            "--store",
            metavar="STORE",
            help="Store of the run.",
            parser=_options.as_shown,
            autocompletion=_completion.stores,
            show_default=False,
        ),
    ],
    split: Annotated[Path, typer.Option("--split", metavar="SPLIT", help="Split of the run.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="SIDE", help="Folder to write.", show_default=False)],
    inner: Annotated[
        int,
        typer.Option(
            "--inner", min=0, help="Models trained for the train part, which embed what they did not see; 0 for none."
        ),
    ] = 4,
    cache: _options.Cache = None,
    device: Annotated[
        Device, typer.Option("--device", help="Where to compute; auto uses a GPU where there is one.")
    ] = (Device.AUTO),
    progress: _options.ShowProgress = None,
) -> None:
    """Embed the utterances of a fold by the model of a run: out of fold where they will be trained on."""
    require_torch("embed")
    from kemfeat.learn.inference.embed import EmbedOptions
    from kemfeat.learn.inference.embed import embed as embedded
    from kemfeat.learn.training.trainer import audited_of_run
    from kemfeat.splits import read_split
    from kemfeat.store.reader import open_store

    data = audited_of_run(run, store=open_store(store, cache=cache), split=read_split(split))
    options = EmbedOptions(inner_folds=inner, device=device.value)
    with Reporter(bar=progress) as reporter:
        side = embedded(run, data, out=out, options=options, progress=TrainingLines(reporter))
    rows, size = side.values.shape
    made = int((side.model >= 0).sum())
    print(f"{linked(out)}: {made:,} of {many(rows, 'row')} of the axis {side.facts.axis}, {many(size, 'number')} each")
    if not inner:
        print("The train part was embedded by a model that was trained on it: train needs --allow-leakage (P2).")
