"""What many partitions cost behind an address: ``python -m kemfeat_bench.tools.partitions 999 9999 99999``.

A store of EDA, TEMP and IBI with one utterance a shard, so three parts of two files each for an utterance, is built
into the memory of this process, stopped before it is committed, and built again, which lists and reads what is finished
and commits it. Then it is opened, verified, built a third time, which finds nothing to do, and pulled; what was pulled
is pushed elsewhere, twice. It prints a Markdown table, with the time of each step per part.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kemfeat.build import BuildReport, Progress, build_store
from kemfeat.publish import pull_store, push_store
from kemfeat.store.reader import open_store
from kemfeat.store.verify import verify

from .. import _process

_FEATURES = ("eda", "temp", "ibi")
_STEPS = ("build, stopped", "resume and commit", "open", "verify", "build again", "pull", "push", "push again")


class _StoppedError(Exception):
    """A build is stopped on purpose."""


def main() -> None:
    """Measure each size, and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", type=int, nargs="+")
    sizes = parser.parse_args().parts
    _say("| parts | files | " + " | ".join(f"{step}, s (µs a part)" for step in _STEPS) + " |")
    _say("|---" * (len(_STEPS) + 2) + "|")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            seconds, files = _measured(Path(folder), size)
        cells = [f"{each:.2f} ({each / size * 1e6:,.0f})" for each in seconds]
        _say(f"| {size:,} | {files:,} | " + " | ".join(cells) + " |")


def _measured(folder: Path, size: int) -> tuple[list[float], int]:
    count = size // len(_FEATURES)
    _process.kemfeat("synth", "--dataset", "KEMDy20", "--out", folder / "corpus", "--utterances", count)
    address, other = f"memory://partitions/{size}", f"memory://partitions/{size}-pushed"
    settings = {"features": _FEATURES, "rows_per_shard": 1}

    def build(progress: Progress = lambda stage, done, total: None) -> BuildReport:
        return build_store("KEMDy20", root=folder / "corpus", out=address, settings=settings, progress=progress)

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "push":
            raise _StoppedError

    def stopped() -> None:
        with suppress(_StoppedError):
            build(stop)

    steps: list[Callable[[], object]] = [
        stopped,
        build,
        lambda: open_store(address),
        lambda: verify(open_store(address)),
        build,
        lambda: pull_store(address, folder / "pulled"),
        lambda: push_store(open_store(folder / "pulled"), other),
        lambda: push_store(open_store(folder / "pulled"), other),
    ]
    return [_seconds(step) for step in steps], sum(len(part.files) for part in open_store(address).header.parts)


def _seconds(step: Callable[[], object]) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
