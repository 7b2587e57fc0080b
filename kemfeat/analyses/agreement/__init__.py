"""How far the raters agree on emotion, valence and arousal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from kemfeat.analyses import Analysis, AnalysisResult, Draw, Seed, Spelling, Verdict, rows
from kemfeat.analyses.agreement._brief import BRIEFS, lines
from kemfeat.config import FrozenConfig
from kemfeat.errors import AnalysisError
from kemfeat.figures import agreement as figures
from kemfeat.figures import estimates
from kemfeat.labels import EMOTIONS, TIE
from kemfeat.stats.agreement import Alpha, Level, icc, krippendorff_alpha
from kemfeat.stats.kappa import Weights, kappas
from kemfeat.stats.proportions import wilson
from kemfeat.stats.rotating_icc import rotating_icc
from kemfeat.store.reader import Store

SCALES = ("valence", "arousal")

TENTATIVE, RELIABLE = 0.667, 0.8
"""Krippendorff's bounds: below the first, data are unreliable; between the two, they support tentative conclusions only
(Krippendorff 2004, Human Communication Research 30:411-433)."""


class AgreementConfig(FrozenConfig):
    """Settings of the intervals of alpha.

    Parameters
    ----------
    resamples : int, >= 100
        Number of bootstrap samples.
    seed : int, >= 0
        Seed of the bootstrap.
    """

    resamples: Annotated[
        int, Field(ge=100, description="Bootstrap samples for the intervals of alpha."), Spelling(metavar="N")
    ] = 1000
    seed: Seed = 0


def run(store: Store, config: AgreementConfig) -> AnalysisResult:
    """Measure agreement among the raters.

    Parameters
    ----------
    store : Store
        A store with single ratings.
    config : AgreementConfig
        Settings of the intervals.

    Returns
    -------
    AnalysisResult
        Tables ``alpha``, ``alpha_by_emotion``, ``kappa``, ``icc``, ``raters`` and ``confusion``.

    Raises
    ------
    AnalysisError
        No utterance was judged by two raters.
    """
    wide = {name: _wide(store, name) for name in ("emotion", *SCALES)}
    if not any((table.notna().sum(axis=1) >= 2).any() for table in wide.values()):
        raise AnalysisError(
            f"{store.path}: no utterance has two raters in ratings.parquet, expected the judgement of each rater; "
            "build the store from a corpus that includes them"
        )
    alphas = [_measured(wide[name], name, level, store, config) for name, level in _LEVELS]
    emotion = next(found for row, found in alphas if row["measure"] == "emotion")
    tables = {
        "alpha": pd.DataFrame([row for row, _ in alphas]),
        "alpha_by_emotion": _by_emotion(wide["emotion"], store, config),
        "kappa": _kappas(wide, store),
        "icc": _icc(wide, store),
        "raters": _raters(wide, store),
        "confusion": _confusion(emotion),
    }
    return AnalysisResult(
        summary=tuple(_summary(tables)),
        tables=tables,
        figures=_figures(tables),
        captions=_CAPTIONS,
        briefs=BRIEFS,
        lines=lines(tables),
        verdicts=tuple(_verdicts(tables)),
        values={"raters": len(wide["emotion"].columns), "utterances": len(store.utterances)},
        warnings=tuple(_warnings(wide, store)),
    )


_LEVELS: tuple[tuple[str, Level], ...] = (
    ("emotion", "nominal"),
    *((scale, level) for scale in SCALES for level in ("interval", "ordinal")),
)

_WEIGHTS: tuple[tuple[str, Weights], ...] = (
    ("emotion", "identity"),
    *((scale, weights) for scale in SCALES for weights in ("linear", "quadratic")),
)


def _wide(store: Store, column: str) -> pd.DataFrame:
    """One row per utterance of the store, one column per rater; an empty text means no judgement."""
    ratings = store.ratings.drop_duplicates(["id", "rater"])
    table = ratings.pivot(index="id", columns="rater", values=column).reindex(store.utterances["id"])
    return table.mask(table == "") if column == "emotion" else table.astype(np.float64)


def _measured(
    table: pd.DataFrame, measure: str, level: Level, store: Store, config: AgreementConfig
) -> tuple[dict[str, object], Alpha]:
    """A row of the table of alphas, with intervals over utterances and over speakers, and the alpha itself."""
    ratings = table.to_numpy(dtype=object)
    drawn = {"resamples": config.resamples, "seed": config.seed}
    found = krippendorff_alpha(ratings, level=level, **drawn)
    by_speaker = krippendorff_alpha(ratings, level=level, clusters=store.utterances["speaker"], **drawn)
    row = {
        "measure": measure,
        "level": level,
        "alpha": found.alpha,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "speaker_ci_low": by_speaker.ci_low,
        "speaker_ci_high": by_speaker.ci_high,
        "utterances": found.units,
        "ratings": found.ratings,
        "reason": found.reason,
    }
    return row, found


def _by_emotion(table: pd.DataFrame, store: Store, config: AgreementConfig) -> pd.DataFrame:
    """Alpha of each emotion against all others."""
    made = []
    for emotion in store.emotions:
        named = (table == emotion).astype(object).where(table.notna(), None)
        row, found = _measured(named, emotion, "nominal", store, config)
        votes = found.coincidences.sum(axis=0)[list(found.values).index(True)] if True in found.values else 0.0
        row["share_of_ratings"] = votes / found.ratings if found.ratings else np.nan
        made.append(row)
    return pd.DataFrame(made).rename(columns={"measure": "emotion"}).drop(columns="level")


def _kappas(wide: Mapping[str, pd.DataFrame], store: Store) -> pd.DataFrame:
    """Kappas and Gwet's AC, with intervals over utterances and over speakers."""
    parts = []
    for measure, weights in _WEIGHTS:
        ratings = wide[measure].to_numpy(dtype=object)
        found = kappas(ratings, weights=weights).assign(measure=measure, weights=weights)
        by_speaker = kappas(ratings, weights=weights, clusters=store.utterances["speaker"])
        parts.append(found.assign(speaker_ci_low=by_speaker["ci_low"], speaker_ci_high=by_speaker["ci_high"]))
    table = pd.concat(parts, ignore_index=True).rename(columns={"units": "utterances"})
    front = ["measure", "weights", "coefficient", "value", "ci_low", "ci_high", "speaker_ci_low", "speaker_ci_high"]
    return table[[*front, "utterances", "ratings", "reason"]]


