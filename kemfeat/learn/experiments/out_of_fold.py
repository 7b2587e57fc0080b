"""Predictions of the train part of a run by models that did not see it, which a stacker can be fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kemfeat.learn.training import runtime
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.inner_folds import INNER, inner_folds
from kemfeat.learn.training.predictions import predict, table_of
from kemfeat.learn.training.progress import Silent, TrainingProgress
from kemfeat.learn.training.trainer import Options, audited_of_run, fit, load_model, training_data_of_run
from kemfeat.paths import StrPath, to_path

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.splits import Split
    from kemfeat.store.reader import Store


def out_of_fold(
    runs: Sequence[StrPath],
    *,
    store: Store,
    split: Split,
    out: StrPath,
    folds: int,
    device: str = "auto",
    progress: TrainingProgress | None = None,
) -> list[pd.DataFrame]:
    """Train the recipe of each run on inner folds of its train part, and predict what each of them left out.

    The inner runs are written into ``out`` and not trained again where they are finished.

    Parameters
    ----------
    runs : sequence of str or PathLike
        Folders of finished runs.
    store, split : Store, Split
        What they were trained on.
    out : str or PathLike
        Folder of the ensemble.
    folds : int, >= 2
        Inner folds.
    device : {"auto", "cpu", "cuda"}
        Where to train.
    progress : TrainingProgress or None
        Receives reports of the trainings.

    Returns
    -------
    list of DataFrame
        For every run a table as ``predictions.parquet``, of the train part alone.

    Raises
    ------
    ConfigError
        A run was trained on something else, cannot be trained within its train part (a fusion, whose runs have seen all
        of it), or there are more folds than sessions or speakers.
    RunError
        A run is missing, unfinished or damaged.
    """
    tables = []
    for place, run in enumerate(map(to_path, runs), start=1):
        data = audited_of_run(run, store=store, split=split)
        inner = to_path(out) / INNER / str(place)
        tables.append(_of_run(run, data, inner, folds=folds, device=device, progress=progress or Silent()))
    return tables


def _of_run(
    run: Path, data: AuditedFold, out: Path, *, folds: int, device: str, progress: TrainingProgress
) -> pd.DataFrame:
    import pandas as pd

    whole, where = training_data_of_run(run, data), runtime.device(device)
    tables = []
    for number, inner in enumerate(inner_folds(whole, folds=folds, seed=0), start=1):
        folder = out / str(number)
        fit(whole.recipe, inner, out=folder, options=Options(device=device), progress=progress)
        trained = training_data_of_run(folder, inner)
        with runtime.seeded(where, whole.recipe.train.seed):
            loader = trained.loader("test", device=where)
            found = predict(load_model(folder, device=device), loader, aggregate=whole.recipe.model.aggregate)
        tables.append(table_of(found, trained, "test").assign(part="train"))
    return pd.concat(tables, ignore_index=True)
