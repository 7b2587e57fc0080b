"""Ensembles of trained runs: their predictions joined by the ids of utterances, fitted on validation, tested once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from kemfeat import provenance
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.words import printable
from kemfeat.learn.experiments.votes import Chances, fitted_weights, hard_vote, normalised, soft_vote, stacked
from kemfeat.learn.run_facts import EnsembleFacts, Leakage, MemberFacts, RunFacts
from kemfeat.learn.run_folder import read_predictions, read_run, write_run
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["soft", "weighted", "hard", "stacking"]

_TOLERANCE = 1e-4
"""Largest distance of a sum of probabilities from 1 that rounding explains."""


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """A run and its predictions, one row per utterance of a part, sorted by id."""

    name: str
    facts: RunFacts
    parts: Mapping[str, pd.DataFrame]
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """The same utterances predicted by all members."""

    rows: pd.DataFrame
    chances: Chances


def ensemble(runs: Sequence[Path], *, method: Method, out: Path, weights: Sequence[float] = ()) -> RunFacts:
    """Combine the predictions of runs, and write them as the folder of a run.

    What is fitted, the weights of ``weighted`` and the regression of ``stacking``, is fitted on the validation part
    (J1, J2), whose labels also chose the epoch of each run; the test part is predicted and never looked at. Rows are
    joined by id, never by place (J17).

    Parameters
    ----------
    runs : sequence of Path, length >= 2
        Folders of finished runs that classify emotions: one split, fold, list of classes and corpus.
    method : {"soft", "weighted", "hard", "stacking"}
        ``soft``: mean of the probabilities; ``weighted``: with weights; ``hard``: vote of the predicted classes;
        ``stacking``: logistic regression on the logarithms of the probabilities.
    out : Path
        Folder to write, absent or empty.
    weights : sequence of float
        One per run, for ``weighted`` and ``hard``; none fits those of ``weighted`` and makes those of ``hard`` equal.

    Returns
    -------
    RunFacts
        Contents of ``run.json``.

    Raises
    ------
    ConfigError
        The runs do not belong together, there are too few, or the folder is not empty.
    AnalysisError
        The weights are not weights, or the validation part is too small to fit anything.
    RunError
        A run is missing, unfinished or damaged.
    """
    if len(runs) < 2 or len({run.resolve() for run in runs}) < len(runs):
        raise ConfigError(f"ensemble: found {len(runs)} runs; expected at least two, each of them once")
    if weights and method not in ("weighted", "hard"):
        raise ConfigError(f"--weights: --method {method} has none; leave them out, or take weighted or hard")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: is there already and is not an empty folder; choose another --out")
    members = [_read(run) for run in runs]
    _require_alike(members)
    joined = {part: _joined(members, part) for part in ("valid", "test") if part in members[0].parts}
    if "test" not in joined:
        raise RunError(f"{members[0].name}: has no predictions of the test part; train the run again")
    shares = normalised(weights, models=len(members))
    fits = method == "stacking" or (method == "weighted" and not weights)
    predicted = _fitted(members, joined, method) if fits else _voted(joined, method, shares)
    found, shares = predicted
    facts = _facts(members, method, shares, given=bool(weights), fitted_on=_labelled(joined["valid"]) if fits else 0)
    _write(out, facts, {part: (joined[part], chances) for part, chances in found.items()})
    return facts


def _voted(joined: Mapping[str, _Joined], method: Method, shares: Chances) -> tuple[dict[str, Chances], Chances]:
    vote = hard_vote if method == "hard" else soft_vote
    return {part: vote(one.chances, shares) for part, one in joined.items()}, shares


def _fitted(
    members: Sequence[_Member], joined: Mapping[str, _Joined], method: Method
) -> tuple[dict[str, Chances], Chances]:
    """The test part as predicted by what was fitted on the validation part, and weights where there are any."""
    valid = joined.get("valid")
    known = _known(valid) if valid is not None else np.zeros(0, np.bool_)
    if valid is None or not known.any():
        raise ConfigError(
            f"{members[0].name}: has no labelled predictions of the validation part, which --method {method} is fitted "
            "on; take --method soft or hard, or give --weights"
        )
    places = {name: place for place, name in enumerate(members[0].facts.emotions)}
    classes = np.asarray(valid.rows.loc[known, "emotion_true"].map(places), np.int64)
    seen, wanted = valid.chances[:, known], joined["test"].chances
    if method == "stacking":
        return {"test": stacked(seen, classes, wanted)}, np.zeros(0)
    shares = fitted_weights(seen, classes)
    return {"test": soft_vote(wanted, shares)}, shares


def _known(one: _Joined) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = one.rows["emotion_true"].notna().to_numpy(dtype=bool)
    return known


def _labelled(one: _Joined) -> int:
    return int(_known(one).sum())


def _read(run: Path) -> _Member:
    facts, name = read_run(run), printable(str(run))
    table = read_predictions(run, facts)
    chances = [f"p_{emotion}" for emotion in facts.emotions]
    if facts.task != "emotion" or not set(chances) <= set(table):
        raise ConfigError(f"{name}: predicts {facts.task} without probabilities of emotions; expected a classifier")
    sums = table[chances].to_numpy(np.float64)
    if not np.isfinite(sums).all() or sums.min() < 0 or np.abs(sums.sum(axis=1) - 1).max() > _TOLERANCE:
        raise RunError(
            f"{name}: the probabilities of an utterance do not sum to 1, as after one softmax over all utterances "
            "(J3); expected one softmax for each row; train the run again"
        )
    ordered = table.sort_values("id", kind="stable")
    parts = {str(part): rows.reset_index(drop=True) for part, rows in ordered.groupby("part")}
    return _Member(name, facts, parts, disk.sha256(run / run_folder.PREDICTIONS))


def _require_alike(members: Sequence[_Member]) -> None:
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


def _joined(members: Sequence[_Member], part: str) -> _Joined:
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
    columns = [f"p_{emotion}" for emotion in first.facts.emotions]
    chances = np.stack([one.parts[part][columns].to_numpy(np.float64) for one in members])
    return _Joined(rows, chances / chances.sum(axis=2, keepdims=True))


def _facts(members: Sequence[_Member], method: Method, shares: Chances, *, given: bool, fitted_on: int) -> RunFacts:
    leaks: dict[str, int] = {}
    for one in members:
        for kind, count in one.facts.leakage.counts.items():
            leaks[kind] = max(leaks.get(kind, 0), count)
    leaking = any(one.facts.leakage.verdict == "leaking" for one in members)
    first = members[0].facts
    update = {
        "recipe": f"ensemble/{method}",
        "variant": "corrected",
        "leakage": Leakage(verdict="leaking" if leaking else "clean", counts=leaks),
        "synthetic": any(one.facts.synthetic for one in members),
        "left_out": {},
        "config": {
            "method": method,
            "weights": ", ".join(map(repr, shares.tolist())) if given else "fitted" if fitted_on else "equal",
        },
        "parameters": (),
        "pretrained": {},
        "outcome": None,
        "ensemble": EnsembleFacts(
            method=method,
            members=tuple(MemberFacts(run=one.name[-200:], predictions=one.sha256) for one in members),
            weights=tuple(shares.tolist()),
            fitted_on=fitted_on,
        ),
        "versions": provenance.versions(),
    }
    return RunFacts.model_validate({**dict(first), **update})


def _write(out: Path, facts: RunFacts, found: Mapping[str, tuple[_Joined, Chances]]) -> None:
    import pandas as pd

    tables = []
    for joined, chances in found.values():
        said = pd.Series(np.array(facts.emotions)[chances.argmax(axis=1)], dtype="str")
        columns = {f"p_{name}": chances[:, place].astype(np.float32) for place, name in enumerate(facts.emotions)}
        kept = joined.rows[[*run_folder.PREDICTION_COLUMNS, "emotion_true"]]
        tables.append(kept.assign(emotion_pred=said, **columns))
    with disk.writing(out, resumes=False):
        out.mkdir(parents=True, exist_ok=True)
        write_run(out, facts)
        disk.write_table(out / run_folder.PREDICTIONS, pd.concat(tables, ignore_index=True))
