"""What a recipe is trained on: an audited fold of a store, the rows of each part, and the loaders over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import FIVE_CLASSES, usual_labels
from kemfeat.learn.augment import check_rows
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.run_facts import TrainFacts
from kemfeat.learn.settings import FEATURES, Modality
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.augmented import plan_of
from kemfeat.learn.training.recipe import Recipe
from kemfeat.splits import PARTS

if TYPE_CHECKING:
    import pandas as pd


def modalities_of(recipe: Recipe) -> tuple[Modality, ...]:
    """The modalities whose features the model of a recipe reads, all of them.

    Parameters
    ----------
    recipe : Recipe
        The recipe.

    Returns
    -------
    tuple of {"audio", "text"}
        Its modalities.
    """
    return tuple(modality for modality, features in FEATURES.items() if set(features) <= set(recipe.model.media))


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """The rows that a recipe trains on, and their labels.

    Parameters
    ----------
    recipe : Recipe
        What is trained.
    audited : AuditedFold
        On which fold.
    rows : mapping of str to ndarray, shape (n,), int64
        Rows of the store, by part.
    left_out : mapping of str to int
        Utterances of the split that are in no part, by reason.
    """

    recipe: Recipe
    audited: AuditedFold
    rows: Mapping[str, Indices]
    left_out: Mapping[str, int]

    @property
    def emotions(self) -> tuple[str, ...]:
        """Classes in the order of their ids."""
        return self.recipe.model.classes

    @property
    def media(self) -> tuple[str, ...]:
        """The features that the model reads."""
        return self.recipe.model.media

    def truth(self, part: str) -> pd.DataFrame:
        """Labels of a part.

        Parameters
        ----------
        part : {"train", "valid", "test"}
            Which part.

        Returns
        -------
        DataFrame
            ``id session speaker arousal valence emotion``, one row per utterance; None for an emotion that is not a
            class.
        """
        rows = self.rows[part]
        table = self.audited.store.utterances.iloc[rows][["id", "session", "speaker", "arousal", "valence"]]
        named = self.audited.store.labels(self.audited.labels).iloc[rows]
        return table.assign(emotion=named.where(named.isin(self.emotions), None)).reset_index(drop=True)

    def train_facts(self) -> TrainFacts:
        """The labels trained on, for ``run.json``.

        Returns
        -------
        TrainFacts
            Counts of the classes and means of the ratings.
        """
        truth = self.truth("train")
        counts = truth["emotion"].value_counts()
        means = {name: truth[name].astype("float64").mean() for name in ("arousal", "valence")}
        return TrainFacts(
            classes={name: int(counts.get(name, 0)) for name in self.emotions},
            arousal=None if np.isnan(means["arousal"]) else float(means["arousal"]),
            valence=None if np.isnan(means["valence"]) else float(means["valence"]),
        )

    def loader(self, part: str, *, device: torch.device, batch_size: int | None = None) -> StoreLoader:
        """Load a part (train, valid or test) in the order of the split, unchanged. See :meth:`rows_loader`."""
        return self.rows_loader(self.rows[part], device=device, batch_size=batch_size)

    def rows_loader(self, rows: Indices, *, device: torch.device, batch_size: int | None = None) -> StoreLoader:
        """Load some rows in the order given, unchanged.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Rows of the store.
        device : torch.device
            Where batches go.
        batch_size : int or None
            Rows per batch; None takes that of the recipe.

        Returns
        -------
        StoreLoader
            A loader that does not shuffle.
        """
        batch_size = batch_size or self.recipe.train.batch_size
        return StoreLoader(self.audited.store, rows, batch_size, device, rank=0, world_size=1, **self._reading())

    def training_loader(self, *, epoch: int, device: torch.device) -> StoreLoader:
        """Load the train part, shuffled, balanced and augmented according to the recipe.

        Parameters
        ----------
        epoch : int, >= 0
            Epoch for which rows are drawn, where they are drawn.
        device : torch.device
            Where batches go.

        Returns
        -------
        StoreLoader
            A loader that shuffles.

        Raises
        ------
        ConfigError
            A row is not in the train part.
        """
        audited, train = self.audited, self.recipe.train
        plan = plan_of(
            self.recipe,
            store=audited.store,
            rows=self.rows["train"],
            emotions=self.truth("train")["emotion"].tolist(),
            media=self.media,
            epoch=epoch,
        )
        ids = audited.store.utterances["id"].tolist()
        check_rows(plan.rows, audited.split, ids=ids, fold=audited.fold)
        return StoreLoader(
            audited.store,
            plan.rows,
            train.batch_size,
            device,
            shuffle="blocks",  # not True, whose meaning depends on the memory of the machine
            seed=train.seed,
            bucket_by_length=train.bucket_by_length,
            drop_last=train.drop_last,
            copies=plan.copies,
            transform=plan.transform,
            rank=0,
            world_size=1,
            **self._reading(),
        )

    def _reading(self) -> dict[str, Any]:
        return {
            "media": self.media,
            "emotions": self.emotions,
            "labels": self.audited.labels,
            "frames": self.recipe.train.frames or None,
        }


def training_data_of(recipe: Recipe, audited: AuditedFold) -> TrainingData:
    """Find the rows of each part that have what the model reads and, in the train part, what it is to learn.

    Parameters
    ----------
    recipe : Recipe
        What is trained.
    audited : AuditedFold
        On which fold.

    Returns
    -------
    TrainingData
        Rows and labels.

    Raises
    ------
    AnalysisError
        The store lacks a feature, or a part has no usable row.
    ConfigError
        The classes of the model are not those of the corpus.
    """
    whole = TrainingData(recipe=recipe, audited=audited, rows=_parts(audited), left_out={})
    readable = _readable(whole)
    rows = {part: found[readable[found]] for part, found in whole.rows.items()}
    left_out = {"feature missing": sum(map(len, whole.rows.values())) - sum(map(len, rows.values()))}
    known = replace(whole, rows=rows).truth("train")[recipe.task].notna().to_numpy(dtype=bool)
    left_out["label missing in train"] = int((~known).sum())
    rows["train"] = rows["train"][known]
    found = replace(whole, rows=rows, left_out={why: count for why, count in left_out.items() if count})
    if recipe.task == "emotion":
        _require_classes(found, named=int(known.sum()), of=len(known))
    for part in PARTS:
        _require_labels(found, part)
    return found


def _parts(data: AuditedFold) -> dict[str, Indices]:
    ids = data.store.utterances["id"].tolist()
    return {part: data.split.indices(ids, part, fold=data.fold) for part in PARTS}


def _readable(training_data: TrainingData) -> NDArray[np.bool_]:
    """Per row of the store, whether every feature that the model reads could be extracted."""
    store = training_data.audited.store
    for feature in training_data.media:
        if feature not in store.header.complete:
            raise AnalysisError(
                f"{store.path}: {training_data.recipe.name} reads {', '.join(training_data.media)}, and the store "
                f"has no {feature} (it has {', '.join(store.header.complete)}); build it with --features "
                f"{','.join(training_data.media)}"
            )
    complete: NDArray[np.bool_] = np.all([store.complete_rows(feature) for feature in training_data.media], axis=0)
    return complete


def _require_classes(training_data: TrainingData, *, named: int, of: int) -> None:
    """Refuse KEMDy's classes on a corpus with other emotions: they would leave most rows out."""
    usual = usual_labels(training_data.audited.store.emotions)
    if training_data.emotions != usual.classes and usual.classes != FIVE_CLASSES and 2 * named < of:
        raise ConfigError(
            f"model.emotions: {', '.join(training_data.emotions)} cover only {named:,} of {of:,} rows of train under "
            f"the label rule {training_data.audited.labels}; this corpus usually has {', '.join(usual.classes)} under "
            f"the rule {usual.rule}: split with --labels {usual.rule} and pass --set "
            f"'model.emotions={list(usual.classes)}'"
        )


def _require_labels(training_data: TrainingData, part: str) -> None:
    recipe, audited = training_data.recipe, training_data.audited
    task = recipe.task
    if not len(training_data.rows[part]) or not training_data.truth(part)[task].notna().any():
        raise AnalysisError(
            f"split {audited.split.facts['scheme']}, fold {audited.fold}: no utterance of {part} has "
            f"{'an' if task[0] in 'ae' else 'a'} {task} and what {recipe.name} reads; expected some in train, "
            "valid and test; take another split or fold, or a store with these features and labels"
        )
