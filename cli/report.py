"""``kemfeat report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options
from ._console import linked, say_next


def report(
    store: _options.StorePath,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The page to write; an earlier one is replaced.",
        ),
    ] = Path("report.html"),
    audio: Annotated[
        int,
        typer.Option(
            "--audio",
            metavar="N",
            min=0,
            help="Recordings to hear in the page, where the corpus' terms allow it.",
            show_default="none",
        ),
    ] = 0,
    root: _options.Root = None,
    cache: _options.Cache = None,
) -> None:
    """Write one self-contained HTML page: data card, coverage, labels, features and the analyses run so far."""
    from kemfeat.report import write_report
    from kemfeat.store.reader import open_store

    written = write_report(open_store(store, cache=cache), out=out, audio=audio, root=root)
    shown = ", ".join(written.analyses) or "none"
    print(f"{linked(written.path)}: {written.size / 1e6:.1f} MB; analyses: {shown}")
    for name in written.stale:
        print(f"analyses/{name}: is out of date (made from another version of this store); run the analysis again")
    for name, reason in written.damaged:
        print(f"analyses/{name}: is not shown: {reason}")
    say_next("split", store)
