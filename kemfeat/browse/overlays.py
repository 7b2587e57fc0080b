"""What runs and splits say of utterances, by id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.paths import StrPath, to_path
from kemfeat.splits import Split, read_split

if TYPE_CHECKING:
    import pandas as pd

    from kemfeat.learn.run_facts import RunFacts

_TESTED = "test"


def predictions_of(runs: Sequence[StrPath]) -> pd.DataFrame:
    """What runs predict of utterances that they were not trained on.

    Parameters
    ----------
    runs : sequence of str or PathLike
        Folders of runs that predict emotions, at least one; several are folds of one split.

    Returns
    -------
    DataFrame
        One row per utterance that a run tested: id, emotion (as the run was told; None where it has no label),
        predicted, one ``p_EMOTION`` per class [0 to 1], fold, run.

    Raises
    ------
    RunError
        A run is not finished, predicts no emotion or other emotions than the first, or tested an utterance that another
        run tested too.
    """
    import pandas as pd

    read = [(folder, read_run(folder)) for folder in map(to_path, runs)]
    tables = [_tested(folder, facts, read[0][1].emotions) for folder, facts in read]
    table = pd.concat(tables, ignore_index=True)
    again = table["id"].duplicated(keep="first")
    if again.any():
        name = table.loc[again, "id"].iloc[0]
        pair = table.loc[table["id"] == name, "run"].tolist()
        raise RunError(f"{pair[0]} and {pair[1]}: both tested {name!r}; pass runs of different folds of one split")
    return table


def warnings_of(runs: Sequence[StrPath]) -> list[str]:
    """What must be shown with the predictions of runs.

    Parameters
    ----------
    runs : sequence of str or PathLike
        Folders of runs.

    Returns
    -------
    list of str
        The warning of each leaking split, once.

    Raises
    ------
    RunError
        As :func:`predictions_of`.
    """
    return list(dict.fromkeys(filter(None, (read_run(to_path(folder)).leakage.warning for folder in runs))))


def _tested(folder: Path, facts: RunFacts, emotions: Sequence[str]) -> pd.DataFrame:
    table = read_predictions(folder, facts)
    if "emotion_pred" not in table:
        raise RunError(f"{folder}: predicts {facts.task}, expected emotions; pass a run whose task is emotion")
    if tuple(facts.emotions) != tuple(emotions):
        found, expected = ", ".join(facts.emotions), ", ".join(emotions)
        raise RunError(f"{folder}: predicts {found}, the first run {expected}; pass runs that predict the same")
    chances = [f"p_{name}" for name in emotions]
    if lacking := [name for name in chances if name not in table]:
        raise RunError(f"{folder}: its predictions have no column {lacking[0]!r}; train the run again")
    table = table.loc[table["part"] == _TESTED, ["id", "emotion_true", "emotion_pred", *chances, "fold"]]
    names = {"emotion_true": "emotion", "emotion_pred": "predicted"}
    return table.rename(columns=names).assign(run=str(folder))


def parts_of(split: Split | StrPath) -> pd.Series[str]:
    """The part of each utterance in a split.

    Parameters
    ----------
    split : Split, str or PathLike
        The split, or its file.

    Returns
    -------
    Series of str
        By id: ``train``, ``valid`` or ``test``; where there are several folds ``test in fold K``, or ``never tested``.

    Raises
    ------
    ConfigError
        The file is not a split, or an utterance is in two parts of a fold or tested twice.
    """
    rows = (split if isinstance(split, Split) else read_split(split)).rows
    if rows["fold"].nunique() == 1:
        found = rows.set_index("id")["part"]
        return _each_once(found, "two parts of a fold")
    tested = rows[rows["part"] == _TESTED].set_index("id")["fold"]
    named = _each_once(tested, "the test part of two folds").map("test in fold {}".format)
    return named.reindex(rows["id"].unique()).fillna("never tested")


def _each_once(parts: pd.Series, what: str) -> pd.Series:
    again = parts.index.duplicated()
    if again.any():
        raise ConfigError(f"split: {str(parts.index[again][0])!r} is in {what}; expected each utterance once")
    return parts
