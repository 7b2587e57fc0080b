"""Ensembles of trained runs: their predictions joined by the ids of utterances, fitted without the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from kemfeat import provenance
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.experiments._members import Joined, Member, joined_of, read_member, require_alike, with_train
from kemfeat.learn.experiments.published_votes import boosted, voted
from kemfeat.learn.experiments.votes import (
    Chances,
    fitted_stacker,
    fitted_weights,
    normalised,
    soft_vote,
    stacked,
)
from kemfeat.learn.run_facts import EnsembleFacts, Leakage, MemberFacts, RunFacts, StackerFacts
from kemfeat.learn.run_folder import write_run
from kemfeat.learn.training.inner_folds import INNER
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk
from kemfeat.store.outside import refuse_in_store

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["soft", "weighted", "hard", "stacking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulas:
    """How predictions are combined, where the published system has a formula of its own; each default corrects one.

    Parameters
    ----------
    stacker : {"logistic", "lightgbm"}
        Model of ``stacking``: a logistic regression on the logarithms of the probabilities, or LightGBM on the numbers
        of the predicted labels, as published (J4).
    fit_on : {"valid", "test"}
        The part that is fitted on; ``test`` is the published training score (J1), and needs ``allow_leakage``.
    softmax : {"row", "all"}
        What a softmax is taken over: the classes of an utterance, or all utterances, as published (J3).
    votes : {"sum", "product"}
        How the votes of ``hard`` count: the sum of their weights, or their number times the weight of one of them, as
        published (J4).
    allow_leakage : bool
        Accept a fit on the test part, and say so everywhere.
    """

    stacker: Literal["logistic", "lightgbm"] = "logistic"
    fit_on: Literal["valid", "test"] = "valid"
    softmax: Literal["row", "all"] = "row"
    votes: Literal["sum", "product"] = "sum"
    allow_leakage: bool = False

    @property
    def variant(self) -> Literal["faithful", "corrected"]:
        """Whether anything is as published."""
        return "corrected" if replace(self, allow_leakage=False) == Formulas() else "faithful"


@dataclass(frozen=True, slots=True, eq=False)
class _Combined:
    """Predictions of parts, and what they were made with."""

    parts: Mapping[str, Chances]
    shares: Chances
    fitted_on: int = 0
    stacker: StackerFacts | None = None


def ensemble(
    runs: Sequence[StrPath],
    *,
    method: Method,
    out: StrPath,
    weights: Sequence[float] = (),
    formulas: Formulas | None = None,
    out_of_fold: Sequence[pd.DataFrame] = (),
) -> RunFacts:
    """Combine the predictions of runs, and write them as the folder of a run.

    What is fitted, the weights of ``weighted`` and the model of ``stacking``, is fitted on the validation part (J1,
    J2), whose labels also chose the epoch of each run, or on predictions of the train part that were made out of fold.
    The test part is predicted and never looked at. Rows are joined by id, never by place (J17).

    Parameters
    ----------
    runs : sequence of str or PathLike, length >= 2
        Folders of finished runs that classify emotions: one split, fold, list of classes and corpus.
    method : {"soft", "weighted", "hard", "stacking"}
        ``soft``: mean of the probabilities; ``weighted``: with weights; ``hard``: vote of the predicted classes;
        ``stacking``: logistic regression on the logarithms of the probabilities.
    out : str or PathLike
        Folder to write, absent or empty.
    weights : sequence of float
        One per run, for ``weighted`` and ``hard``; none fits those of ``weighted`` and makes those of ``hard`` equal.
    formulas : Formulas or None
        What is computed as published; None is nothing.
    out_of_fold : sequence of DataFrame
        One table per run of :func:`~kemfeat.learn.experiments.out_of_fold.out_of_fold`, which is fitted on in place of
        the validation part; none fits on that.

    Returns
    -------
    RunFacts
        Contents of ``run.json``.

    Raises
    ------
    ConfigError
        The runs or the options do not belong together, there are too few runs, or the folder is not empty.
    AnalysisError
        The weights are not weights, or too little is there to fit anything.
    RunError
        A run is missing, unfinished or damaged.
    """
    folders, out, formulas = [*map(to_path, runs)], to_path(out), formulas or Formulas()
    require_possible(folders, method, out, weights=weights, formulas=formulas, out_of_fold=bool(out_of_fold))
    members = [read_member(folder) for folder in folders]
    if out_of_fold:
        members = [with_train(one, table) for one, table in zip(members, out_of_fold, strict=True)]
    require_alike(members)
    joined = {
        part: joined_of(members, part, softmax=formulas.softmax)
        for part in ("train", "valid", "test")
        if part in members[0].parts and (part != "train" or out_of_fold)
    }
    if "test" not in joined:
        raise RunError(f"{members[0].name}: has no predictions of the test part; train the run again")
    part = "train" if out_of_fold else formulas.fit_on
    if method == "stacking" or (method == "weighted" and not weights):
        combined = _fitted(members, joined, method, part=part, formulas=formulas)
    else:
        combined = _voted(joined, method, normalised(weights, models=len(members)), formulas=formulas)
    facts = _facts(members, method, combined, given=bool(weights), part=part, formulas=formulas)
    _write(out, facts, {part: (joined[part], chances) for part, chances in combined.parts.items()})
    return facts


def require_possible(
    runs: Sequence[Path],
    method: Method,
    out: Path,
    *,
    weights: Sequence[float],
    formulas: Formulas,
    out_of_fold: bool,
) -> None:
    """Refuse options that contradict one another, before anything is read or trained.

    Parameters
    ----------
    runs, method, out, weights, formulas : various
        See :func:`ensemble`.
    out_of_fold : bool
        Whether there will be predictions of the train part.

    Raises
    ------
    ConfigError
        They do not belong together, there are too few runs, or the folder is not empty.
    """
    fits = method == "stacking" or (method == "weighted" and not weights)
    if len(runs) < 2 or len({run.resolve() for run in runs}) < len(runs):
        raise ConfigError(f"ensemble: found {len(runs)} runs; expected at least two, each of them once")
    if weights and method not in ("weighted", "hard"):
        raise ConfigError(f"--weights: --method {method} has none; leave them out, or take weighted or hard")
    if formulas.stacker != "logistic" and method != "stacking":
        raise ConfigError(f"--stacker {formulas.stacker}: --method {method} has none; take --method stacking")
    if formulas.votes != "sum" and method != "hard":
        raise ConfigError(f"--votes {formulas.votes}: --method {method} has none; take --method hard")
    if formulas.softmax == "all" and method == "weighted" and not weights:
        raise ConfigError("--softmax all: gives no probabilities that weights can be fitted to; pass --weights")
    if not fits and (out_of_fold or formulas.fit_on != "valid"):
        raise ConfigError(f"--method {method}: fits nothing; leave out --fit-on and --inner, or take stacking")
    if out_of_fold and formulas.fit_on != "valid":
        raise ConfigError("--fit-on test and --inner: one of them says what is fitted on; leave one out")
    if formulas.fit_on == "test" and not formulas.allow_leakage:
        raise ConfigError(
            "--fit-on test: what is fitted on the test part is scored on what it has seen (J1); leave it out, or pass "
            "--allow-leakage, and every number and figure says so"
        )
    refuse_in_store(out)
    if out.exists() and (not out.is_dir() or any(path.name != INNER for path in out.iterdir())):
        raise ConfigError(f"{out}: is there already and is not an empty folder; choose another --out")


def _voted(joined: Mapping[str, Joined], method: Method, shares: Chances, *, formulas: Formulas) -> _Combined:
    found = {part: voted(one.chances, shares, method=method, votes=formulas.votes) for part, one in joined.items()}
    return _Combined(found, shares)


def _fitted(
    members: Sequence[Member], joined: Mapping[str, Joined], method: Method, *, part: str, formulas: Formulas
) -> _Combined:
    """The parts that were not fitted on, as predicted by what was fitted, and weights where there are any."""
    source = joined.get(part)
    known = _known(source) if source is not None else np.zeros(0, np.bool_)
    if source is None or not known.any():
        words = {"valid": "the validation part", "test": "the test part", "train": "the train part"}
        raise ConfigError(
            f"{members[0].name}: has no labelled predictions of {words[part]}, which --method {method} is fitted "
            "on; take --method soft or hard, or give --weights"
        )
    places = {name: place for place, name in enumerate(members[0].facts.emotions)}
    classes = np.asarray(source.rows.loc[known, "emotion_true"].map(places), np.int64)
    seen = source.chances[:, known]
    predicted = ("valid", "test") if part == "train" else ("test",)  # validation was seen where that was fitted on
    wanted = {name: joined[name].chances for name in predicted if name in joined}
    if method == "stacking" and formulas.stacker == "lightgbm":
        found = {name: boosted(seen, classes, chances) for name, chances in wanted.items()}
        return _Combined(found, np.zeros(0), len(classes))
    if method == "stacking":
        stacker = fitted_stacker(seen, classes)
        found = {name: stacked(chances, stacker) for name, chances in wanted.items()}
        return _Combined(found, np.zeros(0), len(classes), stacker)
    shares = fitted_weights(seen, classes)
    return _Combined({name: soft_vote(chances, shares) for name, chances in wanted.items()}, shares, len(classes))


def _known(one: Joined) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = one.rows["emotion_true"].notna().to_numpy(dtype=bool)
    return known


def _facts(
    members: Sequence[Member], method: Method, combined: _Combined, *, given: bool, part: str, formulas: Formulas
) -> RunFacts:
    first, fitted_on = members[0].facts, combined.fitted_on
    made = {
        "method": method,
        "stacker": formulas.stacker,
        "softmax": formulas.softmax,
        "votes": formulas.votes,
        "fitted_part": part,
    }
    update = {
        "recipe": f"ensemble/{method}",
        "variant": formulas.variant,
        "leakage": _leakage(members, tested=fitted_on if part == "test" else 0),
        "synthetic": any(one.facts.synthetic for one in members),
        "left_out": {},
        "config": {
            **made,
            "weights": ", ".join(map(repr, combined.shares.tolist())) if given else "fitted" if fitted_on else "equal",
        },
        "parameters": (),
        "pretrained": {},
        "outcome": None,
        "ensemble": EnsembleFacts.model_validate(
            {
                **made,
                "members": tuple(MemberFacts(run=one.name[-200:], predictions=one.sha256) for one in members),
                "weights": tuple(combined.shares.tolist()),
                "fitted_on": fitted_on,
                "fitted_stacker": combined.stacker,
            }
        ),
        "versions": provenance.versions(),
    }
    return RunFacts.model_validate({**dict(first), **update})


def _leakage(members: Sequence[Member], *, tested: int) -> Leakage:
    """What leaked into any member, and the rows of the test part that were fitted on (J1)."""
    leaks = {"stacking": tested} if tested else {}
    for one in members:
        for kind, count in one.facts.leakage.counts.items():
            leaks[kind] = max(leaks.get(kind, 0), count)
    leaking = bool(tested) or any(one.facts.leakage.verdict == "leaking" for one in members)
    return Leakage(verdict="leaking" if leaking else "clean", counts=leaks)


def _write(out: Path, facts: RunFacts, found: Mapping[str, tuple[Joined, Chances]]) -> None:
    import pandas as pd

    tables = []
    for joined, shares in found.values():
        chances = shares / shares.sum(axis=1, keepdims=True)
        said = pd.Series(np.array(facts.emotions)[chances.argmax(axis=1)], dtype="str")
        columns = {f"p_{name}": chances[:, place].astype(np.float32) for place, name in enumerate(facts.emotions)}
        kept = joined.rows[[*run_folder.PREDICTION_COLUMNS, "emotion_true"]]
        tables.append(kept.assign(emotion_pred=said, **columns))
    with disk.writing(out, resumes=False):
        out.mkdir(parents=True, exist_ok=True)
        write_run(out, facts)
        disk.write_table(out / run_folder.PREDICTIONS, pd.concat(tables, ignore_index=True))
