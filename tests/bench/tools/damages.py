"""Stores that were damaged: ``verify`` finds it, and whatever is read is what was written or a sentence.

``python -m tests.bench.tools.damages --cases 1000`` damages that many copies of a store, each in one way at one file,
and prints a Markdown table; a failure is printed with the seed that makes it again (``--first SEED --cases 1``).
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from kemfeat import KemfeatError, open_store
from kemfeat.learn.data.dataset import StoreDataset
from kemfeat.store.reader import Store
from kemfeat.store.verify import verify
from tests.build.kit import Bench, files, with_settings, write_corpus

Damage = Callable[[Path, Path, random.Random], None]
"""Changes a file; the second path is another file of the store."""


def _flip_a_bit(path: Path, other: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _zero_a_block(path: Path, other: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content))
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    path.write_bytes(content)


def _cut(path: Path, other: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])


def _append(path: Path, other: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randint(1, 64)))


def _delete(path: Path, other: Path, rng: random.Random) -> None:
    path.unlink()


def _replace_by_another(path: Path, other: Path, rng: random.Random) -> None:
    shutil.copyfile(other, path)


def _swap_with_another(path: Path, other: Path, rng: random.Random) -> None:
    mine = path.read_bytes()
    shutil.copyfile(other, path)
    other.write_bytes(mine)


def _make_a_folder(path: Path, other: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: tuple[Damage, ...] = (
    _flip_a_bit,
    _zero_a_block,
    _cut,
    _append,
    _delete,
    _replace_by_another,
    _swap_with_another,
    _make_a_folder,
)


def damage(store: Path, rng: random.Random) -> tuple[str, str]:
    """Damage one file in one way; says which kind, and what was done."""
    inflict = rng.choice(DAMAGES)
    everything = files(store)
    path = rng.choice(everything)
    unlike = [file for file in everything if file.read_bytes() != path.read_bytes()]
    inflict(path, rng.choice(unlike), rng)
    kind = inflict.__name__.strip("_").replace("_", " ")
    return kind, f"{kind}: {path.relative_to(store)}"


def contents(store: Store) -> dict[str, object]:
    """Everything that a reader can ask of a store, by name; a sentence in place of what is refused."""
    asked: dict[str, Callable[[], object]] = {
        **{name: lambda name=name: store.array(name)[:] for name in store.arrays},
        **{f"table {name}": lambda name=name: getattr(store, name) for name in _TABLES},
        **{f"signals {session}": lambda session=session: store.signals(session) for session in store.header.sessions},
        "samples for training": lambda: _samples(store),
    }
    found: dict[str, object] = {}
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except KemfeatError as error:
            found[name] = error
    return found


_TABLES = ("utterances", "ratings", "failures", "statistics", "keys", "sources", "signal_index")


def _samples(store: Store) -> np.ndarray:
    rows = StoreDataset(store, media=("mel",))
    return np.concatenate([np.asarray(rows[row].mel).ravel() for row in range(len(rows))])


def judge(store: Path, sound: dict[str, object]) -> str:
    """How reading a damaged store ends: ``found``, ``harmless``, or what is wrong."""
    try:
        opened = open_store(store)
    except KemfeatError:
        return "found"
    try:
        problems = verify(opened).problems
        now = contents(opened)
    except KemfeatError:
        return "found"
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return f"traceback\n{traceback.format_exc(limit=-4)}"
    for name, value in now.items():
        if not isinstance(value, KemfeatError) and not _equal(value, sound[name]):
            return f"{name} has other values"
    if problems:
        return "found"
    refused = [name for name, value in now.items() if isinstance(value, KemfeatError)]
    return f"verify is content and {refused[0]} is refused" if refused else "harmless"


def _equal(mine: object, other: object) -> bool:
    if isinstance(mine, pd.DataFrame):
        return mine.equals(other)
    return np.array_equal(np.asarray(mine), np.asarray(other), equal_nan=np.asarray(mine).dtype.kind == "f")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    given = parser.parse_args()
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory(prefix="kemfeat-damages-") as scratch:
        bench = Bench(write_corpus(Path(scratch) / "corpus"), Path(scratch) / "store")
        bench.build(settings=with_settings(features=["mel", "text", "eda"]))
        sound = contents(open_store(bench.out))
        for seed in range(given.first, given.first + given.cases):
            copy = shutil.copytree(bench.out, Path(scratch) / "copy", symlinks=True)
            kind, done = damage(copy, random.Random(seed))
            end = judge(copy, sound)
            ends[kind][end if end in {"found", "harmless"} else "failures"] += 1
            if end not in {"found", "harmless"}:
                sys.stderr.write(f"seed {seed}: {done}: {end}\n")
            shutil.rmtree(copy)
    sys.stdout.write("| damage | cases | found | same values all the same | failures |\n|---|---|---|---|---|\n")
    for kind, counts in sorted(ends.items()):
        cells = (counts[end] for end in ("found", "harmless", "failures"))
        sys.stdout.write(f"| {kind} | {counts.total()} | {' | '.join(map(str, cells))} |\n")


if __name__ == "__main__":
    main()
