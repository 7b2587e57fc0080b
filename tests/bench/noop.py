"""A build of a finished store when nothing changed."""

from __future__ import annotations

from collections.abc import Iterator

from . import Comparison
from ._context import Context, build
from ._record import Row
from ._rounds import figure


def measure(context: Context) -> Iterator[Row]:
    """Seconds of the whole command."""
    corpus, store = context.corpus(context.size), context.store(context.size)
    seconds = [build(corpus, store).seconds for _ in range(context.pick(full=5, quick=3))]
    yield figure("noop.seconds", f"build of a finished store of {context.size:,} utterances", seconds, unit="s")


COMPARISON = Comparison(measure=measure)
