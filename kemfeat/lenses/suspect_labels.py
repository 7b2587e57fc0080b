"""Labels that out-of-fold predictions contradict with confidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kemfeat.arrays import Floats, Indices
from kemfeat.findings import printable
from kemfeat.lenses import Context, Lens, Suspect

if TYPE_CHECKING:
    import pandas as pd

_SUM = 1e-3
"""By how much the probabilities of an utterance may fail to sum to 1."""


def confident_classes(chances: Floats, labels: Indices) -> tuple[Indices, Floats]:
    """The class that each example confidently belongs to, by the rule of confident learning.

    The threshold ``t_j`` of a class is the mean of its probability over the examples that are labelled with it. An
    example is counted for the most probable of the classes whose probability reaches their threshold.

    Parameters
    ----------
    chances : ndarray, shape (n, classes), float64
        Probabilities by models that were not trained on the examples.
    labels : ndarray, shape (n,), int64
        Labels of the examples.

    Returns
    -------
    classes : ndarray, shape (n,), int64
        The class, of several equally probable ones the label or else the first; -1 where no class reaches its
        threshold.
    thresholds : ndarray, shape (classes,), float64
        The thresholds; infinite for a class that no example is labelled with.

    References
    ----------
    Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 70:1373 (2021), equations 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    >>> confident_classes(chances, np.array([0, 0, 1, 1]))[0].tolist()
    [0, 1, 1, -1]
    """
    thresholds = np.full(chances.shape[1], np.inf)
    for each in np.unique(labels):
        thresholds[each] = chances[labels == each, each].mean()
    reached = np.where(chances >= thresholds, chances, -1.0)
    best = reached.max(axis=1)
    own = np.take_along_axis(reached, labels[:, None], axis=1)[:, 0]
    classes = np.where(own == best, labels, reached.argmax(axis=1))
    return np.where(best >= 0, classes, -1), thresholds


def _needs(context: Context) -> str:
    table = context.predictions
    if table is None:
        return "needs out-of-fold predictions: give --run"
    if "emotion" not in table or not _classes(table):
        return "needs predictions of emotions with a probability for each class: give the --run of a classifier"
    if "part" in table and (seen := int((table["part"] == "train").sum())):
        return (
            f"needs out-of-fold predictions, and {seen:,} are of utterances that the model was trained on: give a "
            "--run with predictions of valid and test alone"
        )
    strange = table.loc[~table["id"].isin(context.store.utterances["id"]), "id"].unique()
    if len(strange):
        return (
            f"needs predictions for this store, which does not have {len(strange):,} of the utterances, such as "
            f"{strange[0]!r}: give a --run that was trained on it"
        )
    if (table.groupby("id")["emotion"].nunique() > 1).any():
        return "needs runs with one label rule, and these give an utterance different labels: give runs of one split"
    chances = table[[f"p_{name}" for name in _classes(table)]].to_numpy(np.float64)
    if not (np.isfinite(chances).all() and (np.abs(chances.sum(axis=1) - 1) <= _SUM).all()):
        return "needs probabilities that sum to 1 over the same classes in every run: give runs of one recipe and split"
    return ""


def _classes(table: pd.DataFrame) -> list[str]:
    return [name.removeprefix("p_") for name in map(str, table) if name.startswith("p_")]


def _look(context: Context) -> Iterable[Suspect]:
    table = context.predictions
    assert table is not None  # noqa: S101 - as `needs` has said
    classes = _classes(table)
    labelled = table[table["emotion"].isin(classes)].sort_values(["id", *(f"p_{name}" for name in classes)])
    if labelled.empty:
        return
    grouped = labelled.groupby("id", sort=True)
    chances: NDArray[np.float64] = grouped[[f"p_{name}" for name in classes]].mean().to_numpy(np.float64)
    given = grouped["emotion"].first()
    labels = np.array([classes.index(name) for name in given], np.int64)
    found, thresholds = confident_classes(chances, labels)
    for row in np.flatnonzero((found >= 0) & (found != labels)).tolist():
        label, other, chance = int(labels[row]), int(found[row]), chances[row]
        why = (
            f"labelled {printable(classes[label])} (p = {chance[label]:.2f}), more likely {printable(classes[other])} "
            f"(p = {chance[other]:.2f}; the mean of those labelled so is {thresholds[other]:.2f})"
        )
        yield Suspect(str(given.index[row]), float(chance[other] - chance[label]), why)


LENS = Lens(
    name="suspect_labels",
    title="Suspect labels",
    unit="",
    help=(
        "Labels that models not trained on the utterance contradict, by confident learning (Northcutt et al., JAIR "
        "2021): another class is at least as probable as on average where it is the label; the score is its "
        "probability less that of the label."
    ),
    needs=_needs,
    look=_look,
)
