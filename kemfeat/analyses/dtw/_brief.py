"""Which columns of each table a reader sees first, and the test as a line in the style of the APA."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from kemfeat.analyses import apa, rows
from kemfeat.analyses.brief import Brief, Column, values
from kemfeat.analyses.dtw._findings import ClusterFindings
from kemfeat.figures.units import signal_words, with_unit


def briefs(found: ClusterFindings) -> dict[str, Brief]:
    """One for each table; some headings have the unit of the signal."""
    unit = found.cohort.unit
    measured = signal_words()[found.cohort.signal]
    compared = f"{measured}, 0 to 1" if found.config.scale else with_unit(measured, unit)
    shape = Column(head="Shape", of=("shape",), words={"medoid": "Medoid", "barycentre": "Barycentre"})
    return {
        **_OF_EMOTION,
        **_OF_CLUSTERS,
        "shapes": Brief(
            title="Shape of each cluster",
            columns=(*values(cluster="Cluster"), shape, *values(time_s="Time (s)", value=compared)),
        ),
        "members": Brief(
            title="Series and their clusters",
            columns=(
                *values(id="Utterance", emotion="Emotion", cluster="Cluster", silhouette="Silhouette"),
                *values(**{f"low_{unit}": with_unit("Lowest", unit), f"high_{unit}": with_unit("Highest", unit)}),
            ),
        ),
    }


_OF_EMOTION = {
    "association": Brief(
        title="Association of clusters and emotions",
        columns=(
            *values(utterances="Utterances", cramers_v="Cramér's V", ami="Adjusted mutual information"),
            Column(head="p within speakers", of=("p_permutation",), form="p"),
        ),
    ),
    "cluster_by_emotion": Brief(
        title="Emotions in each cluster",
        columns=(
            *values(cluster="Cluster", emotion="Emotion", n="Utterances", expected="Expected"),
            Column(head="Share of the emotion", of=("share_of_emotion",), form="share"),
        ),
    ),
}

_OF_CLUSTERS = {
    "clusters": Brief(
        title="Clusters",
        columns=values(
            cluster="Cluster", series="Series", speakers="Speakers", mean_silhouette="Mean silhouette", medoid="Medoid"
        ),
    ),
    "indices": Brief(
        title="Numbers of clusters compared",
        columns=values(k="Clusters", chosen="Chosen", Sil="Silhouette", DB="Davies-Bouldin", cost="Cost"),
    ),
    "starts": Brief(
        title="Random starts",
        columns=values(k="Clusters", start="Start", cost="Cost"),
    ),
    "bootstrap": Brief(
        title="Stability under resampling",
        columns=values(resample="Resample", ari="Adjusted Rand index"),
    ),
}


def lines(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    """The test of clusters and emotions; no table where there is one emotion only."""
    if "association" not in tables:
        return {}
    made = (
        apa.line(
            "clusters and emotion",
            apa.chi_square(row.chi2, df=row.df, n=row.utterances),
            apa.p_value(row.p_chi2),
            apa.effect("Cramér's V", row.cramers_v, bounded=True),
            apa.p_value(row.p_permutation, "permutation within speakers p"),
        )
        for row in rows(tables["association"])
    )
    return {"association": tuple(filter(None, made))}
