"""``kemfeat export``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperOption

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked
from ._help import Command
from ._json import print_json
from ._progress import Reporter


class Export(Command):
    """The command; its help names the formats that there are, which are looked up when it is asked for."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, with the formats in the help of ``--to``."""
        from ._names import usable

        params = super().get_params(ctx)
        formats = sorted(exporter.name for exporter in usable("export").plugins.values())
        for option in params:
            if isinstance(option, TyperOption) and option.name == "to":
                option.help = f"{', '.join(formats)}."
        return params


def export(
    store: _options.StorePath,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            autocompletion=_completion.exports,
            help="One of the formats.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder to write; absent or empty.",
            show_default=False,
        ),
    ],
    arrays: Annotated[
        str | None,
        typer.Option(
            "--arrays",
            metavar="LIST",
            help="Comma-separated arrays of one row axis.",
            show_default="all of the utterances",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="RULE",
            autocompletion=_completion.labels,
            help="Label rule; rows it drops are left out.",
            show_default="keep every row",
        ),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            "--ids",
            metavar="FILE",
            help="CSV with a column id: only these utterances.",
            show_default="all utterances",
        ),
    ] = None,
    cache: _options.Cache = None,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Write a store in the format of other programs, every row with its id."""
    from kemfeat.export import export_store
    from kemfeat.id_files import read_ids
    from kemfeat.provenance import BANNER
    from kemfeat.store.reader import open_store

    opened = open_store(store, cache=cache)
    chosen = None if arrays is None else [name.strip() for name in arrays.split(",") if name.strip()]
    with Reporter(bar=progress, quiet=as_json) as reporter:
        made = export_store(
            opened,
            to=to,
            out=out,
            arrays=chosen,
            labels=labels,
            ids=read_ids(ids, known=opened.utterances["id"].tolist()) if ids else None,
            progress=lambda done, total: reporter("export", done, total),
        )
    if as_json:
        print_json({"store": str(store), "digest": opened.digest, **asdict(made)})
        return
    if opened.synthetic:
        print(BANNER)
    left = f", {made.dropped:,} left out by the label rule {labels}" if made.dropped else ""
    rows = f"{many(made.rows, 'row')} of the axis {made.axis}{left}"
    print(f"{linked(out)}: {rows}, as {made.format}; digest {opened.digest[:12]}")
    print(f"{many(made.files, 'file')}, {made.bytes / 1e6:,.1f} MB; arrays: {', '.join(made.arrays) or 'none'}")
