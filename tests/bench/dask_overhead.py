"""What Dask costs: per partition, and over a whole build, against local processes; scheduler and workers run here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from kemfeat.errors import WorkerError
from kemfeat.parallel import Pool, open_pool

from . import Comparison
from ._context import WORKERS, Context, build
from ._record import Row
from ._rounds import Contestant, figure, rows, wall_seconds

ROWS = 128
"""Of a partition."""
_PATIENCE = 60.0


def measure(context: Context) -> Iterator[Row]:
    """Milliseconds per partition that does nothing, and the ratio of two whole builds."""
    with cluster(context.folder("dask")) as address:
        yield from _partitions(context, address)
        yield from _builds(context, address)


def _partitions(context: Context, address: str) -> Iterator[Row]:
    count = context.pick(full=1_000, quick=200)
    with open_pool(scheduler=address) as dask, open_pool(workers=WORKERS) as processes:
        pools = {"dask": dask, "processes": processes}
        contestants = {name: Contestant(open=partial(_opened, pool, count)) for name, pool in pools.items()}
        outcome = context.contest(contestants, rounds=context.pick(full=7, quick=3))
    for key, name in (("partition", "dask"), ("processes", "processes")):
        what = f"time of a worker that a partition of {ROWS} rows costs beside its work, {count} partitions, {name}"
        milliseconds = [1e3 * WORKERS * seconds for seconds in outcome.samples[name]]
        yield figure(f"dask_overhead.{key}", what, milliseconds, unit="ms")


def _builds(context: Context, address: str) -> Iterator[Row]:
    utterances = context.size
    corpus = context.corpus(utterances)

    def built(scheduler: str | None) -> float:
        out = context.folder("dasked")
        seconds = build(corpus, out, scheduler=scheduler).seconds
        shutil.rmtree(out)
        return seconds / utterances

    what = f"whole build of {utterances:,} utterances with --scheduler, {WORKERS} workers, beside as many processes"
    contestants = {
        "processes": _contestant(partial(built, None)),
        "dask": _contestant(partial(built, address), what=what),
    }
    outcome = context.contest(contestants, rounds=context.pick(full=2, quick=1))
    # The key of a row ends with the peer's name, and here the peer is the build on the cluster.
    for row in rows("dask_overhead", contestants, outcome, item="utterance"):
        yield row.model_copy(update={"key": "dask_overhead.build"})


def _contestant(turn: Callable[[], float], *, what: str = "") -> Contestant:
    return Contestant(open=lambda: turn, what=what)


def _opened(pool: Pool, count: int) -> Callable[[], float]:
    tasks = [_task(number) for number in range(count)]
    list(pool.run(nothing, tasks[:WORKERS]))
    return lambda: wall_seconds(lambda: list(pool.run(nothing, tasks))) / count


def _task(number: int) -> dict[str, Any]:
    """As large as what a build sends: ids and places of the rows of a partition."""
    names = [f"Sess01_script01_User001F_{row:03d}" for row in range(ROWS)]
    return {"partition": number, "id": names, "audio": [f"wav/Session01/{name}.wav" for name in names]}


def nothing(task: dict[str, Any]) -> int:
    """What a worker does with it."""
    return len(task["id"])


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A scheduler and its workers as programs of this machine; the address.

    Raises
    ------
    WorkerError
        The scheduler did not start.
    """
    folder.mkdir()
    place = folder / "scheduler.json"
    with ExitStack() as programs:
        programs.enter_context(_running("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", place))
        address = _address(place)
        for _ in range(WORKERS):
            programs.enter_context(
                _running(
                    "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", folder, place
                )
            )
        yield address


@contextmanager
def _running(kind: str, *options: object) -> Iterator[None]:
    *options_, place = map(str, options)
    command = [sys.executable, "-m", "dask", kind, *options_, "--scheduler-file", place]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            yield
        finally:
            program.terminate()


def _address(place: Path) -> str:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if place.is_file() and (text := place.read_text()):
            return str(json.loads(text)["address"])
        time.sleep(0.1)
    raise WorkerError(f"{place}: the Dask scheduler wrote nothing within {_PATIENCE:.0f} s; try `dask scheduler`")


COMPARISON = Comparison(measure=measure, libraries=("dask", "distributed"))
