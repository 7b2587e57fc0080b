"""A whole build of every feature in a fresh process, beside what people run to get mel and delta alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import Comparison, _process
from ._context import WORKERS, Context, build
from ._record import Row
from ._rounds import Contestant, figure, rows


@dataclass(frozen=True, slots=True)
class _Peer:
    """A program of ``peers`` on a sample of the corpus; it times itself, without its imports."""

    context: Context
    corpus: Path
    program: str
    utterances: int
    options: tuple[str, ...] = ()

    def __call__(self) -> _Peer:
        return self

    def turn(self) -> float:
        out = self.context.folder(self.program)
        ran = _process.module(f"peers.{self.program}", self.corpus, out, "--utterances", self.utterances, *self.options)
        _remove(out)
        said = json.loads(ran.out)
        return float(said["seconds"] / said["utterances"])


def measure(context: Context) -> Iterator[Row]:
    """Ratios of utterances per second, and kemfeat's rate."""
    corpus = context.corpus(context.size)
    _remove(_built(context, context.corpus(context.pick(full=1_200, quick=480))))  # compiles, and fills caches
    contestants = _contestants(context, corpus)
    outcome = context.contest(contestants, rounds=context.pick(full=3, quick=2))
    yield from rows("build", contestants, outcome, item="utterance")
    rates = [1 / seconds for seconds in outcome.samples["kemfeat"]]
    what = f"whole build of {context.size:,} utterances, all features, {WORKERS} workers, cold process"
    yield figure("build.rate", what, rates, unit="utterances/s")


def _contestants(context: Context, corpus: Path) -> dict[str, Contestant]:
    processes = ("--processes", str(WORKERS))
    sample, larger = context.pick(full=1_200, quick=120), context.pick(full=2_400, quick=240)

    def kemfeat() -> float:
        out = context.folder("built")
        seconds = build(corpus, out).seconds
        _remove(out)
        return seconds / context.size

    def peer(program: str, utterances: int, what: str, *, options: tuple[str, ...] = (), library: str) -> Contestant:
        runs = _Peer(context, corpus, program, utterances, options)
        note = f"measured on {utterances:,} of the {context.size:,} utterances; mel and delta only."
        return Contestant(open=lambda: runs.turn, what=what, library=library, note=note)

    loop = "whole build beside the reference project's loop (librosa, one list"
    return {
        "kemfeat": Contestant(open=lambda: kemfeat),
        "reference_gzip": peer(
            "reference_loop", sample, f"{loop}, gzip pickle)", options=("--gzip",), library="librosa"
        ),
        "reference": peer("reference_loop", sample, f"{loop}, plain pickle)", library="librosa"),
        "datasets": peer(
            "datasets_map",
            larger,
            f"whole build beside datasets.map with {WORKERS} processes",
            options=processes,
            library="datasets",
        ),
        "kernels": Contestant(
            open=lambda: _Peer(context, corpus, "kernels", larger, processes).turn,
            what=f"whole build beside its kernels alone, were they shared perfectly by {WORKERS} processes",
            note="clips read, hashed and decoded; mel and delta; shards compressed, hashed and written; on a sample.",
        ),
        "lhotse": peer(
            "lhotse_features",
            sample,
            f"whole build beside lhotse's LibrosaFbank extraction with {WORKERS} processes, mel only",
            options=processes,
            library="lhotse",
        ),
    }


def _built(context: Context, corpus: Path) -> Path:
    out = context.folder("warm")
    build(corpus, out)
    return out


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


COMPARISON = Comparison(measure=measure, libraries=("librosa", "datasets", "lhotse", "torch"))
