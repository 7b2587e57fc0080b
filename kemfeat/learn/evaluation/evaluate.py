"""How good a run is: computed from its one prediction file, all utterances pooled, with baselines and leakage."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat import provenance
from kemfeat.analyses.output import plain
from kemfeat.errors import RunError
from kemfeat.figures import training as figures
from kemfeat.figures.style import watermarked
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.groups import HEADLINES, SEED, groups_of
from kemfeat.learn.evaluation.words import NAMES, printable, shown
from kemfeat.learn.run_facts import RunFacts
from kemfeat.learn.run_folder import TARGETS, read_history, read_predictions, read_run
from kemfeat.paths import StrPath, to_path
from kemfeat.plural import many
from kemfeat.stats import metrics
from kemfeat.stats.calibration import Calibration, calibration
from kemfeat.stats.metrics import Classification, Regression, Score, difference
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
_DRAWN = (run_folder.CONFUSION, run_folder.RELIABILITY, run_folder.CURVES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """How well one label is predicted.

    Parameters
    ----------
    result : Classification or Regression
        Scores of the model.
    baseline : Classification or Regression
        Scores of the most frequent class, or the mean, of the train part, on the same utterances.
    unlabelled : int, >= 0
        Utterances that were predicted but have no label; no score includes them.
    calibration : Calibration or None
        How far the probabilities can be taken at their word; None where the predictions have none.
    """

    result: Classification | Regression
    baseline: Classification | Regression
    unlabelled: int
    calibration: Calibration | None = None

    @property
    def gain(self) -> Mapping[str, Score]:
        """Paired differences, model minus baseline; baseline minus model for errors, where less is better."""
        pairs = {name: (score, self.baseline.scores[name]) for name, score in self.result.scores.items()}
        errors = ("rmse", "mae")
        return {name: difference(*(pair[::-1] if name in errors else pair)) for name, pair in pairs.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """How good the predictions for one part are.

    Parameters
    ----------
    name : str
        Name of the run.
    facts : RunFacts
        What was trained on what; of the first fold where folds are pooled.
    folds : tuple of int
        Folds whose predictions these are.
    part : {"train", "valid", "test"}
        Which utterances.
    rows : DataFrame
        The predictions, with a column ``TARGET_base`` for what the baseline predicts.
    targets : mapping of str to Target
        ``emotion``, ``arousal`` and ``valence``, as far as they are predicted and labelled.
    warning : str
        How the split leaks; empty where it does not.
    """

    name: str
    facts: RunFacts
    folds: tuple[int, ...]
    part: str
    rows: pd.DataFrame
    targets: Mapping[str, Target]
    warning: str

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences about what is missing or unreliable, each beginning with its target."""
        found = [provenance.BANNER] if self.facts.synthetic else []
        if excluded := self.facts.left_out.get("excluded", 0):
            found.append(f"excluded from training and validation: {many(excluded, 'utterance')}")
        for name, target in self.targets.items():
            found += [f"{name}: {remark}" for remark in target.result.remarks]
            if target.unlabelled:
                found.append(f"{name}: {target.unlabelled:,} utterances have no label and are left out of every score")
        return tuple(found)

    @property
    def where(self) -> str:
        """Which part of which split."""
        folds = ", ".join(map(str, self.folds))
        return f"{self.part} part of {self.facts.split.scheme}, fold{'s' * (len(self.folds) > 1)} {folds}"

    def groups(self) -> dict[str, pd.DataFrame]:
        """The main scores by speaker, sex and session.

        Returns
        -------
        dict of str to DataFrame
            :func:`~kemfeat.learn.evaluation.groups.by_group` of each that the predictions say.
        """
        return groups_of(self.rows, targets=tuple(self.targets), classes=self.facts.emotions)

    def headline(self) -> str:
        """The main score with its interval and sample.

        Returns
        -------
        str
            Such as ``emotion UAR 0.412 [0.380, 0.441]; 1,234 utterances of 20 speakers``.
        """
        target = self.facts.task if self.facts.task in self.targets else next(iter(self.targets))
        name = HEADLINES[target]
        score = self.targets[target].result.scores[name]
        return (
            f"{target} {NAMES[name]} {shown(score)}; {many(score.n, 'utterance')} of {many(score.speakers, 'speaker')}"
        )

    def content(self) -> dict[str, Any]:
        """The scores in ``metrics.json``; ``docs/evaluation.md`` explains the members.

        Returns
        -------
        dict
            JSON values.
        """
        facts = self.facts
        return {
            "schema_version": SCHEMA_VERSION,
            "warning": self.warning or None,
            "run": self.name,
            **{name: getattr(facts, name) for name in ("recipe", "variant", "task")},
            "part": self.part,
            "folds": list(self.folds),
            "split": {"scheme": facts.split.scheme, "digest": facts.split.digest},
            "store": facts.store.model_dump(mode="json"),
            "leakage": {"verdict": "leaking" if self.warning else "clean", "counts": dict(facts.leakage.counts)},
            "bootstrap": {
                "unit": "speaker",
                "interval": "percentile",
                "confidence": metrics.CONFIDENCE,
                "resamples": metrics.RESAMPLES,
                "seed": SEED,
            },
            "targets": {name: _target_content(target) for name, target in self.targets.items()},
            "groups": {name: table.to_dict("records") for name, table in self.groups().items()},
            "remarks": list(self.remarks),
        }


