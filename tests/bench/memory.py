"""Peak memory of the processes of a build, at the corpus' size and at ten times that."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from . import Comparison
from ._context import Context, build
from ._record import Row
from ._rounds import figure
from .tools.enlarge import enlarge

TIMES = 10
_BYTES_PER_ROW = 200_000
"""Disk that one utterance takes in a store, generously."""
_NOTE = "the largest resident size each process ever had, as the kernel counts it (VmHWM)."


def measure(context: Context) -> Iterator[Row]:
    """Megabytes of the largest worker and of the process that leads them, and what tenfold utterances change."""
    large = context.size * TIMES
    what = f"largest worker process, build of {{:,}} utterances, {TIMES}-fold with hard links"
    reason = _refused(context, large)
    if reason:
        yield Row(key="memory.worker", what=what.format(context.size), unit="MB", missing=reason)
        yield Row(key="memory.worker_tenfold", what=what.format(large), unit="MB", missing=reason)
        return
    corpus = context.corpus(context.size)
    worker, parent, _ = _peaks(context, corpus)
    yield figure("memory.worker", f"largest worker process, build of {context.size:,}", [worker], unit="MB", note=_NOTE)
    yield figure("memory.parent", f"leading process, build of {context.size:,}", [parent], unit="MB")
    tenfold = context.folder("tenfold")
    context.say(f"making {large:,} utterances of hard links")
    enlarge(corpus, tenfold, times=TIMES)
    more, led, seconds = _peaks(context, tenfold)
    yield figure("memory.worker_tenfold", f"the same, build of {large:,} (media are hard links)", [more], unit="MB")
    yield figure("memory.parent_tenfold", f"leading process, build of {large:,}", [led], unit="MB")
    yield figure("memory.growth", f"largest worker at {large:,} over {context.size:,}", [more / worker], unit="times")
    yield figure("memory.rate_tenfold", f"build of {large:,}", [large / seconds], unit="utterances/s")


def _peaks(context: Context, corpus: Path) -> tuple[float, float, float]:
    out = context.folder("watched")
    context.say(f"building {corpus.name}")
    ran = build(corpus, out, watch=True)
    shutil.rmtree(out)
    return ran.worker, ran.parent, ran.seconds


def _refused(context: Context, rows: int) -> str:
    """Why it cannot be measured here; empty when it can."""
    if sys.platform != "linux":
        return "not measured: the peak of a process is known on Linux only"
    free, needed = shutil.disk_usage(context.scratch).free, rows * _BYTES_PER_ROW
    if free < needed:
        return f"not measured: {needed / 1e9:.0f} GB needed, {free / 1e9:.0f} GB free; pass --scratch DIR"
    return ""


COMPARISON = Comparison(measure=measure)
