"""What each row should reach: the only place that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ._record import Document, Row


@dataclass(frozen=True, slots=True)
class Target:
    """``value`` must be at least, or at most, ``limit``; ``full`` only where the corpus has its full size."""

    side: Literal[">=", "<="]
    limit: float
    full: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        return value >= self.limit if self.side == ">=" else value <= self.limit

    def __str__(self) -> str:
        return f"{self.side} {self.limit:g}"


TARGETS = {
    "mel.librosa": Target(">=", 3),
    "mel.agreement": Target("<=", 1e-4),
    "build.reference_gzip": Target(">=", 10, full=True),
    "build.datasets": Target(">=", 5, full=True),
    "build.kernels": Target(">=", 0.7, full=True),
    "small.librosa_480": Target(">=", 2),
    "small.librosa_1500": Target(">=", 4, full=True),
    "small.one_worker_480": Target(">=", 0.95),
    "small.one_worker_1500": Target(">=", 0.95, full=True),
    "embedding.transformers": Target(">=", 1.5),
    "memory.worker": Target("<=", 800),
    "memory.worker_tenfold": Target("<=", 800),
    "memory.growth": Target("<=", 1.1),
    "noop.seconds": Target("<=", 3),
    "scaling.efficiency": Target(">=", 0.9, full=True),
    "dask_overhead.partition": Target("<=", 50),
    "codec.size": Target("<=", 0.8),
    "startup.help": Target("<=", 0.4),
    "loader.fixed.datasets": Target(">=", 1.5),
    "loader.fixed.zarr": Target(">=", 20),
    "loader.fixed.memmap": Target(">=", 0.5),
    "loader.longest.datasets": Target(">=", 1.5),
    "loader.longest.zarr": Target(">=", 20),
    "loader.longest.memmap": Target(">=", 0.5),
    "loader.stream": Target("<=", 3),
    "loader.stream.datasets": Target(">=", 2),
    "loader.bucket.folder": Target(">=", 0.8),
    "loader.bucket_first": Target("<=", 2),
    "store_read.rate": Target(">=", 8_000),
    "store_read.shuffled.tensorstore": Target(">=", 3),
    "store_read.shuffled.oindex": Target(">=", 20),
    "small.fresh_machine": Target("<=", 3),
    "plan.bytes": Target("<=", 20, full=True),
    "plan.files": Target("<=", 20, full=True),
    "plan.memory": Target("<=", 20, full=True),
    "plan.seconds": Target("<=", 20, full=True),
}


def target_of(row: Row, *, quick: bool) -> Target | None:
    """What a row should reach in such a run, if anything."""
    target = TARGETS.get(row.key)
    return None if target is None or (quick and target.full) else target


def misses(document: Document) -> Iterator[str]:
    """One line for every target that is not reached, or whose row could not be measured."""
    for row in document.rows:
        target = target_of(row, quick=document.quick)
        if target is None:
            continue
        if row.value is None:
            yield f"{row.key}: not measured ({row.missing}); target {target}"
        elif not target.met(row.value):
            yield f"{row.key}: measured {row.value:.4g} {row.unit}, target {target}"
