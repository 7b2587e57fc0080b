"""The folder of one training run: its files, what ``run.json`` says, and reading both as data that may be wrong.

::

    run.json               what was trained on what; written first
    history.csv            one row per epoch
    last.pt best.pt        checkpoints; frozen.pt beside them where parts of the model do not train
    predictions.parquet    one row per utterance of the split; written last, by the best checkpoint
    metrics.json           made of the predictions by ``kemfeat evaluate``, as are
    confusion.svg .png     (of emotions) and
    curves.svg .png        (of ``history.csv``)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from kemfeat.config import FrozenConfig, validated
from kemfeat.errors import ConfigError, RunError
from kemfeat.splits import PARTS
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

RUN = "run.json"
HISTORY = "history.csv"
LAST = "last.pt"
BEST = "best.pt"
FROZEN = "frozen.pt"
PREDICTIONS = "predictions.parquet"
METRICS = "metrics.json"
CONFUSION = "confusion"
CURVES = "curves"

TARGETS = ("emotion", "arousal", "valence")

HISTORY_COLUMNS = ("epoch", "lr", "train_loss", "valid_loss", "seconds", "kept")
"""Besides one ``valid_NAME`` per further number; ``kept`` is 1 where the epoch became ``best.pt``, else 0."""

PREDICTION_COLUMNS = ("id", "part", "fold", "session", "speaker")
"""Besides, for each target that the model predicts, ``TARGET_true`` and ``TARGET_pred``; ``p_CLASS`` per emotion."""


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that do not print")
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
"""Text that may be shown: on one line, without control characters."""

Count = Annotated[int, Field(ge=0)]

ROUNDING = 1e-4
"""Difference between two predictions of one utterance that float32 explains."""


class SplitFacts(FrozenConfig):
    """The split: its ``scheme``, its ``digest``, and what else it says of itself."""

    scheme: Line
    digest: Line
    facts: Mapping[str, Any] = {}


class StoreFacts(FrozenConfig):
    """The store: its ``digest`` and its corpus."""

    digest: Line
    dataset: Line


class Leakage(FrozenConfig):
    """What the audit of the split found.

    Parameters
    ----------
    verdict : ``leaking`` where something of the test part was there in training.
    counts : what leaked, by kind, such as ``{"speaker": 80}``.
    """

    verdict: Literal["clean", "leaking"]
    counts: Mapping[Line, Count] = {}

    @property
    def warning(self) -> str:
        """What must stand on everything made of such a split; empty for a clean one."""
        if self.verdict == "clean":
            return ""
        counts = ", ".join(f"{kind} {count:,}" for kind, count in self.counts.items() if count)
        shared = f" ({counts})" if counts else ""
        return f"LEAKING SPLIT: train and test share what they must not{shared}; this is no estimate for new speakers"


class TrainFacts(FrozenConfig):
    """Labels of the train part before augmentation, from which the baselines are made.

    Parameters
    ----------
    classes : utterances by emotion.
    arousal, valence : means; None where no utterance has a rating.
    """

    classes: Mapping[Line, Count]
    arousal: float | None
    valence: float | None


class PartFacts(FrozenConfig):
    """One part of the model: how many parameters it has, how many of them train, and whether it is meant not to."""

    part: Line
    parameters: Count
    trainable: Count
    frozen: bool


class PretrainedFacts(FrozenConfig):
    """A run whose model was loaded: its folder, and the SHA-256 of its ``best.pt``."""

    run: Line
    best: Line


class Determinism(FrozenConfig):
    """Whether the trained model predicts the same utterances of the validation part alike, whatever happens around it.

    Parameters
    ----------
    rows : utterances looked at.
    two_passes : largest difference between two passes, in logits or points of the rating.
    batch_of_one : largest difference between each utterance alone and in a batch.
    """

    rows: Count
    two_passes: float
    batch_of_one: float

    @property
    def holds(self) -> bool:
        """Two passes are equal, and a batch changes no more than rounding does."""
        return self.two_passes == 0 and self.batch_of_one <= ROUNDING


class Outcome(FrozenConfig):
    """How training ended.

    Parameters
    ----------
    epochs : trained.
    best_epoch : the one kept, counted from 1 as in ``history.csv``.
    stopped : ``patience`` ran out, or all ``epochs`` were trained.
    determinism : of the epoch kept.
    """

    epochs: Count
    best_epoch: Count
    stopped: Literal["patience", "epochs"]
    determinism: Determinism


class RunFacts(FrozenConfig):
    """What ``run.json`` holds.

    Parameters
    ----------
    recipe : its name, such as ``kor/fusion``.
    variant : ``faithful`` or ``corrected``, or what a recipe of the user's own calls it.
    task : what the model is trained for, and chosen by.
    emotions : all classes in the order of the model's outputs.
    split, fold, store : trained on which utterances.
    synthetic : whether the store says that its corpus is computer-generated.
    leakage : verdict of the audit.
    train : labels of the train part.
    left_out : utterances of the split that were neither trained on nor predicted, by reason.
    config : the resolved recipe.
    parameters : of the model, part by part.
    pretrained : the runs whose models were loaded, by modality.
    outcome : how training ended; None while it has not.
    versions : of the libraries.
    """

    schema_version: Literal[1] = 1
    recipe: Line
    variant: Line
    task: Literal["emotion", "arousal", "valence"]
    emotions: Annotated[tuple[Line, ...], Field(min_length=2)]
    split: SplitFacts
    fold: Count
    store: StoreFacts
    synthetic: bool = False
    leakage: Leakage
    train: TrainFacts
    left_out: Mapping[Line, Count] = {}
    config: Mapping[str, Any] = {}
    parameters: tuple[PartFacts, ...] = ()
    pretrained: Mapping[Line, PretrainedFacts] = {}
    outcome: Outcome | None = None
    versions: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _each_once(self) -> RunFacts:
        if len(set(self.emotions)) < len(self.emotions):
            raise ValueError("emotions: each stands there once")
        unknown = set(self.train.classes) - set(self.emotions)
        if unknown:
            raise ValueError(f"train.classes: {min(unknown)!r} is none of the emotions")
        return self


def write_run(folder: Path, facts: RunFacts) -> None:
    """Write ``run.json`` in one step."""
    disk.write_json(folder / RUN, facts.model_dump(mode="json"))


def read_run(folder: Path) -> RunFacts:
    """What was trained on what.

    Raises
    ------
    RunError
        There is no run, or ``run.json`` does not say what it must.
    """
    path = _file(folder, RUN, "name the folder that `kemfeat train` wrote")
    try:
        return validated(RunFacts, json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse), where=RUN)
    except (ConfigError, ValueError, RecursionError) as error:
        raise RunError(f"{folder}: not a run ({error}); train it again") from None


def read_predictions(folder: Path, facts: RunFacts) -> pd.DataFrame:
    """One row per utterance and part, checked against what the run says of itself.

    Returns
    -------
    DataFrame
        :data:`PREDICTION_COLUMNS`; for each target predicted, ``TARGET_true``, which is None or NaN where the utterance
        has no label, and ``TARGET_pred``.

    Raises
    ------
    RunError
        The run has no predictions yet, or they do not fit.
    """
    import pandas as pd
    import pyarrow as pa

    path = _file(folder, PREDICTIONS, "the run is not finished: run the same `kemfeat train` again to go on")
    try:
        table = pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read as Parquet ({error}); train the run again") from None
    problem = _misfit(table, facts)
    if problem:
        raise RunError(f"{path}: {problem}; train the run again")
    return table


def read_history(folder: Path) -> pd.DataFrame:
    """One row per epoch: :data:`HISTORY_COLUMNS` and every ``valid_NAME``.

    Raises
    ------
    RunError
        The run has no history yet, or it is no table of numbers.
    """
    import pandas as pd

    path = _file(folder, HISTORY, "the run is not finished: run the same `kemfeat train` again to go on")
    try:
        table = pd.read_csv(path, dtype="float64")
    except (ValueError, OSError) as error:
        raise RunError(f"{path}: not a table of numbers ({error}); train the run again") from None
    lacking = [name for name in HISTORY_COLUMNS if name not in table]
    if lacking or table.empty:
        raise RunError(f"{path}: found no {lacking[0] if lacking else 'epoch'}; train the run again")
    return table


def _refuse(constant: str) -> None:
    raise ValueError(f"holds {constant}, which is no number")


def _file(folder: Path, name: str, advice: str) -> Path:
    path = folder / name
    if not folder.is_dir():
        raise RunError(f"{folder}: is no folder; name the folder that `kemfeat train` wrote")
    if not path.is_file():
        raise RunError(f"{folder}: found no {name}; {advice}")
    return path


def _misfit(table: pd.DataFrame, facts: RunFacts) -> str:
    """What is wrong with predictions; empty where nothing is."""
    lacking = [name for name in PREDICTION_COLUMNS if name not in table]
    if lacking:
        return f"found no column {lacking[0]!r}"
    if not any(f"{target}_pred" in table for target in TARGETS):
        return f"found no prediction, expected a column {facts.task}_pred"
    if table[list(PREDICTION_COLUMNS)].isna().to_numpy().any():
        return "an utterance lacks its id, part, fold, session or speaker"
    if not table["part"].isin(PARTS).all() or not (table["fold"] == facts.fold).all():
        return f"expected only the parts {', '.join(PARTS)} of fold {facts.fold}"
    if table.duplicated(["id", "part"]).any():
        return f"{table.loc[table.duplicated(['id', 'part']), 'id'].iloc[0]!r} is predicted twice"
    return next(filter(None, (_misfit_of(target, table, facts) for target in TARGETS)), "")


def _misfit_of(target: str, table: pd.DataFrame, facts: RunFacts) -> str:
    from pandas.api.types import is_numeric_dtype

    if f"{target}_pred" not in table:
        return ""
    if f"{target}_true" not in table:
        return f"found no column '{target}_true'"
    true, said = table[f"{target}_true"], table[f"{target}_pred"]
    if target == "emotion":
        odd = ~said.isin(facts.emotions) | ~(true.isin(facts.emotions) | true.isna())
        what = f"an emotion that is none of {', '.join(facts.emotions)}"
    else:
        if not (is_numeric_dtype(true) and is_numeric_dtype(said)):
            return f"{target} is not a column of numbers"
        odd = ~said.abs().lt(float("inf")) | true.abs().eq(float("inf"))
        what = f"{target} that is not a finite number"
    return f"{odd.sum()} utterances have {what}, such as {table.loc[odd, 'id'].iloc[0]!r}" if odd.any() else ""
