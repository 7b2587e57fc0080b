"""Figures of a clustering."""

from __future__ import annotations

from functools import partial

import numpy as np

from kemfeat.analyses import Draw
from kemfeat.analyses.dtw import _choice as choice
from kemfeat.analyses.dtw._findings import ClusterFindings
from kemfeat.figures import clusters as drawing
from kemfeat.figures.units import shown_unit

_SHOWN = 25
"""Most members drawn behind a medoid."""

_NAMES = {"temp": "skin temperature", "eda": "skin conductance", "ibi": "inter-beat interval", "mel-energy": "energy"}


def figures(found: ClusterFindings) -> dict[str, Draw]:
    """Every figure by its name."""
    own, sample = found.chosen.found, found.distances.sample
    table = choice.table(found.trials, chosen=found.chosen)
    drawn: dict[str, Draw] = {
        "silhouettes": partial(drawing.silhouettes, found.widths[sample], labels=own.labels + 1),
        "medoids": partial(drawing.medoids, _shapes(found), rate=found.cohort.rate, label=_value_label(found)),
        "distances": partial(
            drawing.distances, found.distances.matrix, labels=own.labels + 1, label=_distance_label(found)
        ),
    }
    if len(found.trials) > 1:
        drawn["indices_by_k"] = partial(drawing.indices_by_k, table, chosen=found.chosen.k)
    return drawn


def _distance_label(found: ClusterFindings) -> str:
    unit = "ranges of a series" if found.config.scale else shown_unit(found.cohort.unit)
    return f"DTW distance [{unit}{' per sample' if found.config.normalize else ''}]"


def _value_label(found: ClusterFindings) -> str:
    name = _NAMES[found.cohort.signal]
    return f"{name}, scaled [0 to 1]" if found.config.scale else f"{name} [{shown_unit(found.cohort.unit)}]"


def _shapes(found: ClusterFindings) -> list[drawing.Shape]:
    rng = np.random.default_rng(found.config.seed)
    shapes = []
    for cluster, medoid in enumerate(found.medoids):
        members = np.flatnonzero(found.labels == cluster)
        shown = np.sort(rng.choice(members, min(len(members), _SHOWN), replace=False))
        shapes.append(
            drawing.Shape(
                title=f"cluster {cluster + 1}, n = {len(members):,}",
                medoid=found.series[medoid],
                members=[found.series[place] for place in shown],
                barycentre=found.barycentres[cluster] if found.barycentres else None,
            )
        )
    return shapes
