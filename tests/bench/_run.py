"""Run comparisons and put together what they leave."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from kemfeat.parallel import default_workers

from . import find, names
from ._context import Context
from ._record import Document, Machine, Row

_ALWAYS = ("kemfeat", "numpy", "scipy", "numba", "zarr", "numcodecs", "pyarrow")
_LAST = ("memory",)
"""Fills the disk most; whoever stops early has the rest."""


def run(
    only: Sequence[str] = (),
    *,
    quick: bool = False,
    wavs: Path | None = None,
    scratch: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
    done: Callable[[Document], None] = lambda document: None,
) -> Document:
    """Measure the comparisons named, all without a name.

    Parameters
    ----------
    only : names of comparisons.
    quick, wavs, say : see :class:`~kemfeat_bench._context.Context`.
    scratch : folder in which a folder for corpora and stores is made, and removed; None is the system's.
    done : is given the document so far after every comparison.

    Raises
    ------
    KemfeatError
        There is no such comparison, or kemfeat itself failed in one.
    """
    chosen = only or sorted(names(), key=lambda name: (name in _LAST, name))
    comparisons = {name: find(name) for name in chosen}
    libraries = sorted({*_ALWAYS, *(library for one in comparisons.values() for library in one.libraries)})
    options = [*(["--quick"] if quick else []), *([f"--wavs {wavs.name}"] if wavs is not None else [])]
    document = Document(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        options=tuple(options),
        quick=quick,
        machine=machine(),
        versions={library: _version(library) for library in libraries},
        rows=(),
    )
    with tempfile.TemporaryDirectory(prefix="kemfeat-bench-", dir=scratch) as folder:
        context = Context(scratch=Path(folder), quick=quick, wavs=wavs)
        for name, comparison in comparisons.items():
            context.say = lambda text, name=name: say(f"{name}: {text}")  # type: ignore[misc]
            rows: tuple[Row, ...] = tuple(comparison.measure(context))
            document = document.model_copy(update={"rows": (*document.rows, *rows)})
            done(document)
    return document


def machine() -> Machine:
    """This machine, as it is now."""
    return Machine(
        cpu=_cpu(),
        cores=default_workers(),
        memory=psutil.virtual_memory().total / 1e9,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load=os.getloadavg(),
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
