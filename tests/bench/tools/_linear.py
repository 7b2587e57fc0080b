"""Linear baselines for ``four_systems.py``: the same rows predicted from words, means and deviations.

``baseline/logistic`` and ``baseline/ridge`` read numbers on the utterance axis alone; the models that are judged there
also read words and pictures. This fits the same regressions to all of them, in the same way: folds of the train part by
speaker choose the penalty, and what is missing counts as the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.learn.evaluation.evaluate import Evaluation, judge
from kemfeat.learn.models._penalty import inner_losses, penalised
from kemfeat.learn.models.linear import LinearConfig
from kemfeat.splits import Split
from kemfeat.store.reader import Store

_CELL = 10
"""Pixels on each side of a square of a frame whose mean is read."""


def summaries(store: Store, features: Sequence[str]) -> NDArray[np.float64]:
    """What a linear model reads of each utterance, the features side by side.

    Parameters
    ----------
    store : Store
        Store with the features.
    features : sequence of str
        ``tokens`` for the share of each token, ``video_frames`` for the mean and the deviation of every square of 10
        pixels, and other features on the utterance axis for their mean and deviation over time.

    Returns
    -------
    ndarray, shape (utterances, numbers), float64
        NaN where an utterance lacks a feature.
    """
    known = {"tokens": _shares, "video_frames": _squares}
    return np.concatenate([known.get(name, _moments)(store, name) for name in features], axis=1)


def linear(found: Evaluation, x: NDArray[np.float64], store: Store, split: Split, *, labels: str) -> Evaluation:
    """Predict the rows of a run by a linear model.

    Parameters
    ----------
    found : Evaluation
        Evaluation of a run on one fold.
    x : ndarray, shape (utterances, numbers), float64
        From :func:`summaries`.
    store : Store
        Store of the run.
    split : Split
        Split of the run.
    labels : str
        Label rule of the split.

    Returns
    -------
    Evaluation
        Of the linear model, on the same rows.
    """
    task, config = found.facts.task, LinearConfig()
    y = store.labels(labels) if task == "emotion" else store.utterances[task]
    ids = store.utterances["id"].tolist()
    train = split.indices(ids, "train", fold=found.facts.fold)
    train = train[y.iloc[train].notna().to_numpy()]
    truth = y.iloc[train].to_numpy(dtype=str if task == "emotion" else float)
    speakers = store.utterances["speaker"].iloc[train].to_numpy(dtype=str)
    losses, _ = inner_losses(
        x[train], truth, speakers, task=task, strengths=config.strengths, folds=config.inner_folds, balanced=True
    )
    strength = config.strengths[int(np.argmin(losses))]
    best = penalised(x[train], truth, task=task, strength=strength, balanced=True)
    place = {name: at for at, name in enumerate(ids)}
    test = np.array([place[name] for name in found.rows["id"]])
    rows = found.rows.assign(**{f"{task}_pred": best.regression.predict(best.read(x[test]))})
    rows = rows[[name for name in rows if not name.startswith("p_")]]
    facts = found.facts.model_copy(update={"recipe": "linear"})
    others = [name for name in found.targets if name != task]
    rows = rows.drop(columns=[f"{name}_base" for name in others])
    return replace(judge(rows, facts, name="linear", folds=found.folds, part=found.part, warning=found.warning))


def _shares(store: Store, name: str) -> NDArray[np.float64]:
    ids, real = np.asarray(store.array("input_ids")[:]), np.asarray(store.array("attention_mask")[:], bool)
    counts = np.zeros((len(ids), int(ids.max()) + 1))
    for row, (pieces, there) in enumerate(zip(ids, real, strict=True)):
        np.add.at(counts[row], pieces[there], 1)
    pieces = counts.sum(axis=1, keepdims=True)
    return np.where(pieces > 0, counts / np.maximum(pieces, 1), np.nan)


def _moments(store: Store, name: str) -> NDArray[np.float64]:
    values = np.asarray(store.array(name)[:])
    lengths = _lengths(store, name, len(values))
    found = np.full((len(values), 2 * int(np.prod(values.shape[2:]))), np.nan)
    for row, length in enumerate(lengths):
        one = values[row, :length].astype(np.float64).reshape(length, -1)
        one = one[np.isfinite(one).all(axis=1)]
        if len(one):
            found[row] = np.r_[one.mean(axis=0), one.std(axis=0)]
    return found


def _lengths(store: Store, name: str, rows: int) -> NDArray[np.int64]:
    shared = "mel_lengths" if name == "delta" else f"{name}_lengths"
    if shared in store.arrays:
        return np.asarray(store.array(shared)[:], np.int64)
    if f"{name}_mask" in store.arrays:
        return np.asarray(store.array(f"{name}_mask")[:], np.int64).sum(axis=1)
    return np.full(rows, store.array(name).shape[1])


def _squares(store: Store, name: str) -> NDArray[np.float64]:
    films, owners = np.asarray(store.array(name)[:]), store.owners("clip")
    _, frames, height, width, colours = films.shape
    cells = (frames, height // _CELL, _CELL, width // _CELL, _CELL, colours)
    rows = []
    for row in range(len(films)):
        means = films[row].astype(np.float64).reshape(cells).mean(axis=(2, 4))
        rows.append(np.r_[means.mean(axis=0).ravel(), means.std(axis=0).ravel()])
    table = pd.DataFrame(np.stack(rows)).groupby(owners.to_numpy()).mean()
    return table.reindex(store.utterances["id"]).to_numpy()
