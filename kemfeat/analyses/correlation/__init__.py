"""Does the body change when the judged emotion does? Changes within conversations, inference over speakers.

Alignment: one point per utterance, in time order; it is the mean of the samples that the corpus assigns to the
utterance. Change: the first difference between consecutive utterances of one speaker in one conversation. Arousal and
valence are correlated with the signed change of a signal. A change of emotion has no sign, so it (0 or 1) is correlated
with the size of the signal's change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from kemfeat.analyses import Analysis, AnalysisResult, Draw, LabelRule, Spelling, rows
from kemfeat.analyses.correlation._conversations import CONVERSATION, SIGNALS, by_utterance, changes, trace
from kemfeat.config import FrozenConfig
from kemfeat.errors import AnalysisError
from kemfeat.figures import estimates
from kemfeat.figures import signals as figures
from kemfeat.stats.correlation import mean_correlation, pooled_z, repeated, within
from kemfeat.stats.tails import holm, p_text
from kemfeat.store.reader import Store

TARGETS = ("emotion", "arousal", "valence")
ALPHA = 0.05


class CorrelationConfig(FrozenConfig):
    """What is correlated.

    Parameters
    ----------
    labels : str
        Rule of :func:`kemfeat.labels.apply_rule` that gives each utterance its emotion.
    examples : int, 0 to 50
        Number of conversations drawn, those in which the emotion changes most often.
    """

    labels: LabelRule = "7class"
    examples: Annotated[int, Field(ge=0, le=50, description="Conversations to draw."), Spelling(metavar="N")] = 4


def run(store: Store, config: CorrelationConfig) -> AnalysisResult:
    """Correlate changes of signals with changes of judgements.

    Parameters
    ----------
    store : Store
        A store with physiology.
    config : CorrelationConfig
        What is correlated.

    Returns
    -------
    AnalysisResult
        Tables ``tests``, ``speakers`` and ``conversations``.

    Raises
    ------
    ConfigError
        The label rule does not exist.
    AnalysisError
        No conversation has enough utterances with both a signal and a judgement that vary.
    """
    utterances = by_utterance(store, labels=config.labels)
    changed = changes(utterances)
    conversations = pd.concat([_conversations(changed, *pair) for pair in _PAIRS], ignore_index=True)
    if conversations["z"].isna().all():
        raise AnalysisError(
            f"{store.path}: no conversation has four changes of a signal and of a judgement that vary, expected EDA, "
            "TEMP or IBI and emotion, arousal or valence for five or more utterances of a speaker in a row; "
            "build the store from a corpus folder that contains them"
        )
    speakers = _over(conversations, "speaker")
    tests = _tests(changed, speakers, _over(conversations, "session"), conversations)
    tables = {"tests": tests, "speakers": speakers, "conversations": conversations}
    return AnalysisResult(
        summary=tuple(_summary(tests)),
        tables=tables,
        figures={"forest": _forest(tests, speakers), **_examples(store, utterances, changed, config.examples)},
        values={"conversations": int(changed["conversation"].nunique()), "changes": len(changed), "alpha": ALPHA},
        warnings=tuple(_warnings(tests, changed)),
    )


_PAIRS = tuple((signal, target) for target in TARGETS for signal in SIGNALS)


def _sides(changed: pd.DataFrame, signal: str, target: str) -> tuple[pd.Series, pd.Series]:
    return changed[signal].abs() if target == "emotion" else changed[signal], changed[target]


def _conversations(changed: pd.DataFrame, signal: str, target: str) -> pd.DataFrame:
    """The correlation within each conversation of each speaker."""
    x, y = _sides(changed, signal, target)
    found = within(x, y=y, groups=changed["conversation"]).rename(columns={"group": "conversation"})
    names = changed[["conversation", *CONVERSATION]].drop_duplicates()
    found = names.merge(found, on="conversation").drop(columns="conversation")
    return found.assign(signal=signal, target=target)[[*CONVERSATION, "signal", "target", "n", "r", "z"]]


def _over(conversations: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Mean z of each unit: a speaker, or the two speakers of a session."""
    known = conversations.dropna(subset="z")
    parts = []
    for signal, target in _PAIRS:
        part = _of(known, (signal, target))
        z = pooled_z(part["z"], n=part["n"], units=part[unit])
        counted = part.groupby(unit).size().rename("conversations")
        table = pd.concat([counted, z], axis=1).rename_axis(unit).reset_index()
        parts.append(table.assign(signal=signal, target=target, r=np.tanh(table["z"])))
    return pd.concat(parts, ignore_index=True)[["signal", "target", unit, "conversations", "z", "r"]]


def _tests(
    changed: pd.DataFrame, speakers: pd.DataFrame, sessions: pd.DataFrame, conversations: pd.DataFrame
) -> pd.DataFrame:
    made = [
        _test(changed, pair, *(_of(table, pair) for table in (speakers, sessions, conversations))) for pair in _PAIRS
    ]
    table = pd.DataFrame(made)
    table.insert(list(table).index("p") + 1, "p_holm", np.exp(holm(np.log(table["p"]))))
    return table


def _of(table: pd.DataFrame, pair: tuple[str, str]) -> pd.DataFrame:
    return table[(table["signal"] == pair[0]) & (table["target"] == pair[1])]


