"""Compare runs: one table, folds of a split pooled, and two runs on the same utterances."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kemfeat.analyses.output import markdown
from kemfeat.config import digest
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.evaluation.evaluate import Evaluation, Target, judge
from kemfeat.learn.evaluation.words import NAMES, in_words, shown
from kemfeat.learn.run_folder import TARGETS
from kemfeat.stats.metrics import Score, difference
from kemfeat.stats.tails import holm
from kemfeat.store import disk
from kemfeat.store.outside import refuse_foreign

if TYPE_CHECKING:
    import pandas as pd

_DETAILS = ("mae", "pearson")
"""Scores that tables for reading leave out."""


def pooled(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Pool the folds of every recipe that was trained on several folds of one split.

    The predictions of the folds are concatenated, each beside the baseline of its own fold. Runs belong together when
    recipe, settings, split and store are the same and no fold occurs twice; the paths of runs that a recipe loads may
    differ, as they must from fold to fold.

    Parameters
    ----------
    evaluations : iterable of Evaluation
        Evaluations of single runs.

    Returns
    -------
    list of Evaluation
        One for every recipe with several folds.

    Raises
    ------
    RunError
        An utterance was tested in two folds.
    """
    groups: dict[str, list[Evaluation]] = {}
    for one in evaluations:
        groups.setdefault(_recipe(one), []).append(one)
    return [_pool(group) for group in groups.values() if len({one.facts.fold for one in group}) == len(group) > 1]


