"""``kemfeat bench``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kemfeat.errors import ConfigError

if TYPE_CHECKING:
    from kemfeat_bench._record import Document


def bench(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="One comparison; may be repeated.", show_default="all"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small corpora and few rounds.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="JSON file for the results.",
            show_default=False,
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Measure nothing; show what --out wrote.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 if a target is missed.")] = False,
    wavs: Annotated[
        Path | None,
        typer.Option(
            "--wavs",
            metavar="DIR",
            help="Folder of real 16 kHz mono speech.",
            show_default="synthetic speech",
        ),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            "--scratch",
            metavar="DIR",
            help="Folder for corpora and stores.",
            show_default="the system's",
        ),
    ] = None,
) -> None:
    """Measure kemfeat and its peers on this machine: ratios, their spread, and the targets."""
    _require_benchmarks()
    from kemfeat_bench._record import read
    from kemfeat_bench._table import table

    document = read(from_) if from_ is not None else _measure(only or [], quick, out, wavs, scratch)
    print(table(document), end="")
    if check:
        _check(document)


def _require_benchmarks() -> None:
    if find_spec("kemfeat_bench") is None:
        raise ConfigError(
            "kemfeat bench: the benchmarks are not part of the installed package; expected a clone of its repository: "
            "clone it and run `make bench` there"
        )


def _measure(only: list[str], quick: bool, out: Path | None, wavs: Path | None, scratch: Path | None) -> Document:
    from kemfeat_bench._record import is_document, write
    from kemfeat_bench._run import run

    from kemfeat.store.outside import refuse_foreign

    if out is not None:
        refuse_foreign(out, command="bench", is_ours=is_document)

    def keep(document: Document) -> None:
        if out is not None:
            write(document, out)

    return run(only, quick=quick, wavs=wavs, scratch=scratch, say=_say, done=keep)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _check(document: Document) -> None:
    from kemfeat_bench._targets import misses

    missed = list(misses(document))
    for line in missed:
        print(line, file=sys.stderr)
    if missed:
        raise typer.Exit(code=1)
