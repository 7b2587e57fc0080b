"""Does the body change when the judged emotion does? Changes within conversations, inference over speakers.

Alignment: one point per utterance, in time order; it is the mean of the samples that the corpus assigns to the
utterance. Change: the first difference between consecutive utterances of one speaker in one conversation. Arousal and
valence are correlated with the signed change of a signal. A change of emotion has no sign, so it (0 or 1) is correlated
with the size of the signal's change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from kemfeat.analyses import Analysis, AnalysisResult, Draw, LabelRule, Spelling, Verdict, rows
from kemfeat.analyses._columns import as_stored, column
from kemfeat.analyses.correlation._brief import BRIEFS, lines
from kemfeat.analyses.correlation._conversations import CONVERSATION, SIGNALS, by_utterance, changes, trace
from kemfeat.analyses.correlation._lags import STEP, lag_tests, lag_words, lags_up_to
from kemfeat.analyses.correlation._pairs import (
    ALPHA,
    TARGETS,
    named,
    of,
    over_units,
    pairs_of,
    sides,
    within_conversations,
)
from kemfeat.config import FrozenConfig
from kemfeat.errors import AnalysisError
from kemfeat.figures import estimates
from kemfeat.figures import signals as figures
from kemfeat.stats.correlation import mean_correlation, repeated
from kemfeat.stats.tails import holm, p_text
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    from kemfeat.paths import StrPath


class CorrelationConfig(FrozenConfig):
    """What is correlated.

    Parameters
    ----------
    labels : str
        Rule of :func:`kemfeat.labels.apply_rule` that gives each utterance its emotion.
    max_lag : int, 0 to 60, s
        Largest lag of the signals, in either direction.
    examples : int, 0 to 50
        Number of conversations drawn, those in which the emotion changes most often.
    column : tuple of str
        Numeric columns of ``utterances``, such as functionals, that are correlated as the signals are, without lags.
    """

    labels: LabelRule = "7class"
    max_lag: Annotated[
        int,
        Field(ge=0, le=60, description=f"Largest lag of the signals, before and after, every {STEP} s."),
        Spelling(metavar="SECONDS"),
    ] = 10
    examples: Annotated[int, Field(ge=0, le=50, description="Conversations to draw."), Spelling(metavar="N")] = 4
    column: Annotated[
        tuple[str, ...],
        Field(description="Numeric column to correlate beside the signals; may be repeated."),
        Spelling(metavar="COLUMN"),
    ] = ()

    @field_validator("column")
    @classmethod
    def _each_once(cls, column: tuple[str, ...]) -> tuple[str, ...]:
        taken = [name for name in column if name in (*SIGNALS, *TARGETS)]
        if taken:
            raise ValueError(f"{taken[0]} is correlated already; leave it out")
        if len(set(column)) < len(column):
            raise ValueError("a column is given twice; give each once")
        return column


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
        Tables ``tests``, ``lags``, ``speakers`` and ``conversations``.

    Raises
    ------
    ConfigError
        The label rule or a column does not exist, or a column is not numeric.
    AnalysisError
        No conversation has enough utterances with both a signal and a judgement that vary.
    """
    config = as_stored(store, config, ("column",))
    for name in config.column:
        column(store, name, kind="numeric")
    pairs = pairs_of(config.column)
    utterances = by_utterance(store, labels=config.labels, columns=config.column)
    changed = changes(utterances)
    conversations = pd.concat([within_conversations(changed, *pair) for pair in pairs], ignore_index=True)
    if conversations["z"].isna().all():
        raise AnalysisError(
            f"{store.path}: no conversation has four changes of a signal and of a judgement that vary, expected EDA, "
            "TEMP or IBI and emotion, arousal or valence for five or more utterances of a speaker in a row; "
            "build the store from a corpus folder that contains them"
        )
    speakers = over_units(conversations, "speaker", pairs=pairs)
    tests = _tests(changed, conversations, speakers, pairs)
    lags = lag_tests(store, utterances, lags=lags_up_to(config.max_lag))
    drawn = _examples(store, utterances, changed, config.examples)
    tables = {"tests": tests, "lags": lags, "speakers": speakers, "conversations": conversations}
    return AnalysisResult(
        briefs=BRIEFS,
        lines=lines(tables),
        verdicts=tuple(_verdicts(tests)),
        summary=(*_summary(tests), *lag_words(lags)),
        tables=tables,
        figures={"forest": _forest(tests, speakers), **drawn},
        captions={"forest": _CAPTION, **dict.fromkeys(drawn, _EXAMPLE)},
        values={"conversations": int(changed["conversation"].nunique()), "changes": len(changed), "alpha": ALPHA},
        warnings=tuple(_warnings(tests, changed, (*SIGNALS, *config.column))),
    )


_CAPTION = (
    "Correlation of changes of each signal and judgement: mean over speakers with 95 % interval, and every speaker as "
    "a small point. At 0 there is no relation."
)
_EXAMPLE = "Signals of one conversation, its utterances shaded by emotion, and their arousal and valence below."


