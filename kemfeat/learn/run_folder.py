"""The folder of one training run: its files and ``run.json``, both read as data that may be wrong.

::

    run.json               what was trained on what; written first
    history.csv            one row per epoch
    last.pt best.pt        checkpoints; frozen.pt beside them where parts of the model do not train
    tokenizer              the tokenizer of the store, where the model reads tokens
    predictions.parquet    predictions of the best checkpoint, one row per utterance; written last
    metrics.json           computed from the predictions by ``kemfeat evaluate``, as are
    confusion.svg .png     (of emotions),
    reliability.svg .png   (of their probabilities) and
    curves.svg .png        (of ``history.csv``)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kemfeat.config import validated
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.run_facts import RunFacts
from kemfeat.paths import StrPath, to_path
from kemfeat.splits import PARTS
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

RUN = "run.json"
HISTORY = "history.csv"
LAST = "last.pt"
BEST = "best.pt"
FROZEN = "frozen.pt"
TOKENIZER = "tokenizer"
PREDICTIONS = "predictions.parquet"
METRICS = "metrics.json"
CONFUSION = "confusion"
RELIABILITY = "reliability"
CURVES = "curves"

TARGETS = ("emotion", "arousal", "valence")

HISTORY_COLUMNS = ("epoch", "lr", "train_loss", "valid_loss", "seconds", "kept")
"""There is one more column ``valid_NAME`` per score; ``kept`` is 1 where the epoch became ``best.pt``, else 0."""

PREDICTION_COLUMNS = ("id", "part", "fold", "session", "speaker")
"""There may be a column ``sex``. Each predicted target adds ``TARGET_true`` and ``TARGET_pred``; emotion also adds one
``p_CLASS`` per class."""


def write_run(folder: Path, facts: RunFacts) -> None:
    """Write ``run.json`` in one step.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    facts : RunFacts
        What to write.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    disk.write_json(folder / RUN, facts.model_dump(mode="json"))


def read_run(folder: StrPath) -> RunFacts:
    """Read ``run.json``.

    Parameters
    ----------
    folder : str or PathLike
        Folder of the run.

    Returns
    -------
    RunFacts
        What was trained on what.

    Raises
    ------
    RunError
        There is no run, or its ``run.json`` is not valid.
    """
    path = _file(folder, RUN, "name the folder that `kemfeat train` wrote")
    try:
        return validated(RunFacts, json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse), where=RUN)
    except (ConfigError, ValueError, RecursionError) as error:
        raise RunError(f"{folder}: not a run ({error}); train it again") from None


def read_predictions(folder: StrPath, facts: RunFacts) -> pd.DataFrame:
    """Read the predictions of a run and check them against its ``run.json``.

    Parameters
    ----------
    folder : str or PathLike
        Folder of the run.
    facts : RunFacts
        Contents of its ``run.json``.

    Returns
    -------
    DataFrame
        One row per utterance and part: :data:`PREDICTION_COLUMNS` and, for each predicted target, ``TARGET_pred`` and
        ``TARGET_true``, which is None or NaN where the utterance has no label.

    Raises
    ------
    RunError
        The run has no predictions yet, or they do not fit it.
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


def read_history(folder: StrPath) -> pd.DataFrame:
    """Read the history of a run.

    Parameters
    ----------
    folder : str or PathLike
        Folder of the run.

    Returns
    -------
    DataFrame, float64
        One row per epoch: :data:`HISTORY_COLUMNS` and every ``valid_NAME``.

    Raises
    ------
    RunError
        The run has no history yet, or the file is not a table of numbers.
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
    raise ValueError(f"contains {constant}, which is not a number")


def _file(run: StrPath, name: str, advice: str) -> Path:
    folder = to_path(run)
    path = folder / name
    if not folder.is_dir():
        raise RunError(f"{folder}: is not a folder; name the folder that `kemfeat train` wrote")
    if not path.is_file():
        raise RunError(f"{folder}: found no {name}; {advice}")
    return path


def _misfit(table: pd.DataFrame, facts: RunFacts) -> str:
    """What is wrong with the predictions; empty where nothing is."""
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
        what = f"an emotion that is not one of {', '.join(facts.emotions)}"
    else:
        if not (is_numeric_dtype(true) and is_numeric_dtype(said)):
            return f"{target} is not a column of numbers"
        odd = ~said.abs().lt(float("inf")) | true.abs().eq(float("inf"))
        what = f"{target} that is not a finite number"
    return f"{odd.sum()} utterances have {what}, such as {table.loc[odd, 'id'].iloc[0]!r}" if odd.any() else ""
