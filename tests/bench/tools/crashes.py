"""Commands that die before a change of the disk: nothing half made is left, and the same command ends it.

``python -m tests.bench.tools.crashes`` lets a first build, an update, an analysis, a report, an export and a training
run die before each of their changes (``mkdir``, ``rename``, ``replace``, ``unlink``, ``rmdir`` and ``fsync``) in turn
and prints a Markdown table; a failure is printed with the number of the change.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kemfeat import KemfeatError, build_store, open_store
from kemfeat.splits import make_split, write_split
from kemfeat.synth.kemdy20 import SYNTH
from tests.bench.tools._commands import Command, commands, scene
from tests.build.kit import tree
from tests.kill_kit import run_until
from tests.learn.training.kit import AUDIO

SMALL = {"features": ["mel", "delta"], "mel": {"n_mels": 16, "max_frames": 64}}
Files = Mapping[str, Any]
"""Content of files by path."""


@dataclass(frozen=True)
class Scene:
    """A command, the store that a copy of is at hand, and where its output is."""

    name: str
    store: Path
    root: Path

    @property
    def is_build(self) -> bool:
        """Whether its output is a store."""
        return self.name in {"first build", "update"}

    def command(self, scratch: Path) -> Command:
        """The command, on a fresh copy of the store."""
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(self.store, scratch / "store")
        if self.name != "train":
            return commands(scratch / "store", self.root, scratch)[self.name]
        sets = [f"--set={key}={value}" for key, value in {**AUDIO, "train.epochs": 2}.items()]
        given = ["--store", scratch / "store", "--split", self.store.with_name("split.parquet"), "--device", "cpu"]
        line = ["train", "kor/audio-arousal", *given, "--out", scratch / "run", "--save-every", 0, *sets]
        return Command(tuple(map(str, line)), scratch / "run")

    def made(self, scratch: Path) -> Files:
        """What the command made, of what is seen."""
        if self.is_build:
            store = scratch / ("new" if self.name == "first build" else "store")
            return tree(store) if store.exists() else {}
        before = {path.relative_to(self.store) for path in self.store.rglob("*")}
        return {
            path.relative_to(scratch).as_posix(): path.read_bytes()
            for path in scratch.rglob("*")
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(scratch).parts)
            and not (path.is_relative_to(scratch / "store") and path.relative_to(scratch / "store") in before)
        }


def scenes(folder: Path) -> Iterator[Scene]:
    """Every command."""
    bench = scene(folder)
    for name in commands(bench.out, bench.corpus.root, folder):
        yield Scene(name, bench.out, bench.corpus.root)
    SYNTH.write(folder / "KEMDy20", utterances=80, sessions=4, seed=2)
    store = build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "train/store", settings=SMALL).store
    split = make_split(store.utterances, scheme="session", folds=4, store=store.digest)
    write_split(folder / "train/split.parquet", split)
    yield Scene("train", store.path, folder / "KEMDy20")


def straight(scene: Scene, scratch: Path) -> Files:
    """What the command makes undisturbed, without files in which two runs differ (those with a time)."""
    made = []
    for _ in range(2):
        end = scene.command(scratch).run()
        if end != "done":
            raise SystemExit(f"{scene.name}: {end}")
        made.append(scene.made(scratch))
    return {name: content for name, content in made[0].items() if made[1].get(name) == content}


def case(scene: Scene, scratch: Path, *, at: int, whole: Files) -> str | None:
    """What is wrong when the command dies before change ``at``; None where it makes no such change."""
    command = scene.command(scratch)
    before = scene.made(scratch)
    if not run_until(at, command.run, pytest.MonkeyPatch()):
        return None
    wrong = _of_a_store(command.folder, whole, before) if scene.is_build else _of_a_folder(scene, scratch, whole)
    is_ended = scene.name == "export" and bool(scene.made(scratch))  # an export is made once
    again = "done" if is_ended else command.run()
    if again != "done":
        return f"the same command then: {again}"
    if not whole.items() <= scene.made(scratch).items():
        return "another result than that of an undisturbed run"
    hidden = [path.name for path in scratch.rglob("*") if path.name.endswith(".aside") or path.name == ".building"]
    return wrong or (f"left {hidden[0]}" if hidden else "")


def _of_a_folder(scene: Scene, scratch: Path, whole: Files) -> str:
    """Outputs are complete or absent; but a training run is there from its first epoch on."""
    left = scene.made(scratch)
    is_whole = not left or whole.items() <= left.items()
    return "" if is_whole or scene.name == "train" else "left a part of its output"


def _of_a_store(folder: Path, whole: Files, before: Files) -> str:
    """A store opens as the earlier or the later version, or is refused with a sentence."""
    try:
        opened = open_store(folder).digest
    except KemfeatError:
        return ""
    versions = {files["kemfeat.json"]["digest"] for files in (whole, before) if files}
    return "" if opened in versions else "opened as a version that nobody built"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th change")
    parser.add_argument("--only", nargs="+", help="commands, as the table names them")
    options = parser.parse_args()
    sys.stdout.write("| command | changes of the disk | failures |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="kemfeat-crashes-") as folder:
        scratch = Path(folder) / "scratch"
        for one in scenes(Path(folder)):
            if options.only and one.name not in options.only:
                continue
            whole, found = straight(one, scratch), Counter[str]()
            for at in count(0, options.every):
                wrong = case(one, scratch, at=at, whole=whole)
                if wrong is None:
                    break
                found["cases"] += 1
                found["failures"] += bool(wrong)
                if wrong:
                    sys.stderr.write(f"{one.name}: change {at}: {wrong}\n")
            sys.stdout.write(f"| {one.name} | {found['cases']} | {found['failures']} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
