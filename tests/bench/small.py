"""Small corpora: the whole command in a fresh process, beside librosa alone in a loop, and with one worker and two."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest import mock

from . import Comparison, _process
from ._context import WORKERS, Context, build
from ._record import Row
from ._rounds import Contestant, Turn, figure, rows

FEW = 10
SIZES = (480, 1_500)
"""Utterances of the English and German corpora of acted speech that people begin with."""


def measure(context: Context) -> Iterator[Row]:
    """Ratios of utterances per second; what a machine that has never built takes longer."""
    yield _fresh(context)
    for utterances in context.pick(full=SIZES, quick=SIZES[:1]):
        corpus = context.corpus(utterances)
        built = partial(_built, context, corpus, utterances)
        built(WORKERS)  # fills caches
        contestants = {
            "kemfeat": Contestant(open=partial(_turn, partial(built, WORKERS))),
            f"librosa_{utterances}": Contestant(
                open=partial(_turn, partial(_loop, context, corpus, utterances)),
                what=f"whole build of {utterances:,} utterances, all features, beside librosa's mel + delta in a loop",
                library="librosa",
                note="the loop keeps nothing, and its imports are not counted; those of kemfeat are.",
            ),
            f"one_worker_{utterances}": Contestant(
                open=partial(_turn, partial(built, 1)),
                what=f"whole build of {utterances:,} utterances, {WORKERS} workers beside one",
            ),
        }
        outcome = context.contest(contestants, rounds=context.pick(full=5, quick=2))
        yield from rows("small", contestants, outcome, item="utterance")


def _fresh(context: Context) -> Row:
    """Machine code is compiled by the first build of a machine, and read from the cache of numba by all others."""
    corpus = context.corpus(FEW)
    rounds = context.pick(full=3, quick=1)
    caches = [context.folder("numba-cache") for _ in range(rounds)]
    builds = [[_with_cache(context, corpus, cache) for _ in range(2)] for cache in caches]
    what = f"what the first build of a machine, of {FEW} utterances, takes longer than the second"
    return figure("small.fresh_machine", what, [first - second for first, second in builds], unit="s")


def _with_cache(context: Context, corpus: Path, cache: Path) -> float:
    with mock.patch.dict(os.environ, NUMBA_CACHE_DIR=str(cache)):
        return _built(context, corpus, 1, 1)


def _turn(turn: Turn) -> Turn:
    return turn


def _built(context: Context, corpus: Path, utterances: int, workers: int) -> float:
    out = context.folder("small")
    seconds = build(corpus, out, workers=workers).seconds
    shutil.rmtree(out)
    return seconds / utterances


def _loop(context: Context, corpus: Path, utterances: int) -> float:
    nothing = context.folder("nothing")
    ran = _process.module("peers.reference_loop", corpus, nothing, "--utterances", utterances, "--bare")
    return float(json.loads(ran.out)["seconds"]) / utterances


COMPARISON = Comparison(measure=measure, libraries=("librosa",))
