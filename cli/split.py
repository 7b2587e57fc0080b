"""``kemfeat split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked, new_console, print_table, say_next
from ._json import print_json

if TYPE_CHECKING:
    from kemfeat.splits import Split
    from kemfeat.store.reader import Store


def split(
    store: _options.StorePath,
    scheme: Annotated[
        str,
        typer.Option(
            "--scheme",
            metavar="NAME",
            autocompletion=_completion.schemes,
            help="session, speaker, loso, corpus, kfold, official or kor-2022; see the docs.",
        ),
    ] = "session",
    folds: Annotated[int | None, typer.Option("--folds", help="How many folds.", show_default="5")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same seed gives the same bytes.", show_default="0")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="RULE",
            autocompletion=_completion.labels,
            help="Label rule: which rows are in, and what is stratified.",
            show_default="as usual for the corpus",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="File to write.",
            show_default="splits/STORE-SCHEME.parquet",
        ),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option("--exclude", metavar="FILE", help="CSV with a column id: these utterances are in no part."),
    ] = None,
    as_json: _options.Json = False,
) -> None:
    """Assign utterances to train, validation and test: folds of sessions, of speakers, or at random for comparison."""
    from kemfeat.id_files import read_ids
    from kemfeat.splits import make_split, write_split
    from kemfeat.store.outside import refuse_in_store
    from kemfeat.store.reader import open_store

    opened = open_store(store)
    excluded = read_ids(exclude, known=opened.utterances["id"].tolist()) if exclude else ()
    made = make_split(
        opened.utterances,
        scheme=scheme,
        folds=folds,
        seed=seed,
        labels=labels,
        store=opened.digest,
        exclude=excluded,
    )
    file = out or Path("splits") / f"{Path(str(opened.path)).name}-{scheme}.parquet"
    refuse_in_store(file)
    write_split(file, made)
    facts = _facts(opened, made, file)
    if as_json:
        print_json(facts)
    else:
        _print_facts(facts, opened)
        say_next("audit", store, file)


def _facts(store: Store, made: Split, file: Path) -> dict[str, Any]:
    labels = store.labels(made.facts["labels"]).str.split(";").str[0].set_axis(store.utterances["id"])
    folds = []
    for fold in range(made.folds):
        parts = {part: made.ids(part, fold=fold) for part in ("train", "valid", "test")}
        folds.append(
            {
                "fold": fold,
                "rows": {part: len(ids) for part, ids in parts.items()},
                "test": labels.loc[parts["test"]].value_counts().sort_index().to_dict(),
            }
        )
    return {"file": str(file), "digest": made.digest, **made.facts, "made": folds}


def _print_facts(facts: dict[str, Any], store: Store) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = new_console()
    kept = len(store) - facts["dropped"] - len(facts["excluded"])
    size = f"{kept:,} of {many(len(store), 'utterance')} in {many(facts['folds'], 'fold')}"
    console.print(f"[bold]{escape(facts['scheme'])}[/bold]: {size}, seed {facts['seed']}")
    if facts["dropped"]:
        console.print(f"left out without a label under the rule {facts['labels']}: {facts['dropped']:,}")
    if facts["excluded"]:
        console.print(f"excluded: {len(facts['excluded']):,}")
    for fold, label in facts["absent"]:
        console.print(f"[yellow]fold {fold} has no {escape(label)} in train[/yellow]")
    table = Table("fold", "train", "valid", "test", "classes in test", box=None, header_style="bold")
    for column in table.columns[:4]:
        column.justify = "right"
    for fold in facts["made"]:
        classes = ", ".join(f"{escape(label)} {count:,}" for label, count in fold["test"].items())
        table.add_row(str(fold["fold"]), *(f"{count:,}" for count in fold["rows"].values()), classes)
    print_table(console, table)
    print(f"{linked(Path(facts['file']))}, digest {facts['digest'][:12]}")
