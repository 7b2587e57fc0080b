"""Which columns of each table a reader sees first, and the coefficients as lines in the style of the APA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kemfeat.analyses import apa, rows
from kemfeat.analyses.brief import Brief, Column, values

_ALPHA = Column(
    head="Krippendorff's alpha [95 % CI over speakers]",
    of=("alpha", "speaker_ci_low", "speaker_ci_high"),
    form="interval",
)
_COEFFICIENTS = {
    "gwet_ac": "Gwet's AC",
    "fleiss_kappa": "Fleiss' kappa",
    "conger_kappa": "Conger's kappa",
}
_LEVELS = {"nominal": "Nominal", "interval": "Interval", "ordinal": "Ordinal"}
_WEIGHTS = {"identity": "None", "linear": "Linear", "quadratic": "Quadratic"}
_TYPES = {"rotating,1": "Raters rotate, one rater", "rotating,k": "Raters rotate, mean of k"}
_SIGNS = {"gwet_ac": "Gwet's AC", "fleiss_kappa": "Fleiss' κ", "conger_kappa": "Conger's κ"}

BRIEFS = {
    "alpha": Brief(
        title="Krippendorff's alpha",
        columns=(
            *values(measure="Judgement"),
            Column(head="Scale", of=("level",), words=_LEVELS),
            _ALPHA,
            *values(utterances="Utterances"),
        ),
        needs="alpha",
    ),
    "alpha_by_emotion": Brief(
        title="Krippendorff's alpha of each emotion against all others",
        columns=(
            *values(emotion="Emotion"),
            _ALPHA,
            Column(head="Share of ratings", of=("share_of_ratings",), form="share"),
        ),
        needs="alpha",
    ),
    "icc": Brief(
        title="Intraclass correlations",
        columns=(
            *values(measure="Judgement"),
            Column(head="Type", of=("type",), words=_TYPES),
            Column(head="ICC [95 % CI over speakers]", of=("icc", "ci_low", "ci_high"), form="interval"),
            *values(utterances="Utterances", raters="Raters"),
        ),
        needs="icc",
    ),
    "kappa": Brief(
        title="Kappas and Gwet's AC",
        columns=(
            *values(measure="Judgement"),
            Column(head="Weights", of=("weights",), words=_WEIGHTS),
            Column(head="Coefficient", of=("coefficient",), words=_COEFFICIENTS),
            Column(
                head="Value [95 % CI over speakers]",
                of=("value", "speaker_ci_low", "speaker_ci_high"),
                form="interval",
            ),
        ),
        needs="value",
    ),
    "raters": Brief(
        title="Each rater against the others",
        columns=(
            *values(rater="Rater", judged="Utterances"),
            Column(head="Agreement [95 % CI]", of=("agreement", "ci_low", "ci_high"), form="interval"),
            *values(valence_correlation="Correlation, valence", arousal_correlation="Correlation, arousal"),
        ),
        needs="agreement",
    ),
    "confusion": Brief(
        title="What another rater says of the same utterance",
        columns=(
            *values(emotion="One rater says", other="Another says"),
            Column(head="Share of pairs", of=("share",), form="share"),
        ),
    ),
}


def lines(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """The coefficients of each table that has any, one line each; intervals are those over speakers."""
    made = {
        "alpha": (_alpha(f"{row.measure}, {row.level}", row) for row in rows(tables["alpha"])),
        "alpha_by_emotion": (_alpha(f"{row.emotion} or not", row) for row in rows(tables["alpha_by_emotion"])),
        "icc": _icc(tables["icc"]),
        "kappa": _kappa(tables["kappa"]),
    }
    return {name: tuple(filter(None, each)) for name, each in made.items()}


def _alpha(about: str, row: Any) -> str:
    found: dict[str, float] = row._asdict()
    low, high = found["speaker_ci_low"], found["speaker_ci_high"]
    return apa.line(about, apa.effect("Krippendorff's α", found["alpha"], low=low, high=high, bounded=True))


def _icc(table: pd.DataFrame) -> Iterator[str]:
    for row in rows(table):
        name = f"ICC({row.type})" if row.type.startswith("rotating") else row.type
        yield apa.line(
            row.measure,
            apa.effect(name, row.icc, low=row.ci_low, high=row.ci_high, bounded=True),
            apa.f_test(row.F, df1=row.df1, df2=row.df2),
            apa.p_value(row.p),
        )


def _kappa(table: pd.DataFrame) -> Iterator[str]:
    for row in rows(table):
        weights = "" if row.weights == "identity" else f", {row.weights} weights"
        low, high = row.speaker_ci_low, row.speaker_ci_high
        found = apa.effect(_SIGNS[row.coefficient], row.value, low=low, high=high, bounded=True)
        yield apa.line(f"{row.measure}{weights}", found)
