"""Measures ways to split skin conductance on signals whose parts are known; NeuroKit2 where it is installed.

``python -m kemfeat_bench.tools.skin_conductance`` prints the tables of decision 22.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from kemfeat.features._skin_conductance import Parts, decompose, responses

Floats = NDArray[np.float64]
RATE, FINE, SECONDS, RECORDINGS = 4.0, 100.0, 300.0, 40
SMALLEST, LARGE = 0.03, 0.05
CONTEXTS = (0, 2, 5, 10, 20, 30, 60)


class Skin(NamedTuple):
    """A recording of five minutes, its parts [uS] and the onsets [s] and amplitudes [uS] of its responses."""

    values: Floats
    tonic: Floats
    phasic: Floats
    onsets: Floats
    amplitudes: Floats


def skin(rng: np.random.Generator, *, noise: float) -> Skin:
    """A level that wanders, six responses a minute of 0.03 to 0.6 uS and any usual shape, and white noise."""
    times = np.arange(SECONDS * FINE) / FINE
    onsets = np.sort(rng.uniform(0, SECONDS, rng.poisson(SECONDS / 10)))
    onsets = onsets[np.diff(onsets, prepend=-9.0) > 1.5]
    amplitudes = np.exp(rng.uniform(np.log(0.03), np.log(0.6), len(onsets)))
    phasic = np.zeros(len(times))
    for onset, amplitude in zip(onsets, amplitudes, strict=True):
        since, rise, decay = np.maximum(times - onset, 0), rng.uniform(0.5, 1.0), rng.uniform(1.5, 3.5)
        shape = np.exp(-since / decay) - np.exp(-since / rise)
        phasic += amplitude * shape / max(shape.max(), 1e-9)
    walk = np.cumsum(rng.normal(size=len(times))) / np.sqrt(FINE)
    walk = signal.lfilter(*signal.butter(2, 0.04 / FINE), walk)
    tonic = rng.uniform(0.5, 6) + 0.15 * (walk - walk.mean())
    step = int(FINE / RATE)
    tonic, phasic = tonic[::step], phasic[::step]
    return Skin(tonic + phasic + rng.normal(scale=noise, size=len(tonic)), tonic, phasic, onsets, amplitudes)


def found(peaks: Floats, onsets: Floats) -> int:
    """How many onsets have a peak of their own within 3.5 s."""
    free = list(peaks)
    hits = 0
    for onset in onsets:
        near = [peak for peak in free if -0.3 < peak - onset < 3.5]
        if near:
            free.remove(near[0])
            hits += 1
    return hits


def ways() -> dict[str, Callable[[Floats], Parts | None]]:
    """Ways to split, by name."""
    known: dict[str, Callable[[Floats], Parts | None]] = {"kemfeat": partial(decompose, rate=RATE)}
    try:
        import neurokit2
    except ImportError:
        return known

    def neurokit(values: Floats, *, method: str) -> Parts:
        split: Any = neurokit2.eda_phasic(values, sampling_rate=RATE, method=method)
        return Parts(split["EDA_Tonic"].to_numpy(), split["EDA_Phasic"].to_numpy())

    methods = ("highpass", "cvxeda", "sparsEDA", "smoothmedian")
    return known | {f"neurokit2 {method}": partial(neurokit, method=method) for method in methods}


def compare(noise: float) -> None:
    """Print how well each way finds the responses and the parts."""
    for name, split in ways().items():
        rng, rows = np.random.default_rng(1), []
        for _ in range(RECORDINGS):
            skin_ = skin(rng, noise=noise)
            began = time.perf_counter()
            parts = split(skin_.values)
            seconds = time.perf_counter() - began
            assert parts is not None
            peaks = responses(parts.phasic, smallest=SMALLEST).peaks / RATE
            large = skin_.onsets[skin_.amplitudes >= LARGE]
            false = len(peaks) - found(peaks, skin_.onsets)
            error = np.sqrt(np.mean((parts.tonic - skin_.tonic) ** 2))
            match = np.corrcoef(parts.phasic, skin_.phasic)[0, 1]
            rows.append((found(peaks, large), len(large), false, error, match, np.mean(parts.phasic < 0), seconds))
        hits, wanted, false, *rest = np.transpose(rows)
        error, match, negative, seconds = (float(np.mean(each)) for each in rest)
        sys.stdout.write(
            f"| {name} | {noise:g} | {hits.sum() / wanted.sum():.2f} | {60 * false.sum() / RECORDINGS / SECONDS:.1f} "
            f"| {error:.3f} | {match:.2f} | {negative:.2f} | {1000 * seconds:.0f} |\n"
        )


def contexts() -> None:
    """Print how well the means of utterances of 1 to 8 s come out, by the seconds around them that are split."""
    rng = np.random.default_rng(3)
    rows: dict[int, list[tuple[float, float, float]]] = {context: [] for context in CONTEXTS}
    for _ in range(RECORDINGS):
        skin_ = skin(rng, noise=0.005)
        for start in rng.uniform(65, SECONDS - 75, 6):
            first, last = (round(RATE * second) for second in (start, start + rng.uniform(1, 8)))
            own = slice(first, last)
            for context, told in rows.items():
                begin = first - round(context * RATE)
                parts = decompose(skin_.values[begin : last + round(context * RATE)], rate=RATE)
                assert parts is not None
                within = slice(first - begin, last - begin)
                tonic = parts.tonic[within].mean() - skin_.tonic[own].mean()
                told.append((tonic, parts.phasic[within].mean(), skin_.phasic[own].mean()))
    for context, told in rows.items():
        tonic, phasic, truth = np.transpose(told)
        error, match = np.sqrt(np.mean(tonic**2)), np.corrcoef(phasic, truth)[0, 1]
        sys.stdout.write(f"| {context} | {error:.3f} | {match:.2f} |\n")


if __name__ == "__main__":
    for level in (0.002, 0.01):
        compare(level)
    contexts()