def _icc(wide: Mapping[str, pd.DataFrame], store: Store) -> pd.DataFrame:
    """Intraclass correlations of each scale, with intervals over speakers; none for fewer than five."""
    speakers, parts = store.utterances.set_index("id")["speaker"], []
    for scale in SCALES:
        complete = wide[scale].dropna()
        if len(complete) > 1:
            sizes = {"utterances": len(complete), "raters": float(complete.shape[1])}
            parts.append(icc(complete, clusters=speakers.loc[complete.index]).assign(measure=scale, **sizes))
        found = rotating_icc(wide[scale], clusters=speakers)
        rated = int((wide[scale].notna().sum(axis=1) >= 2).sum())
        parts.append(found.assign(measure=scale, utterances=rated, raters=found.attrs.get("k", np.nan)))
    columns = ["measure", "type", "icc", "ci_low", "ci_high", "F", "df1", "df2", "p", "log_p", "utterances", "raters"]
    made = [part for part in parts if len(part)]
    return pd.concat(made, ignore_index=True)[columns] if made else pd.DataFrame(columns=columns)


def _raters(wide: Mapping[str, pd.DataFrame], store: Store) -> pd.DataFrame:
    """Each rater against all others: their most frequent emotion, where it is unique, and the mean of their scales."""
    counts = {emotion: (wide["emotion"] == emotion).sum(axis=1) for emotion in store.emotions}
    made = [{"rater": str(name), **_against_others(wide, str(name), counts)} for name in wide["emotion"].columns]
    table = pd.DataFrame(made)
    low, high = wilson(table["agreement"], n=table["judged"])
    table.insert(3, "ci_low", low)
    table.insert(4, "ci_high", high)
    return table


