"""Predictions of an ensemble: those of its members, combined with the weights that it recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.experiments.published_votes import voted
from kemfeat.learn.experiments.votes import Chances, stacked
from kemfeat.learn.run_facts import EnsembleFacts, RunFacts
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd


def predicted_together(run: Path, facts: RunFacts, one: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    """Predict with every member of an ensemble, and combine what they say.

    Parameters
    ----------
    run : Path
        Folder of the ensemble.
    facts : RunFacts
        Contents of its ``run.json``.
    one : callable
        Predicts with the run in a folder.

    Returns
    -------
    DataFrame
        ``id session speaker``, ``emotion_pred`` and ``p_EMOTION`` of the utterances that every member can predict.

    Raises
    ------
    ConfigError
        The ensemble was fitted by LightGBM, depends on all utterances together, or a member is not where it was.
    AnalysisError
        Its stacker was fitted on other members.
    """
    made = facts.ensemble
    assert made is not None  # noqa: S101 - it is an ensemble
    lightgbm = made.method == "stacking" and made.fitted_stacker is None
    if lightgbm or made.softmax == "all":
        what = "LightGBM, which is not kept" if lightgbm else "one softmax over all utterances (J3)"
        raise ConfigError(
            f"{run}: is an ensemble by {what}, so it cannot predict what is new; predict with its members "
            f"({', '.join(member.run for member in made.members)}), or make one by --method soft, weighted or hard"
        )
    tables = [one(_member(run, made, place)) for place in range(len(made.members))]
    return _combined(tables, facts, made)


def _member(run: Path, made: EnsembleFacts, place: int) -> Path:
    member = made.members[place]
    folder = Path(member.run)
    path = folder / run_folder.PREDICTIONS
    if not path.is_file() or disk.sha256(path) != member.predictions:
        raise ConfigError(
            f"{run}: its member {member.run} is not there, or is another run now; predict from the folder where the "
            "ensemble was made, or make the ensemble again"
        )
    return folder


def _combined(tables: Sequence[pd.DataFrame], facts: RunFacts, made: EnsembleFacts) -> pd.DataFrame:
    common = reduce(lambda a, b: a[a.isin(b)], [table["id"] for table in tables]).tolist()
    if not common:
        raise ConfigError("no utterance has what every member of the ensemble reads; nothing can be predicted")
    ordered = [table.set_index("id", drop=False).loc[common].reset_index(drop=True) for table in tables]
    columns = [f"p_{emotion}" for emotion in facts.emotions]
    chances = np.stack([table[columns].to_numpy(np.float64) for table in ordered])
    shares = _shares(chances, made)
    found = ordered[0][["id", "session", "speaker"]].assign(
        emotion_pred=np.array(facts.emotions)[shares.argmax(axis=1)],
        **{name: shares[:, place].astype(np.float32) for place, name in enumerate(columns)},
    )
    found.attrs["left_out"] = tables[0].attrs["left_out"] + len(tables[0]) - len(found)
    found.attrs["warnings"] = list(dict.fromkeys(line for table in tables for line in table.attrs["warnings"]))
    return found


def _shares(chances: Chances, made: EnsembleFacts) -> Chances:
    if made.fitted_stacker is not None:
        return stacked(chances / chances.sum(axis=2, keepdims=True), made.fitted_stacker)
    return voted(chances, np.array(made.weights), method=made.method, votes=made.votes)
