"""``kemfeat evaluate``: how good runs are, one by one, side by side, and compared with another run."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import _options
from ._console import new_console, print_table, say_next
from ._json import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console

    from kemfeat.learn.evaluation.evaluate import Evaluation
    from kemfeat.learn.evaluation.verdict import Verdict


class Group(StrEnum):
    """What utterances are grouped by."""

    SPEAKER = "speaker"
    SEX = "sex"
    SESSION = "session"


def evaluate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that kemfeat train wrote.", show_default=False)
    ],
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="RUN", help="Compare each run with this one, utterance by utterance."),
    ] = None,
    by: Annotated[
        list[Group] | None,
        typer.Option("--by", help="Scores of each speaker, sex or session too. Repeatable.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Table to write, .csv or .md, with one row per run.",
            show_default=False,
        ),
    ] = None,
    as_json: _options.Json = False,
) -> None:
    """Evaluate the test predictions of runs: metrics, baselines, intervals over speakers; folds of a split pooled."""
    from kemfeat.analyses.output import plain
    from kemfeat.learn.evaluation import compare
    from kemfeat.learn.evaluation.verdict import verdicts

    if out is not None:
        compare.check_place(out)
    found = [_evaluated(run) for run in dict.fromkeys(runs)]
    other = _evaluated(against) if against is not None else None
    gaps = [] if other is None else compare.adjusted([compare.differences(one, other) for one in found])
    found += compare.pooled(found)
    seeds = compare.over_seeds(found)
    beside = verdicts([*found, *([] if other is None else [other])])
    if out is not None:
        compare.write_table(out, found)
    if as_json:
        differences = [
            {"run": one.name, "scores": gap.to_dict("records")} for one, gap in zip(found, gaps, strict=False)
        ]
        content = {"runs": [one.content() for one in found], "differences": differences}
        said = [asdict(verdict) for verdict in beside]
        print_json(plain({**content, "seeds": seeds.to_dict("records"), "beside_linear": said}))
    else:
        _print(found, other, gaps)
        _print_seeds(seeds)
        _print_verdicts(beside)
        for one in found:
            _print_groups(one, [group.value for group in by or ()])
        if not by:
            say_next("evaluate", *dict.fromkeys(runs), against=against, by=Group.SPEAKER.value)


def _evaluated(run: Path) -> Evaluation:
    """The evaluation of a run, under the path that the user gave."""
    from dataclasses import replace

    from kemfeat.learn.evaluation.evaluate import evaluate as judged
    from kemfeat.learn.evaluation.words import printable

    return replace(judged(run), name=printable(str(run)))


def _print(found: Sequence[Evaluation], other: Evaluation | None, gaps: Sequence[pd.DataFrame]) -> None:

    console = new_console()
    if len(found) == 1:
        _print_scores(console, found[0])
    else:
        _print_tables(console, found)
    if other is not None:
        for one, gap in zip(found, gaps, strict=False):
            _print_gap(console, one, other, gap)
    everyone = [*found, other] if other is not None else found
    for one in everyone:
        _print_remarks(console, one, named=len(everyone) > 1)


def print_one(console: Console, one: Evaluation) -> None:
    """Print every score of one run, and the warnings and remarks about them."""
    _print_scores(console, one)
    _print_remarks(console, one, named=False)


def _print_scores(console: Console, one: Evaluation) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kemfeat.learn.evaluation.words import NAMES, in_words, shown
    from kemfeat.stats.metrics import Classification

    console.print(f"[bold]{escape(one.name)}[/bold]  {escape(f'{one.facts.recipe} {one.facts.variant}, {one.where}')}")
    for name, target in one.targets.items():
        table = Table(name, "value", "baseline", "better by", "n", "speakers", box=None, header_style="bold")
        for score, value in target.result.scores.items():
            base = in_words(target.baseline.scores[score].value, nan, nan)
            cells = NAMES[score], shown(value), base, shown(target.gain[score])
            table.add_row(*cells, f"{value.n:,}", f"{value.speakers:,}")
        print_table(console, table)
        if isinstance(target.result, Classification):
            _print_classes(console, target.result.per_class)


def _print_classes(console: Console, per_class: pd.DataFrame) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kemfeat.learn.evaluation.words import in_words

    table = Table("class", "precision", "recall", "F1", "n", "predicted", "speakers", box=None, header_style="bold")
    for row in per_class.to_dict("records"):
        rates = (in_words(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("precision", "recall", "f1"))
        counts = (f"{row[name]:,}" for name in ("support", "predicted", "speakers"))
        table.add_row(escape(row["class"]), *map(escape, rates), *counts)
    print_table(console, table)


def _print_tables(console: Console, found: Sequence[Evaluation]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kemfeat.learn.evaluation.compare import readable

    for texts in readable(found).values():
        table = Table(*texts.columns, box=None, header_style="bold")
        for row in texts.to_numpy():
            table.add_row(*map(escape, row))
        print_table(console, table)


def _print_gap(console: Console, one: Evaluation, other: Evaluation, gap: pd.DataFrame) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kemfeat.learn.evaluation.words import NAMES, in_words

    names = (escape(each.name) for each in (one, other))
    table = Table("minus", *names, "difference", "p", "Holm", "n", "speakers", box=None, header_style="bold")
    for row in gap.to_dict("records"):
        gap_shown = in_words(row["difference"], row["low"], row["high"])
        cells = f"{row['target']} {NAMES[row['score']]}", f"{row['mine']:.3f}", f"{row['other']:.3f}", gap_shown
        chances = (in_words(row[name], nan, nan) for name in ("p", "p_holm"))
        table.add_row(*map(escape, cells), *chances, f"{row['n']:,}", f"{row['speakers']:,}")
    print_table(console, table)


def _print_seeds(seeds: pd.DataFrame) -> None:
    from rich.table import Table

    from kemfeat.learn.evaluation.words import NAMES

    if not len(seeds):
        return
    table = Table("over seeds", "fold", "score", "runs", "mean", "SD", "range", box=None, header_style="bold")
    for row in seeds.to_dict("records"):
        cells = f"{row['recipe']} {row['variant']}", row["folds"], f"{row['target']} {NAMES[row['score']]}"
        spread = f"{row['low']:.3f} to {row['high']:.3f}"
        table.add_row(*cells, str(row["runs"]), f"{row['mean']:.3f}", f"{row['sd']:.3f}", spread)
    print_table(new_console(), table)


def _print_verdicts(found: Sequence[Verdict]) -> None:
    from rich.console import Console
    from rich.markup import escape

    for verdict in found:
        Console().print(escape(verdict.words), style="" if verdict.beats else "bold yellow", soft_wrap=True)


def _print_groups(one: Evaluation, groups: Sequence[str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kemfeat.learn.evaluation.words import NAMES, in_words

    found = one.groups() if groups else {}
    for group in groups:
        table = Table(group, "score", "value", "n", "speakers", title=escape(one.name), box=None, header_style="bold")
        for row in found[group].to_dict("records") if group in found else ():
            value = in_words(row["value"], row["low"], row["high"])
            names = escape(str(row[group])), f"{row['target']} {NAMES[row['score']]}"
            table.add_row(*names, escape(value), f"{row['n']:,}", f"{row['speakers']:,}")
        if not table.row_count:
            table.add_row("the predictions do not say it, or say one alone", "", "", "", "")
        print_table(new_console(), table)


def _print_remarks(console: Console, one: Evaluation, *, named: bool) -> None:
    from rich.markup import escape

    before = f"{one.name}: " if named else ""
    if one.warning:
        console.print(f"[bold red]{escape(before + one.warning)}[/bold red]", soft_wrap=True)
    for remark in one.remarks:
        console.print(f"[yellow]{escape(before + remark)}[/yellow]", soft_wrap=True)
