"""Linear baselines for ``four_systems.py``: the same rows predicted from words, means and deviations.

``baseline/logistic`` and ``baseline/ridge`` read numbers on the utterance axis alone; the models that are judged there
also read words and pictures. This fits scikit-learn to all of them; the validation part chooses the penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import recall_score

from kemfeat.learn.evaluation.evaluate import Evaluation, judge
from kemfeat.splits import Split
from kemfeat.store.reader import Store

STRENGTHS = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
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
    task, fold = found.facts.task, found.facts.fold
    y = store.labels(labels) if task == "emotion" else store.utterances[task]
    ids = store.utterances["id"].tolist()
    train, valid, _ = (split.indices(ids, part, fold=fold) for part in ("train", "valid", "test"))
    place = {name: at for at, name in enumerate(ids)}
    test = np.array([place[name] for name in found.rows["id"]])
    x = (x - x[train].mean(axis=0)) / np.maximum(x[train].std(axis=0), 1e-6)
    known = [rows[y.iloc[rows].notna().to_numpy()] for rows in (train, valid)]
    models = [_fitted(task, x[known[0]], y.iloc[known[0]], strength) for strength in STRENGTHS]
    best = max(models, key=lambda model: _worth(task, y.iloc[known[1]], model.predict(x[known[1]])))
    rows = found.rows.assign(**{f"{task}_pred": best.predict(x[test])})
    rows = rows[[name for name in rows if not name.startswith("p_")]]
    facts = found.facts.model_copy(update={"recipe": "linear"})
    others = [name for name in found.targets if name != task]
    rows = rows.drop(columns=[f"{name}_base" for name in others])
    return replace(judge(rows, facts, name="linear", folds=found.folds, part=found.part, warning=found.warning))


def _fitted(task: str, x: NDArray[np.float64], y: pd.Series[Any], strength: float) -> Any:
    if task == "emotion":
        model = LogisticRegression(C=1 / strength, class_weight="balanced", max_iter=2000)
        return model.fit(x, y.to_numpy(dtype=str))
    return Ridge(alpha=strength).fit(x, y.to_numpy(dtype=float))


def _worth(task: str, truth: pd.Series[Any], said: NDArray[Any]) -> float:
    if task == "emotion":
        true = truth.to_numpy(dtype=str)
        return float(recall_score(true, said, average="macro", labels=np.unique(true), zero_division=0))
    return -float(np.square(truth.to_numpy(dtype=float) - said).mean())


def _shares(store: Store, name: str) -> NDArray[np.float64]:
    ids, real = np.asarray(store.array("input_ids")[:]), np.asarray(store.array("attention_mask")[:], bool)
    counts = np.zeros((len(ids), int(ids.max()) + 1))
    for row, (pieces, there) in enumerate(zip(ids, real, strict=True)):
        np.add.at(counts[row], pieces[there], 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _moments(store: Store, name: str) -> NDArray[np.float64]:
    values = np.asarray(store.array(name)[:])
    lengths = _lengths(store, name, len(values))
    found = []
    for row in range(len(values)):
        one = values[row, : lengths[row]].astype(np.float64).reshape(lengths[row], -1)
        one = one[np.isfinite(one).all(axis=1)]
        width = int(np.prod(values.shape[2:]))
        found.append(np.r_[one.mean(axis=0), one.std(axis=0)] if len(one) else np.zeros(2 * width))
    return np.stack(found)


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
    return table.reindex(store.utterances["id"]).fillna(0.0).to_numpy()
