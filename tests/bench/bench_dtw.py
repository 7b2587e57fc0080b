"""DTW distances beside the peers that are installed: ``python tests/bench/bench_dtw.py [--full] [--threads N]``.

Series have lengths like those of skin temperature in KEMDy20: lognormal, median 20, at most 150 samples. Every library
computes the same subset of pairs, absolute or squared cost as it has it, taking turns; the figures are the best of the
rounds, in pairs per second of wall time and of CPU time. ``--full`` also computes all pairs of 12,724 series.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kemfeat.parallel import default_workers
from kemfeat.stats.dtw import distance_matrix

FULL = 12_724  # the utterances of KEMDy20 with physiology
COUNT = 1_000
SLOW_COUNT = 100
ROUNDS = 3

Series = list[np.ndarray]


def temperature_like(count: int, *, seed: int = 0) -> Series:
    rng = np.random.default_rng(seed)
    lengths = np.clip(np.round(rng.lognormal(np.log(20), 0.75, count)), 4, 150).astype(int)
    return [rng.random(length) for length in lengths]


def aeon(threads: int) -> Callable[[Series], Any]:
    distances = importlib.import_module("aeon.distances")
    return lambda series: distances.dtw_pairwise_distance(series, n_jobs=threads)


def dtaidistance(threads: int) -> Callable[[Series], Any]:
    library = importlib.import_module("dtaidistance.dtw")
    if not library.try_import_c():
        raise ImportError("dtaidistance has no compiled part here")
    return lambda series: library.distance_matrix_fast(series, parallel=threads > 1)


def tslearn(threads: int) -> Callable[[Series], Any]:
    metrics, utils = (importlib.import_module(f"tslearn.{name}") for name in ("metrics", "utils"))
    return lambda series: metrics.cdist_dtw(utils.to_time_series_dataset(series), n_jobs=threads)


def contestants(threads: int) -> dict[str, tuple[Callable[[Series], Any], int]]:
    """Per name what to call and how many series to give it."""
    runs: dict[str, tuple[Callable[[Series], Any], int]] = {
        "kemfeat float64": (lambda series: distance_matrix(series, n_threads=threads), COUNT),
        "kemfeat float32": (lambda series: distance_matrix(series, dtype="float32", n_threads=threads), COUNT),
    }
    for peer, count in ((aeon, COUNT), (dtaidistance, COUNT), (tslearn, SLOW_COUNT)):
        try:
            runs[peer.__name__] = (peer(threads), count)
        except ImportError as error:
            sys.stdout.write(f"{peer.__name__:16s} left out: {error}\n")
    return runs


def timed(function: Callable[[Series], Any], series: Series) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    function(series)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--threads", type=int, default=default_workers())
    options = parser.parse_args()
    series = temperature_like(COUNT)
    runs = contestants(options.threads)
    best = dict.fromkeys(runs, (np.inf, np.inf))
    for function, _ in runs.values():
        function(series[:SLOW_COUNT])
    for _ in range(ROUNDS):
        for name, (function, count) in runs.items():
            best[name] = tuple(np.minimum(best[name], timed(function, series[:count])))
    rates = {name: tuple(count * (count - 1) / 2 / np.array(best[name])) for name, (_, count) in runs.items()}
    for name, (wall, cpu) in rates.items():
        ratio = rates["kemfeat float64"][0] / wall
        sys.stdout.write(f"{name:16s} {wall:12,.0f} pairs/s {cpu:12,.0f} pairs/CPU s  kemfeat is {ratio:,.1f} times\n")
    if options.full:
        full = temperature_like(FULL)
        for dtype in ("float64", "float32"):
            wall, cpu = timed(lambda x, d=dtype: distance_matrix(x, dtype=d, n_threads=options.threads), full)
            sys.stdout.write(f"{FULL:,} series {dtype}: {wall:.1f} s, {cpu:.1f} CPU s\n")
    sys.stdout.write(f"{options.threads} threads of {os.cpu_count()} cores, numpy {np.__version__}\n")


if __name__ == "__main__":
    main()
