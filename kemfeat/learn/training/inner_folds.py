"""Folds within the train part of a fold, so that every row of it is predicted by a model that did not see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.training_data import TrainingData
from kemfeat.splits import Split, make_split

INNER = "inner"
"""Folder of the runs of the inner folds, in the folder that is made from them."""


def inner_folds(whole: TrainingData, *, folds: int, seed: int) -> Iterator[AuditedFold]:
    """Folds whose test parts together are the train part; the validation part stays what it is.

    Parameters
    ----------
    whole : TrainingData
        The fold that is cut.
    folds : int, 0 or >= 2
        How many; 0 makes none.
    seed : int, >= 0
        Seed of the folds.

    Yields
    ------
    AuditedFold
        One after the other, cut by the scheme of the split.

    Raises
    ------
    ConfigError
        There are more folds than sessions or speakers.
    """
    if not folds:
        return
    import pandas as pd

    data = whole.audited
    rows = np.sort(whole.rows["train"])
    scheme = "speaker" if data.split.facts["scheme"] == "speaker" else "session"
    made = make_split(
        data.store.utterances.iloc[rows].reset_index(drop=True),
        scheme=scheme,
        folds=folds,
        seed=seed,
        labels=data.labels,
    )
    valid = pd.DataFrame({"id": data.used.ids("valid", fold=data.fold), "part": "valid"})
    tables = []
    for fold in range(made.folds):
        held_out = set(made.ids("test", fold=fold))
        inner = pd.DataFrame({"id": made.rows["id"].unique()})
        inner["part"] = np.where(inner["id"].isin(held_out), "test", "train")
        tables.append(pd.concat([inner, valid]).assign(fold=fold))
    split = Split(pd.concat(tables, ignore_index=True)[["fold", "id", "part"]], {**data.split.facts, **made.facts})
    for fold in range(made.folds):
        yield replace(data, split=split, fold=fold)
