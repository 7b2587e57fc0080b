"""``kemfeat --help`` in a fresh process, its files already in memory, beside a Python that does nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from . import Comparison, _process
from ._context import Context
from ._record import Row
from ._rounds import Contestant, figure


def measure(context: Context) -> Iterator[Row]:
    """Seconds of both."""
    contestants = {
        "kemfeat": Contestant(open=lambda: lambda: _process.kemfeat("--help").seconds),
        "python": Contestant(open=lambda: lambda: _process.run([sys.executable, "-c", "pass"]).seconds),
    }
    outcome = context.contest(contestants, rounds=context.pick(full=15, quick=7))
    yield figure("startup.help", "`kemfeat --help`, a fresh process", outcome.samples["kemfeat"], unit="s")
    yield figure("startup.python", "`python -c pass` in between", outcome.samples["python"], unit="s")


COMPARISON = Comparison(measure=measure)
