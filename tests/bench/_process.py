"""Run a program in a fresh process and say what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kemfeat.errors import WorkerError

KEMFEAT = Path(sysconfig.get_path("scripts")) / "kemfeat"
_EVERY = 0.2
"""Seconds between two looks at the memory: often enough for workers that live for seconds, too seldom to slow them."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program took: seconds of the clock, what it printed, and where asked for its processes' peaks in MB.

    ``parent`` is the peak of the process itself, ``worker`` of its largest descendant (0 without any).
    """

    seconds: float
    out: str
    parent: float = 0.0
    worker: float = 0.0


@dataclass(slots=True)
class _Peaks:
    """Largest resident size that each process of a tree ever had, as the kernel counts it, in MB."""

    root: psutil.Process
    seen: dict[int, float] = field(default_factory=dict)

    def look(self) -> None:
        try:
            for process in (self.root, *self.root.children(recursive=True)):
                self.seen[process.pid] = max(_high_water(process.pid), self.seen.get(process.pid, 0.0))
        except psutil.NoSuchProcess:
            return

    @property
    def parent(self) -> float:
        return self.seen.get(self.root.pid, 0.0)

    @property
    def worker(self) -> float:
        return max((size for pid, size in self.seen.items() if pid != self.root.pid), default=0.0)


def kemfeat(*arguments: object, watch: bool = False) -> Ran:
    """Run the installed command."""
    return run([str(KEMFEAT), *map(str, arguments)], watch=watch)


def module(name: str, *arguments: object) -> Ran:
    """Run a module of this package with the same Python."""
    return run([sys.executable, "-m", f"{__package__}.{name}", *map(str, arguments)])


def run(arguments: Sequence[str], *, watch: bool = False) -> Ran:
    """Run a program to its end; ``watch`` also looks at the memory of its processes (needs Linux).

    Raises
    ------
    WorkerError
        It did not exit with 0; the message has the last line that it wrote to stderr.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        os.sync()  # nobody pays for writing what the one before left in memory
        begun = time.perf_counter()
        with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=err) as process:
            try:
                peaks = _watch(process) if watch else None
                process.wait()
            except BaseException:
                process.terminate()
                raise
        seconds = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        if process.returncode:
            last = (err.read().strip().splitlines() or ["nothing on stderr"])[-1]
            raise WorkerError(f"`{' '.join(arguments[:4])} ...` ended with {process.returncode}: {last}")
        printed = out.read()
    if peaks is None:
        return Ran(seconds, printed)
    return Ran(seconds, printed, peaks.parent, peaks.worker)


def _watch(process: subprocess.Popen[Any]) -> _Peaks:
    peaks = _Peaks(psutil.Process(process.pid))
    while process.poll() is None:
        peaks.look()
        time.sleep(_EVERY)
    return peaks


def _high_water(pid: int) -> float:
    """``VmHWM`` of a process, MB; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 / 1e6 if found else 0.0
