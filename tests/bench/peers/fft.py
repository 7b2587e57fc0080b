"""Nothing but float64 transforms of 2,048 samples, in one process or several: how far this machine scales at all."""

from __future__ import annotations

import argparse
import json
import sys
import time
from multiprocessing import get_context
from typing import Any

import numpy as np
import scipy.fft

FRAMES = 32
"""Transformed at once."""


def transform(blocks: int) -> float:
    """Seconds that so many blocks of frames take."""
    frames = np.random.default_rng(0).standard_normal((FRAMES, 2048))
    begun = time.perf_counter()
    for _ in range(blocks):
        scipy.fft.rfft(frames, axis=1, workers=1)
    return time.perf_counter() - begun


def share(blocks: int, ready: Any, seconds: Any) -> None:
    """The work of one process, begun when all are ready."""
    transform(1)
    ready.wait()
    seconds.put(transform(blocks))


def main() -> None:
    """Share the work among fresh processes; starting them is not counted, the slowest decides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--blocks", type=int, required=True)
    options = parser.parse_args()
    spawn = get_context("spawn")
    ready, seconds = spawn.Barrier(options.processes), spawn.SimpleQueue()
    arguments = (options.blocks // options.processes, ready, seconds)
    processes = [spawn.Process(target=share, args=arguments) for _ in range(options.processes)]
    for process in processes:
        process.start()
    slowest = max(seconds.get() for _ in processes)
    for process in processes:
        process.join()
    sys.stdout.write(json.dumps({"seconds": slowest}))


if __name__ == "__main__":
    main()
