"""``kemfeat train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kemfeat.plural import many

from . import _completion, _options
from ._console import linked, new_console, print_table, say_next
from ._progress import Reporter
from ._torch import Device, require_torch
from ._training_lines import TrainingLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console

    from kemfeat.learn.evaluation.evaluate import Evaluation
    from kemfeat.learn.experiments.sweep import Trial
    from kemfeat.learn.run_facts import Choice, Determinism
    from kemfeat.store.reader import Store


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            autocompletion=_completion.recipes,
            help="Such as kor/fusion, stacked/text, graph/spell, av/cnn, baseline/logistic, or your own TOML file.",
            show_default=False,
        ),
    ],
    store: Annotated[
        str,
        typer.Option(
            "--store",
            metavar="STORE",
            help=_options.STORE_HELP,
            parser=_options.as_shown,
            autocompletion=_completion.stores,
            show_default=False,
        ),
    ],
    split: Annotated[
        Path, typer.Option("--split", metavar="SPLIT", help="File that kemfeat split wrote.", show_default=False)
    ],
    fold: Annotated[int, typer.Option("--fold", min=0, help="Fold of the split.")] = 0,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            metavar="LIST",
            autocompletion=_completion.features,
            help="Comma-separated features for a recipe that reads any.",
            show_default="the recipe's",
        ),
    ] = None,
    set_: _options.Set = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep", metavar="KEY=V1,V2...", help="One run per value; the best on validation is tested. Repeatable."
        ),
    ] = None,
    ablate: Annotated[
        list[str] | None,
        typer.Option(
            "--ablate",
            metavar="MODALITY",
            autocompletion=_completion.modalities,
            help=f"Test again with this modality ({', '.join(_completion.MODALITIES)}) shuffled, and gone. Repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="Folder of the run.", show_default="runs/RECIPE-foldN-DIGEST"),
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            "--exclude",
            metavar="FILE",
            help="CSV with a column id: not trained on and not validated with; what is tested does not change.",
        ),
    ] = None,
    cache: _options.Cache = None,
    device: Annotated[Device, typer.Option("--device", help="Where to train; auto uses a GPU where there is one.")] = (
        Device.AUTO
    ),
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Train on a split that leaks, and say so in every result.")
    ] = False,
    save_every: Annotated[
        float, typer.Option("--save-every", metavar="SECONDS", min=0, help="Time between checkpoints within an epoch.")
    ] = 300.0,
    progress: _options.ShowProgress = None,
) -> None:
    """Train a recipe, or continue where the same command stopped; test its best epoch, once."""
    require_torch("train")
    from kemfeat.id_files import read_ids
    from kemfeat.learn.experiments.ablate import ablate as ablated
    from kemfeat.learn.experiments.sweep import sweep as swept
    from kemfeat.learn.training.audited_fold import audit_fold
    from kemfeat.learn.training.trainer import Options, audited_of_run
    from kemfeat.learn.training.trainer import train as trained
    from kemfeat.splits import read_split
    from kemfeat.store.reader import open_store

    trials = _trials(recipe, [*_read(features), *(set_ or [])], sweep or [])
    opened, read = open_store(store, cache=cache), read_split(split)
    excluded = read_ids(exclude, known=opened.utterances["id"].tolist()) if exclude else ()
    options = Options(
        fold=fold, device=device.value, allow_leakage=allow_leakage, save_every=save_every, excluded=excluded
    )
    folder = out or _default_folder(trials, opened, [read.digest, *([excluded] if excluded else []), fold])
    table, gaps = None, None
    with Reporter(bar=progress) as reporter:
        lines = TrainingLines(reporter)
        if still := len(set(excluded).intersection(read.ids("test", fold=fold))):
            reporter.say(
                f"{exclude}: stay in the test part of fold {fold}: {still:,} of {many(len(excluded), 'utterance')}"
            )
        if sweep:
            fold_of = audit_fold(
                opened, read, fold=fold, allow_leakage=allow_leakage, excluded=excluded, progress=lines.compared
            )
            found = swept(trials, fold_of, out=folder, options=options, progress=lines)
            folder, table, evaluation = found.chosen, found.table, found.evaluation
        else:
            evaluation = trained(
                trials[0].recipe, store=opened, split=read, out=folder, options=options, progress=lines
            )
        if ablate:
            audited = audited_of_run(folder, store=opened, split=read)
            gaps = ablated(folder, audited, modalities=tuple(ablate), device=options.device)
    _print(folder, evaluation, table=table, gaps=gaps)
    say_next("evaluate", folder)


def _read(features: str | None) -> list[str]:
    """The setting of what a model reads."""
    if features is None:
        return []
    return [f"model.features={[_spelt(name.strip()) for name in features.split(',') if name.strip()]}"]


def _spelt(feature: str) -> str:
    """The name of a feature as a store has it, such as ``eda_components`` of ``eda-components``."""
    from kemfeat.errors import UnknownPluginError
    from kemfeat.features.instances import find_feature

    try:
        return find_feature(feature).name
    except UnknownPluginError:  # that of another program, whose name only the store knows
        return feature


def _trials(name: str, sets: Sequence[str], sweeps: Sequence[str]) -> list[Trial]:
    """The recipe with every combination of swept values; a single trial where nothing is swept."""
    from kemfeat.learn.experiments.sweep import trials_of
    from kemfeat.toml_settings import with_overrides

    return trials_of(name, with_overrides({}, sets), dict(map(_axis, sweeps)))


def _axis(text: str) -> tuple[str, list[Any]]:
    """``KEY=V1,V2`` as a key and its values; lists such as ``[8, 24]`` stay whole."""
    from kemfeat.errors import ConfigError
    from kemfeat.toml_settings import with_overrides

    key, equals, listed = text.partition("=")
    if not equals or not key.strip() or not all(value.strip() for value in listed.split(",")):
        raise ConfigError(f"--sweep {text}: expected KEY=V1,V2..., for example --sweep model.n_layers=3,4,5")
    as_toml = with_overrides({}, [f"values=[{listed}]"])["values"]
    values = as_toml if isinstance(as_toml, list) else listed.split(",")
    return key.strip(), [value.strip() if isinstance(value, str) else value for value in values]


def _default_folder(trials: Sequence[Trial], store: Store, split: list[Any]) -> Path:
    """A folder for each combination of settings, split and features, so that the same command finds its run again."""
    from kemfeat.config import digest

    recipe = trials[0].recipe
    data = [
        store.feature_digests(name for name in each.recipe.model.media if name in store.header.features)
        for each in trials
    ]
    which = digest([data, split, *(each.recipe for each in trials)])[:8]
    name = f"{recipe.name.replace('/', '-')}-fold{split[-1]}-{which}"
    return Path("runs") / "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def _print(folder: Path, evaluation: Evaluation, *, table: pd.DataFrame | None, gaps: pd.DataFrame | None) -> None:
    from rich.markup import escape

    from .evaluate import print_one

    console = new_console()
    if table is not None:
        _print_sweep(console, table)
    print_one(console, evaluation)
    if gaps is not None:
        _print_ablation(console, gaps)
    outcome = evaluation.facts.outcome
    if outcome is not None and outcome.choice is not None:
        console.print(escape(_chosen(outcome.choice)), soft_wrap=True)
    elif outcome is not None:
        why = "stopped by patience" if outcome.stopped == "patience" else "all that were asked for"
        best = f"epoch {outcome.best_epoch} was best on validation and was tested"
        console.print(f"{many(outcome.epochs, 'epoch')}, {why}; {best}")
    if outcome is not None and not outcome.determinism.holds:
        console.print(f"[yellow]{escape(_deviation(outcome.determinism))}[/yellow]", soft_wrap=True)
    print(linked(folder))


def _chosen(choice: Choice) -> str:
    how = f"chosen on {many(choice.folds, 'fold')} of the train part, by speaker" if choice.folds else "as given"
    values = list(choice.losses)
    at_end = "; it is at the end of the list, give others" if str(choice.chosen) in (*values[:1], *values[-1:]) else ""
    return f"{choice.setting.rpartition('.')[2].removesuffix('s')} {choice.chosen:g}, {how}{at_end}"


def _deviation(found: Determinism) -> str:
    return (
        f"predictions are not deterministic: over {many(found.rows, 'utterance')}, two passes differ by up to "
        f"{found.two_passes:.2g}, and prediction alone or in a batch by up to {found.batch_of_one:.2g}"
    )


def _print_sweep(console: Console, table: pd.DataFrame) -> None:
    from rich.markup import escape
    from rich.table import Table

    shown = table.drop(columns=["run", "warning", "chosen"])
    names = (str(name).rpartition(".")[2].removeprefix("valid_") for name in shown.columns)
    printed = Table("", *names, box=None, header_style="bold", title="validation", title_justify="left")
    for chosen, row in zip(table["chosen"], shown.to_dict("records"), strict=True):
        cells = (f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values())
        printed.add_row("chosen" if chosen else "", *map(escape, cells), style="bold" if chosen else None)
    print_table(console, printed)


def _print_ablation(console: Console, gaps: pd.DataFrame) -> None:
    from rich.markup import escape
    from rich.table import Table

    from kemfeat.learn.evaluation.groups import HEADLINES
    from kemfeat.learn.evaluation.words import NAMES, in_words

    table = Table("without", "score", "whole", "without", "difference", box=None, header_style="bold")
    for row in gaps.to_dict("records"):
        if row["score"] == HEADLINES[row["target"]]:
            gap = in_words(row["difference"], row["low"], row["high"])
            name = f"{row['target']} {NAMES[row['score']]}"
            cells = f"{row['modality']} {row['way']}", name, f"{row['mine']:.3f}", f"{row['ablated']:.3f}", gap
            table.add_row(*map(escape, cells))
    print_table(console, table)
