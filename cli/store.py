"""``kemfeat info``, ``kemfeat verify`` and ``kemfeat diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import new_console, print_table, say_next
from ._json import print_json
from ._progress import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kemfeat.store.reader import Store


def info(store: _options.StorePath, as_json: _options.Json = False) -> None:
    """Show what a store contains: corpus, arrays, coverage, settings, digest."""
    from kemfeat.store.reader import open_store

    opened = open_store(store)
    summary = _facts(opened)
    if as_json:
        print_json(summary)
    else:
        _print_facts(opened, summary)


def _facts(store: Store) -> dict[str, Any]:
    header = store.header
    incomplete = {name: store.complete_rows(name).count(False) for name in header.features}
    return {
        "dataset": header.dataset,
        "synthetic": header.synthetic,
        "format_version": header.format_version,
        "digest": header.digest,
        "utterances": len(store),
        "arrays": {name: info.model_dump(mode="json") for name, info in header.arrays.items()},
        "complete": not any(incomplete.values()) and not header.annotation_faults,
        "missing_rows": {name: count for name, count in incomplete.items() if count},
        "coverage": _coverage(store),
        "truncated": _truncated(store),
        "emotions": store.utterances["emotion"].fillna("(none)").value_counts().to_dict(),
        "bytes": sum(file.bytes for part in header.parts for file in part.files.values()),
        "config": header.config.model_dump(mode="json"),
        "config_digest": header.config_digest,
        "manifest_fingerprint": header.manifest_fingerprint,
        "label_rule": header.label_rule,
        "versions": header.versions,
        "provenance": header.provenance,
    }


def _coverage(store: Store) -> dict[str, int]:
    """Utterances that have some of a medium."""
    columns = [name for name in store.utterances.columns if name.endswith("_coverage")]
    return {name.removesuffix("_coverage"): int((store.utterances[name] > 0).sum()) for name in columns}


def _truncated(store: Store) -> dict[str, int]:
    """Utterances that a feature stores only in part, by the column or array that was cut."""
    from kemfeat.store import summary

    return {cut.what: cut.rows for cut in summary.cuts(store.header, store.utterances)}


def _print_facts(store: Store, summary: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Column, Table

    from kemfeat.provenance import BANNER

    console = new_console()
    console.print(
        f"[bold]{escape(summary['dataset'])}[/bold]  {many(len(store), 'utterance')}  digest {store.digest[:12]}"
    )
    if store.synthetic:
        console.print(f"[yellow]{BANNER}[/yellow]", soft_wrap=True)
    if joined := summary["provenance"].get("joined"):
        each = (f"{escape(one['corpus'])} {one['utterances']:,} (store {one['digest'][:12]})" for one in joined)
        console.print(f"joined of {', '.join(each)}")
    table = Table(
        Column("array", overflow="fold"), "shape", "dtype", "unit", "what it is", box=None, header_style="bold"
    )
    for name, array in summary["arrays"].items():
        table.add_row(
            name, " x ".join(map(str, array["shape"])), array["dtype"], array["unit"], escape(array["description"])
        )
    print_table(console, table)
    others = {name: axis.rows for name, axis in store.header.axes.items() if name != "utterance"}
    if others:
        console.print(f"other rows: {', '.join(f'{name} {rows:,}' for name, rows in others.items())}")
    have = ", ".join(f"{name} {count:,} ({count / len(store):.1%})" for name, count in summary["coverage"].items())
    console.print(f"physiology: {have or 'none'}")
    console.print(
        "truncated: " + (", ".join(f"{name} {count:,}" for name, count in summary["truncated"].items()) or "none")
    )
    console.print(
        f"labels ({summary['label_rule']}): "
        + ", ".join(f"{escape(str(k))} {v:,}" for k, v in summary["emotions"].items())
    )
    maker = f"kemfeat {summary['versions']['kemfeat']}, {summary['provenance']['created']}"
    console.print(f"{summary['bytes'] / 1e6:,.1f} MB in shards; made by {maker}")
    if store.header.annotation_faults:
        faults = f"rows or cells that could not be read and are left out: {store.header.annotation_faults:,}"
        console.print(f"[yellow]annotation: {faults}; see failures.parquet[/yellow]")
    for name, count in summary["missing_rows"].items():
        console.print(f"[yellow]{name}: {many(count, 'row')} missing; see failures.parquet[/yellow]")


def verify(
    store: _options.StorePath,
    recompute: Annotated[
        int, typer.Option("--recompute", min=0, metavar="K", help="Extract K utterances again and compare.")
    ] = 0,
    root: _options.Root = None,
    table: _options.TableFile = None,
    follow_links: _options.FollowLinks = False,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            metavar="DIR",
            help="Folder or Hugging Face name of an encoder whose embeddings are extracted again; any number.",
        ),
    ] = None,
    as_json: _options.Json = False,
    progress: _options.ShowProgress = None,
) -> None:
    """Check every file of a store against its receipt, and K utterances against the corpus; exit 4 on a problem."""
    from kemfeat.build import require_one_corpus
    from kemfeat.data_home import find_root
    from kemfeat.store.reader import open_store
    from kemfeat.store.verify import verify as verify_files

    opened = open_store(store)
    if recompute:
        require_one_corpus(opened)
    folder = find_root(opened.dataset, root=root) if recompute else None
    with Reporter(bar=progress, quiet=as_json) as reporter:
        result = verify_files(opened, progress=lambda done, total: reporter("verify", done, total))
        problems = list(result.problems)
        if folder is not None and not problems:
            problems += _recompute(
                opened, folder, table, recompute, reporter, follow_links=follow_links, encoders=encoder or ()
            )
    checked = {"store": str(store), "digest": opened.digest, "files": result.files, "bytes": result.bytes}
    checked |= {"recomputed": min(recompute, len(opened)), "ok": not problems}
    if as_json:
        print_json({**checked, "problems": problems, "warnings": result.warnings})
    else:
        for line in (*problems, *(f"warning: {warning}" for warning in result.warnings)):
            print(line)
        verdict = many(len(problems), "problem") if problems else "sound"
        again = f", {many(min(recompute, len(opened)), 'utterance')} recomputed" if recompute else ""
        print(f"{store}: {verdict}; {many(result.files, 'file')}, {result.bytes / 1e6:,.1f} MB read{again}")
        if not problems:
            say_next("analyze balance", store)
    if problems:
        raise typer.Exit(code=4)


def _recompute(
    store: Store,
    root: Path,
    table: Path | None,
    rows: int,
    reporter: Reporter,
    *,
    follow_links: bool,
    encoders: Sequence[str],
) -> list[str]:
    from kemfeat.build import recompute

    return recompute(
        store,
        root=root,
        rows=rows,
        table=table,
        follow_links=follow_links,
        encoders=encoders,
        progress=lambda done, total: reporter("recompute", done, total),
    )


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help=_options.STORE_HELP,
            parser=_options.as_shown,
            autocompletion=_completion.stores,
            show_default=False,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="Folder or address of another store.",
            parser=_options.as_shown,
            autocompletion=_completion.stores,
            show_default=False,
        ),
    ],
    as_json: _options.Json = False,
) -> None:
    """Show which rows, columns and settings differ between two stores; exit 1 if any do."""
    from kemfeat.store.compare import compare
    from kemfeat.store.reader import open_store

    one, other = open_store(a), open_store(b)
    difference = compare(one, other)
    summary = {
        "a": one.digest,
        "b": other.digest,
        "equal": difference.equal,
        "only_a": list(difference.only_a),
        "only_b": list(difference.only_b),
        "features": difference.features,
        "columns": difference.columns,
        "settings": list(difference.settings),
    }
    if as_json:
        print_json(summary)
    else:
        _print_difference(summary)
    if not difference.equal:
        raise typer.Exit(code=1)


def _print_difference(summary: dict[str, Any]) -> None:
    if summary["equal"]:
        print(
            f"equal: digest {summary['a'][:12]}" if summary["a"] == summary["b"] else "equal rows, columns and settings"
        )
        return
    for side in ("only_a", "only_b"):
        if summary[side]:
            print(f"only in {side[-1].upper()}: {_some(summary[side])}")
    for kind in ("features", "columns"):
        for name, ids in summary[kind].items():
            what = f"only in {ids.upper()}" if isinstance(ids, str) else f"differs in {_some(ids)}"
            print(f"{kind.removesuffix('s')} {name}: {what}")
    for setting in summary["settings"]:
        print(f"setting {setting}")


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f"{len(ids)} row{'s'[: len(ids) != 1]}: {', '.join(ids[:5])}{more}"
