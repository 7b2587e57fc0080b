"""A real Dask scheduler and real workers, started through the installed commands; for the tests of clusters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DASK = Path(sys.executable).with_name("dask")
QUIET = ["--no-dashboard", "--host", "127.0.0.1"]


def wait(condition: Callable[[], Any], what: str, *, seconds: float = 120) -> Any:
    """What a condition gives once it holds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return found


class DaskCluster:
    """A scheduler and its workers; each worker is one process with a working directory of its own.

    Parameters
    ----------
    folder : for what the processes write.
    settings : of Dask, as environment variables.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._environment = {**os.environ, **settings}
        self._file = folder / "scheduler.json"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._began = 0
        self.scheduler = self._start("scheduler", "scheduler", "--port", "0", "--scheduler-file", str(self._file))
        self.address = wait(self._told_address, "the scheduler")

    def start(self, count: int = 1, *more: str, threads: int = 1, **settings: str) -> list[str]:
        """Start workers and wait until the scheduler has them; returns their names."""
        names = [f"worker{self._began + number}" for number in range(count)]
        self._began += count
        options = [*("--no-nanny", "--memory-limit", "0", "--nthreads", str(threads)), *more]
        for name in names:
            self.workers[name] = self._start(name, "worker", self.address, "--name", name, *options, **settings)
        wait(lambda: self.known().keys() >= set(names), f"the workers {names}")
        return names

    def known(self) -> Mapping[str, str]:
        """The scheduler's workers: name and address."""
        with self._client() as client:
            return {info["name"]: address for address, info in client.scheduler_info()["workers"].items()}

    def ask(self, name: str, function: Callable[[], Any]) -> Any:
        """What a function gives on one worker."""
        address = self.known()[name]
        with self._client() as client:
            return client.run(function, workers=[address])[address]

    def is_idle(self) -> bool:
        with self._client() as client:
            return not any(client.processing().values())

    def tell(self, name: str, number: int) -> None:
        """Send a signal to a worker."""
        self.workers[name].send_signal(number)

    def kill(self, name: str) -> None:
        self.tell(name, signal.SIGKILL)
        self.workers.pop(name).wait()

    def stop(self) -> None:
        for process in (*self.workers.values(), self.scheduler):
            process.kill()
            process.wait()

    def _start(self, name: str, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        here = self.folder / name
        here.mkdir()
        with (here / "log.txt").open("wb") as log:
            return subprocess.Popen(
                [DASK, *command, *QUIET],
                cwd=here,
                env={**self._environment, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _client(self) -> Any:
        from distributed import Client

        with warnings.catch_warnings():
            # Some workers are strangers on purpose, which Dask warns of.
            warnings.simplefilter("ignore")
            return Client(self.address, set_as_default=False)

    def _told_address(self) -> str | None:
        assert self.scheduler.poll() is None, (self.folder / "scheduler" / "log.txt").read_text()
        try:
            return str(json.loads(self._file.read_text())["address"])
        except (OSError, ValueError):
            return None
