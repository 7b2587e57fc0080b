"""Run independent tasks: a plain loop, or local processes. The number of workers changes speed, never bytes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, get_context, parent_process
from typing import TypeVar

from kemfeat.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def default_workers() -> int:
    """One worker per core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(function: Callable[[T], R], tasks: Sequence[T], *, workers: int) -> Iterator[R]:
    """Call ``function`` on every task and yield the results as they come.

    Parameters
    ----------
    function : a module-level function; pure and idempotent, as a task may run twice after an interruption.
    tasks : its arguments; each must survive a trip between processes.
    workers : 1 runs a plain loop in this process, in order; more run that many processes.

    Raises
    ------
    WorkerError
        A worker process died, for want of memory as a rule.
    Exception
        The first error of a task; tasks not yet begun are dropped.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield from map(function, tasks)
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn"), initializer=_begin_worker)
    try:
        for future in as_completed([pool.submit(function, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool:
        # A worker that was being started when the pool broke is missed by the pool, which then waits for it for ever.
        for worker in set(active_children()) - others:
            worker.terminate()
        raise WorkerError(
            f"one of {workers} worker processes was killed, most often for want of memory; "
            "what is finished is kept: run the same command again, with fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_threads(function: Callable[[T], R], tasks: Iterable[T], *, workers: int) -> Iterator[R]:
    """Call ``function`` on every task in threads and yield the results in the order of the tasks.

    For work that waits for the disk or releases the interpreter lock, such as hashing.
    """
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        yield from pool.map(function, tasks)


def _begin_worker() -> None:
    # A terminal interrupts the whole group; the parent answers, and lets its workers finish what they write.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for variable in _ONE_THREAD:
        os.environ.setdefault(variable, "1")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker outliving a killed parent would write into a store that nobody locks."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
