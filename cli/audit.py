"""``kemfeat audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import _options
from ._console import new_console, say_next
from ._json import print_json
from ._progress import Reporter

if TYPE_CHECKING:
    from kemfeat.splits import Audit
    from kemfeat.store.reader import Store

LEAKING = 3
_BASELINE = ("mel", "delta")


def audit(
    store: _options.StorePath,
    split: Annotated[
        Path,
        typer.Argument(
            metavar="SPLIT", help="File of a split, or a CSV with the columns id,part[,fold].", show_default=False
        ),
    ],
    cache: _options.Cache = None,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Look for everything that train, valid and test share; exit 3 when the split leaks."""
    from kemfeat.leakage import audit_split
    from kemfeat.splits import read_split
    from kemfeat.store.reader import open_store

    opened, read = open_store(store, cache=cache), read_split(split)
    with Reporter(bar=progress, quiet=as_json) as reporter:
        found = audit_split(opened, read, progress=lambda done, total: reporter("compare", done, total))
    if as_json:
        print_json(found.to_json())
    else:
        _print_audit(found)
        if found.verdict == "clean":
            _say_what_to_train(opened, store, split)
    if found.verdict == "leaking":
        raise typer.Exit(code=LEAKING)


def _say_what_to_train(opened: Store, store: str, split: Path) -> None:
    """The baseline, on those of its features that the store has."""
    features = [name for name in _BASELINE if name in opened.header.features]
    if features:
        say_next("train baseline/logistic", store=store, split=split, features=",".join(features))
    else:
        say_next("list recipes")


def _print_audit(found: Audit) -> None:
    from rich.markup import escape

    console = new_console()
    colour = {"leaking": "red", "clean": "green"}[found.verdict]
    verdict, *rest = found.sentences()
    console.print(f"[bold {colour}]{escape(verdict)}[/bold {colour}]", soft_wrap=True)
    for sentence in rest:
        console.print(escape(sentence), soft_wrap=True)
        kind = sentence.partition(" (")[0]
        example = next((overlap.examples[0] for overlap in found.overlaps if overlap.kind == kind), None)
        if example is not None:
            console.print(f"  [dim]such as {escape(example)}[/dim]", soft_wrap=True)
