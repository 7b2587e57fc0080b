"""``kemfeat browse``."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from . import _options


def browse(
    store: _options.StorePath,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            metavar="DIR",
            callback=_options._folder,
            help="Folder of the corpus, to hear the utterances.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option("--run", metavar="DIR", help="Show what a run predicts; may be repeated, once for each fold."),
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", metavar="FILE", help="Show the part of each utterance.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65535, help="Port on 127.0.0.1.", show_default="a free one"),
    ] = None,
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    cache: _options.Cache = None,
) -> None:
    """Look at every utterance in a page of this machine: table, sound, features, votes, predictions."""
    from kemfeat.browse import Browser, serve
    from kemfeat.store.reader import open_store

    def ready(address: str) -> None:
        print(f"Open {address}\nCtrl-C ends it.", flush=True)
        if show and _has_display():
            webbrowser.open(address)

    page = Browser(open_store(store, cache=cache), root=root, runs=run or (), split=split)
    try:
        serve(page, port=port or 0, ready=ready)
    except KeyboardInterrupt:
        print()


def _has_display() -> bool:
    """Whether a browser has a screen; without one a browser of the terminal would take it."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