def _test(
    changed: pd.DataFrame,
    pair: tuple[str, str],
    speakers: pd.DataFrame,
    sessions: pd.DataFrame,
    conversations: pd.DataFrame,
) -> dict[str, object]:
    """One row: over speakers, over dyads as a check, then all changes with one common slope."""
    x, y = _sides(changed, *pair)
    found, dyads = mean_correlation(speakers["z"]), mean_correlation(sessions["z"])
    slope = repeated(x, y=y, subjects=changed["speaker"])
    return {
        "signal": pair[0],
        "target": pair[1],
        "changes": int((x.notna() & y.notna()).sum()),
        "conversations": int(conversations["z"].notna().sum()),
        "speakers": found.units,
        "r": found.r,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "t": found.t,
        "df": found.df,
        "p": found.p,
        "p_wilcoxon": found.p_wilcoxon,
        "p_dyads": dyads.p,
        "rm_r": slope.r,
        "rm_ci_low": slope.ci_low,
        "rm_ci_high": slope.ci_high,
        "rm_df": slope.df,
        "rm_p": slope.p,
        "reason": found.reason,
    }


def _summary(tests: pd.DataFrame) -> Iterator[str]:
    tested = tests.dropna(subset="p_holm")
    significant = tested[tested["p_holm"] < ALPHA]
    yield (
        f"{len(significant)} of {len(tested)} pairs of a signal and a judgement change together over speakers "
        f"(Holm-adjusted p < {ALPHA:g}){_named(significant)}."
    )
    if len(tested):
        largest = tested.iloc[int(tested["r"].abs().argmax())]
        yield (
            f"The largest mean correlation is {_pair(largest['signal'], largest['target'])}: r = {largest['r']:.3f}, "
            f"95 % interval {largest['ci_low']:.3f} to {largest['ci_high']:.3f}, {largest['speakers']} speakers, "
            f"Holm-adjusted p = {p_text(math.log(largest['p_holm']))}."
        )
    naive = tested[(tested["rm_p"] < ALPHA) & (tested["p"] >= ALPHA)]
    if len(naive):
        yield (
            "The repeated-measures correlation, which treats changes as independent, is significant where the test "
            f"over speakers is not: {', '.join(_pair(row.signal, row.target) for row in rows(naive))}."
        )


def _named(significant: pd.DataFrame) -> str:
    each = [f"{_pair(row.signal, row.target)} (r = {row.r:.3f})" for row in rows(significant)]
    return f": {', '.join(each)}" if each else ""


def _pair(signal: str, target: str) -> str:
    return f"{signal.upper()} with {target}"


def _warnings(tests: pd.DataFrame, changed: pd.DataFrame) -> Iterator[str]:
    absent = [signal.upper() for signal in SIGNALS if changed[signal].isna().all()]
    if absent:
        yield f"no two consecutive utterances of a speaker have {' or '.join(absent)}: these rows are empty"
    for row in rows(tests[(tests["reason"] != "") & (tests["conversations"] > 0)]):
        yield f"{_pair(row.signal, row.target)} is not tested: {row.reason}"
    unlabelled = int(changed["emotion"].isna().sum())
    if unlabelled:
        yield f"{unlabelled:,} of {len(changed):,} changes lack the emotion of one of their utterances (tie, no label)"


def _forest(tests: pd.DataFrame, speakers: pd.DataFrame) -> Draw:
    names = {signal: label.split(" ")[0] for signal, label in SIGNALS.items()}
    columns = {"target": "row", "r": "value", "ci_low": "low", "ci_high": "high"}
    means, behind = (
        table.assign(series=table["signal"].map(names)).rename(columns=columns) for table in (tests, speakers)
    )
    return partial(
        estimates.dots,
        means[["row", "series", "value", "low", "high"]].dropna(subset="value"),
        units=behind[["row", "series", "value"]],
        label="correlation of changes: mean over speakers, 95 % interval, each speaker",
    )


def _examples(store: Store, utterances: pd.DataFrame, changed: pd.DataFrame, count: int) -> dict[str, Draw]:
    """The conversations in which the emotion changes most often and a signal was recorded."""
    recorded = changed[changed[list(SIGNALS)].notna().any(axis=1)]
    ranked = recorded.groupby(CONVERSATION)["emotion"].sum().sort_values(ascending=False, kind="stable")
    drawn: dict[str, Draw] = {}
    for name in ranked.index[:count]:
        mine = utterances[(utterances[CONVERSATION] == list(name)).all(axis=1)]
        draw = partial(_draw_example, store=store, conversation=name, judged=mine)
        drawn["signals_" + "_".join(name)] = draw
    return drawn


def _draw_example(stem: Path, *, store: Store, conversation: tuple[str, ...], judged: pd.DataFrame) -> None:
    traces = trace(store, conversation)
    spans = traces.groupby("id")["seconds"].agg(start="min", end="max").reset_index()
    figures.conversation(
        traces,
        stem,
        utterances=judged.merge(spans, on="id"),
        labels=SIGNALS,
        title=" ".join(conversation),
    )


ANALYSIS = Analysis(name="correlation", title="Body and judgement over time", config=CorrelationConfig, run=run)
