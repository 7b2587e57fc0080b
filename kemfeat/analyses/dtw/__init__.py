"""Clusters of series of one signal by their shape, and a test whether clusters are associated with emotion.

Every series is scaled to 0 to 1 by its own range, as in system 1, compared with every other by dynamic time warping
(absolute cost, ``symmetric2``), and clustered around medoids. FasterPAM from several starts is the default; ``tsclust``
repeats system 1's alternation. How distinct clusters are and whether they are associated with emotion are different
questions: the second is tested, by permutations within speakers.
"""

from __future__ import annotations

from pathlib import Path

from kemfeat import parallel
from kemfeat.analyses import Analysis, AnalysisResult
from kemfeat.analyses.dtw import _choice as choice
from kemfeat.analyses.dtw._brief import briefs, lines
from kemfeat.analyses.dtw._config import DtwClustersConfig
from kemfeat.analyses.dtw._distances import DistanceStorage, measure
from kemfeat.analyses.dtw._figures import figures
from kemfeat.analyses.dtw._findings import find
from kemfeat.analyses.dtw._series import Cohort, read
from kemfeat.analyses.dtw._tables import tables, values
from kemfeat.analyses.dtw._words import captions, summary, verdicts, warnings
from kemfeat.errors import AnalysisError
from kemfeat.stats import dtw
from kemfeat.store.reader import Store

_GB = 1e9


def run(store: Store, config: DtwClustersConfig) -> AnalysisResult:
    """Cluster the series of one signal, and test whether clusters are associated with emotion.

    Parameters
    ----------
    store : Store
        A store with the signal.
    config : DtwClustersConfig
        What is clustered, and how.

    Returns
    -------
    AnalysisResult
        Tables of indices, clusters, members, shapes, starts and resamples; of the association with emotion where there
        are two or more emotions.

    Raises
    ------
    ConfigError
        The label rule does not exist, or ``init`` does not contain k different series.
    AnalysisError
        The store does not have the signal, too few series are left or all are equal, or ``tsclust`` needs more memory.
    StoreError
        Blocks on disk cannot be written or read.
    WorkerError
        A worker died, or the workers of the scheduler cannot be used.
    """
    workers = config.workers or parallel.default_workers()
    cohort = read(store, signal=config.signal, labels=config.labels, workers=workers)
    _check_size(cohort, config, store)
    scaled = dtw.scale(cohort.series)
    series = scaled.series if config.scale else cohort.series
    room = DistanceStorage(
        memory=config.memory * _GB,
        folder=config.blocks or _blocks_of(store),
        workers=workers,
        scheduler=config.scheduler,
    )
    distances = measure(series, config=config.distance, room=room, seed=config.seed)
    if not distances.matrix.any():
        raise AnalysisError(
            f"{store.path}: all {len(series):,} series of {config.signal} are equal, expected series that differ; "
            "choose another --signal or --labels"
        )
    method = choice.Method(name=config.method, restarts=config.restarts, seed=config.seed, init=config.init)
    least, largest = config.k_range
    trials = choice.try_all(distances.matrix, ks=range(least, largest + 1), method=method, workers=workers)
    found = find(cohort, scaled, series, distances=distances, trials=trials, config=config)
    made = tables(found)
    return AnalysisResult(
        summary=summary(found),
        tables=made,
        briefs=briefs(found),
        lines=lines(made),
        figures=figures(found),
        captions=captions(found),
        verdicts=verdicts(found),
        values=values(found),
        warnings=warnings(found),
    )


def _blocks_of(store: Store) -> Path:
    """Where blocks of distances are kept: in the store, or here for one that is behind an address."""
    return (store.path if isinstance(store.path, Path) else Path()) / "analyses" / "dtw"


def _check_size(cohort: Cohort, config: DtwClustersConfig, store: Store) -> None:
    n, largest = len(cohort.series), config.k_range[1]
    if n <= largest:
        raise AnalysisError(
            f"{store.path}: {n} labelled utterances have {config.signal}; expected more than the largest k, {largest}: "
            "lower --k or --k-range, or choose another --signal or --labels"
        )
    needed = n**2 * 8 / _GB
    if config.method == "tsclust" and needed > config.memory:
        raise AnalysisError(
            f"{store.path}: tsclust needs all distances of {n:,} series at once, {needed:.1f} GB; raise --memory "
            f"({config.memory:g} GB), or use --method fasterpam"
        )


ANALYSIS = Analysis(name="dtw", title="Clusters of signals by DTW", config=DtwClustersConfig, run=run)