def _tests(
    changed: pd.DataFrame, conversations: pd.DataFrame, speakers: pd.DataFrame, pairs: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    ranked = pd.concat([within_conversations(changed, *pair, ranks=True) for pair in pairs], ignore_index=True)
    dyads, ranks = over_units(conversations, "session", pairs=pairs), over_units(ranked, "speaker", pairs=pairs)
    parts = (speakers, dyads, ranks, conversations)
    made = [_test(changed, pair, *(of(table, pair) for table in parts)) for pair in pairs]
    table = pd.DataFrame(made)
    for name in ("p", "spearman_p"):
        table.insert(list(table).index(name) + 1, f"{name}_holm", np.exp(holm(np.log(table[name]))))
    return table


def _test(
    changed: pd.DataFrame,
    pair: tuple[str, str],
    speakers: pd.DataFrame,
    sessions: pd.DataFrame,
    ranks: pd.DataFrame,
    conversations: pd.DataFrame,
) -> dict[str, object]:
    """One row: over speakers, over dyads and by ranks as checks, then all changes with one common slope."""
    x, y = sides(changed, *pair)
    found, dyads, rank = (mean_correlation(table["z"]) for table in (speakers, sessions, ranks))
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
        "spearman_r": rank.r,
        "spearman_ci_low": rank.ci_low,
        "spearman_ci_high": rank.ci_high,
        "spearman_p": rank.p,
        "rm_r": slope.r,
        "rm_ci_low": slope.ci_low,
        "rm_ci_high": slope.ci_high,
        "rm_df": slope.df,
        "rm_p": slope.p,
        "reason": found.reason,
    }


def _verdicts(tests: pd.DataFrame) -> Iterator[Verdict]:
    """How many pairs change together, and the largest correlation."""
    tested = tests.dropna(subset=["p_holm", "ci_low"])
    if tested.empty:
        return
    largest = next(rows(tested.iloc[[int(tested["r"].abs().argmax())]]))
    together = int((tested["p_holm"] < ALPHA).sum())
    found = f"{together} of {len(tested)}" if together else f"None of {len(tested)}"
    yield Verdict(
        sentence=f"{found} pairs of a signal and a judgement are shown to change together.",
        effect=f"largest mean correlation, {named(largest.signal, largest.target)}",
        value=largest.r,
        low=largest.ci_low,
        high=largest.ci_high,
        n=f"{largest.changes:,} changes, {largest.speakers} speakers",
        meaning=f"Holm-adjusted p = {p_text(math.log(largest.p_holm))}. The interval is of this pair alone, which was "
        "picked because it is the largest.",
    )


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
            f"The largest mean correlation is {named(largest['signal'], largest['target'])}: r = {largest['r']:.3f}, "
            f"95 % interval {largest['ci_low']:.3f} to {largest['ci_high']:.3f}, {largest['speakers']} speakers, "
            f"Holm-adjusted p = {p_text(math.log(largest['p_holm']))}."
        )
    ranked = tested[(tested["p_holm"] < ALPHA) != (tested["spearman_p_holm"] < ALPHA)]
    if len(ranked):
        each = [
            f"{named(row.signal, row.target)} ({row.spearman_r:.3f}, p = {p_text(math.log(row.spearman_p_holm))})"
            for row in rows(ranked.dropna(subset="spearman_p_holm"))
        ]
        yield f"Spearman's rank correlation, Holm-adjusted too, comes to another conclusion on: {', '.join(each)}."
    naive = tested[(tested["rm_p"] < ALPHA) & (tested["p"] >= ALPHA)]
    if len(naive):
        yield (
            "The repeated-measures correlation, which treats changes as independent, is significant where the test "
            f"over speakers is not: {', '.join(named(row.signal, row.target) for row in rows(naive))}."
        )


def _named(significant: pd.DataFrame) -> str:
    each = [f"{named(row.signal, row.target)} (r = {row.r:.3f})" for row in rows(significant)]
    return f": {', '.join(each)}" if each else ""


def _warnings(tests: pd.DataFrame, changed: pd.DataFrame, signals: Sequence[str]) -> Iterator[str]:
    absent = [name.upper() if name in SIGNALS else name for name in signals if changed[name].isna().all()]
    if absent:
        yield f"no two consecutive utterances of a speaker have {' or '.join(absent)}: these rows are empty"
    for row in rows(tests[(tests["reason"] != "") & (tests["conversations"] > 0)]):
        yield f"{named(row.signal, row.target)} is not tested: {row.reason}"
    unlabelled = int(changed["emotion"].isna().sum())
    if unlabelled:
        yield f"{unlabelled:,} of {len(changed):,} changes lack the emotion of one of their utterances (tie, no label)"


def _forest(tests: pd.DataFrame, speakers: pd.DataFrame) -> Draw:
    names = {signal: label.split(" ")[0] for signal, label in SIGNALS.items()}
    columns = {"target": "row", "r": "value", "ci_low": "low", "ci_high": "high"}
    means, behind = (
        table.assign(series=table["signal"].map(lambda name: names.get(name, name))).rename(columns=columns)
        for table in (tests, speakers)
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


def _draw_example(
    stem: StrPath | None = None, *, store: Store, conversation: tuple[str, ...], judged: pd.DataFrame
) -> object:
    traces = trace(store, conversation)
    spans = traces.groupby("id")["seconds"].agg(start="min", end="max").reset_index()
    return figures.conversation(
        traces,
        stem,
        utterances=judged.merge(spans, on="id"),
        labels=SIGNALS,
        title=" ".join(conversation),
    )


ANALYSIS = Analysis(name="correlation", title="Body and judgement over time", config=CorrelationConfig, run=run)
