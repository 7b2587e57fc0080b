"""Tables and single numbers of a clustering; clusters count from 1 here."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd

from kemfeat.analyses.dtw import _choice as choice
from kemfeat.analyses.dtw._findings import ClusterFindings
from kemfeat.stats.association import Association

SMALLEST = sys.float_info.min
"""Reported for a p-value that is too small for a double: an upper bound, never 0."""


def tables(found: ClusterFindings) -> dict[str, pd.DataFrame]:
    """Every table by its name."""
    members = _members(found)
    return {
        "indices": choice.table(found.trials, chosen=found.chosen),
        "clusters": _clusters(found, members),
        **_association(found.association),
        "shapes": _shapes(found),
        "starts": _starts(found),
        "bootstrap": pd.DataFrame({"resample": np.arange(1, len(found.bootstrap) + 1), "ari": found.bootstrap}),
        "members": members,
    }


def _members(found: ClusterFindings) -> pd.DataFrame:
    unit = found.cohort.unit
    return found.cohort.table.assign(
        cluster=found.labels + 1,
        silhouette=found.widths,
        distance=found.to_medoid.astype(float),
        constant=found.scaled.constant,
        **{f"low_{unit}": found.scaled.low, f"high_{unit}": found.scaled.high},
    )


def _clusters(found: ClusterFindings, members: pd.DataFrame) -> pd.DataFrame:
    """One row per cluster: size, medoid, lengths, constant series."""
    groups = members.groupby("cluster").agg(
        series=("id", "size"),
        speakers=("speaker", "nunique"),
        median_samples=("samples", "median"),
        constant=("constant", "sum"),
        mean_distance=("distance", "mean"),
        mean_silhouette=("silhouette", "mean"),
    )
    clusters = pd.Index(range(1, found.chosen.k + 1), name="cluster")
    return (
        groups.reindex(clusters)
        .fillna({"series": 0, "speakers": 0, "constant": 0})
        .astype({"series": int, "speakers": int, "constant": int})
        .assign(medoid=members["id"].to_numpy()[found.medoids], medoid_row=found.medoids)
        .reset_index()
    )


def _association(found: Association | None) -> dict[str, pd.DataFrame]:
    if found is None:
        return {}
    names = ("ami", "ari", "chi2", "df", "p_chi2", "cramers_v", "p_permutation", "permutations")
    whole = pd.DataFrame([{name: getattr(found, name) for name in names}])
    whole.insert(0, "utterances", int(found.counts.sum()))
    return {
        "association": whole.assign(p_chi2=whole["p_chi2"].clip(lower=SMALLEST)),
        "cluster_by_emotion": _crossed(found),
    }


def _crossed(found: Association) -> pd.DataFrame:
    """One row per cluster and emotion: observed counts, and those expected if the two were unrelated."""
    rows, columns = found.counts.sum(axis=1), found.counts.sum(axis=0)
    expected = np.outer(rows, columns) / found.counts.sum()
    places = pd.MultiIndex.from_product([map(int, found.clusters), found.classes], names=["cluster", "emotion"])
    crossed = pd.DataFrame(
        {
            "n": found.counts.ravel(),
            "expected": expected.ravel(),
            "share_of_emotion": (found.counts / columns).ravel(),
            "pearson_residual": ((found.counts - expected) / np.sqrt(expected)).ravel(),
        },
        index=places,
    )
    return crossed.reset_index()


def _shapes(found: ClusterFindings) -> pd.DataFrame:
    """Medoids, and barycentres where there are any, sample by sample, as they were compared."""
    shapes = [("medoid", found.series[medoid]) for medoid in found.medoids]
    shapes += [("barycentre", series) for series in found.barycentres]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "cluster": place % found.chosen.k + 1,
                    "shape": kind,
                    "time_s": np.arange(len(series)) / found.cohort.rate,
                    "value": series,
                }
            )
            for place, (kind, series) in enumerate(shapes)
        ],
        ignore_index=True,
    )


def _starts(found: ClusterFindings) -> pd.DataFrame:
    """Final cost of every start."""
    return pd.DataFrame(
        {"k": trial.k, "start": start, "cost": cost}
        for trial in found.trials
        for start, cost in enumerate(trial.found.restart_costs, start=1)
    )


def values(found: ClusterFindings) -> dict[str, Any]:
    """Single numbers by name."""
    cohort, chosen, db = found.cohort, found.chosen, choice.preferred_by_db(found.trials)
    spans = found.scaled.high - found.scaled.low
    return {
        "signal": cohort.signal,
        "unit": cohort.unit,
        "sampling_rate_hz": cohort.rate,
        "series": len(found.series),
        "clustered_series": len(found.distances.sample),
        "left_out": {"without_label": cohort.unlabelled, "without_signal": cohort.silent},
        "gapped_series": cohort.gapped,
        "constant_series": int(found.scaled.constant.sum()),
        "span": {"median": np.median(spans), "largest": spans.max()},
        "distance": found.config.distance.model_dump(),
        "k": chosen.k,
        "k_rule": choice.RULE if len(found.trials) > 1 else "as asked for",
        "k_of_davies_bouldin": None if db is None else db.k,
        "cost": chosen.found.cost,
        "indices": dict(chosen.indices),
        "stability": {"starts_ari": chosen.found.stability, "bootstrap_ari": found.bootstrap.mean()},
        "length_confound": {"spearman": found.confound.rho, "pairs": found.confound.pairs},
        "association": _numbers(found.association),
    }


def _numbers(found: Association | None) -> dict[str, float] | None:
    if found is None:
        return None
    names = ("ami", "ari", "chi2", "cramers_v", "p_permutation")
    return {"p_chi2": max(found.p_chi2, SMALLEST), **{name: getattr(found, name) for name in names}}
