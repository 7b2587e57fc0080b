"""One run per combination of values; chosen on the validation part, and only the chosen one is tested (K12)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.evaluate import Evaluation
from kemfeat.learn.run_folder import read_history, read_run
from kemfeat.learn.training.audited_fold import AuditedFold
from kemfeat.learn.training.progress import TrainingProgress
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.learn.training.trainer import Options, conclude, fit
from kemfeat.paths import StrPath, to_path
from kemfeat.store import disk

if TYPE_CHECKING:
    import pandas as pd

SWEEP = "sweep.csv"

_INCOMPARABLE = ("variant", "train.loss", "train.class_weights", "train.seed")
"""Settings that change the loss, by which the run is chosen; or the seed, which must not be chosen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One run of a sweep.

    Parameters
    ----------
    name : str
        Name of its folder inside that of the sweep.
    values : mapping
        Values of the swept settings, by dotted key.
    recipe : Recipe
        The recipe with these values.
    """

    name: str
    values: Mapping[str, Any]
    recipe: Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Swept:
    """What a sweep found.

    Parameters
    ----------
    table : DataFrame
        One row per trial: the settings, ``run epochs best_epoch valid_loss``, every ``valid_NAME``, ``chosen`` and
        ``warning``.
    chosen : Path
        Folder of the run with the smallest validation loss; the first of several.
    evaluation : Evaluation
        Scores of that run on the test part.
    """

    table: pd.DataFrame
    chosen: Path
    evaluation: Evaluation


def trials_of(name: StrPath, overrides: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> list[Trial]:
    """Combine the values of several settings in every way.

    Parameters
    ----------
    name : str or PathLike
        See :func:`~kemfeat.learn.training.recipe.load_recipe`.
    overrides : mapping
        Values that all trials share, likewise.
    axes : mapping of str to sequence
        Values to try, by dotted key.

    Returns
    -------
    list of Trial
        One per combination; the last key varies fastest.

    Raises
    ------
    ConfigError
        A key or value is not valid, a value is given twice, or the losses could not be compared.
    """
    for key, values in axes.items():
        if key in _INCOMPARABLE:
            raise ConfigError(
                f"--sweep {key}: the run with the smallest validation loss is chosen, and a loss that is smaller "
                f"because of {key} is not better; train one run for each value and compare them with `kemfeat "
                "evaluate`"
            )
        if len(set(map(repr, values))) < len(values):
            raise ConfigError(f"--sweep {key}: a value is given twice; give each once")
    trials = []
    for number, combination in enumerate(itertools.product(*axes.values())):
        chosen = dict(zip(axes, combination, strict=True))
        named = [f"{key.rpartition('.')[2]}={_short(value)}" for key, value in chosen.items()]
        folder = "-".join([f"{number:02}", *named])
        trials.append(Trial(name=folder, values=chosen, recipe=load_recipe(name, {**overrides, **chosen})))
    return trials


def sweep(
    trials: Sequence[Trial], data: AuditedFold, *, out: StrPath, options: Options, progress: TrainingProgress
) -> Swept:
    """Train every trial in a folder of its own, choose one, test it, and write ``sweep.csv``.

    Parameters
    ----------
    trials : sequence of Trial
        From :func:`trials_of`.
    data : AuditedFold
        The fold to train on.
    out : str or PathLike
        Folder of the sweep.
    options : Options
        Device and the like.
    progress : TrainingProgress
        Receives reports.

    Returns
    -------
    Swept
        The table, the chosen run and its scores.

    Raises
    ------
    ConfigError, AnalysisError, RunError
        As :func:`~kemfeat.learn.training.trainer.train`.
    """
    out = to_path(out)
    if (out / run_folder.RUN).exists():
        raise ConfigError(f"{out}: is the folder of a single run; choose another --out for the sweep")
    for trial in trials:
        fit(trial.recipe, data, out=out / trial.name, options=options, progress=progress)
    table = _table(trials, out)
    chosen = out / trials[int(table["chosen"].to_numpy().argmax())].name
    with disk.writing(out):
        disk.write_bytes(out / SWEEP, table.to_csv(index=False).encode())
    return Swept(table=table, chosen=chosen, evaluation=conclude(chosen, data, device=options.device))


def _table(trials: Sequence[Trial], out: Path) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for trial in trials:
        history = read_history(out / trial.name)
        best = history[history["kept"] == 1].iloc[-1].to_dict()
        numbers = {str(name): value for name, value in best.items() if str(name).startswith("valid_")}
        facts = {"run": trial.name, "epochs": len(history), "best_epoch": int(best["epoch"])}
        rows.append({**trial.values, **facts, **numbers, "warning": read_run(out / trial.name).leakage.warning})
    table = pd.DataFrame(rows)
    chosen = table.index == table["valid_loss"].idxmin()
    table.insert(len(table.columns) - 1, "chosen", chosen)
    return table


def _short(value: Any) -> str:
    """A value as part of a file name; a path is shortened to its last part."""
    text = Path(value).name if isinstance(value, str) else str(value)
    return re.sub(r"[^\w.-]+", "-", text)[:40]
