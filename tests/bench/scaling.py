"""How much faster two workers build than one, against how much faster two processes transform than one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial

from . import Comparison, _process
from ._context import WORKERS, Context, build
from ._record import Row
from ._rounds import Contestant, spread


def measure(context: Context) -> Iterator[Row]:
    """The ratio of both speed-ups, and each of them."""
    utterances = context.size
    corpus = context.corpus(utterances)
    blocks = context.pick(full=60_000, quick=12_000)

    def built(workers: int) -> float:
        out = context.folder("scaled")
        seconds = build(corpus, out, workers=workers).seconds
        shutil.rmtree(out)
        return seconds

    def transformed(processes: int) -> float:
        ran = _process.module("peers.fft", "--processes", processes, "--blocks", blocks)
        return float(json.loads(ran.out)["seconds"])

    turns: dict[str, Callable[[], float]] = {
        "build, 1 worker": partial(built, 1),
        f"build, {WORKERS} workers": partial(built, WORKERS),
        "FFT, 1 process": partial(transformed, 1),
        f"FFT, {WORKERS} processes": partial(transformed, WORKERS),
    }
    contestants = {name: Contestant(open=partial(_same, turn)) for name, turn in turns.items()}
    samples = context.contest(contestants, rounds=context.pick(full=3, quick=2)).samples
    yield efficiency(
        samples,
        what=f"speed-up of a build of {utterances:,} utterances, {WORKERS} workers against 1, "
        f"as a share of the speed-up of pure FFT",
    )


def efficiency(samples: dict[str, list[float]], *, what: str) -> Row:
    """The build's speed-up over that of the transforms; ``samples`` in the order of the turns."""
    by_round = [(one / two) / (alone / both) for one, two, alone, both in zip(*samples.values(), strict=True)]
    one, two, alone, both = (spread(seconds).value for seconds in samples.values())
    return Row(
        key="scaling.efficiency",
        what=what,
        unit="of FFT",
        value=(one / two) / (alone / both),
        low=min(by_round),
        high=max(by_round),
        samples={name: tuple(seconds) for name, seconds in samples.items()},
        sample_unit="s",
        note="the build is the whole command, with imports, annotation and tables, which no worker shares; the "
        "transforms are timed from when all processes are ready.",
    )


def _same(turn: Callable[[], float]) -> Callable[[], float]:
    return turn


COMPARISON = Comparison(measure=measure)
