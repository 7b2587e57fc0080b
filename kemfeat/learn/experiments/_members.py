"""Runs as members of an ensemble: their predictions of the same utterances, joined by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.words import printable
from kemfeat.learn.experiments.published_votes import softmax_over_all
from kemfeat.learn.experiments.votes import Chances
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

_TOLERANCE = 1e-4
"""Largest distance of a sum of probabilities from 1 that rounding explains."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A run and its predictions, one row per utterance of a part, sorted by id."""

    name: str
    facts: RunFacts
    parts: Mapping[str, pd.DataFrame]
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """The same utterances predicted by all members."""

    rows: pd.DataFrame
    chances: Chances


def read_member(run: Path) -> Member:
    """The finished run in a folder, whose predictions have to be distributions over emotions."""
    facts, name = read_run(run), printable(str(run))
    table = read_predictions(run, facts)
    _require_distributions(table, facts, name)
    return Member(name, facts, _parts(table), disk.sha256(run / run_folder.PREDICTIONS))


def with_train(member: Member, table: pd.DataFrame) -> Member:
    """A member with predictions of its train part that were made out of fold."""
    _require_distributions(table, member.facts, member.name)
    return replace(member, parts={**member.parts, "train": _parts(table)["train"]})


def _parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    ordered = table.sort_values("id", kind="stable")
    return {str(part): rows.reset_index(drop=True) for part, rows in ordered.groupby("part")}


def _require_distributions(table: pd.DataFrame, facts: RunFacts, name: str) -> None:
    chances = [f"p_{emotion}" for emotion in facts.emotions]
    if facts.task != "emotion" or not set(chances) <= set(table):
        raise ConfigError(f"{name}: predicts {facts.task} without probabilities of emotions; expected a classifier")
    sums = table[chances].to_numpy(np.float64)
    if not np.isfinite(sums).all() or sums.min() < 0 or np.abs(sums.sum(axis=1) - 1).max() > _TOLERANCE:
        raise RunError(
            f"{name}: the probabilities of an utterance do not sum to 1, as after one softmax over all utterances "
            "(J3); expected one softmax for each row; train the run again"
        )


def require_alike(members: Sequence[Member]) -> None:
    """Refuse runs whose predictions cannot be of the same utterances under the same labels."""
    for one in members[1:]:
        for what, mine, other in zip(
            ("split", "fold", "classes", "data"), _identity(members[0].facts), _identity(one.facts), strict=True
        ):
            if mine != other:
                raise ConfigError(
                    f"{members[0].name} and {one.name}: differ in their {what} ({_brief(mine)} and {_brief(other)}); "
                    f"an ensemble needs runs of one split, fold, list of classes and corpus"
                )


def _identity(facts: RunFacts) -> tuple[object, ...]:
    data = facts.data.utterances if facts.data else facts.store.digest
    return facts.split.digest, facts.fold, facts.emotions, data


def _brief(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)[:12]


def joined_of(members: Sequence[Member], part: str, *, softmax: str) -> Joined:
    """Rows of a part by id; every member has to have the same ids and the same labels (J17)."""
    first = members[0]
    rows = first.parts[part]
    for one in members[1:]:
        other = one.parts.get(part)
        mine, theirs = set(rows["id"]), set() if other is None else set(other["id"])
        if other is None or mine != theirs:
            example = min(mine ^ theirs)
            raise ConfigError(
                f"{first.name} and {one.name}: of the {part} part, {len(mine - theirs):,} utterances are in the first "
                f"alone and {len(theirs - mine):,} in the second alone (such as {example}); expected the same in both: "
                "train on a store that has what all models read, and on one split"
            )
        if not rows["emotion_true"].equals(other["emotion_true"]):
            raise ConfigError(
                f"{first.name} and {one.name}: have different labels of the same utterances of the {part} part; "
                "expected runs under one label rule"
            )
    if softmax == "all":
        return Joined(rows, np.stack([softmax_over_all(_logits(one, part)) for one in members]))
    columns = [f"p_{emotion}" for emotion in first.facts.emotions]
    chances = np.stack([one.parts[part][columns].to_numpy(np.float64) for one in members])
    return Joined(rows, chances / chances.sum(axis=2, keepdims=True))


def _logits(member: Member, part: str) -> NDArray[np.float64]:
    table, columns = member.parts[part], [f"logit_{emotion}" for emotion in member.facts.emotions]
    if not set(columns) <= set(table) or not np.isfinite(table[columns].to_numpy(np.float64)).all():
        raise ConfigError(
            f"{member.name}: its predictions have no logits, which --softmax all needs (an ensemble has none, nor has "
            "a run of an earlier kemfeat); leave it out, or train the run again"
        )
    return table[columns].to_numpy(np.float64)
