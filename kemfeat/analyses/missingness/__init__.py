"""Which utterances have which physiology, how irregular heart beats are, and where recordings have no samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from kemfeat.analyses import Analysis, AnalysisResult, Draw, LabelRule, Seed, Spelling, Verdict, rows
from kemfeat.analyses.missingness._brief import BRIEFS, lines
from kemfeat.analyses.missingness._recordings import HOLE, RecordingQuality, media_of, recordings
from kemfeat.config import FrozenConfig
from kemfeat.errors import AnalysisError
from kemfeat.figures import coverage as figures
from kemfeat.figures import estimates
from kemfeat.stats.association import associate
from kemfeat.stats.proportions import effective_n, wilson
from kemfeat.stats.tails import holm, p_text
from kemfeat.store.reader import Store

SESSIONS_PER_PAGE = 8
PLAUSIBLE_IBI = (0.3, 2.0)
"""Seconds between two heart beats, 200 to 30 beats per minute."""

ALPHA = 0.05


class MissingnessConfig(FrozenConfig):
    """What counts as missing.

    Parameters
    ----------
    labels : str
        Rule of :func:`kemfeat.labels.apply_rule` that gives each utterance its emotion.
    least_gap : float, > 0 [s]
        Pauses of a recording of at least this length are listed and drawn.
    permutations : int, >= 1
        Permutations of emotions within speakers, which test whether presence depends on emotion.
    seed : int, >= 0
        Seed of the permutations.
    """

    labels: LabelRule = "7class"
    least_gap: Annotated[
        float,
        Field(gt=0, description="Pauses of at least this length are listed and drawn."),
        Spelling(metavar="SECONDS"),
    ] = 5.0
    permutations: Annotated[int, Field(ge=1, description="Relabellings within speakers."), Spelling(metavar="N")] = 999
    seed: Seed = 0


def run(store: Store, config: MissingnessConfig) -> AnalysisResult:
    """Describe which physiology is missing.

    Parameters
    ----------
    store : Store
        A store with physiology.
    config : MissingnessConfig
        What counts as missing.

    Returns
    -------
    AnalysisResult
        Tables ``coverage``, ``association``, ``recordings``, ``ibi_irregularity`` and ``empty_stretches``.

    Raises
    ------
    ConfigError
        The label rule does not exist.
    AnalysisError
        The store has no physiology.
    """
    media = media_of(store)
    presence = _presence(store, media, labels=config.labels)
    found = list(recordings(store, media=media))
    if store.signal_index.empty or not found:
        raise AnalysisError(
            f"{store.path}: has no physiology of any utterance, expected EDA, TEMP, IBI or ECG; "
            "build the store from a corpus folder that contains these files"
        )
    tables = {
        "coverage": _coverage(presence, media),
        "association": _association(presence, media, config=config),
        "recordings": pd.DataFrame([_describe(recording) for recording in found]),
        "ibi_irregularity": _irregularity(found),
        "empty_stretches": _stretches(found, least=config.least_gap),
    }
    return AnalysisResult(
        summary=_summary(tables, media, least_gap=config.least_gap),
        tables=tables,
        figures=_figures(tables),
        captions=_captions(tables),
        briefs=BRIEFS,
        lines=lines(tables),
        verdicts=(_rarest(tables),),
        values={"media": list(media), "utterances": len(presence), "hole_s": HOLE},
        warnings=_warnings(tables, presence, labels=config.labels),
    )


def _presence(store: Store, media: Sequence[str], *, labels: str) -> pd.DataFrame:
    """Per utterance its groups, and per medium whether it has any sample of it and how much of it is covered."""
    table = store.utterances[["id", "session", "speaker"]].assign(emotion=store.labels(labels))
    index = store.signal_index
    for medium in media:
        own = index[index["medium"] == medium].merge(table[["id", "speaker"]], on=["id", "speaker"])
        table[medium] = table["id"].isin(own["id"])
        table[f"{medium}_coverage"] = store.utterances.get(f"{medium}_coverage", np.nan)
    return table


def _coverage(presence: pd.DataFrame, media: Sequence[str]) -> pd.DataFrame:
    """One row per grouping, group and medium.

    Only emotions and the whole have an interval: the utterances of one speaker or session miss their physiology
    together, and nothing within that speaker tells how much that varies.
    """
    made = []
    groupings = [("all", None), *((by, by) for by in ("session", "speaker", "emotion"))]
    for by, column in groupings:
        groups = [("all", presence)] if column is None else presence.groupby(column)
        for group, part in groups:
            made += [_share(part, medium, by=by, group=str(group)) for medium in media]
    table = pd.DataFrame(made)
    low, high = wilson(table["share"], n=table["effective_n"])
    return table.assign(ci_low=low, ci_high=high)


def _share(part: pd.DataFrame, medium: str, *, by: str, group: str) -> dict[str, object]:
    has = part[medium]
    return {
        "by": by,
        "group": group,
        "medium": medium,
        "utterances": len(part),
        "present": int(has.sum()),
        "share": float(has.mean()),
        "mean_coverage_where_present": float(part.loc[has, f"{medium}_coverage"].mean()),
        "effective_n": effective_n(has, clusters=part["speaker"]) if by in {"all", "emotion"} else np.nan,
    }


def _association(presence: pd.DataFrame, media: Sequence[str], *, config: MissingnessConfig) -> pd.DataFrame:
    """Whether having a medium is associated with emotion, tested within speakers."""
    known = presence.dropna(subset="emotion")
    made = []
    for medium in media:
        if known["emotion"].nunique() < 2 or known[medium].nunique() < 2:
            continue
        found = associate(
            known[medium],
            classes=known["emotion"],
            speakers=known["speaker"],
            permutations=config.permutations,
            seed=config.seed,
        )
        row = (medium, len(known), found.chi2, found.df, found.cramers_v, found.p_permutation)
        made.append(row)
    table = pd.DataFrame(made, columns=["medium", "utterances", "chi2", "df", "cramers_v", "p_within_speakers"])
    return table.assign(p_holm=np.exp(holm(np.log(table["p_within_speakers"].astype(np.float64)))))


def _describe(recording: RecordingQuality) -> dict[str, object]:
    return {
        **recording.key,
        "start_s": recording.window[0],
        "end_s": recording.window[1],
        "samples": len(recording.values),
        "covered_s": recording.covered,
        "share": recording.share,
        "holes": int(np.sum(recording.holes > HOLE)),
        "longest_hole_s": float(recording.holes.max()),
        "distinct_values": len(np.unique(recording.values)),
    }


def _irregularity(found: Iterable[RecordingQuality]) -> pd.DataFrame:
    columns = [
        *("session", "script", "speaker", "beats", "share", "dropouts", "dropouts_per_min", "median_dropout_s"),
        *("longest_dropout_s", "median_run_beats", "mean_ibi_s", "sd_ibi_s", "implausible_beats"),
    ]
    made = [_beats(recording) for recording in found if recording.medium == "ibi"]
    return pd.DataFrame(made, columns=columns)


def _beats(recording: RecordingQuality) -> dict[str, object]:
    """A dropout is a pause between two beats; the time before the first and after the last beat does not count."""
    values, between = recording.values, recording.holes[1:-1]
    dropouts = between[between > HOLE]
    runs = np.diff(np.flatnonzero(np.concatenate([[True], between > HOLE, [True]]))) if values.size else np.empty(0)
    low, high = PLAUSIBLE_IBI
    return {
        **recording.key,
        "beats": len(values),
        "share": recording.share,
        "dropouts": len(dropouts),
        "dropouts_per_min": 60 * len(dropouts) / recording.length if recording.length > 0 else np.nan,
        "median_dropout_s": float(np.median(dropouts)) if dropouts.size else np.nan,
        "longest_dropout_s": float(dropouts.max()) if dropouts.size else np.nan,
        "median_run_beats": float(np.median(runs)) if runs.size else np.nan,
        "mean_ibi_s": float(values.mean()) if values.size else np.nan,
        "sd_ibi_s": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
        "implausible_beats": int(np.sum((values < low) | (values > high))),
    }


def _stretches(found: Iterable[RecordingQuality], *, least: float) -> pd.DataFrame:
    parts = [recording.stretches(least).assign(**recording.key, whole=not recording.values.size) for recording in found]
    table = pd.concat(parts, ignore_index=True).rename(columns={"start": "start_s", "end": "end_s"})
    table["length_s"] = table["end_s"] - table["start_s"]
    return table[["session", "script", "speaker", "medium", "start_s", "end_s", "length_s", "whole"]]


def _interval(low: float, high: float) -> str:
    """The interval in words; empty where there are too few speakers or sessions for one."""
    return f", 95 % interval {low:.1%} to {high:.1%}" if low < high else ""


def _summary(tables: dict[str, pd.DataFrame], media: Sequence[str], *, least_gap: float) -> tuple[str, ...]:
    overall = tables["coverage"].query("by == 'all'")
    shares = [
        f"{row.medium.upper()} {row.present:,} ({row.share:.1%}{_interval(row.ci_low, row.ci_high)})"
        for row in rows(overall)
    ]
    return (
        f"Utterances with physiology, of {overall['utterances'].iloc[0]:,}: {', '.join(shares)}.",
        *_dependence(tables),
        *_beats_sentence(tables["ibi_irregularity"]),
        _silence(tables["empty_stretches"], media, least_gap=least_gap),
    )


def _dependence(tables: dict[str, pd.DataFrame]) -> list[str]:
    emotions = tables["coverage"].query("by == 'emotion'")
    sentences = []
    for row in rows(tables["association"]):
        shares = emotions[emotions["medium"] == row.medium].set_index("group")["share"]
        verb = "depends on" if row.p_holm < ALPHA else "shows no evidence of depending on"
        sentences.append(
            f"Having {row.medium.upper()} {verb} emotion (permutation within speakers, Holm-adjusted over media: p = "
            f"{p_text(float(np.log(row.p_holm)))}, V = {row.cramers_v:.2f}): from {shares.min():.0%} of "
            f"{shares.idxmin()} to {shares.max():.0%} of {shares.idxmax()}."
        )
    return sentences


def _beats_sentence(beats: pd.DataFrame) -> list[str]:
    worn = beats[beats["beats"] > 0]
    if worn.empty:
        return []
    dropouts = "without a dropout"
    if worn["dropouts_per_min"].any():
        often, seconds = worn["dropouts_per_min"].median(), worn["median_dropout_s"].median()
        dropouts = (
            f"with {often:.1f} dropouts per minute of {seconds:.1f} s; the longest lasts "
            f"{worn['longest_dropout_s'].max():.0f} s"
        )
    return [
        f"Where heart beats were recorded, their intervals cover {worn['share'].median():.0%} of a conversation "
        f"(median of {len(worn):,} recordings), {dropouts}."
    ]


def _silence(stretches: pd.DataFrame, media: Sequence[str], *, least_gap: float) -> str:
    if stretches.empty:
        return f"No recording lacks samples for {least_gap:g} s or more."
    counts = ", ".join(f"{medium.upper()} {np.sum(stretches['medium'] == medium):,}" for medium in media)
    return (
        f"{len(stretches):,} stretches of {least_gap:g} s or more have no sample ({counts}); "
        f"{int(stretches['whole'].sum()):,} of them are whole recordings."
    )


def _rarest(tables: dict[str, pd.DataFrame]) -> Verdict:
    """How much there is of the signal that the fewest utterances have."""
    overall = tables["coverage"].query("by == 'all'")
    row = next(rows(overall.nsmallest(1, "share")))
    others = f", the fewest of {len(overall)} signals" if len(overall) > 1 else ""
    return Verdict(
        sentence=f"{row.present:,} of {row.utterances:,} utterances have {row.medium.upper()}{others}.",
        effect=f"share with {row.medium.upper()}",
        value=row.share,
        low=row.ci_low,
        high=row.ci_high,
        n=f"{row.utterances:,} utterances",
        meaning=_bias(tables["association"].set_index("medium")["p_holm"].get(row.medium, np.nan)),
    )


def _bias(p_holm: float) -> str:
    if p_holm < ALPHA:
        return "Whether it is there depends on emotion: leaving out utterances without it changes the mix of emotions."
    if p_holm >= ALPHA:
        return "Whether it is there shows no evidence of depending on emotion, which does not show that it does not."
    return "Whether that depends on emotion could not be tested."


def _warnings(tables: dict[str, pd.DataFrame], presence: pd.DataFrame, *, labels: str) -> tuple[str, ...]:
    uniform = tables["recordings"].query("medium != 'ibi' and samples > 0")
    flat = uniform[uniform["distinct_values"] <= 2]
    names = [f"{row.session} {row.script} {row.speaker} {row.medium}" for row in rows(flat)]
    unlabelled = int(presence["emotion"].isna().sum())
    poor = tables["coverage"].query("by == 'session' and share < .5")
    warnings = [
        f"{row.group} has {row.medium.upper()} in only {row.present:,} of {row.utterances:,} utterances"
        for row in rows(poor)
    ]
    if names:
        more = ", ..." if len(names) > 4 else ""
        warnings.append(
            f"{len(names)} recordings of EDA or TEMP have at most two different values, which suggests a sensor "
            f"without contact, and count as present: {', '.join(names[:4])}{more}"
        )
    if unlabelled:
        warnings.append(
            f"{unlabelled:,} utterances have no emotion under label rule {labels} and are left out by emotion"
        )
    return tuple(warnings)


def _pages(tables: dict[str, pd.DataFrame]) -> list[list[str]]:
    """The sessions of each figure of recordings."""
    sessions = sorted(tables["recordings"]["session"].unique())
    return [sessions[at : at + SESSIONS_PER_PAGE] for at in range(0, len(sessions), SESSIONS_PER_PAGE)]


def _captions(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    shares = {
        f"coverage_by_{by}": f"Share of the utterances of each {by} with any sample of a signal, with 95 % intervals."
        for by in ("emotion", "session")
    }
    lines = {
        f"timeline_{number}": f"{page[0]} to {page[-1]}: when each sensor recorded, and in grey when it has no sample."
        for number, page in enumerate(_pages(tables), start=1)
    }
    return shares | lines


def _figures(tables: dict[str, pd.DataFrame]) -> dict[str, Draw]:
    drawn: dict[str, Draw] = {
        f"coverage_by_{by}": partial(
            estimates.dots, _dots(tables["coverage"], by), label="share of the utterances with any sample", span=(0, 1)
        )
        for by in ("emotion", "session")
    }
    for number, page in enumerate(_pages(tables), start=1):
        windows, silent = (
            tables[name][tables[name]["session"].isin(page)] for name in ("recordings", "empty_stretches")
        )
        drawn[f"timeline_{number}"] = partial(figures.timeline, windows, stretches=silent)
    return drawn


def _dots(coverage: pd.DataFrame, by: str) -> pd.DataFrame:
    part = coverage[coverage["by"] == by]
    names = {"group": "row", "share": "value", "ci_low": "low", "ci_high": "high"}
    return part.assign(series=part["medium"].str.upper()).rename(columns=names)[
        ["row", "series", "value", "low", "high"]
    ]


ANALYSIS = Analysis(name="missingness", title="Missing physiology", config=MissingnessConfig, run=run)
