"""Whether a model is worth its cost: each run beside the linear baseline of its task, split and folds, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kemfeat.errors import RunError
from kemfeat.learn.evaluation.compare import differences
from kemfeat.learn.evaluation.evaluate import Evaluation
from kemfeat.learn.evaluation.groups import HEADLINES
from kemfeat.learn.evaluation.words import NAMES, in_words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run is beside a linear baseline.

    Parameters
    ----------
    run, baseline : str
        Names of the two.
    beats : bool or None
        Whether it is better, with an interval of the difference that excludes 0; None where they cannot be compared.
    words : str
        One sentence.
    """

    run: str
    baseline: str
    beats: bool | None
    words: str


def is_linear(one: Evaluation) -> bool:
    """Whether a run is a linear baseline.

    Parameters
    ----------
    one : Evaluation
        The run.

    Returns
    -------
    bool
        Whether its model is ``linear``.
    """
    model = one.facts.config.get("model")
    return isinstance(model, Mapping) and model.get("name") == "linear"


def verdicts(found: Sequence[Evaluation]) -> list[Verdict]:
    """Compare every run with each linear baseline of the same task, split and folds.

    Parameters
    ----------
    found : sequence of Evaluation
        Runs and baselines, single or pooled.

    Returns
    -------
    list of Verdict
        None for baselines, nor where there is no baseline beside a run.
    """
    baselines = [one for one in found if is_linear(one)]
    runs = [one for one in found if not is_linear(one)]
    return [_verdict(one, other) for one in runs for other in baselines if _kind(one) == _kind(other)]


def _kind(one: Evaluation) -> tuple[object, ...]:
    return one.facts.task, one.facts.split.digest, one.folds, one.part


def _verdict(one: Evaluation, other: Evaluation) -> Verdict:
    task = one.facts.task
    try:
        gaps = differences(one, other)
    except RunError as error:
        return Verdict(one.name, other.name, None, f"not compared: {error}")
    row = gaps[(gaps["target"] == task) & (gaps["score"] == HEADLINES[task])].iloc[0]
    scores = f"{task} {NAMES[HEADLINES[task]]} {row['mine']:.3f} against {row['other']:.3f}"
    scores += f", difference {in_words(row['difference'], row['low'], row['high'])}"
    beats = None if np.isnan(row["low"]) else bool(row["low"] > 0)
    return Verdict(one.name, other.name, beats, f"{one.name} {_said(beats, row['high'])} {other.name}: {scores}")


def _said(beats: bool | None, high: float) -> str:
    if beats is None:
        return "cannot be told from the linear baseline"
    if beats:
        return "beats the linear baseline"
    return "is worse than the linear baseline" if high < 0 else "does not beat the linear baseline"