def evaluate(run: StrPath) -> Evaluation:
    """Evaluate the test part of a finished run, and write ``metrics.json`` and the figures into its folder.

    Parameters
    ----------
    run : str or PathLike
        Folder of the run.

    Returns
    -------
    Evaluation
        Scores on the test part.

    Raises
    ------
    RunError
        The run is missing, unfinished or damaged, has nothing to test, or its folder cannot be written.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import load_recipe, train
    >>> from kemfeat.splits import make_split
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> split = make_split(store.utterances, scheme="session", folds=4, labels="annotated")
    >>> recipe = load_recipe("baseline/ridge", {"model.features": ["eda"]})

    >>> _ = train(recipe, store=store, split=split, out="runs/ridge")
    >>> list(evaluate("runs/ridge").targets)
    ['arousal']
    """
    run = to_path(run)
    facts = read_run(run)
    history = None if facts.ensemble else read_history(run)
    found = measure(read_predictions(run, facts), facts, name=printable(run.resolve().name))
    content = found.content() | {
        "predictions": disk.receipt(run / run_folder.PREDICTIONS).model_dump(mode="json"),
        "provenance": {
            "created": provenance.now(),
            "command": provenance.command(),
            "versions": provenance.versions(),
        },
    }
    try:
        (run / run_folder.METRICS).unlink(missing_ok=True)  # while there is one, all figures beside it belong to it
        _draw(run, found, history)
        disk.write_json(run / run_folder.METRICS, plain(content))
    except OSError as error:
        raise RunError(f"{run}: cannot be written ({error.strerror}); make it writable, or copy the run") from None
    return found


def measure(predictions: pd.DataFrame, facts: RunFacts, *, name: str, part: str = "test") -> Evaluation:
    """Evaluate one part of the predictions of a run.

    Parameters
    ----------
    predictions : DataFrame
        From :func:`~kemfeat.learn.run_folder.read_predictions`.
    facts : RunFacts
        Contents of ``run.json``.
    name : str
        Name of the run.
    part : {"train", "valid", "test"}
        Which part.

    Returns
    -------
    Evaluation
        Scores on that part.

    Raises
    ------
    RunError
        The part has no utterance with a label, or ``run.json`` lacks what a baseline needs.
    """
    rows = predictions[predictions["part"] == part].reset_index(drop=True)
    predicted = [target for target in TARGETS if f"{target}_pred" in rows]
    rows = rows.assign(**{f"{target}_base": _baseline(target, facts, name=name) for target in predicted})
    return judge(rows, facts, name=name, folds=(facts.fold,), part=part, warning=facts.leakage.warning)


def judge(
    rows: pd.DataFrame, facts: RunFacts, *, name: str, folds: tuple[int, ...], part: str, warning: str
) -> Evaluation:
    """Evaluate predictions beside those of a baseline.

    Parameters
    ----------
    rows : DataFrame
        Columns ``speaker`` and, per target, ``TARGET_true``, ``TARGET_pred`` and ``TARGET_base``.
    facts : RunFacts
        Contents of ``run.json``.
    name : str
        Name of the run.
    folds : tuple of int
        Folds whose predictions these are.
    part : {"train", "valid", "test"}
        Which part.
    warning : str
        How the split leaks; empty where it does not.

    Returns
    -------
    Evaluation
        Scores of the model and of the baseline.

    Raises
    ------
    RunError
        No utterance has a label.
    """
    wanted = [target for target in TARGETS if f"{target}_base" in rows and rows[f"{target}_true"].notna().any()]
    if not wanted:
        raise RunError(
            f"{name}: found no labelled utterance in the part {part!r}, expected some to test; "
            "train with a split that has them"
        )
    targets = {target: _target(rows, target, facts) for target in wanted}
    return Evaluation(name=name, facts=facts, folds=folds, part=part, rows=rows, targets=targets, warning=warning)


