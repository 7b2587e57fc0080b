"""``kemfeat build``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kemfeat.plural import many

from . import _options
from ._console import linked, say_next
from ._progress import Reporter

if TYPE_CHECKING:
    from kemfeat.balance import Balance
    from kemfeat.build import BuildReport
    from kemfeat.store.address import Address


class OnError(StrEnum):
    """What to do about a row that cannot be extracted."""

    RAISE = "raise"
    SKIP = "skip"


def build(
    dataset: _options.Dataset,
    root: _options.RootPlace = None,
    table: _options.TableFile = None,
    follow_links: _options.FollowLinks = False,
    out: _options.OutPlace = None,
    config: _options.Config = None,
    set_: _options.Set = None,
    preset: _options.Preset = None,
    features: _options.Features = None,
    tokenizer: _options.Tokenizer = None,
    workers: _options.Workers = None,
    scheduler: _options.Scheduler = None,
    on_error: Annotated[
        OnError, typer.Option("--on-error", help="Stop at a row that fails, or store it as an explicit missing row.")
    ] = OnError.RAISE,
    max_failures: Annotated[
        float,
        typer.Option(
            "--max-failures",
            metavar="SHARE",
            min=0.0,
            max=1.0,
            help="Share of utterances that may fail under skip.",
        ),
    ] = 0.01,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read every source and shard again instead of trusting size and time.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew; existing content is moved aside, never deleted.")
    ] = False,
    keep: Annotated[int, typer.Option("--keep", min=0, help="How many earlier versions of the store to keep.")] = 1,
    cache: _options.Cache = None,
    may_pass_on: _options.MayPassOn = False,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Make a feature store, or continue where an earlier build stopped; a finished store is brought up to date."""
    from kemfeat import plugins
    from kemfeat.build import BuildOptions, build_store
    from kemfeat.data_home import find_root
    from kemfeat.store.address import Address, place

    settings = _options.settings_of(config, set_ or [], preset, features, tokenizer)
    options = BuildOptions(
        workers=_options.worker_count(workers, scheduler),
        scheduler=scheduler,
        on_error=on_error.value,
        max_failures=max_failures,
        rehash=rehash,
        force=force,
        follow_links=follow_links,
        keep=keep,
        cache=cache,
        may_pass_on=may_pass_on,
    )
    name = plugins.find("corpora", dataset).name
    corpus = None if root is None else place(root)
    with Reporter(bar=progress, quiet=as_json) as reporter:
        report = build_store(
            name,
            root=corpus if isinstance(corpus, Address) else find_root(name, root=corpus),
            out=out or Path("stores") / name,
            table=table,
            settings=settings,
            options=options,
            progress=reporter,
        )
    _show(report, as_json=as_json)


def _show(report: BuildReport, *, as_json: bool) -> None:
    store = report.store
    if as_json:
        from ._json import print_json

        print_json(
            {
                "store": str(store.path),
                "digest": store.digest,
                "utterances": len(store),
                "written": report.written,
                "kept": report.kept,
                "failures": report.failures,
                "seconds": round(report.seconds, 3),
                "up_to_date": report.up_to_date,
                "notes": list(report.notes),
                "balance": None if report.balance is None else balance_facts(report.balance),
                "moved_aside": None if report.moved_aside is None else str(report.moved_aside),
            }
        )
        return
    from kemfeat.provenance import BANNER

    if report.moved_aside is not None:
        print(f"the former content is now {linked(report.moved_aside)}")
    if report.up_to_date:
        print(f"{linked(_shown(store.path))}: up to date, {many(len(store), 'utterance')}, digest {store.digest[:12]}")
    else:
        _show_work(report)
    if store.synthetic:
        print(BANNER)
    if report.balance is not None:
        print(f"utterances: {report.balance}")
    for note in report.notes:
        print(note)
    if report.failures:
        print(
            f"{many(report.failures, 'row')} could not be read or extracted: see {_shown(store.path)}/failures.parquet"
        )
    say_next("verify", _shown(store.path))


def balance_facts(balance: Balance) -> dict[str, Any]:
    """What became of every utterance that a corpus mentions, for JSON."""
    return {
        "found": balance.found,
        "kept": balance.kept,
        "failed": balance.failed,
        "left_out": dict(balance.left_out),
        "lost": list(balance.lost),
    }


def _shown(place: Path | Address) -> Path | Address:
    """A path relative to the working folder where it is below it, or an address."""
    here = Path.cwd()
    return place.relative_to(here) if isinstance(place, Path) and place.is_relative_to(here) else place


def _show_work(report: BuildReport) -> None:
    store = report.store
    rate, digest = len(store) / report.seconds, store.digest[:12]
    shown = linked(_shown(store.path))
    print(f"{shown}: {many(len(store), 'utterance')} in {report.seconds:.1f} s ({rate:,.0f}/s), digest {digest}")
    print(f"{many(report.written, 'part')} written, {report.kept} kept; arrays: {', '.join(store.arrays)}")
