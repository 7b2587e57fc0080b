"""Scores of a run by speaker, by sex and by session: whom it works for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kemfeat.stats import metrics

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("speaker", "sex", "session")
HEADLINES = {"emotion": "uar", "arousal": "ccc", "valence": "ccc"}
"""The main score of each target."""

SEED = 0
"""Seed of every bootstrap, so that two runs are compared on the same resamples of the speakers."""

_LEAST = 3
"""Speakers that an interval needs to be worth printing."""


def by_group(predictions: pd.DataFrame, group: str, *, targets: Iterable[str], classes: Sequence[str]) -> pd.DataFrame:
    """The main score of every target in each group of utterances.

    Parameters
    ----------
    predictions : DataFrame
        Rows of an evaluation.
    group : {"speaker", "sex", "session"}
        Column of the predictions.
    targets : iterable of str
        What is predicted.
    classes : sequence of str
        Emotions in the order of their ids.

    Returns
    -------
    DataFrame
        ``target score group value low high n speakers``, worst group first. An unweighted average recall is over the
        classes that the group has. Groups of fewer than three speakers have no interval. Empty where the predictions
        do not say the group or say one alone.
    """
    import pandas as pd

    columns = ["target", "score", group, "value", "low", "high", "n", "speakers"]
    if group not in predictions or predictions[group].nunique() < 2:
        return pd.DataFrame(columns=columns)
    rows: list[tuple[Any, ...]] = []
    for target in targets:
        labelled = predictions[predictions[f"{target}_true"].notna() & predictions[group].notna()]
        for name, some in labelled.groupby(group, sort=True):
            score = _score(some, target, classes)
            low, high = score.interval if score.speakers >= _LEAST else (float("nan"), float("nan"))
            rows.append((target, HEADLINES[target], name, score.value, low, high, score.n, score.speakers))
    return pd.DataFrame(rows, columns=columns).sort_values(["target", "value"], kind="stable", ignore_index=True)


def groups_of(predictions: pd.DataFrame, *, targets: Iterable[str], classes: Sequence[str]) -> dict[str, pd.DataFrame]:
    """:func:`by_group` of every group that the predictions say.

    Parameters
    ----------
    predictions : DataFrame
        Rows of an evaluation.
    targets : iterable of str
        What is predicted.
    classes : sequence of str
        Emotions in the order of their ids.

    Returns
    -------
    dict of str to DataFrame
        Tables by group; those without rows are left out.
    """
    tables = {group: by_group(predictions, group, targets=targets, classes=classes) for group in GROUPS}
    return {group: table for group, table in tables.items() if len(table)}


def _score(some: pd.DataFrame, target: str, classes: Sequence[str]) -> metrics.Score:
    pair, speakers = (some[f"{target}_true"], some[f"{target}_pred"]), some["speaker"]
    resamples = metrics.RESAMPLES if speakers.nunique() >= _LEAST else 1
    result: metrics.Classification | metrics.Regression
    if target == "emotion":
        result = metrics.classification(*pair, classes=classes, speakers=speakers, seed=SEED, resamples=resamples)
    else:
        result = metrics.regression(*pair, speakers=speakers, seed=SEED, resamples=resamples)
    return result.scores[HEADLINES[target]]
