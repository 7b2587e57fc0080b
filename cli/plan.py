"""``kemfeat plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kemfeat.plural import many

from . import _options
from ._console import new_console, print_table
from ._json import print_json
from ._progress import Reporter

if TYPE_CHECKING:
    from kemfeat.build import Forecast

_DOES_NOT_FIT = 4


def plan(
    dataset: _options.Dataset,
    root: _options.Root = None,
    table: _options.TableFile = None,
    follow_links: _options.FollowLinks = False,
    out: _options.Out = None,
    config: _options.Config = None,
    set_: _options.Set = None,
    preset: _options.Preset = None,
    features: _options.Features = None,
    tokenizer: _options.Tokenizer = None,
    workers: _options.Workers = None,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Show what a build would take on this machine: disk, files, memory, time; exit 4 where the disk is too small.

    Only headers and sizes of the corpus are read, no audio is decoded. To measure the speed of this machine, a few
    hundred utterances are then built into a folder that is removed again, which takes some seconds.
    """
    from kemfeat import parallel, plugins
    from kemfeat.build import forecast
    from kemfeat.data_home import find_root

    name = plugins.find("corpora", dataset).name
    folder = out or Path("stores") / name
    with Reporter(bar=progress, quiet=as_json) as reporter:
        made = forecast(
            name,
            root=find_root(name, root=root),
            out=folder,
            table=table,
            follow_links=follow_links,
            settings=_options.settings_of(config, set_ or [], preset, features, tokenizer),
            workers=workers or parallel.default_workers(),
            progress=reporter,
        )
    if as_json:
        print_json(_facts(made, folder))
    else:
        _print_forecast(made, folder)
    if not made.fits:
        raise typer.Exit(code=_DOES_NOT_FIT)


def _facts(made: Forecast, out: Path) -> dict[str, Any]:
    return {
        "store": str(out),
        "dataset": made.dataset,
        "utterances": made.utterances,
        "hours": round(made.hours, 3),
        "missing_audio": made.missing_audio,
        "broken_audio": made.broken_audio,
        "cut": dict(made.cut),
        "arrays": {
            name: {"feature": array.feature, "bytes": array.bytes, "shards": array.shards, "chunks": array.chunks}
            for name, array in made.arrays.items()
        },
        "bytes": made.bytes,
        "bytes_signals": made.signals,
        "bytes_tables": made.tables,
        "bytes_peak": made.peak,
        "bytes_there": made.there,
        "bytes_free": made.free,
        "files": made.files,
        "shards": made.shards,
        "chunks": made.chunks,
        "memory": made.memory,
        "workers": made.workers,
        "seconds": round(made.timing.seconds, 1),
        "seconds_by_stage": {stage: round(seconds, 2) for stage, seconds in made.timing.stages.items()},
        "sampled": made.sampled,
        "up_to_date": made.up_to_date,
        "fits": made.fits,
    }


def _print_forecast(made: Forecast, out: Path) -> None:
    from rich.markup import escape

    console = new_console()
    console.print(
        f"[bold]{escape(made.dataset)}[/bold]  {many(made.utterances, 'utterance')}, {made.hours:,.1f} h of audio; "
        f"rates of {many(made.sampled, 'utterance')} built on this machine"
    )
    print_table(console, _table(made))
    console.print(
        f"{many(made.files, 'file')}, {many(made.chunks, 'chunk')} in {many(made.shards, 'shard')}; largest process "
        f"{_size(made.memory)}; about {_duration(made.timing.seconds)} with {many(made.workers, 'worker')}"
    )
    for line in _remarks(made):
        console.print(f"[yellow]{line}[/yellow]")
    console.print(escape(_verdict(made, out)), soft_wrap=True)


def _table(made: Forecast) -> Any:
    from rich.table import Table

    table = Table("what", "bytes", "shards", "chunks", box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for feature in dict.fromkeys(array.feature for array in made.arrays.values()):
        own = [array for array in made.arrays.values() if array.feature == feature]
        sums = (sum(array.shards for array in own), sum(array.chunks for array in own))
        table.add_row(feature, _size(sum(array.bytes for array in own)), *(f"{number:,}" for number in sums))
    table.add_row("signals", _size(made.signals), "", "")
    table.add_row("tables", _size(made.tables), "", "")
    table.add_row("all", _size(made.bytes), f"{made.shards:,}", f"{made.chunks:,}", style="bold")
    return table


def _remarks(made: Forecast) -> list[str]:
    lost = {"without an audio file": made.missing_audio, "whose audio file cannot be read": made.broken_audio}
    lines = [
        f"{many(count, 'utterance')} {what}: a build stops there unless --on-error skip"
        for what, count in lost.items()
        if count
    ]
    return lines + [
        f"{name}: utterances longer than the stored length, which will be cut: {rows:,}"
        for name, rows in made.cut.items()
    ]


def _verdict(made: Forecast, out: Path) -> str:
    if made.up_to_date:
        return f"{out}: is up to date; a build has nothing to do"
    writes = f"building writes {_size(made.peak - made.there)}, the disk has {_size(made.free)} free"
    if made.there:
        writes += f"; {_size(made.there)} are there now, and what has not changed is kept at no cost"
    return f"{out}: yes, it fits: {writes}" if made.fits else f"{out}: no, it does not fit: {writes}"


def _size(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
