"""What a modality contributes to a trained model: test it again with that modality shuffled, and with it removed.

A model that does as well with the sound of other utterances does not listen (S1, S13). Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kemfeat.analyses.output import plain
from kemfeat.arrays import Indices
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.evaluation.compare import differences
from kemfeat.learn.evaluation.evaluate import Evaluation, measure
from kemfeat.learn.models import Model
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.settings import Modality
from kemfeat.learn.training import runtime
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.predictions import predict, table_of
from kemfeat.learn.training.trainer import load_model, training_data_of_run
from kemfeat.learn.training.training_data import TrainingData, modalities_of
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

ABLATION = "ablation.json"
WAYS = ("shuffled", "gone")
SCHEMA_VERSION = 1

_FIELDS: dict[Modality, tuple[str, ...]] = {"audio": ("mel", "mel_lengths"), "text": ("input_ids", "attention_mask")}
_PADDED: dict[Modality, tuple[str, ...]] = {"audio": ("mel", "delta"), "text": ("input_ids",)}


def ablate(run: Path, data: AuditedFold, *, modalities: tuple[str, ...], device: str = "auto") -> pd.DataFrame:
    """Test a finished run again without the information in each modality; write ``ablation.json`` into its folder.

    ``shuffled`` gives each utterance that modality of another utterance of the test part; ``gone`` gives it no frame,
    or a sentence without words.

    Parameters
    ----------
    run : Path
        Folder of the run.
    data : AuditedFold
        The fold that it was trained on.
    modalities : tuple of str
        Some of ``audio`` and ``text``.
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

    facts = read_run(run)
    whole = measure(read_predictions(run, facts), facts, name=run.name)
    training_data = training_data_of_run(run, data)
    _require(modalities, training_data)
    where = runtime.device(device)
    tables = []
    with runtime.seeded(where, training_data.recipe.train.seed):
        model = load_model(run, device=device)
        for modality in modalities_of(training_data.recipe):
            for way in WAYS if modality in modalities else ():
                ablated = _ablated(model, training_data, modality, way=way, device=where)
                gaps = differences(whole, measure(ablated, facts, name=f"{modality} {way}"))
                tables.append(gaps.assign(modality=modality, way=way).rename(columns={"other": "ablated"}))
    found = pd.concat(tables, ignore_index=True)
    found = found[["modality", "way", *(name for name in found if name not in ("modality", "way"))]]
    with disk.writing(run):
        disk.write_json(run / ABLATION, plain(_content(whole, found)))
    return found


def _require(modalities: tuple[str, ...], training_data: TrainingData) -> None:
    known = modalities_of(training_data.recipe)
    for modality in modalities:
        if modality not in known:
            raise ConfigError(
                f"--ablate: {training_data.recipe.name} does not read {modality!r}{suggest(modality, known)}"
            )


def _content(whole: Evaluation, found: pd.DataFrame) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "warning": whole.warning or None,
        "run": whole.name,
        "part": whole.part,
        "ablations": found.to_dict("records"),
    }


def _ablated(
    model: Model, training_data: TrainingData, modality: Modality, *, way: str, device: torch.device
) -> pd.DataFrame:
    rows = training_data.rows["test"]
    loader = training_data.rows_loader(rows, device=device)
    if way == "shuffled":
        others = training_data.rows_loader(_elsewhere(rows, seed=training_data.recipe.train.seed), device=device)
        batches = _mixed(loader, others, modality)
    else:
        emptied = _silenced if modality == "audio" else _wordless
        pads = {name: _pad(training_data, name) for name in _PADDED[modality]}
        batches = (emptied(batch, pads) for batch in loader)
    return table_of(predict(model, batches), training_data, "test")


def _elsewhere(rows: Indices, *, seed: int) -> Indices:
    """The rows in an order that leaves none in its own place, given at least two."""
    order = np.random.default_rng(seed).permutation(len(rows))
    moved = np.empty_like(rows)
    moved[order] = rows[np.roll(order, 1)]
    return moved


def _mixed(loader: StoreLoader, others: StoreLoader, modality: Modality) -> Iterator[Batch]:
    """Batches of one loader with a modality from another."""
    for batch, other in zip(loader, others, strict=True):
        yield replace(batch, **{name: getattr(other, name) for name in _FIELDS[modality]})


def _pad(training_data: TrainingData, array: str) -> float:
    return float(training_data.audited.store.array(array).attrs["pad"])  # type: ignore[arg-type]  # a number


def _silenced(batch: Batch, pads: dict[str, float]) -> Batch:
    """No frames: only the padding that the store declares."""
    assert batch.mel is not None  # noqa: S101 - an audio model reads it
    mel_BCTF = torch.empty_like(batch.mel)
    mel_BCTF[:, 0], mel_BCTF[:, 1] = pads["mel"], pads["delta"]
    return replace(batch, mel=mel_BCTF, mel_lengths=torch.zeros_like(batch.mel_lengths))


def _wordless(batch: Batch, pads: dict[str, float]) -> Batch:
    """Only the first and the last token of each text, which enclose its words."""
    assert batch.input_ids is not None  # noqa: S101 - a text model reads it
    assert batch.attention_mask is not None  # noqa: S101 - likewise
    last_B = (batch.attention_mask.sum(dim=1) - 1).clamp_min(0)
    ids_BL = torch.full_like(batch.input_ids, int(pads["input_ids"]))
    ids_BL[:, 0] = batch.input_ids[:, 0]
    ids_BL[:, 1] = batch.input_ids.gather(1, last_B[:, None])[:, 0]
    mask_BL = torch.zeros_like(batch.attention_mask)
    mask_BL[:, :2] = 1
    return replace(batch, input_ids=ids_BL, attention_mask=mask_BL)