def _against_others(wide: Mapping[str, pd.DataFrame], rater: str, counts: Mapping[str, pd.Series]) -> dict[str, object]:
    mine = wide["emotion"][rater]
    everybody = pd.DataFrame(counts)
    agrees = _with_majority(mine, everybody.sub(pd.DataFrame({name: mine == name for name in counts})))
    row: dict[str, object] = {
        "judged": len(agrees),
        "agreement": float(agrees.mean()) if len(agrees) else np.nan,
        "agreement_own_vote_counted": float(_with_majority(mine, everybody).mean()),
    }
    for scale in SCALES:
        table = wide[scale]
        rest = table.drop(columns=rater).mean(axis=1)
        known = table[rater].notna() & rest.notna()
        varies = known.sum() > 1 and table[rater][known].nunique() > 1 and rest[known].nunique() > 1
        row[f"{scale}_bias"] = float((table[rater] - rest).mean())
        row[f"{scale}_correlation"] = float(table[rater][known].corr(rest[known])) if varies else np.nan
    return row


def _with_majority(mine: pd.Series, counts: pd.DataFrame) -> pd.Series:
    """Whether a rater agrees with most votes, where one emotion has the most and the rater judged."""
    decided = (counts.eq(counts.max(axis=1), axis=0).sum(axis=1) == 1) & mine.notna()
    return mine[decided] == counts[decided].idxmax(axis=1)


def _confusion(found: Alpha) -> pd.DataFrame:
    """How often one rater says ``other`` where another says ``emotion``, as a share of the latter's pairs."""
    order = sorted(range(len(found.values)), key=lambda at: _rank(str(found.values[at])))
    pairs = found.coincidences[np.ix_(order, order)]
    names = [str(found.values[at]) for at in order]
    return pd.DataFrame(
        {
            "emotion": np.repeat(names, len(names)),
            "other": np.tile(names, len(names)),
            "coincidences": pairs.ravel(),
            "share": (pairs / pairs.sum(axis=1, keepdims=True)).ravel(),
        }
    )


def _rank(name: str) -> tuple[int, str]:
    return (EMOTIONS.index(name), "") if name in EMOTIONS else (len(EMOTIONS), name)


