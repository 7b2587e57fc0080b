"""``kemfeat predict``: what a trained model says of a store or of one recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked, new_console, print_table
from ._json import print_json
from ._torch import Device, require_torch

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.store.reader import Store


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that kemfeat train wrote.", show_default=False)],
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="STORE",
            help="Predict every utterance of this store.",
            parser=_options.as_shown,
            autocompletion=_completion.stores,
            show_default=False,
        ),
    ] = None,
    wav: Annotated[
        Path | None, typer.Option("--wav", metavar="FILE", help="Predict one recording.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="What is said in it, where the model reads text.", show_default=False)
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            "--encoder",
            metavar="RUN",
            help="Run that made the embeddings that the model reads.",
            show_default="where it was",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Table to write, .csv or .parquet.", show_default=False),
    ] = None,
    cache: _options.Cache = None,
    device: Annotated[
        Device, typer.Option("--device", help="Where to predict; auto uses a GPU where there is one.")
    ] = (Device.AUTO),
    as_json: _options.Json = False,
) -> None:
    """Predict the utterances of a store or a new recording: probabilities of emotions, or ratings."""
    from kemfeat.errors import ConfigError
    from kemfeat.store.outside import refuse_foreign
    from kemfeat.store.reader import open_store

    require_torch("predict")
    if (store is None) == (wav is None and text is None):
        raise ConfigError("predict: pass --store STORE, or one recording as --wav FILE, --text TEXT or both")
    if encoder is not None and store is None:
        raise ConfigError("--encoder: a recording has no embeddings; pass --store STORE")
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out}: expected a name that ends in .csv or .parquet")
    if out is not None:
        refuse_foreign(out, command="predict", is_ours=_is_table)
    opened = None if store is None else open_store(store, cache=cache)
    table = _predicted(run, store=opened, wav=wav, text=text, encoder=encoder, device=device.value)
    if out is not None:
        _write(table, out)
    if as_json:
        print_json({"predictions": table.to_dict("records"), **table.attrs})
    else:
        _print(table, out)


def _predicted(
    run: Path, *, store: Store | None, wav: Path | None, text: str | None, encoder: Path | None, device: str
) -> pd.DataFrame:
    from kemfeat.learn.inference.predict import predict_recording, predict_store

    if store is not None:
        return predict_store(run, store, encoder=encoder, device=device)
    return predict_recording(run, wav=wav, text=text, device=device)


def _is_table(path: Path) -> bool:
    """Whether a file has the first columns of a table of predictions."""
    if path.suffix == ".csv":
        with path.open("rb") as file:
            return file.readline().startswith(b"id,session,speaker,")
    import pyarrow.parquet as pq

    return bool(pq.read_schema(path).names[:3] == ["id", "session", "speaker"])


def _write(table: pd.DataFrame, out: Path) -> None:
    from kemfeat.store import disk

    content = table.reset_index(drop=True)
    content.attrs = {}
    with disk.writing(out.parent):
        if out.suffix == ".csv":
            disk.write_bytes(out, content.to_csv(index=False).encode())
        else:
            disk.write_table(out, content)


def _print(table: pd.DataFrame, out: Path | None) -> None:
    from rich.table import Table

    console, shown = new_console(), 10
    view = Table(box=None, header_style="bold")
    seen = table.drop(columns=["session", "speaker"]).rename(columns=lambda name: name.removesuffix("_pred"))
    for column in seen.columns:
        view.add_column(column, justify="left" if column in ("id", "emotion") else "right", overflow="fold")
    for row in seen.head(shown).itertuples(index=False):
        view.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row))
    print_table(console, view)
    more = len(table) - shown
    if more > 0:
        console.print(f"and {more:,} more" + ("" if out else "; pass --out FILE to write all"))
    for line in table.attrs["warnings"]:
        console.print(line, markup=False)
    if table.attrs["left_out"]:
        left_out = many(table.attrs["left_out"], "utterance")
        console.print(f"{left_out} left out: what the model reads could not be extracted")
    if out is not None:
        print(f"{many(len(table), 'prediction')} written to {linked(out)}")
