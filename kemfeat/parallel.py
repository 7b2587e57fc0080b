"""Run independent tasks: in a plain loop, on local processes or on a Dask cluster. Where changes speed, never bytes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, connection, get_context, parent_process
from pathlib import Path
from typing import Protocol, TypeVar

from kemfeat import write_claims
from kemfeat.cluster import Cluster
from kemfeat.errors import WorkerError

Progress = Callable[[str, int, int], None]
"""Called with the stage of the work, what of it is done and how much there is."""

T = TypeVar("T")
R = TypeVar("R")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def default_workers() -> int:
    """One worker per core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool(Protocol):
    """Workers for every stage of one command."""

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, name: Callable[[T], str] | None = None
    ) -> Iterator[R]:
        """Call ``function`` on every task and yield the results as they come.

        Parameters
        ----------
        function : a module-level function; pure and idempotent, as a task may run twice.
        tasks : its arguments; each must survive a trip between processes.
        name : what to call a task in a message.

        Raises
        ------
        WorkerError
            Workers died, for want of memory as a rule, or cannot be reached any more.
        Exception
            The first error of a task; tasks not yet begun are dropped.
        """
        ...

    def warm(self, function: Callable[[], object]) -> None:
        """Start the workers now and have each call ``function``, such as for its imports, without waiting for it."""
        ...

    def reads(self, folder: Path) -> Path:
        """The name by which tasks find a folder.

        Raises
        ------
        WorkerError
            Some worker does not see it.
        """
        ...

    def writes(self, folder: Path) -> Path:
        """As :meth:`reads`, of a folder that is there to be written to; what earlier commands left queued is refused.

        Raises
        ------
        WorkerError
            Some worker does not see it, or sees another folder of that name.
        StoreWriteError
            The disk refuses.
        """
        ...

    def close(self) -> None:
        """Drop tasks not yet begun, and let go of the workers."""
        ...


@contextmanager
def open_pool(*, workers: int = 1, scheduler: str | None = None) -> Iterator[Pool]:
    """Workers for one command, kept for all that it runs.

    Parameters
    ----------
    workers : 1 runs a plain loop in this process, in order; more run that many processes, started when first needed.
    scheduler : address of a Dask scheduler, such as ``tcp://HOST:8786``, whose workers run the tasks instead.

    Raises
    ------
    ConfigError
        ``scheduler`` is not an address.
    WorkerError
        The scheduler cannot be reached, or has no workers, or some that are not like this process.
    """
    pool: Pool = _Loop() if workers <= 1 else _Processes(workers)
    if scheduler is not None:
        pool = Cluster(scheduler)
    try:
        yield pool
    finally:
        pool.close()


def run_threads(function: Callable[[T], R], tasks: Iterable[T], *, workers: int) -> Iterator[R]:
    """Call ``function`` on every task in threads and yield the results in the order of the tasks.

    For work that waits for the disk or releases the interpreter lock, such as hashing.
    """
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        yield from pool.map(function, tasks)


class _Loop:
    """No workers: this process does it all."""

    def run(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        *,
        name: Callable[[T], str] | None = None,  # noqa: ARG002 - an error here comes from the task itself, which tells
    ) -> Iterator[R]:
        yield from map(function, tasks)

    def warm(self, function: Callable[[], object]) -> None: ...

    def reads(self, folder: Path) -> Path:
        return folder

    def writes(self, folder: Path) -> Path:
        write_claims.end_all(folder)
        return folder

    def close(self) -> None: ...


class _Processes(_Loop):
    """Processes of this machine."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._others = frozenset(active_children())

    def run(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        *,
        name: Callable[[T], str] | None = None,  # noqa: ARG002 - a broken pool does not say whose process died
    ) -> Iterator[R]:
        if self._executor is None and len(tasks) <= 1:
            yield from map(function, tasks)
            return
        with self._broken_as_sentence(), interrupt_held():
            executor = self._started()
            waiting = {executor.submit(function, task) for task in tasks}
        try:
            for future in as_completed(waiting):
                waiting.discard(future)
                with self._broken_as_sentence():
                    result = future.result()
                yield result
        finally:
            for future in waiting:
                future.cancel()

    def warm(self, function: Callable[[], object]) -> None:
        if self._executor is None:
            with interrupt_held():
                executor = self._started(function)
                for _ in range(self._workers):
                    executor.submit(os.getpid)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _started(self, prepare: Callable[[], object] = os.getpid) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._workers, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(prepare,)
            )
        return self._executor

    @contextmanager
    def _broken_as_sentence(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool:
            # A worker that was being started when the pool broke is missed by it, and it then waits for it for ever.
            for worker in set(active_children()) - self._others:
                worker.terminate()
            raise WorkerError(
                f"one of {self._workers} worker processes was killed, most often for want of memory; "
                "what is finished is kept: run the same command again, with fewer --workers"
            ) from None


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: they inherit that, and so never die of it half-way through an import."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _begin_worker(prepare: Callable[[], object]) -> None:
    # A terminal interrupts the whole group; the parent answers, and lets its workers finish what they write.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for variable in _ONE_THREAD:
        os.environ.setdefault(variable, "1")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Only a head start: what fails here fails again in the task that needs it, which tells.
    with suppress(Exception):
        prepare()


def _end_with_parent() -> None:
    """A worker outliving a killed parent would write into a store that nobody locks."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