def _baseline(target: str, facts: RunFacts, *, name: str) -> Any:
    """The most frequent class of the train part, the first of several; or its mean."""
    if target == "emotion":
        counts = [facts.train.classes.get(emotion, 0) for emotion in facts.emotions]
        found = facts.emotions[counts.index(max(counts))] if any(counts) else None
    else:
        found = getattr(facts.train, target)
    if found is None:
        raise RunError(f"{name}: {run_folder.RUN} has no {target} of the train part; train the run again")
    return found


def _target(rows: pd.DataFrame, target: str, facts: RunFacts) -> Target:
    labelled = rows[rows[f"{target}_true"].notna()]

    def against(column: str) -> Classification | Regression:
        pair = labelled[f"{target}_true"], labelled[f"{target}_{column}"]
        if target == "emotion":
            return metrics.classification(*pair, classes=facts.emotions, speakers=labelled["speaker"], seed=SEED)
        return metrics.regression(*pair, speakers=labelled["speaker"], seed=SEED)

    return Target(
        result=against("pred"),
        baseline=against("base"),
        unlabelled=len(rows) - len(labelled),
        calibration=_calibration(labelled, facts) if target == "emotion" else None,
    )


def _calibration(labelled: pd.DataFrame, facts: RunFacts) -> Calibration | None:
    """Of the predicted class, which need not have the largest probability in predictions of another program."""
    chances = [f"p_{name}" for name in facts.emotions]
    if not set(chances) <= set(labelled):
        return None
    said = labelled["emotion_pred"].map({name: at for at, name in enumerate(facts.emotions)})
    confidence = np.take_along_axis(labelled[chances].to_numpy(np.float64), said.to_numpy(np.intp)[:, None], axis=1)
    right = labelled["emotion_pred"] == labelled["emotion_true"]
    return calibration(np.clip(confidence[:, 0], 0, 1), right, speakers=labelled["speaker"], seed=SEED)


def _target_content(target: Target) -> dict[str, Any]:
    result = target.result
    content: dict[str, Any] = {
        "unlabelled": target.unlabelled,
        "scores": _scores_content(result.scores),
        "baseline": _scores_content(target.baseline.scores),
        "gain": _scores_content(target.gain),
    }
    if isinstance(result, Classification):
        content["per_class"] = result.per_class.to_dict("records")
        counts = result.confusion.tolist()
        if target.calibration is not None:
            bins = target.calibration.bins.to_dict("records")
            content["calibration"] = {**_scores_content({"ece": target.calibration.error}), "bins": bins}
        content["confusion"] = {"rows": "true", "columns": "predicted", "classes": result.classes, "counts": counts}
    return content


def _scores_content(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        name: dict(
            zip(
                ("value", "ci_low", "ci_high", "n", "speakers"),
                (score.value, *score.interval, score.n, score.speakers),
                strict=True,
            )
        )
        for name, score in scores.items()
    }


def _draw(run: Path, found: Evaluation, history: pd.DataFrame | None) -> None:
    title = [f"{found.name}: {found.facts.recipe} {found.facts.variant}, {found.where}", found.headline()]
    emotion = found.targets.get("emotion")
    drawings: dict[str, Callable[[Path], object]] = {}
    if history is not None:
        drawings[run_folder.CURVES] = partial(figures.curves, history, title=title, warning=found.warning)
    if emotion is not None and isinstance(emotion.result, Classification):
        result = emotion.result
        drawings[run_folder.CONFUSION] = lambda stem: figures.confusion(
            result.confusion, stem, classes=list(result.classes), title=title, warning=found.warning
        )
        if (calibrated := emotion.calibration) is not None:
            ece = f"emotion ECE {shown(calibrated.error)}"
            drawings[run_folder.RELIABILITY] = lambda stem: figures.reliability(
                calibrated.bins, stem, title=[title[0], ece], warning=found.warning
            )
    # Drawn in another folder and moved into place: an existing link is replaced, not followed.
    with tempfile.TemporaryDirectory(prefix=".figures.", dir=run) as aside:
        for name in _DRAWN:
            for suffix in (".svg", ".png"):
                with suppress(FileNotFoundError):
                    (run / f"{name}{suffix}").unlink()
        with watermarked(provenance.WATERMARK if found.facts.synthetic else ""):
            for name, draw in drawings.items():
                draw(Path(aside) / name)
        for path in sorted(Path(aside).iterdir()):
            path.replace(run / path.name)
