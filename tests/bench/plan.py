"""What ``kemfeat plan`` predicts, against what the build then takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from . import Comparison, _process
from ._context import WORKERS, Context, build
from ._record import Row
from ._rounds import figure

_WHAT = {"bytes": "size of the store", "files": "number of its files", "memory": "largest process", "seconds": "time"}


def measure(context: Context) -> Iterator[Row]:
    """Per prediction how far it is off, in percent of what happened."""
    corpus = context.corpus(context.size)
    both = [_once(context, corpus) for _ in range(context.pick(full=2, quick=1))]
    for name, what in _WHAT.items():
        errors = [off(said[name], was[name]) for said, was in both]
        said, was = both[-1][0][name], both[-1][1][name]
        note = f"{said:,.0f} said, {was:,.0f} measured."
        yield figure(f"plan.{name}", f"{what}, predicted for {context.size:,}", errors, unit="% off", note=note)


def off(said: float, was: float) -> float:
    """Difference in percent of what was, whatever its sign."""
    return abs(said - was) / was * 100


def _once(context: Context, corpus: Path) -> tuple[dict[str, float], dict[str, float]]:
    out = context.folder("planned")
    options = ("--dataset", "KEMDy20", "--root", corpus, "--out", out, "--workers", WORKERS)
    said = json.loads(_process.kemfeat("plan", *options, "--json").out)
    ran = build(corpus, out, watch=True)
    files = [path for path in out.rglob("*") if path.is_file()]
    was = {
        "bytes": float(sum(path.stat().st_size for path in files)),
        "files": float(len(files)),
        "memory": max(ran.worker, ran.parent) * 1e6,
        "seconds": ran.seconds,
    }
    shutil.rmtree(out)
    return said, was


COMPARISON = Comparison(measure=measure)
