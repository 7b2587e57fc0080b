"""Run tasks on a Dask cluster; the only file that knows Dask.

Workers share only folders with this process and run the same kemfeat on the same libraries: a worker that does not is
refused, because its bytes could differ. The number of submitted tasks is twice that of the cluster's threads at the
time, so that its scheduler never holds the work of a whole corpus, and workers that join later get their share. When a
worker is lost, Dask gives its tasks to another one.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import platform
import re
import socket
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from kemfeat import provenance, write_claims
from kemfeat.errors import ConfigError, KemfeatError, WorkerError

T = TypeVar("T")
R = TypeVar("R")

_ADDRESS = re.compile(r"tcp://(?P<host>[^/\s:\[\]]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
_CONNECT = 10.0
"""Seconds within which a scheduler must answer and have a worker."""
_LOOK = 1.0
"""Seconds between two checks of the number of workers."""
_PATIENCE = 120.0
"""Seconds without any worker after which the command gives up."""
_AHEAD = 2
"""Submitted tasks per thread: one that runs and one that waits."""
_BATCH = 32
"""Tasks in one message to the scheduler."""
_LARGEST_GREETING = 2**20
"""Bytes."""
_KEPT = "what is finished is kept: run the same command again"


class Cluster:
    """The workers of a Dask scheduler; see :class:`kemfeat.parallel.Pool`.

    Parameters
    ----------
    address : str
        Address of the scheduler, ``tcp://HOST:PORT``.

    Raises
    ------
    ConfigError
        ``address`` is not an address.
    WorkerError
        The scheduler cannot be reached, has no workers, or has workers with other versions than this process.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._folders: list[Path] = []
        self._claims: list[Path] = []
        self._threads, self._looked, self._idle = 0, 0.0, 0.0
        self._client = _connected(address, *_place(address))
        try:
            self._await_worker()
            self._refuse_strangers()
        except BaseException:
            self.close()
            raise

    def run(
        self, function: Callable[[T], R], tasks: Sequence[T], *, name: Callable[[T], str] | None = None
    ) -> Iterator[R]:
        """Results as they come; see :meth:`kemfeat.parallel.Pool.run`."""
        waiting = iter(tasks)
        flying: dict[Any, T] = {}
        done: SimpleQueue[Any] = SimpleQueue()
        try:
            while True:
                free = max(_AHEAD * self._count_threads(), 1) - len(flying)
                for batch in _batches(waiting, free):
                    for future, task in self._submitted(function, batch):
                        flying[future] = task
                        future.add_done_callback(done.put)
                if not flying:
                    return
                ended = _taken(done)
                for future in ended:
                    task = flying.pop(future)
                    self._raise_failure(future, name(task) if name else function.__name__)
                yield from self._gathered(ended)
        finally:
            self._drop([*flying])

    def warm(self, function: Callable[[], object]) -> None:
        """Do nothing: the workers already run and keep their imports; see :meth:`kemfeat.parallel.Pool.warm`."""

    def reads(self, folder: Path) -> Path:
        """The absolute path of a folder that all workers see; see :meth:`kemfeat.parallel.Pool.reads`."""
        place = folder.absolute()
        self._folders.append(place)
        self._refuse_blind([place])
        return place

    def writes(self, folder: Path) -> Path:
        """The absolute path of a folder that this command claims; see :meth:`kemfeat.parallel.Pool.writes`."""
        place = folder.absolute()
        claim = write_claims.begin(place)
        self._claims.append(claim)
        self._refuse_blind([claim])
        return place

    def close(self) -> None:
        """End the connection and the claims; a claim that a running task holds is left to the next command."""
        with suppress(*_lost()):
            self._client.close(timeout=_CONNECT)
        for claim in self._claims:
            with suppress(OSError):
                write_claims.end(claim)

    def _submitted(self, function: Callable[[T], R], batch: Sequence[T]) -> Iterator[tuple[Any, T]]:
        terms = _Terms(_versions(), tuple(map(str, self._folders)), tuple(map(str, self._claims)))
        # The scheduler passes bytes on as they are; it would unpack anything else.
        packed = [pickle.dumps((terms, function, task), pickle.HIGHEST_PROTOCOL) for task in batch]
        keys = [f"{function.__name__}-{uuid.uuid4().hex}" for _ in batch]
        with self._gone_as_sentence():
            futures = self._client.map(_call, packed, key=keys, pure=False)
        return zip(futures, batch, strict=True)

    def _gathered(self, ended: Sequence[Any]) -> Iterator[Any]:
        """Their results; a worker may be lost with some that it has finished, which are then made again."""
        with self._gone_as_sentence():
            coming = asyncio.run_coroutine_threadsafe(
                self._client.gather(ended, asynchronous=True), self._client.loop.asyncio_loop
            )
        try:
            while not wait([coming], timeout=_LOOK).done:
                self._count_threads()
        finally:
            coming.cancel()
        with self._gone_as_sentence():
            results = coming.result()
        yield from results

    def _raise_failure(self, future: Any, name: str) -> None:
        """Raise the error that a task ended with, if it did."""
        from distributed import KilledWorker

        if future.status not in ("error", "cancelled"):
            return  # finished, or lost with its worker since: whoever gathers it waits no longer than for workers
        try:
            future.result()
        except KemfeatError:
            raise
        except CancelledError:
            raise self._gone() from None
        except KilledWorker as killed:
            raise WorkerError(
                f"{self._address}: {name}: {killed.allowed_failures + 1} workers died with this task, the last one "
                f"{killed.last_worker.address}, most often because memory ran out; give workers more memory, or fewer "
                f"tasks at once (dask worker --nthreads 1); {_KEPT}"
            ) from None
        except (ImportError, AttributeError):
            # A worker without this kemfeat raises these; if there is none, it is the task's own error.
            self._refuse_strangers()
            raise

    def _drop(self, futures: Sequence[Any]) -> None:
        """Have the scheduler forget tasks; those that are already running run to their end."""
        if futures:
            with suppress(*_lost()):
                self._client.cancel(futures, force=True)

    def _count_threads(self) -> int:
        """Threads of all workers, as of the last check."""
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            with self._gone_as_sentence():
                self._threads = sum(self._client.nthreads().values())
            self._idle = 0.0 if self._threads else self._idle + min(now - self._looked, 2 * _LOOK)
            self._looked = now
            if self._idle > _PATIENCE:
                raise WorkerError(
                    f"{self._address}: has had no workers for {_PATIENCE:.0f} s; start some (dask worker "
                    f"{self._address} --nthreads 1); {_KEPT}"
                )
        return self._threads

    def _await_worker(self) -> None:
        try:
            with self._gone_as_sentence(but=TimeoutError):
                self._client.wait_for_workers(1, timeout=_CONNECT)
        except TimeoutError:
            raise WorkerError(
                f"{self._address}: the scheduler has no workers; expected at least one; start some, on machines that "
                f"see the same folders: dask worker {self._address} --nthreads 1"
            ) from None

    def _refuse_strangers(self) -> None:
        with self._gone_as_sentence():
            told = self._client.get_versions(packages=[*provenance.LIBRARIES])
        there = {"the scheduler": told["scheduler"], **told["workers"]}
        differing = {where: _differences(_versions(), _told_versions(report)) for where, report in there.items()}
        strange = [f"{where} has {what}" for where, what in differing.items() if what]
        if strange:
            raise WorkerError(
                f"{self._address}: {len(strange)} of {len(there)} processes have other versions than this one: "
                f"{_few(strange)}; install the same there, or stop them, and run again"
            )

    def _refuse_blind(self, paths: Sequence[Path]) -> None:
        """Refuse workers that do not see a path."""
        with self._gone_as_sentence():
            unseen = self._client.run(_unseen, [str(path) for path in paths], on_error="ignore")
        blind = [f"{where} ({', '.join(names)})" for where, names in unseen.items() if names]
        if blind:
            raise WorkerError(
                f"{self._address}: {len(blind)} of {len(unseen)} workers do not see what this process sees: "
                f"{_few(blind)}; share these folders with them under the same names, or stop them, and run again"
            )

    @contextmanager
    def _gone_as_sentence(self, *, but: type[Exception] = KemfeatError) -> Iterator[None]:
        try:
            yield
        except (KemfeatError, but):
            raise
        except _lost():
            raise self._gone() from None

    def _gone(self) -> WorkerError:
        return WorkerError(f"{self._address}: the connection to the scheduler was lost; start it again; {_KEPT}")


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a worker needs to do a task: these versions, and a view of these folders and claims."""

    versions: Mapping[str, str]
    folders: tuple[str, ...]
    claims: tuple[str, ...]


def _call(packed: bytes) -> Any:
    """Do a task on a worker."""
    # This is not data from a disk: a Dask scheduler is trusted to run code, as all that it sends is pickled.
    terms, function, task = pickle.loads(packed)  # noqa: S301
    if differences := _differences(terms.versions, _versions()):
        raise _unfit(f"has {differences}; install the same there")
    if unseen := _unseen(terms.folders):
        raise _unfit(f"does not see {', '.join(unseen)}; share it with the worker under the same name")
    with ExitStack() as held:
        for claim in terms.claims:
            held.enter_context(write_claims.held(Path(claim)))
        return function(task)


def worker_address() -> str:
    """The Dask worker that this task runs on.

    Returns
    -------
    str
        Address of the worker; empty where no Dask worker runs this.
    """
    if "distributed" not in sys.modules:
        return ""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return ""


def _unfit(what: str) -> WorkerError:
    return WorkerError(f"{worker_address()}: this worker {what}, or stop it; {_KEPT}")


def _unseen(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if not os.path.lexists(path)]


def _versions() -> dict[str, str]:
    return {**provenance.versions(), "python": _minor(platform.python_version())}


def _told_versions(report: Mapping[str, Any]) -> dict[str, str]:
    """What Dask reports of a process, in the form of :func:`_versions`."""
    libraries = {name: report["packages"].get(name) or "not installed" for name in provenance.LIBRARIES}
    return {"python": _minor(report["host"]["python"]), **libraries}


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _differences(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    names = [name for name in expected if expected[name] != found.get(name)]
    return ", ".join(f"{name} {found.get(name)} (expected {expected[name]})" for name in names[:3]) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )


def _few(items: Sequence[str]) -> str:
    return "; ".join(items[:5]) + (f"; and {len(items) - 5} more" if len(items) > 5 else "")


def _batches(waiting: Iterator[T], count: int) -> Iterator[list[T]]:
    """The next ``count`` tasks, or what is left, in batches."""
    while count > 0 and (batch := list(islice(waiting, min(count, _BATCH)))):
        yield batch
        count -= len(batch)


def _taken(done: SimpleQueue[Any]) -> list[Any]:
    """Tasks that have ended; waits for some, but not so long that new workers go unnoticed."""
    with suppress(Empty):
        ended = [done.get(timeout=_LOOK)]
        while not done.empty():
            ended.append(done.get())
        return ended
    return []


def _lost() -> tuple[type[BaseException], ...]:
    """What Dask raises when the connection is lost."""
    from distributed.client import ClosedClientError

    return (OSError, CancelledError, ClosedClientError)


def _place(address: str) -> tuple[str, int]:
    parts = _ADDRESS.fullmatch(address)
    if parts is None or int(parts["port"]) > 65535:
        raise ConfigError(f"scheduler {address!r}: is not an address; expected one such as tcp://HOST:8786")
    return parts["host"].strip("[]"), int(parts["port"])


def _connected(address: str, host: str, port: int) -> Any:
    import dask

    quiet = dict.fromkeys(("distributed", "distributed.client", "tornado.application"), "critical")
    dask.config.update_defaults({"logging": quiet})
    from distributed import Client

    try:
        _await_greeting(host, port)
        with warnings.catch_warnings():
            # Dask warns of versions that differ; here they are an error with its own message.
            warnings.simplefilter("ignore")
            return Client(address, timeout=_CONNECT, set_as_default=False, name="kemfeat")
    except (OSError, ValueError, RuntimeError) as error:
        raise WorkerError(
            f"{address}: found no Dask scheduler ({error}); expected one to answer within {_CONNECT:.0f} s; "
            "start it (dask scheduler), or correct --scheduler"
        ) from None


def _await_greeting(host: str, port: int) -> None:
    """Wait for the size that a Dask server sends first: Dask's client would wait for ever, or allocate that much."""
    deadline = time.monotonic() + _CONNECT
    while True:
        left = max(deadline - time.monotonic(), 0)
        try:
            with socket.create_connection((host, port), timeout=left + 0.1) as line:
                size = line.recv(8, socket.MSG_WAITALL)
        except ConnectionRefusedError:
            # It may be starting.
            if not left:
                raise
            time.sleep(_LOOK / 10)
        else:
            if len(size) < 8 or int.from_bytes(size, sys.byteorder) > _LARGEST_GREETING:
                raise ValueError("what listens there does not speak the protocol of Dask")
            return