def over_seeds(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Mean and standard deviation of every score over runs that differ in their seed alone.

    Parameters
    ----------
    evaluations : iterable of Evaluation
        Evaluations of runs, or of pooled folds.

    Returns
    -------
    DataFrame
        ``recipe variant folds target score runs mean sd low high``, ``sd`` with n - 1, ``low`` and ``high`` the worst
        and the best run. Empty where no two runs differ in their seed alone.
    """
    import pandas as pd

    groups: dict[str, list[Evaluation]] = {}
    for one in evaluations:
        groups.setdefault(digest([_recipe(one, seed=False), list(one.folds)]), []).append(one)
    rows = []
    for group in groups.values():
        if len({_seed(one) for one in group}) < 2:
            continue
        facts = group[0].facts
        for target in group[0].targets:
            for score in group[0].targets[target].result.scores:
                values = pd.Series([one.targets[target].result.scores[score].value for one in group])
                summary = (len(values), values.mean(), values.std(), values.min(), values.max())
                folds = " ".join(map(str, group[0].folds))
                rows.append((facts.recipe, facts.variant, folds, target, score, *summary))
    columns = ["recipe", "variant", "folds", "target", "score", "runs", "mean", "sd", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def table(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Tabulate evaluations for programs.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        What to tabulate.

    Returns
    -------
    DataFrame
        One row per evaluation: ``run recipe variant task dataset split folds part leakage``; per target ``TARGET_n
        TARGET_speakers``, each score as ``TARGET_SCORE`` with ``_low`` and ``_high``, and ``TARGET_baseline_SCORE``;
        last ``warning``.
    """
    import pandas as pd

    rows = [(one, _identity(one)) for one in evaluations]
    frame = pd.DataFrame([row for _, row in rows])
    for target in TARGETS:
        scores = [_numbers(target, one.targets[target]) if target in one.targets else {} for one, _ in rows]
        frame = pd.concat([frame, pd.DataFrame(scores)], axis=1)
    return frame.assign(warning=[one.warning for one, _ in rows])


def readable(evaluations: Sequence[Evaluation]) -> dict[str, pd.DataFrame]:
    """Tabulate evaluations for people, with the baseline in parentheses after each score.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        What to tabulate.

    Returns
    -------
    dict of str to DataFrame
        Per target one table of texts, one row per evaluation.
    """
    import pandas as pd

    found = {}
    for target in TARGETS:
        mine = [one for one in evaluations if target in one.targets]
        if mine:
            found[target] = pd.DataFrame([_words(one, target) for one in mine])
    return found


def differences(mine: Evaluation, other: Evaluation) -> pd.DataFrame:
    """Subtract every score of one run from that of another on the same utterances, with a paired interval.

    Parameters
    ----------
    mine, other : Evaluation
        The two runs.

    Returns
    -------
    DataFrame
        ``target score mine other difference low high p n speakers``; ``difference`` is mine minus other, ``p`` the
        share of the bootstrap samples on the other side of 0, twice (Efron and Tibshirani 1993, An Introduction to the
        Bootstrap, 15.4), at least 2 / (samples + 1).

    Raises
    ------
    RunError
        The two did not predict the same labels of the same utterances.
    """
    import pandas as pd

    rows = []
    for target in (name for name in TARGETS if name in mine.targets and name in other.targets):
        _same_utterances(mine, other, target)
        scores = [one.targets[target].result.scores for one in (mine, other)]
        for name, score in scores[0].items():
            gap = difference(score, scores[1][name])
            cells = (
                target,
                name,
                score.value,
                scores[1][name].value,
                gap.value,
                *gap.interval,
                _p(gap),
                gap.n,
                gap.speakers,
            )
            rows.append(cells)
    if not rows:
        raise RunError(f"{mine.name} and {other.name}: predict no common label; compare runs of one task")
    columns = ["target", "score", "mine", "other", "difference", "low", "high", "p", "n", "speakers"]
    return pd.DataFrame(rows, columns=columns)


def adjusted(gaps: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Adjust the p values of several comparisons with one run for their number, score by score.

    Parameters
    ----------
    gaps : sequence of DataFrame
        From :func:`differences`, one for each run compared.

    Returns
    -------
    list of DataFrame
        The same with a column ``p_holm`` (Holm 1979), over the runs that have the score.
    """
    import pandas as pd

    if not gaps:
        return []
    joined = pd.concat([gap.assign(run=place) for place, gap in enumerate(gaps)], ignore_index=True)
    joined["p_holm"] = joined.groupby(["target", "score"])["p"].transform(lambda p: np.exp(holm(np.log(p))))
    return [rows.drop(columns="run").reset_index(drop=True) for _, rows in joined.groupby("run")]


def _p(gap: Score) -> float:
    """Two-sided p of a difference from its bootstrap samples; NaN where there is no interval."""
    drawn = gap.drawn[np.isfinite(gap.drawn)]
    if not np.isfinite(gap.interval).all() or not drawn.size:
        return float("nan")
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum()) + 1
    return float(min(1.0, 2 * tail / (drawn.size + 1)))


def write_table(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write :func:`table` as ``.csv``, for programs, or :func:`readable` as ``.md``, for people, in one step.

    Parameters
    ----------
    path : Path
        File to write.
    evaluations : sequence of Evaluation
        What to tabulate.

    Raises
    ------
    StoreWriteError
        The file cannot be written.
    """
    check_place(path)
    text = table(evaluations).to_csv(index=False) if path.suffix == ".csv" else _page(evaluations)
    with disk.writing(path):
        disk.write_bytes(path, text.encode())


def check_place(path: Path) -> None:
    """Refuse a file that :func:`write_table` would not write.

    Parameters
    ----------
    path : Path
        File to be written later.

    Raises
    ------
    ConfigError
        The name ends in neither ``.csv`` nor ``.md``, or the file is inside a store or is no such table.
    """
    if path.suffix not in {".csv", ".md"}:
        raise ConfigError(f"--out {path}: found the ending {path.suffix!r}; expected .csv or .md")
    refuse_foreign(path, command="evaluate", is_ours=_is_table)


def _is_table(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        names = file.readline().strip("|").split("," if path.suffix == ".csv" else "|")
    return [name.strip() for name in names[1:2]] == ["recipe"]


def _seed(one: Evaluation) -> Any:
    train = one.facts.config.get("train")
    return train.get("seed") if isinstance(train, Mapping) else None


def _recipe(one: Evaluation, *, seed: bool = True) -> str:
    """What runs of one recipe on one split share, apart from their seed where that does not count."""
    facts = one.facts
    data = facts.data.model_dump() if facts.data else facts.store.digest
    names = [facts.recipe, facts.variant, facts.task, facts.emotions, facts.split.digest, data, one.part]
    config = dict(_without_runs(facts.config))
    if not seed and isinstance(config.get("train"), Mapping):
        config["train"] = {name: value for name, value in config["train"].items() if name != "seed"}
    return digest([names, config])


def _without_runs(value: Any) -> Any:
    """Settings without the paths of other runs, such as ``model.audio_run`` and ``model.embeddings``."""
    if not isinstance(value, Mapping):
        return value
    return {key: _without_runs(cell) for key, cell in value.items() if not key.endswith(("_run", "embeddings"))}


def _pool(group: Sequence[Evaluation]) -> Evaluation:
    import pandas as pd

    group = sorted(group, key=lambda one: one.facts.fold)
    facts = group[0].facts
    rows = pd.concat([one.rows for one in group], ignore_index=True)
    if rows["id"].duplicated().any():
        twice = rows.loc[rows["id"].duplicated(), "id"].iloc[0]
        raise RunError(
            f"{', '.join(one.name for one in group)}: {twice!r} is tested in several folds, expected one; evaluate "
            "these runs one by one"
        )
    return judge(
        rows,
        facts,
        name=f"{group[0].name} ... {group[-1].name} pooled",
        folds=tuple(one.facts.fold for one in group),
        part=group[0].part,
        warning=next((one.warning for one in group if one.warning), ""),
    )


def _identity(one: Evaluation) -> dict[str, Any]:
    facts = one.facts
    return {
        "run": one.name,
        "recipe": facts.recipe,
        "variant": facts.variant,
        "task": facts.task,
        "dataset": facts.store.dataset,
        "split": facts.split.scheme,
        "folds": " ".join(map(str, one.folds)),
        "part": one.part,
        "leakage": "leaking" if one.warning else "clean",
    }


def _numbers(name: str, target: Target) -> dict[str, Any]:
    scores = target.result.scores
    first = next(iter(scores.values()))
    row: dict[str, Any] = {f"{name}_n": first.n, f"{name}_speakers": first.speakers}
    for score, found in scores.items():
        low, high = found.interval
        row |= {f"{name}_{score}": found.value, f"{name}_{score}_low": low, f"{name}_{score}_high": high}
    return row | {f"{name}_baseline_{score}": found.value for score, found in target.baseline.scores.items()}


def _words(one: Evaluation, name: str) -> dict[str, str]:
    facts, target = one.facts, one.targets[name]
    scores = target.result.scores
    first = next(iter(scores.values()))
    row = {
        name: one.name,
        "recipe": f"{facts.recipe} {facts.variant}",
        "split": f"{facts.split.scheme} LEAKING" if one.warning else facts.split.scheme,
        "fold": " ".join(map(str, one.folds)),
        "n": f"{first.n:,}",
        "speakers": f"{first.speakers:,}",
    }
    for score in (name for name in scores if name not in _DETAILS):
        base = in_words(target.baseline.scores[score].value, math.nan, math.nan)
        row[f"{NAMES[score]} (baseline)"] = f"{shown(scores[score])} ({base})"
    return row


def _page(evaluations: Sequence[Evaluation]) -> str:
    import pandas as pd

    tables = list(readable(evaluations).values())
    warnings = [{"run": one.name, "warning": one.warning} for one in evaluations if one.warning]
    return "\n".join(map(markdown, [*tables, pd.DataFrame(warnings)] if warnings else tables))


def _same_utterances(mine: Evaluation, other: Evaluation, target: str) -> None:
    column = f"{target}_true"
    one, two = (each.rows.set_index("id")[[column, "speaker"]].dropna().sort_index() for each in (mine, other))
    if one.equals(two):
        return
    shared = one.index.intersection(two.index)
    alike = int((one.loc[shared] == two.loc[shared]).all(axis=1).sum())
    raise RunError(
        f"{mine.name} and {other.name}: of {len(one):,} and {len(two):,} utterances, {alike:,} are the same with the "
        f"same {target}, expected all; compare runs on the same fold of the same split"
    )