def _summary(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    for row in rows(tables["alpha"].query("level != 'ordinal'")):
        if row.reason:
            yield f"Krippendorff's alpha of {row.measure} is not defined: {row.reason}."
            continue
        known = row.speaker_ci_low < row.speaker_ci_high
        interval = f"95 % interval over speakers {row.speaker_ci_low:.3f} to {row.speaker_ci_high:.3f}"
        lack = "every resample is the same" if row.alpha == 1 else "too few speakers"
        yield (
            f"Krippendorff's alpha of {row.measure} ({row.level}) is {row.alpha:.3f} "
            f"({interval if known else f'no interval: {lack}'}): {_verdict(row.alpha)}."
        )
    yield from _kappa_words(tables["kappa"])
    yield from _icc_words(tables["icc"])
    known = tables["raters"].dropna(subset="agreement").sort_values("agreement")
    if len(known):
        low, high = known.iloc[0], known.iloc[-1]
        yield (
            f"A rater chooses the emotion that most of the others choose in {low['agreement']:.0%} ({low['rater']}) to "
            f"{high['agreement']:.0%} ({high['rater']}) of the utterances."
        )


def _kappa_words(table: pd.DataFrame) -> Iterator[str]:
    known = table.dropna(subset="value").set_index(["measure", "weights", "coefficient"])["value"]
    if ("emotion", "identity", "gwet_ac") in known:
        kappa, first = (known["emotion", "identity", name] for name in ("fleiss_kappa", "gwet_ac"))
        yield f"Fleiss' kappa of emotion is {kappa:.3f}, Gwet's AC1 {first:.3f}."
    scales = [scale for scale in SCALES if (scale, "quadratic", "conger_kappa") in known]
    each = [
        f"{scale} {known[scale, 'quadratic', 'conger_kappa']:.3f} ({known[scale, 'quadratic', 'gwet_ac']:.3f})"
        for scale in scales
    ]
    if each:
        yield f"Quadratically weighted kappa, and Gwet's AC2: {', '.join(each)}."


def _icc_words(table: pd.DataFrame) -> Iterator[str]:
    """Reliability of a mean: where all raters judged, and where raters rotate or ratings are missing."""
    averaged = table.query("type == 'ICC(A,k)' and icc >= 0")  # a negative value does not estimate a share
    if len(averaged):
        each = [f"{row.measure} {row.icc:.2f}" for row in rows(averaged)]
        k = int(averaged["raters"].iloc[0])
        yield f"Reliability of the mean of {k} raters, ICC(A,{k}): {', '.join(each)}."
    complete = table[table["type"] == "ICC(A,k)"].set_index("measure")["utterances"]
    rotating = table.query("type == 'rotating,k' and icc >= 0")
    rotating = rotating[rotating["utterances"] > rotating["measure"].map(complete).fillna(0)]
    if len(rotating):
        each = [f"{row.measure} {row.icc:.2f} ({row.raters:.1f} raters)" for row in rows(rotating)]
        yield f"Reliability of the mean where raters rotate or ratings are missing, one-way ICC: {', '.join(each)}."


def _verdict(alpha: float) -> str:
    if alpha >= RELIABLE:
        return f"reliable by Krippendorff's bound of {RELIABLE}"
    if alpha >= TENTATIVE:
        return f"good for tentative conclusions only (between {TENTATIVE} and {RELIABLE})"
    return f"single ratings are unreliable (below {TENTATIVE})"


def _verdicts(tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    raters = len(tables["raters"])
    for row in rows(tables["alpha"].query("level != 'ordinal'").dropna(subset="alpha")):
        how, meaning = _CONSEQUENCES[int(row.alpha >= TENTATIVE) + int(row.alpha >= RELIABLE)]
        yield Verdict(
            sentence=f"Single ratings of {row.measure} are {how}.",
            effect="Krippendorff's alpha",
            value=row.alpha,
            low=row.speaker_ci_low,
            high=row.speaker_ci_high,
            n=f"{row.utterances:,} utterances, {raters} raters",
            meaning=meaning,
        )


_CONSEQUENCES = (
    ("unreliable", f"Below {TENTATIVE}, one rater is no ground truth: use the mean or the votes of all raters."),
    (
        "good for tentative conclusions",
        f"Below {RELIABLE}: prefer the mean or the votes of all raters.",
    ),
    ("reliable", f"From {RELIABLE} on, raters can stand in for one another."),
)


def _warnings(wide: Mapping[str, pd.DataFrame], store: Store) -> Iterator[str]:
    several = int(wide["emotion"].map(lambda name: isinstance(name, str) and TIE in name).to_numpy().sum())
    if several:
        yield f"{several:,} judgements contain several emotions; each combination counts as a separate emotion"
    doubled = len(store.ratings) - len(store.ratings.drop_duplicates(["id", "rater"]))
    if doubled:
        yield f"{doubled:,} judgements repeat an utterance that the same rater had already judged, and are left out"
    for scale in SCALES:
        incomplete = int(wide[scale].isna().any(axis=1).sum())
        if incomplete:
            yield f"{incomplete:,} utterances lack a rating of {scale} and are left out of ICC(1), (A) and (C)"


_CAPTIONS = {
    "alpha": "Krippendorff's alpha of each scale and emotion, with 95 % intervals over speakers: 0 is what chance "
    "gives, 1 is agreement in every case.",
    "raters": "How often each rater chooses the emotion that most of the others choose, with 95 % intervals.",
    "confusion": "What another rater says (columns) where one says an emotion (rows); the shares of a row add up to 1.",
}


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, Draw]:
    scales, each = tables["alpha"], tables["alpha_by_emotion"]
    named = [
        scales.assign(row=scales["measure"] + ", " + scales["level"]),
        each.assign(row=each["emotion"] + " or not"),
    ]
    alphas = pd.concat(named).rename(columns={"alpha": "value", "speaker_ci_low": "low", "speaker_ci_high": "high"})
    raters = tables["raters"].rename(columns={"rater": "row", "agreement": "value", "ci_low": "low", "ci_high": "high"})
    drawn: dict[str, Draw] = {}
    known = alphas.assign(series="alpha")[["row", "series", "value", "low", "high"]].dropna(subset="value")
    if len(known):
        drawn["alpha"] = partial(estimates.dots, known, label="Krippendorff's alpha, 95 % interval over speakers")
    known = raters.assign(series="rater").dropna(subset="value")
    if len(known):
        label = "share of utterances with the emotion that most other raters choose"
        drawn["raters"] = partial(estimates.dots, known, label=label, span=(0, 1))
    if len(tables["confusion"]):
        drawn["confusion"] = partial(figures.confusion, tables["confusion"])
    return drawn


ANALYSIS = Analysis(name="agreement", title="Agreement of the raters", config=AgreementConfig, run=run)
