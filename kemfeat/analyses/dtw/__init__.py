"""Whether series of one signal fall into shapes, and whether shapes go together with emotion.

Every series is scaled to 0 to 1 by its own range, as in system 1, compared with every other by dynamic time warping
(absolute cost, ``symmetric2``), and clustered around medoids. FasterPAM from several starts is the default; ``tsclust``
repeats system 1's alternation. How clear clusters are and whether they go together with emotion are different
questions: the second is tested, by permutations that leave every speaker's utterances to that speaker.
"""

from __future__ import annotations

from kemfeat import parallel
from kemfeat.analyses import Analysis, AnalysisResult
from kemfeat.analyses.dtw import _choice as choice
from kemfeat.analyses.dtw._config import DtwClustersConfig
from kemfeat.analyses.dtw._distances import DistanceStorage, measure
from kemfeat.analyses.dtw._figures import figures
from kemfeat.analyses.dtw._findings import find
from kemfeat.analyses.dtw._series import Cohort, read
from kemfeat.analyses.dtw._tables import tables, values
from kemfeat.analyses.dtw._words import summary, warnings
from kemfeat.errors import AnalysisError
from kemfeat.stats import dtw
from kemfeat.store.reader import Store

_GB = 1e9


def run(store: Store, config: DtwClustersConfig) -> AnalysisResult:
    """Cluster the series of one signal, and test whether clusters go together with emotion.

    Raises
    ------
    ConfigError
        No such rule of labels, or ``init`` does not name k different series.
    AnalysisError
        The store does not have the signal, too few series are left or all are alike, or ``tsclust`` has no room.
    StoreError
        Blocks on disk cannot be written or read.
    WorkerError
        A worker died, or the scheduler's cannot be used.
    """
    workers = config.workers or parallel.default_workers()
    cohort = read(store, signal=config.signal, labels=config.labels, workers=workers)
    _check_size(cohort, config, store)
    scaled = dtw.scale(cohort.series)
    series = scaled.series if config.scale else cohort.series
    room = DistanceStorage(
        memory=config.memory * _GB,
        folder=config.blocks or store.path / "analyses" / "dtw",
        workers=workers,
        scheduler=config.scheduler,
    )
    distances = measure(series, config=config.distance, room=room, seed=config.seed)
    if not distances.matrix.any():
        raise AnalysisError(f"{store.path}: all {len(series):,} series of {config.signal} are alike: no shapes to find")
    method = choice.Method(name=config.method, restarts=config.restarts, seed=config.seed, init=config.init)
    least, largest = config.k_range
    trials = choice.try_all(distances.matrix, ks=range(least, largest + 1), method=method, workers=workers)
    found = find(cohort, scaled, series, distances=distances, trials=trials, config=config)
    return AnalysisResult(
        summary=summary(found),
        tables=tables(found),
        figures=figures(found),
        values=values(found),
        warnings=warnings(found),
    )


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
