"""A tiny corpus, the settings to build it in half a second, and ways to look at a store; for the tests of the build."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from kemfeat.build import BuildOptions, BuildReport, build_store
from kemfeat.store.reader import open_store
from kemfeat.synth.tokenizer import train
from tests.corpora.tiny import TinyCorpus, wav_bytes, write_tiny_kemdy20

FEATURES = ("mel", "delta", "text", "tokens", "eda", "temp", "ibi")
SETTINGS: Mapping[str, Any] = {
    "features": FEATURES,
    "rows_per_shard": 4,
    "mel": {"max_frames": 32, "n_mels": 16},
    "tokens": {"max_length": 8},
    "eda": {"max_length": 12},
}
"""12 utterances in 3 partitions: rows 0 to 3, 4 to 7 and 8 to 11."""

ROWS, PARTITIONS = 12, 3
KEMFEAT = Path(sys.executable).with_name("kemfeat")


@dataclass(frozen=True)
class Bench:
    """A corpus and the store that is built from it."""

    corpus: TinyCorpus
    out: Path

    def build(self, *, settings: Mapping[str, Any] = SETTINGS, progress: Any = None, **options: Any) -> BuildReport:
        return build_store(
            "KEMDy20",
            root=self.corpus.root,
            out=self.out,
            settings=settings,
            options=BuildOptions(**options),
            progress=progress or (lambda stage, done, total: None),
        )

    def copy(self, folder: Path) -> Bench:
        """The same corpus and store elsewhere, with their times."""
        root, out = folder / "corpus", folder / "store"
        shutil.copytree(self.corpus.root, root)
        if self.out.exists():
            shutil.copytree(self.out, out, symlinks=True)
        return Bench(TinyCorpus(root, self.corpus.ids), out)

    def fresh(self, name: str = "fresh") -> Bench:
        """The same corpus, and a store that is not there yet."""
        return Bench(self.corpus, self.out.with_name(name))


def write_corpus(root: Path) -> TinyCorpus:
    """Utterances that all differ in sound, text and clock, and a tokenizer."""
    corpus = write_tiny_kemdy20(root, scripts=1)
    for number, name in enumerate(corpus.ids):
        corpus.wav(name).write_bytes(wav_bytes(0.6 + 0.01 * number, pitch=100.0 + 9.0 * number))
        corpus.txt(name).write_bytes(f"n/ {number}번째 말이에요, 안녕하세요? l/\n".encode("cp949"))
    for folder in ("EDA", "TEMP", "IBI"):
        for day, path in enumerate(sorted((root / folder).rglob("*.csv")), start=1):
            path.write_text(path.read_text().replace("2020-0821-", f"2020-08{day:02}-"))
    for name, content in _tokenizer().items():
        (root / "tokenizer").mkdir(exist_ok=True)
        (root / "tokenizer" / name).write_bytes(content)
    return corpus


@cache
def _tokenizer() -> dict[str, bytes]:
    return train([f"{number}번째 말이에요 안녕하세요" for number in range(30)], vocab_size=60)


def with_settings(**changes: Any) -> dict[str, Any]:
    """:data:`SETTINGS` with some values replaced; a table is merged."""
    merged = dict(SETTINGS)
    for key, value in changes.items():
        merged[key] = {**SETTINGS.get(key, {}), **value} if isinstance(value, dict) else value
    return merged


def files(folder: Path) -> list[Path]:
    """Every file of a store but its lock, and no links to them."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if not path.name.startswith(".lock"))


def tree(store: Path) -> dict[str, Any]:
    """What must be equal in two stores of one corpus: every byte, but when and by whom it was made and file times."""
    folder = open_store(store).folder
    found: dict[str, Any] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files(folder)}
    header = json.loads(found["kemfeat.json"])
    for member in ("provenance", "changes", "history"):
        header.pop(member)
    header["documents"].pop("sources.parquet")
    sources = pd.read_parquet(store / "sources.parquet").drop(columns="mtime_ns")
    return {**found, "kemfeat.json": header, "sources.parquet": sources.to_csv()}


def states(store: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file of the current version: what a run that writes nothing leaves alone."""
    folder = open_store(store).folder
    found = {path.relative_to(folder).as_posix(): path.stat() for path in files(folder)}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def shards(store: Path) -> dict[tuple[str, int], set[int]]:
    """Inodes of the shards by feature and partition."""
    found: dict[tuple[str, int], set[int]] = {}
    for part in json.loads((store / "kemfeat.json").read_bytes())["parts"]:
        for name in part["files"]:
            found.setdefault((part["feature"], part["partition"]), set()).add((store / name).stat().st_ino)
    return found


def rewritten(before: Mapping[tuple[str, int], set[int]], store: Path) -> set[tuple[str, int]]:
    """Feature and partition of the shards that are not the files they were."""
    return {key for key, inodes in shards(store).items() if inodes != before.get(key)}


def parts(features: tuple[str, ...], partitions: set[int]) -> set[tuple[str, int]]:
    """Those of the parts that have shards; ``text`` makes columns only."""
    return {(feature, partition) for feature in features if feature != "text" for partition in partitions}


class Stages:
    """Progress that remembers how much there was to do."""

    def __init__(self, on: Callable[[str, int, int], None] = lambda stage, done, total: None) -> None:
        self.totals: dict[str, int] = {}
        self._on = on

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.totals[stage] = total
        self._on(stage, done, total)
