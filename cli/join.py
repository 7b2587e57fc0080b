"""``kemfeat join``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kemfeat.plural import many

from . import _options
from ._console import linked
from ._json import print_json
from ._progress import Reporter

if TYPE_CHECKING:
    from kemfeat.build import JoinReport


def join(
    stores: Annotated[
        list[str],
        typer.Argument(
            metavar="STORE...",
            help="Folders or addresses of the stores to join.",
            parser=_options.as_shown,
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the joined store.", show_default=False)],
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            "--corpus",
            metavar="NAME",
            help="Name of a corpus; once for each store, in order.",
            show_default="the names of the corpora",
        ),
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Leave out features that the stores do not have alike.")
    ] = False,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Make one store of several with the same features, for experiments across corpora; they are only read."""
    from kemfeat.build import join_stores
    from kemfeat.store.address import refuse_address

    refuse_address(out, "join into a folder of this machine, then `kemfeat push`")
    with Reporter(bar=progress, quiet=as_json) as reporter:
        report = join_stores(stores, out=out, corpora=corpus or None, common=common, progress=reporter)
    if as_json:
        print_json(
            {
                "store": str(report.store.path),
                "digest": report.store.digest,
                "utterances": dict(report.utterances),
                "written": report.written,
                "kept": report.kept,
                "left_out": dict(report.left_out),
                "seconds": round(report.seconds, 3),
            }
        )
    else:
        _print(report)


def _print(report: JoinReport) -> None:
    counts = ", ".join(f"{corpus} {count:,}" for corpus, count in report.utterances.items())
    done = f"{many(report.written, 'part')} written, {report.kept} kept, {report.seconds:.1f} s"
    if not report.written + report.kept:
        done = "up to date"
    joined = f"{many(len(report.store), 'utterance')} ({counts}), digest {report.store.digest[:12]}"
    print(f"{linked(report.store.path)}: {joined}; {done}")
    for feature, why in report.left_out.items():
        print(f"left out {feature}: {why}")
