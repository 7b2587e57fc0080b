"""CPU time of mel + delta of one utterance, one thread, against librosa: ``python tests/bench/bench_mel.py``.

Both see the same clips, taking turns; each ratio is of medians over the rounds, the spread is the interquartile range.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from kemfeat.features import delta, mel
from kemfeat.records import Signal

SECONDS = 5.95  # the mean of the corpus
RATE = 16000
ROUNDS = 60


def peer(clip: np.ndarray) -> Any:
    powers = librosa.feature.melspectrogram(
        y=clip, sr=RATE, n_fft=2048, hop_length=512, n_mels=128, fmin=100, fmax=8000
    )
    decibels = librosa.power_to_db(powers, ref=np.max)
    return np.stack([decibels.T, librosa.feature.delta(decibels).T])


def ours() -> Callable[[np.ndarray], Any]:
    extract_mel = mel.EXTRACTOR.open(mel.MelConfig(), Path())
    extract_delta = delta.EXTRACTOR.open(delta.DeltaConfig(), Path())

    def extract(clip: np.ndarray) -> Any:
        features = extract_mel({"audio": Signal(clip, RATE, "1")})
        return features, extract_delta({"mel": features})

    return extract


def cpu_time(function: Callable[[np.ndarray], Any], clip: np.ndarray) -> float:
    start = time.process_time()
    function(clip)
    return time.process_time() - start


def main() -> None:
    rng = np.random.default_rng(0)
    clip = (0.1 * rng.standard_normal(round(SECONDS * RATE))).astype(np.float32)
    contestants = {"librosa": peer, "kemfeat": ours()}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for function in contestants.values():
        function(clip)
    for _ in range(ROUNDS):
        for name, function in contestants.items():
            times[name].append(cpu_time(function, clip))
    for name, seconds in times.items():
        low, middle, high = statistics.quantiles(seconds, n=4)
        sys.stdout.write(
            f"{name:8s} {1e3 * middle:6.2f} ms ({1e3 * low:.2f}-{1e3 * high:.2f})  {1 / middle:6.0f} utterances/s\n"
        )
    ratio = statistics.median(times["librosa"]) / statistics.median(times["kemfeat"])
    sys.stdout.write(
        f"ratio    {ratio:6.2f}  librosa {librosa.__version__}, numpy {np.__version__}, {os.cpu_count()} cores\n"
    )


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
