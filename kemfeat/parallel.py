"""Run independent tasks in a plain loop, in local processes or on a Dask cluster.

Where they run changes the speed, never the bytes.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import active_children, connection, get_context, parent_process, resource_tracker
from pathlib import Path
from typing import Protocol, TypeVar

from kemfeat import write_claims
from kemfeat.cluster import Cluster
from kemfeat.errors import WorkerError

Progress = Callable[[str, int, int], None]
"""Called with the stage of the work, how much of it is done and how much there is."""

T = TypeVar("T")
R = TypeVar("R")

_ENDS = {signal.SIGTERM, signal.SIGHUP}
"""What else than Ctrl-C unwinds a command."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def default_workers() -> int:
    """The number of cores that this process may use.

    Returns
    -------
    int
        At least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


WAITING = 32
"""Threads that wait for the answers of a server: at 20 ms each, a core can decode about as much as they fetch."""


class Pool(Protocol):
    """Workers for all stages of one command."""

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, name: Callable[[T], str] | None = None
    ) -> Iterator[R]:
        """Call ``function`` on every task and yield the results as they come.

        Parameters
        ----------
        function : callable
            A module-level function; pure and idempotent, as a task may run twice.
        tasks : sequence
            Arguments of the function, one per call; it must be possible to pickle them.
        name : callable, optional
            Takes a task and gives its name for messages.

        Yields
        ------
        object
            Results, in the order in which tasks end.

        Raises
        ------
        WorkerError
            Workers died, most often because they ran out of memory, or can no longer be reached.
        Exception
            The first error of a task; tasks that have not begun are dropped.
        """
        ...

    def warm(self, function: Callable[[], object]) -> None:
        """Start the workers now and have each one call a function, for example to import modules, without waiting.

        Parameters
        ----------
        function : callable
            A module-level function without arguments; its errors are ignored.
        """
        ...

    def reads(self, folder: Path) -> Path:
        """The path by which tasks find a folder.

        Parameters
        ----------
        folder : Path
            An existing folder that tasks read.

        Returns
        -------
        Path
            The folder as tasks must name it.

        Raises
        ------
        WorkerError
            Some worker does not see it.
        """
        ...

    def writes(self, folder: Path) -> Path:
        """The path by which tasks find a folder that they write to; tasks of earlier commands are refused from now on.

        Parameters
        ----------
        folder : Path
            An existing folder that tasks write to.

        Returns
        -------
        Path
            The folder as tasks must name it.

        Raises
        ------
        WorkerError
            Some worker does not see it, or sees another folder under that name.
        StoreWriteError
            The disk refuses.
        """
        ...

    def close(self) -> None:
        """Drop the tasks that have not begun, and release the workers."""
        ...


@contextmanager
def open_pool(*, workers: int = 1, scheduler: str | None = None) -> Iterator[Pool]:
    """Workers for one command, kept until it ends.

    Parameters
    ----------
    workers : int, >= 1
        1 runs a plain loop in this process, in order; more start that many processes on first use.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://HOST:8786``, whose workers run the tasks instead.

    Yields
    ------
    Pool
        Open until the context ends.

    Raises
    ------
    ConfigError
        ``scheduler`` is not an address.
    WorkerError
        The scheduler cannot be reached, has no workers, or has workers with other versions than this process.
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

    Parameters
    ----------
    function : callable
        Takes one task.
    tasks : iterable
        Arguments of the function, one per call.
    workers : int
        Number of threads.

    Yields
    ------
    object
        Results, in the order of the tasks.
    """
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        yield from pool.map(function, tasks)


def share_among_threads(function: Callable[[T], object], tasks: Iterable[T], *, workers: int) -> None:
    """Call ``function`` on every task in threads, of which the calling one is the first.

    Parameters
    ----------
    function : callable
        Takes one task.
    tasks : iterable
        Arguments of the function, one per call.
    workers : int
        Number of threads; 1 starts none.

    Raises
    ------
    Exception
        The first error of a task; tasks that have not begun are dropped.
    """
    waiting = deque(tasks)

    def work() -> None:
        try:
            while True:
                try:
                    task = waiting.popleft()
                except IndexError:
                    return
                function(task)
        finally:
            waiting.clear()

    helpers = min(workers, len(waiting)) - 1
    if helpers < 1:
        work()
        return
    with ThreadPoolExecutor(helpers) as pool:
        others = [pool.submit(work) for _ in range(helpers)]
        work()
        for other in others:
            other.result()


class _Loop:
    """No workers: this process runs all tasks."""

    def run(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        *,
        name: Callable[[T], str] | None = None,  # noqa: ARG002 - errors come from the task itself, which says where
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
        self._scratch = ExitStack()
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
            with self._scratch:
                self._executor.shutdown(wait=True, cancel_futures=True)

    def _started(self, prepare: Callable[[], object] = os.getpid) -> ProcessPoolExecutor:
        if self._executor is None:
            # What is temporary is in a folder of this process: a worker that is killed removes nothing.
            scratch = None
            with suppress(OSError):  # most tasks need none
                scratch = self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="kemfeat-workers-"))
            self._executor = ProcessPoolExecutor(
                self._workers, mp_context=get_context("spawn"), initializer=_begin_worker, initargs=(prepare, scratch)
            )
        return self._executor

    @contextmanager
    def _broken_as_sentence(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool:
            # The pool misses a worker that was just being started when it broke, and then waits for it for ever.
            for worker in set(active_children()) - self._others:
                worker.terminate()
            raise WorkerError(
                f"one of {self._workers} worker processes was killed, most often because memory ran out; "
                "what is finished is kept: run the same command again, with fewer --workers"
            ) from None


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Hold Ctrl-C and its like back while processes start: they inherit this, and are never killed during an import.

    Yields
    ------
    None
        While processes start.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDS})
    resource_tracker.ensure_running()  # which lets go of some of them where it starts
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def let_end() -> None:
    """Let this process be ended again, if it was started while that was held."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _begin_worker(prepare: Callable[[], object], scratch: str | None) -> None:
    # A terminal interrupts the whole process group; the parent reacts, and lets its workers finish what they write.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    let_end()
    tempfile.tempdir = scratch  # None: as any other process
    for variable in _ONE_THREAD:
        os.environ.setdefault(variable, "1")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Only a head start: what fails here fails again in the task that needs it, with a message.
    with suppress(Exception):
        prepare()


def _end_with_parent() -> None:
    """End with the parent: a worker that outlived it would write into a store without holding its lock."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
