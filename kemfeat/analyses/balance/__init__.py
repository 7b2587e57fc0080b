"""How many utterances each class has, how long they are, and what a store cuts off them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from kemfeat.analyses import Analysis, AnalysisResult, Draw, Verdict, rows
from kemfeat.analyses.balance._brief import BRIEFS
from kemfeat.config import FrozenConfig
from kemfeat.errors import AnalysisError
from kemfeat.figures import balance as figures
from kemfeat.labels import EMOTIONS, FIVE_CLASSES, FOUR_CLASSES, TIE
from kemfeat.store.reader import Store

SCHEMES: Mapping[str, tuple[str, ...]] = {"7class": EMOTIONS, "5class": FIVE_CLASSES}
"""The classes that each label rule keeps, for every corpus; see :func:`_schemes`."""

CONTROL_TOKENS = 2
"""``[CLS]`` and ``[SEP]``, which a row of tokens contains in addition to the pieces of its text."""

_QUANTILES = {"p5": 0.05, "median": 0.5, "p95": 0.95}
_UNITS = {"duration_s": "duration [s]", "n_pieces": "text length [pieces]"}


class BalanceConfig(FrozenConfig):
    """Nothing to set: everything is counted."""


def run(store: Store, _config: BalanceConfig) -> AnalysisResult:
    """Count classes, ties, lengths and truncated utterances.

    Parameters
    ----------
    store : Store
        A store with emotion labels.
    _config : BalanceConfig
        There are no settings.

    Returns
    -------
    AnalysisResult
        Tables ``classes``, ``ties``, ``baselines``, ``lengths`` and ``truncation``.

    Raises
    ------
    AnalysisError
        No utterance has an emotion.
    """
    table = store.utterances.rename(columns={"duration": "duration_s"})
    if not table["emotion"].fillna("").astype(bool).any():
        raise AnalysisError(
            f"{store.path}: no utterance has an emotion, expected a label for some; build the store with "
            "--set labels=votes if only the raters' votes are known"
        )
    schemes = _schemes(store)
    tallied = {rule: table.assign(emotion=store.labels(rule)) for rule in schemes}
    classes = pd.concat([_classes(tallied[rule], rule, schemes[rule]) for rule in schemes], ignore_index=True)
    widest = next(iter(schemes))
    tables = {
        "classes": classes,
        "ties": _ties(table),
        "baselines": pd.DataFrame([_baseline(classes[classes["labels"] == rule], rule) for rule in schemes]),
        "lengths": _lengths(tallied[widest]),
        "truncation": pd.DataFrame([_cut(*row) for row in _limits(store)], columns=_CUT_COLUMNS),
    }
    return AnalysisResult(
        summary=tuple(_summary(tables, utterances=len(table))),
        tables=tables,
        figures=_figures(store, tables, table),
        captions=_captions(store, tables),
        briefs=BRIEFS,
        verdicts=tuple(_verdicts(tables)),
        values={"utterances": len(table), "speakers": int(table["speaker"].nunique())},
        warnings=tuple(_warnings(tables, widest)),
    )


def _schemes(store: Store) -> dict[str, tuple[str, ...]]:
    """The label rules that are counted, and their classes; the first rule keeps all emotions of the corpus.

    Where a corpus has emotions beyond the seven, ``first`` counts every emotion, and a tie as its first one.
    """
    own = store.emotions
    if set(own) <= set(EMOTIONS):
        return dict(SCHEMES)
    merged = {"4class": FOUR_CLASSES} if "excited" in own else {}
    return {"first": tuple(own), **SCHEMES, **merged}


def _classes(table: pd.DataFrame, rule: str, names: Sequence[str]) -> pd.DataFrame:
    """One row per class of the rule, including classes without an utterance."""
    labelled = table.dropna(subset="emotion")
    by_class = labelled.groupby("emotion")
    counted = pd.DataFrame(
        {
            "utterances": by_class.size(),
            "speakers": by_class["speaker"].nunique(),
            "sessions": by_class["session"].nunique(),
            "minutes": by_class["duration_s"].sum() / 60,
        }
    )
    counted = counted.reindex(list(names), fill_value=0).sort_values("utterances", ascending=False, kind="stable")
    shares = counted["utterances"] / max(len(labelled), 1)
    return counted.assign(labels=rule, share=shares).rename_axis("emotion").reset_index()[_CLASS_COLUMNS]


_CLASS_COLUMNS = ["labels", "emotion", "utterances", "share", "speakers", "sessions", "minutes"]


def _ties(table: pd.DataFrame) -> pd.DataFrame:
    """How often each combination of emotions is tied for the most votes."""
    kinds = table.loc[table["is_tie"].astype(bool), "emotion"].value_counts()
    return pd.DataFrame(
        {
            "tie": kinds.index.astype(str),
            "emotions": [name.count(TIE) + 1 for name in kinds.index],
            "utterances": kinds.to_numpy(),
            "share_of_all": kinds.to_numpy() / len(table),
        }
    )


def _baseline(classes: pd.DataFrame, rule: str) -> dict[str, object]:
    """The scores of a model that always predicts the most frequent class; a model below it has learnt nothing.

    With the share p of that class its F1 is 2 p / (1 + p); that of every other class is 0. Classes without an
    utterance do not count, because nothing can be scored on them.
    """
    counts = classes["utterances"].to_numpy(dtype=np.float64)
    k = int((counts > 0).sum())
    shares = counts / counts.sum() if k else np.full(len(counts), np.nan)
    top = float(shares.max())
    present = shares[shares > 0]
    return {
        "labels": rule,
        "classes": k,
        "utterances": int(counts.sum()),
        "majority": classes["emotion"].iloc[int(counts.argmax())] if k else None,
        "accuracy": top,
        "balanced_accuracy": 1 / k if k else np.nan,
        "macro_f1": 2 * top / (1 + top) / k if k else np.nan,
        "weighted_f1": 2 * top**2 / (1 + top),
        "largest_to_smallest": float(counts.max() / counts[counts > 0].min()) if k else np.nan,
        "effective_classes": float(np.exp(-np.sum(present * np.log(present)))) if present.size else np.nan,
    }


def _lengths(table: pd.DataFrame) -> pd.DataFrame:
    """Duration and text length of each class and of all, in long form."""
    made = []
    for measure in ("duration_s", "n_pieces"):
        if measure not in table:
            continue
        groups = [("all", table), *table.groupby("emotion")]
        made += [{"measure": measure, "emotion": name, **_spread(part[measure])} for name, part in groups]
    return pd.DataFrame(made)


def _spread(values: pd.Series) -> dict[str, object]:
    known = values.dropna().astype(np.float64)
    quantiles = {name: float(known.quantile(at)) for name, at in _QUANTILES.items()}
    sizes = {"utterances": len(known), "missing": len(values) - len(known)}
    return {**sizes, "mean": known.mean(), "sd": known.std(), "min": known.min(), **quantiles, "max": known.max()}


_Limit = tuple[str, str, int, pd.Series, pd.Series]


def _limits(store: Store) -> Iterator[_Limit]:
    """Feature, unit, capacity of a row, and for each utterance how much there was and how much is stored."""
    table, arrays = store.utterances, store.header.arrays
    for name in ("mel", "log_spectrogram", "mfcc"):
        if name in arrays and f"{name}_frames_total" in table:
            yield name, "frames", arrays[name].shape[1], table[f"{name}_frames_total"], table[f"{name}_frames"]
    if "input_ids" in arrays and "n_pieces" in table:
        holds = arrays["input_ids"].shape[1] - CONTROL_TOKENS
        yield "tokens", "pieces", holds, table["n_pieces"], table["n_pieces"].clip(upper=holds)
    for medium in ("eda", "temp", "ecg"):
        if medium in arrays and f"{medium}_length_total" in table:
            holds = arrays[medium].shape[1]
            yield medium, "samples", holds, table[f"{medium}_length_total"], table[f"{medium}_length"]


def _cut(feature: str, unit: str, holds: int, total: pd.Series, stored: pd.Series) -> tuple[object, ...]:
    present = stored > 0
    there, kept = total[present].astype(np.float64), stored[present].astype(np.float64)
    lost = there - kept
    cut = lost > 0
    share = float(lost[cut].sum() / there.sum()) if there.sum() else 0.0
    row = (feature, unit, holds, int(present.sum()), int(cut.sum()), float(cut.mean()) if len(cut) else np.nan, share)
    # The last column is the smallest size that would cut at most one utterance in a hundred.
    return (*row, there.max(), float(there.quantile(0.99, interpolation="higher")) if len(there) else np.nan)


_CUT_COLUMNS = [
    *("feature", "unit", "row_holds", "utterances", "cut", "share_cut", "share_of_content_lost", "longest"),
    "p99_length",
]


def _summary(tables: Mapping[str, pd.DataFrame], *, utterances: int) -> Iterator[str]:
    for row in rows(tables["baselines"].query("utterances > 0")):
        yield (
            f"{row.labels} keeps {row.utterances:,} of {utterances:,} utterances, {row.accuracy:.1%} of them "
            f"{row.majority}; a model that always predicts {row.majority} has accuracy {row.accuracy:.3f}, balanced "
            f"accuracy {row.balanced_accuracy:.3f} and macro-F1 {row.macro_f1:.3f}."
        )
    ties = tables["ties"]
    if len(ties):
        yield (
            f"{ties['utterances'].sum():,} utterances ({ties['share_of_all'].sum():.1%}) are ties of {len(ties)} "
            f"kinds, most often {ties['tie'].iloc[0]} ({ties['utterances'].iloc[0]:,})."
        )
    for row in rows(tables["lengths"].query("emotion == 'all' and utterances > 0")):
        yield (
            f"{_UNITS[row.measure].capitalize()}: median {row.median:.3g}, 5 % to 95 % {row.p5:.3g} to {row.p95:.3g}, "
            f"longest {row.max:.3g}."
        )
    cuts = [
        f"{row.feature} {row.cut:,} of {row.utterances:,} (rows hold {row.row_holds:,} {row.unit})"
        for row in rows(tables["truncation"])
    ]
    if cuts:
        yield f"Cut by the store: {', '.join(cuts)}."


def _warnings(tables: Mapping[str, pd.DataFrame], widest: str) -> Iterator[str]:
    classes = tables["classes"][tables["classes"]["labels"] == widest]
    speakers = int(classes["speakers"].max())
    absent = classes["emotion"][classes["utterances"] == 0]
    if len(absent):
        yield f"no utterance is labelled {', '.join(absent)}; these classes count in no baseline and in no figure"
    rare = classes[(classes["utterances"] > 0) & (classes["speakers"] < speakers / 2)]
    if len(rare):
        names = ", ".join(f"{row.emotion} ({row.speakers})" for row in rows(rare))
        widest_class = classes["emotion"].iloc[int(classes["speakers"].argmax())]
        yield (
            f"these classes have fewer than half as many speakers as {widest_class} ({speakers}): {names}; "
            "a fold without those speakers cannot be scored on these classes"
        )
    missing = tables["lengths"].query("emotion == 'all' and missing > 0")
    yield from (f"{row.missing:,} utterances have no {_UNITS[row.measure]}" for row in rows(missing))


def _verdicts(tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """The most frequent class of the first rule, and what always predicting it would score."""
    for row in rows(tables["baselines"].query("utterances > 0").head(1)):
        yield Verdict(
            sentence=f"{row.accuracy:.0%} of the labelled utterances are {row.majority}.",
            effect=f"share of {row.majority}",
            value=row.accuracy,
            n=f"{row.utterances:,} utterances in {row.classes} classes ({row.labels})",
            meaning=f"A model that always says {row.majority} has accuracy {row.accuracy:.3f}, but macro-F1 "
            f"{row.macro_f1:.3f} and balanced accuracy {row.balanced_accuracy:.3f}: report these.",
        )


def _captions(store: Store, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    counts = {
        f"classes_{rule}": f"Utterances of each class under label rule {rule}, on a logarithmic scale."
        for rule in tables["classes"]["labels"].unique()
    }
    lengths = {
        f"length_{feature}": f"Length of {feature} in {unit}; the line marks the {holds:,} that a row has room for."
        for feature, unit, holds, _, _ in _limits(store)
    }
    return {
        **counts,
        "ties": "Utterances for which several emotions have the most votes, on a logarithmic scale.",
        "duration": "How long utterances are, in seconds.",
        **lengths,
    }


def _figures(store: Store, tables: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> dict[str, Draw]:
    present = tables["classes"].query("utterances > 0")
    drawn: dict[str, Draw] = {
        f"classes_{rule}": partial(figures.class_counts, part) for rule, part in present.groupby("labels", sort=False)
    }
    if len(tables["ties"]):
        drawn["ties"] = partial(figures.class_counts, tables["ties"].rename(columns={"tie": "emotion"}))
    if table["duration_s"].notna().any():
        drawn["duration"] = partial(figures.histogram, table["duration_s"].dropna(), label="duration [s]")
    for feature, unit, holds, total, stored in _limits(store):
        if (stored > 0).any():
            label = f"length of {feature} [{unit}]"
            drawn[f"length_{feature}"] = partial(figures.histogram, total[stored > 0], label=label, limit=holds)
    return drawn


ANALYSIS = Analysis(name="balance", title="Balance of the classes", config=BalanceConfig, run=run)
