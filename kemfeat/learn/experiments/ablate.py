"""What a modality contributes to a trained model: test it again with that modality shuffled, and with it removed.

A model that does as well with the sound of other utterances does not listen (S1, S13). Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kemfeat.analyses.output import plain
from kemfeat.arrays import Indices
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.columns import Column
from kemfeat.learn.data.modality import emptied, exchanged, modalities_of
from kemfeat.learn.evaluation.compare import differences
from kemfeat.learn.evaluation.evaluate import Evaluation, measure
from kemfeat.learn.models import Model
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.training import runtime
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.predictions import predict, table_of
from kemfeat.learn.training.trainer import load_model, training_data_of_run
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

ABLATION = "ablation.json"
WAYS = ("shuffled", "gone")
SCHEMA_VERSION = 1


def ablate(run: StrPath, data: AuditedFold, *, modalities: tuple[str, ...], device: str = "auto") -> pd.DataFrame:
    """Test a finished run again without the information in each modality; write ``ablation.json`` into its folder.

    ``shuffled`` gives each row that modality of another row of the test part; ``gone`` gives it nothing but padding,
    or a sentence without words.

    Parameters
    ----------
    run : str or PathLike
        Folder of the run.
    data : AuditedFold
        The fold that it was trained on.
    modalities : tuple of str
        Some of those that the model reads, such as ``audio`` and ``text``.
    device : str
        Where to predict; ``auto`` is the GPU where there is one.

    Returns
    -------
    DataFrame
        ``modality way``, then the columns of :func:`~kemfeat.learn.evaluation.compare.differences`, the whole run minus
        the ablated one, with ``ablated`` instead of ``other``.

    Raises
    ------
    ConfigError
        The model does not read a modality, or the run was trained on something else.
    RunError
        The run is unfinished or damaged.
    """
    import pandas as pd

    run = to_path(run)
    facts = read_run(run)
    whole = measure(read_predictions(run, facts), facts, name=run.name)
    training_data = training_data_of_run(run, data)
    loader = training_data.loader("test", device=torch.device("cpu"))
    known = modalities_of(loader.dataset.columns)
    _require(modalities, training_data.recipe.name, known)
    where = runtime.device(device)
    tables = []
    with runtime.seeded(where, training_data.recipe.train.seed):
        model = load_model(run, device=device)
        for modality, columns in known.items():
            for way in WAYS if modality in modalities else ():
                ablated = _ablated(model, training_data, columns, way=way, device=where)
                gaps = differences(whole, measure(ablated, facts, name=f"{modality} {way}"))
                tables.append(gaps.assign(modality=modality, way=way).rename(columns={"other": "ablated"}))
    found = pd.concat(tables, ignore_index=True)
    found = found[["modality", "way", *(name for name in found if name not in ("modality", "way"))]]
    with disk.writing(run):
        disk.write_json(run / ABLATION, plain(_content(whole, found)))
    return found


def _require(modalities: tuple[str, ...], recipe: str, known: Iterable[str]) -> None:
    for modality in modalities:
        if modality not in known:
            raise ConfigError(f"--ablate: {recipe} does not read {modality!r}{suggest(modality, known)}")


def _content(whole: Evaluation, found: pd.DataFrame) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "warning": whole.warning or None,
        "run": whole.name,
        "part": whole.part,
        "ablations": found.to_dict("records"),
    }


def _ablated(
    model: Model, training_data: TrainingData, columns: tuple[Column, ...], *, way: str, device: torch.device
) -> pd.DataFrame:
    rows = training_data.rows_of(training_data.rows["test"])
    batches: Iterable[Batch] = training_data.rows_loader(rows, device=device)
    if way == "shuffled":
        others = training_data.rows_loader(_elsewhere(rows, seed=training_data.recipe.train.seed), device=device)
        batches = (exchanged(batch, other, columns) for batch, other in zip(batches, others, strict=True))
    else:
        batches = (emptied(batch, columns) for batch in batches)
    return table_of(predict(model, batches, aggregate=training_data.recipe.model.aggregate), training_data, "test")


def _elsewhere(rows: Indices, *, seed: int) -> Indices:
    """The rows in an order that leaves none in its own place, given at least two."""
    order = np.random.default_rng(seed).permutation(len(rows))
    moved = np.empty_like(rows)
    moved[order] = rows[np.roll(order, 1)]
    return moved
