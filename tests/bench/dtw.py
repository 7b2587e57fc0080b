"""DTW distances of all pairs, two threads, beside aeon, dtaidistance and tslearn.

Series have lengths like those of skin temperature in KEMDy20: lognormal, median 20, at most 150 samples. Each library
has absolute or squared cost as it comes; the slow one is given fewer series. The figures are per pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kemfeat.stats.dtw import distance_matrix

from . import Comparison
from ._context import WORKERS, Context
from ._record import Row
from ._rounds import Contestant, Turn, figure, rows, wall_seconds

FULL = 12_724
"""Utterances of KEMDy20 with physiology."""
COUNT, SLOW_COUNT = 1_000, 100

Series = list[NDArray[np.float64]]
Distances = Callable[[Series], object]


def measure(context: Context) -> Iterator[Row]:
    """Ratios, and at full size the seconds that all pairs of the corpus take."""
    series = temperature_like(context.pick(full=COUNT, quick=COUNT // 2))

    def contestant(prepare: Callable[[], Distances], *, library: str = "", count: int = COUNT) -> Contestant:
        what = f"DTW of all pairs of {min(count, len(series)):,} series beside {library}"
        return Contestant(open=lambda: _turn(prepare(), series[:count]), what=what, library=library)

    aeon = contestant(_aeon, library="aeon")
    contestants = {
        "kemfeat": contestant(lambda: partial(distance_matrix, n_threads=WORKERS)),
        "aeon": Contestant(open=aeon.open, what=aeon.what, library="aeon", install=_AEON),
        "dtaidistance": contestant(_dtaidistance, library="dtaidistance"),
        "tslearn": contestant(_tslearn, library="tslearn", count=SLOW_COUNT),
    }
    outcome = context.contest(contestants, rounds=context.pick(full=7, quick=3))
    yield from rows("dtw", contestants, outcome, item="pair")
    if not context.quick:
        whole = temperature_like(FULL)
        seconds = wall_seconds(lambda: distance_matrix(whole, n_threads=WORKERS))
        yield figure("dtw.corpus", f"DTW of all pairs of {FULL:,} series, {WORKERS} threads", [seconds], unit="s")


_AEON = "pip install --no-deps aeon Deprecated (it asks for older libraries than kemfeat)"


def temperature_like(count: int, *, seed: int = 0) -> Series:
    """Random series of the lengths of the corpus."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(np.round(rng.lognormal(np.log(20), 0.75, count)), 4, 150).astype(int)
    return [rng.random(length) for length in lengths]


def _aeon() -> Distances:
    from aeon.distances import dtw_pairwise_distance

    return lambda series: dtw_pairwise_distance(series, n_jobs=WORKERS)


def _dtaidistance() -> Distances:
    from dtaidistance import dtw

    if not dtw.try_import_c():
        raise ImportError("dtaidistance came without its compiled part")
    return lambda series: dtw.distance_matrix_fast(series, parallel=True)


def _tslearn() -> Distances:
    from tslearn.metrics import cdist_dtw
    from tslearn.utils import to_time_series_dataset

    # One process: a second only made these few series slower.
    return lambda series: cdist_dtw(to_time_series_dataset(series))


def _turn(distances: Distances, series: Series) -> Turn:
    distances(series[:SLOW_COUNT])
    pairs = len(series) * (len(series) - 1) / 2
    return lambda: wall_seconds(lambda: distances(series)) / pairs


COMPARISON = Comparison(measure=measure, libraries=("aeon", "dtaidistance", "tslearn"))
