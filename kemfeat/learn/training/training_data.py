"""What a recipe is trained on: an audited fold of a store, the rows of each part, and the loaders over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import FIVE_CLASSES, usual_labels
from kemfeat.learn.augment import check_rows
from kemfeat.learn.data.columns import is_ragged
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.data.row_metadata import parents_of
from kemfeat.learn.data.side_store import SideStore, open_side_store
from kemfeat.learn.models import Axis, spec_of
from kemfeat.learn.run_facts import TrainFacts
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.augmented import plan_of
from kemfeat.learn.training.recipe import Recipe
from kemfeat.splits import PARTS

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.splits import Split
    from kemfeat.store.reader import Store


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
        Utterances, as rows of the store, by part.
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

    @property
    def axis(self) -> Axis:
        """What the rows of a batch are."""
        return spec_of(self.recipe.model).axis

    @cached_property
    def side(self) -> SideStore | None:
        """The embeddings that the model reads, if it does."""
        return open_side_store(Path(self.recipe.model.side)) if self.recipe.model.side else None

    @cached_property
    def parents(self) -> Indices:
        """The utterance of every row of the axis, as a row of the store."""
        return parents_of(self.audited.store, self.axis)

    def rows_of(self, utterances: Indices) -> Indices:
        """The complete rows of some utterances on the axis of the model.

        Parameters
        ----------
        utterances : ndarray, shape (n,), int64
            Rows of the store.

        Returns
        -------
        ndarray, shape (m,), int64
            Rows of the axis, utterance by utterance in the order given.
        """
        if self.axis == "utterance":
            return utterances
        rows = np.flatnonzero(complete_rows(self.audited.store, self.recipe, self.side))
        parents = self.parents[rows]
        places = {parent: place for place, parent in enumerate(utterances.tolist())}
        chosen = np.isin(parents, utterances)
        order = np.argsort([places[parent] for parent in parents[chosen].tolist()], kind="stable")
        return rows[chosen][order]

    def truth(self, part: str) -> pd.DataFrame:
        """Labels of a part.

        Parameters
        ----------
        part : {"train", "valid", "test"}
            Which part.

        Returns
        -------
        DataFrame
            ``id session speaker sex arousal valence emotion``, one row per utterance; None for an emotion that is not a
            class.
        """
        rows = self.rows[part]
        table = self.audited.store.utterances.iloc[rows][["id", "session", "speaker", "sex", "arousal", "valence"]]
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
        return self.rows_loader(self.rows_of(self.rows[part]), device=device, batch_size=batch_size)

    def rows_loader(self, rows: Indices, *, device: torch.device, batch_size: int | None = None) -> StoreLoader:
        """Load some rows in the order given, unchanged.

        Parameters
        ----------
        rows : ndarray, shape (n,), int64
            Rows of the axis of the model.
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
        """Load the train part, ordered, balanced and augmented according to the recipe.

        Parameters
        ----------
        epoch : int, >= 0
            Epoch for which rows are drawn, where they are drawn.
        device : torch.device
            Where batches go.

        Returns
        -------
        StoreLoader
            A loader that shuffles, unless the recipe says otherwise.

        Raises
        ------
        ConfigError
            A row is not in the train part.
        """
        audited, train = self.audited, self.recipe.train
        rows = self._drawn(epoch)
        emotions = dict(zip(self.rows["train"].tolist(), self.truth("train")["emotion"], strict=True))
        plan = plan_of(
            self.recipe,
            store=audited.store,
            rows=rows,
            emotions=[emotions[parent] for parent in self.parents[rows].tolist()],
            media=self.media,
            epoch=epoch,
        )
        ids = audited.store.utterances["id"].tolist()
        check_rows(self.parents[plan.rows], audited.used, ids=ids, fold=audited.fold)
        return StoreLoader(
            audited.store,
            plan.rows,
            train.batch_size,
            device,
            # not True, whose meaning depends on the memory of the machine
            shuffle="blocks" if train.shuffle else False,
            seed=train.seed,
            bucket_by_length=train.bucket_by_length and is_ragged(audited.store, self.media, axis=self.axis),
            drop_last=train.drop_last,
            copies=plan.copies,
            transform=plan.transform,
            rank=0,
            world_size=1,
            **self._reading(),
        )

    def _drawn(self, epoch: int) -> Indices:
        """The rows of the train part that an epoch uses."""
        train, rows = self.recipe.train, self.rows_of(self.rows["train"])
        if train.draw == "one":
            order = np.random.default_rng([train.seed, epoch]).permutation(len(rows))
            _, first = np.unique(self.parents[rows[order]], return_index=True)
            rows = np.sort(rows[order[first]])
        return rows

    def _reading(self) -> dict[str, Any]:
        return {
            "axis": self.axis,
            "side": self.side,
            "unit": spec_of(self.recipe.model).unit,
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
    readable = np.zeros(len(audited.store), dtype=bool)
    readable[whole.parents[complete_rows(audited.store, recipe, whole.side)]] = True
    rows = {part: found[readable[found]] for part, found in whole.rows.items()}
    left_out = {"excluded": _count(audited.split, audited.fold) - _count(audited.used, audited.fold)}
    left_out["feature missing"] = sum(map(len, whole.rows.values())) - sum(map(len, rows.values()))
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
    return {part: data.used.indices(ids, part, fold=data.fold) for part in PARTS}


def _count(split: Split, fold: int) -> int:
    return int((split.rows["fold"] == fold).sum())


def complete_rows(store: Store, recipe: Recipe, side: SideStore | None) -> NDArray[np.bool_]:
    """Which rows of a store have every feature that the model of a recipe reads.

    Parameters
    ----------
    store : Store
        The store.
    recipe : Recipe
        The recipe.
    side : SideStore or None
        The embeddings that it reads, if it does.

    Returns
    -------
    ndarray, shape (rows,), bool
        One per row of the axis of the model.

    Raises
    ------
    AnalysisError
        The store lacks a feature.
    """
    media = recipe.model.media
    for feature in media:
        if feature not in store.header.complete:
            raise AnalysisError(
                f"{store.path}: {recipe.name} reads {', '.join(media)}, and the store has no {feature} (it has "
                f"{', '.join(store.header.complete)}); build it with --features {','.join(media)}"
            )
    axis = spec_of(recipe.model).axis
    rows = [store.complete_rows(feature) for feature in media if store.header.features[feature] == axis]
    complete: NDArray[np.bool_] = np.all(rows, axis=0)
    return complete if side is None else complete & (side.model >= 0)


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
