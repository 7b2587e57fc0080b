"""The chosen clustering and all that is computed from it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.analyses.dtw import _choice as choice
from kemfeat.analyses.dtw._choice import Candidate
from kemfeat.analyses.dtw._config import DtwClustersConfig
from kemfeat.analyses.dtw._distances import Distances, nearest
from kemfeat.analyses.dtw._series import Cohort, Series
from kemfeat.arrays import Indices
from kemfeat.stats import dtw, validity
from kemfeat.stats.association import Association, associate
from kemfeat.stats.clustering import bootstrap_stability

BOOTSTRAP_SERIES = 3000
"""Most series that are resampled."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterFindings:
    """The chosen clustering and what was found about it; clusters and series count from 0.

    Parameters
    ----------
    config : DtwClustersConfig
        The settings.
    cohort : Cohort
        The series as measured.
    scaled : Scaled
        The series scaled, and their ranges.
    series : sequence of ndarray, each of shape (samples,)
        The series as compared.
    distances : Distances
        Among the series that were clustered: all, or a sample.
    trials : sequence of Candidate
        One per number of clusters.
    chosen : Candidate
        One of ``trials``.
    labels : ndarray, shape (n,), int
        Cluster of each series.
    medoids : ndarray, shape (k,), int
        The series that is the medoid of each cluster.
    to_medoid : ndarray, shape (n,), float
        Distance of each series to its medoid.
    widths : ndarray, shape (n,), float64, -1 to 1
        Silhouette width of each series; NaN for those that were not clustered but assigned.
    association : Association or None
        Of clusters and emotions; None where there is only one emotion.
    confound : LengthConfound
        Of distance and length.
    bootstrap : ndarray, shape (resamples,), float64
        Adjusted Rand index of every resample.
    barycentres : tuple of ndarray, each of shape (samples,)
        Mean shape of every cluster; empty unless asked for.
    """

    config: DtwClustersConfig
    cohort: Cohort
    scaled: dtw.Scaled
    series: Sequence[Series]
    distances: Distances
    trials: Sequence[Candidate]
    chosen: Candidate
    labels: Indices
    medoids: Indices
    to_medoid: NDArray[np.floating[Any]]
    widths: NDArray[np.float64]
    association: Association | None
    confound: dtw.LengthConfound
    bootstrap: NDArray[np.float64]
    barycentres: tuple[Series, ...]

    @property
    def is_sample(self) -> bool:
        """Whether only some of the series were clustered, and the others assigned."""
        return len(self.distances.sample) < len(self.series)


def find(
    cohort: Cohort,
    scaled: dtw.Scaled,
    series: Sequence[Series],
    *,
    distances: Distances,
    trials: Sequence[Candidate],
    config: DtwClustersConfig,
) -> ClusterFindings:
    """Choose the number of clusters, assign every series to one, and describe the outcome."""
    D, chosen, seed = distances.matrix, choice.best(trials), config.seed
    medoids = distances.sample[chosen.found.medoids]
    labels, to_medoid = _assigned(series, distances, chosen, config)
    widths = np.full(len(series), np.nan)
    widths[distances.sample] = validity.silhouette_widths(D, chosen.found.labels, chosen.found.medoids)
    lengths = cohort.table["samples"].to_numpy()[distances.sample]
    return ClusterFindings(
        config=config,
        cohort=cohort,
        scaled=scaled,
        series=series,
        distances=distances,
        trials=trials,
        chosen=chosen,
        labels=labels,
        medoids=medoids,
        to_medoid=to_medoid,
        widths=widths,
        association=_association(cohort, labels, seed),
        confound=dtw.length_confound(D, lengths=lengths, seed=seed),
        bootstrap=bootstrap_stability(D, chosen.k, max_series=BOOTSTRAP_SERIES, seed=seed),
        barycentres=_barycentres(series, labels, medoids, seed) if config.barycentres else (),
    )


def _assigned(
    series: Sequence[Series], distances: Distances, chosen: Candidate, config: DtwClustersConfig
) -> tuple[Indices, NDArray[np.floating[Any]]]:
    """Cluster of every series and distance to its medoid, including series outside the sample."""
    found = chosen.found
    if len(distances.sample) < len(series):
        return nearest(series, medoids=distances.sample[found.medoids], config=config.distance)
    return found.labels, distances.matrix[np.arange(len(series)), found.medoids[found.labels]]


def _association(cohort: Cohort, labels: Indices, seed: int) -> Association | None:
    table = cohort.table
    if table["emotion"].nunique() < 2:
        return None
    return associate(labels + 1, classes=table["emotion"], speakers=table["speaker"], seed=seed)


def _barycentres(series: Sequence[Series], labels: Indices, medoids: Indices, seed: int) -> tuple[Series, ...]:
    return tuple(
        barycentre(
            [series[place] for place in np.flatnonzero(labels == cluster).tolist()] or [series[medoid]],
            medoid=series[medoid],
            seed=seed,
        )
        for cluster, medoid in enumerate(medoids.tolist())
    )


MOST = 200
"""Most members that a barycentre is the mean of; of more a sample is drawn, as each pass aligns every member again."""


def barycentre(members: Sequence[Series], *, medoid: Series, seed: int) -> Series:
    """The series with the smallest sum of squared DTW distances to the members, starting from the medoid.

    Costs are squared and diagonal steps count once (tslearn's ``dtw``), unlike the distances that made the cluster.

    Parameters
    ----------
    members : sequence of ndarray, each of shape (samples,)
        Members of one cluster, at least one.
    medoid : ndarray, shape (samples,)
        Initial series; the barycentre has its length.
    seed : int, >= 0
        Seed of the sample where there are more members than :data:`MOST`.

    Returns
    -------
    ndarray, shape (samples,), float64
        The barycentre.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="h5py not installed")  # tslearn's own files, not used here
        from tslearn.barycenters import dtw_barycenter_averaging
    drawn = np.random.default_rng(seed).choice(len(members), min(len(members), MOST), replace=False)
    found = dtw_barycenter_averaging([members[place] for place in np.sort(drawn)], init_barycenter=medoid[:, None])
    return np.asarray(found, float)[:, 0]
