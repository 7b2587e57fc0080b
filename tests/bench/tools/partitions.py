"""What many partitions cost behind an address: ``python -m kemfeat_bench.tools.partitions 1346 13462``.

A store of EDA with one utterance a partition, so two shards for each, is pushed into the memory of this process,
opened, verified, pushed again and pulled. It prints a Markdown table, with the time of each step per partition.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kemfeat.build import BuildOptions, build_store
from kemfeat.publish import pull_store, push_store
from kemfeat.store.reader import Store, open_store
from kemfeat.store.verify import verify

from .. import _process

_STEPS = ("build", "push", "open", "verify", "push again", "pull")


def main() -> None:
    """Measure each size, and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("partitions", type=int, nargs="+")
    sizes = parser.parse_args().partitions
    _say("| partitions | files | " + " | ".join(f"{step}, s (µs a partition)" for step in _STEPS) + " |")
    _say("|---" * (len(_STEPS) + 2) + "|")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            seconds, files = _measured(Path(folder), size)
        cells = [f"{each:.2f} ({each / size * 1e6:,.0f})" for each in seconds]
        _say(f"| {size:,} | {files:,} | " + " | ".join(cells) + " |")


def _measured(folder: Path, size: int) -> tuple[list[float], int]:
    _process.kemfeat("synth", "--dataset", "KEMDy20", "--out", folder / "corpus", "--utterances", size)
    address = f"memory://partitions/{size}"
    settings = {"features": ("eda",), "rows_per_shard": 1}
    store: list[Store] = []

    def build() -> None:
        options = BuildOptions(workers=2)
        built = build_store("KEMDy20", root=folder / "corpus", out=folder / "store", settings=settings, options=options)
        store.append(built.store)

    steps: list[Callable[[], object]] = [
        build,
        lambda: push_store(store[0], address),
        lambda: open_store(address),
        lambda: verify(open_store(address)),
        lambda: push_store(store[0], address),
        lambda: pull_store(address, folder / "pulled"),
    ]
    return [_seconds(step) for step in steps], sum(len(part.files) for part in store[0].header.parts)


def _seconds(step: Callable[[], object]) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
