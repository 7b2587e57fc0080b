"""``kemfeat push`` and ``kemfeat pull``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked
from ._json import print_json
from ._progress import Reporter

if TYPE_CHECKING:
    from kemfeat.publish import Copied


def push(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE",
            help="Folder of a store.",
            parser=_options.as_shown,
            autocompletion=_completion.stores,
            show_default=False,
        ),
    ],
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Such as s3://BUCKET/STORE, gs:// or az://.", show_default=False)
    ],
    may_pass_on: _options.MayPassOn = False,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Copy a store to an address: what is missing there, then its header, in one step that others see."""
    from kemfeat.publish import push_store
    from kemfeat.store.reader import open_store

    opened = open_store(store)
    with Reporter(bar=progress, quiet=as_json) as reporter:
        done = push_store(
            opened, address, may_pass_on=may_pass_on, progress=lambda done, total: reporter("push", done, total)
        )
    _print(address, done, "sent", as_json=as_json)


def pull(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Of a store, as push was given it.", show_default=False)
    ],
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Folder: absent, empty, or a store.", show_default=False)
    ],
    at: Annotated[
        str | None, typer.Option("--at", metavar="DIGEST", help="A version.", show_default="the current one")
    ] = None,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Copy a store from an address into a folder; every file is compared with its receipt."""
    from kemfeat.publish import pull_store

    with Reporter(bar=progress, quiet=as_json) as reporter:
        done = pull_store(address, store, at=at, progress=lambda done, total: reporter("pull", done, total))
    _print(store, done, "fetched", as_json=as_json)


def _print(where: str | Path, done: Copied, word: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"store": str(where), **asdict(done)})
        return
    size = (
        f"{many(done.sent, 'file')} {word} ({done.bytes / 1e6:,.1f} MB), {done.copied:,} copied, {done.there:,} there"
    )
    print(f"{linked(where)}: version {done.digest[:12]}; {size}")
