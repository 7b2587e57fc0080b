"""What a recipe is trained on: an audited fold of a store, the rows of each part, and the loaders over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from kemfeat.arrays import Indices
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import FIVE_CLASSES, usual_labels
from kemfeat.leakage import audit_split
from kemfeat.learn.augment import check_rows
from kemfeat.learn.data.loader import StoreLoader
from kemfeat.learn.run_folder import Leakage, SplitFacts, StoreFacts, TrainFacts
from kemfeat.learn.settings import FEATURES, Modality
from kemfeat.learn.training.augmented import plan_of
from kemfeat.learn.training.recipe import Recipe
from kemfeat.splits import PARTS

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.splits import Audit, Split
    from kemfeat.store.reader import Store


_LABELS = "7class"
"""The label rule where a split does not name its own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditedFold:
    """One fold of a split of a store, and whether it leaks.

    Parameters
    ----------
    store, split, fold : which utterances.
    leakage : what the audit found in this fold.
    """

    store: Store
    split: Split
    fold: int
    leakage: Leakage

    @property
    def labels(self) -> str:
        """The label rule of the split."""
        return self.split.facts["labels"] or _LABELS

    def split_facts(self) -> SplitFacts:
        """What ``run.json`` says of the split."""
        said = {name: value for name, value in self.split.facts.items() if name != "store"}
        return SplitFacts(scheme=self.split.facts["scheme"], digest=self.split.digest, facts=said)

    def store_facts(self) -> StoreFacts:
        """What ``run.json`` says of the store."""
        return StoreFacts(digest=self.store.digest, dataset=self.store.dataset)

    def leaking(self, kind: str, count: int) -> AuditedFold:
        """The same utterances, with one more leak."""
        counts = {**self.leakage.counts, kind: count}
        return replace(self, leakage=Leakage(verdict="leaking", counts=counts))


def audit_fold(
    store: Store,
    split: Split,
    *,
    fold: int = 0,
    allow_leakage: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AuditedFold:
    """One fold of a split, once it is known what its parts share.

    Raises
    ------
    ConfigError
        The split leaks in this fold and that is not allowed, was made for another store, or has no such fold.
    """
    split.ids("test", fold=fold)
    leakage = _leakage(audit_split(store, split, progress=progress), fold)
    if leakage.verdict == "leaking" and not allow_leakage:
        counts = ", ".join(f"{kind} {count:,}" for kind, count in leakage.counts.items())
        raise ConfigError(
            f"split {split.facts['scheme']}, fold {fold}: train, valid and test share what they must not ({counts}), "
            "and a score on it says nothing of new speakers; make one with `kemfeat split --scheme session`, look "
            "closer with `kemfeat audit`, or pass --allow-leakage, and every number and figure will say so"
        )
    return AuditedFold(store=store, split=split, fold=fold, leakage=leakage)


def _leakage(audit: Audit, fold: int) -> Leakage:
    counts: dict[str, int] = {}
    for overlap in (leak for leak in audit.leaks if leak.fold == fold):
        counts[overlap.kind] = counts.get(overlap.kind, 0) + overlap.count
    return Leakage(verdict="leaking" if counts else "clean", counts=counts)


def modalities_of(recipe: Recipe) -> tuple[Modality, ...]:
    """The modalities whose features the model of a recipe reads, all of them."""
    return tuple(modality for modality, features in FEATURES.items() if set(features) <= set(recipe.model.media))


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """The rows that a recipe trains on, and its labels.

    Parameters
    ----------
    recipe, audited : what is trained on which fold.
    rows : rows of the store by part.
    left_out : utterances of the split that are in no part, by reason.
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
        """``id session speaker emotion arousal valence`` of a part; an emotion that is no class is None."""
        rows = self.rows[part]
        table = self.audited.store.utterances.iloc[rows][["id", "session", "speaker", "arousal", "valence"]]
        named = self.audited.store.labels(self.audited.labels).iloc[rows]
        return table.assign(emotion=named.where(named.isin(self.emotions), None)).reset_index(drop=True)

    def train_facts(self) -> TrainFacts:
        """What ``run.json`` says of the labels trained on."""
        truth = self.truth("train")
        counts = truth["emotion"].value_counts()
        means = {name: truth[name].astype("float64").mean() for name in ("arousal", "valence")}
        return TrainFacts(
            classes={name: int(counts.get(name, 0)) for name in self.emotions},
            arousal=None if np.isnan(means["arousal"]) else float(means["arousal"]),
            valence=None if np.isnan(means["valence"]) else float(means["valence"]),
        )

    def loader(self, part: str, *, device: torch.device, batch_size: int | None = None) -> StoreLoader:
        """The rows of a part in the order of the split, each once, as they are."""
        return self.rows_loader(self.rows[part], device=device, batch_size=batch_size)

    def rows_loader(self, rows: Indices, *, device: torch.device, batch_size: int | None = None) -> StoreLoader:
        """Some rows in the order given, as they are."""
        batch_size = batch_size or self.recipe.train.batch_size
        return StoreLoader(self.audited.store, rows, batch_size, device, rank=0, world_size=1, **self._reading())

    def training_loader(self, *, epoch: int, device: torch.device) -> StoreLoader:
        """The train part, shuffled, balanced and augmented as the recipe says; drawn for this epoch, if it is drawn."""
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
            shuffle="blocks",  # named, as what True means depends on the memory of the machine
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
    """The rows of each part that have what the model reads, and of the train part what it is to learn.

    Raises
    ------
    AnalysisError
        The store lacks a feature, or a part has no row that can be used.
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
    """The classes of KEMDy on a corpus with other emotions would leave most rows out."""
    usual = usual_labels(training_data.audited.store.emotions)
    if training_data.emotions != usual.classes and usual.classes != FIVE_CLASSES and 2 * named < of:
        raise ConfigError(
            f"model.emotions: {', '.join(training_data.emotions)} name {named:,} of {of:,} rows of train under the "
            f"label rule {training_data.audited.labels}; this corpus usually has {', '.join(usual.classes)} under the "
            f"rule {usual.rule}: split with --labels {usual.rule} and pass --set "
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
