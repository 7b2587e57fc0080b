"""``kemfeat validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import _options
from ._console import at_terminal, new_console, say_next
from ._json import print_json
from ._progress import Reporter
from .build import balance_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from kemfeat.validate import ValidationReport

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def validate(
    dataset: _options.Dataset,
    root: _options.Root = None,
    table: _options.TableFile = None,
    follow_links: _options.FollowLinks = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 on warnings, too, not only on errors.")] = False,
    workers: _options.Workers = None,
    scheduler: _options.Scheduler = None,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Read a whole corpus and report what is wrong with it, by rule; exit with 3 on errors. Nothing is written."""
    from kemfeat import plugins
    from kemfeat.data_home import find_root
    from kemfeat.validate import validate_corpus

    count = _options.worker_count(workers, scheduler)
    name = plugins.find("corpora", dataset).name
    folder = find_root(name, root=root)
    with Reporter(bar=progress, quiet=as_json) as reporter:
        report = validate_corpus(
            name,
            root=folder,
            table=table,
            follow_links=follow_links,
            workers=count,
            scheduler=scheduler,
            progress=reporter,
        )
    if as_json:
        print_json(_facts(report))
    else:
        _print_report(report)
        if not report.count("error"):
            say_next("build", *(["--follow-links"] if follow_links else []), dataset=name, root=root, table=table)
    if report.count("error") or (strict and report.count("warning")):
        raise typer.Exit(code=3)


def _facts(report: ValidationReport) -> dict[str, Any]:
    return {
        "dataset": report.dataset,
        "root": str(report.root),
        "synthetic": report.synthetic,
        "counts": dict(report.counts),
        "balance": None if report.balance is None else balance_facts(report.balance),
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "count": finding.count,
                "examples": list(finding.examples),
                "action": finding.action,
            }
            for finding in report.findings
        ],
    }


def _print_report(report: ValidationReport) -> None:
    from rich.markup import escape

    from kemfeat.provenance import BANNER

    console = new_console()
    console.print(f"[bold]{escape(report.dataset)}[/bold] in {escape(str(report.root))}")
    if report.synthetic:
        console.print(f"[yellow]{BANNER}[/yellow]", soft_wrap=True)
    console.print(", ".join(f"{count:,} {escape(what)}" for what, count in report.counts.items()))
    if report.findings and at_terminal():
        console.print(_table(report))
    elif report.findings:
        print("\n".join(_lines(report)))
    if report.balance is not None:
        console.print(f"utterances: {escape(str(report.balance))}", soft_wrap=True, highlight=False)
    counts = {severity: report.count(severity) for severity in ("error", "warning", "info")}
    console.print("rules broken: " + ", ".join(f"{count} {severity}" for severity, count in counts.items()))


def _lines(report: ValidationReport) -> Iterator[str]:
    """A line for each rule, then one for each of its examples, as compilers print them."""
    for finding in report.findings:
        yield f"{finding.rule}: {finding.severity}, {finding.count:,}: {finding.action}"
        for example in finding.examples:
            yield f"{example} [{finding.rule}]"


def _table(report: ValidationReport) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table("rule", "count", "what kemfeat does, and up to five places", header_style="bold", show_lines=True)
    table.columns[0].no_wrap = True
    table.columns[2].overflow = "fold"
    table.columns[1].justify = "right"
    for finding in report.findings:
        colour = _COLOURS[finding.severity]
        places = "\n".join(f"[dim]{escape(example)}[/dim]" for example in finding.examples)
        table.add_row(
            f"[{colour}]{finding.rule}[/{colour}]\n{finding.severity}",
            f"{finding.count:,}",
            f"{escape(finding.action)}\n{places}",
        )
    return table
