"""Commands disturbed at each of their calls of the file system: nothing is left half made, the same command ends it.

``python -m tests.bench.tools.calls kill`` lets a first build, an update, an analysis, a report, an export and a
training die before each of their calls (``open``, ``write``, ``fsync``, ``rename``, ``link``, ``symlink``, ``unlink``,
``mkdir``, ``rmdir``, ``flock``) in turn; ``refuse`` refuses each of these calls, and ``read``, with errors that
POSIX names for it: one in turn, or as many as ``--errors`` says. Both print a Markdown table; a failure is printed with
the call that makes it again.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kemfeat import KemfeatError, build_store, open_store
from kemfeat.splits import make_split, write_split
from kemfeat.synth.kemdy20 import SYNTH
from tests.bench.tools import _preload
from tests.bench.tools._commands import Command, commands, scene
from tests.build.kit import tree
from tests.learn.training.kit import AUDIO

SMALL = {"features": ["mel", "delta"], "mel": {"n_mels": 16, "max_frames": 64}}
LAZY = ("matplotlib.pyplot", "kemfeat.analyses.balance", "kemfeat.figures.balance", "kemfeat.report", "kemfeat.export")
LAZY += ("kemfeat.learn.experiments",)
ENDS = ("done", "refused", "killed")
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
        shutil.copytree(self.store, scratch / "store", symlinks=True)
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
        end, _ = _preload.disturbed(scene.command(scratch).run, scratch)
        if end != "done":
            raise SystemExit(f"{scene.name}: {end}")
        made.append(scene.made(scratch))
        time.sleep(1)  # so that times differ
    return {name: content for name, content in made[0].items() if made[1].get(name) == content}


def case(scene: Scene, scratch: Path, *, call: str, at: int, code: int, whole: Files) -> str:
    """What is wrong when a call fails with ``code``, or kills where that is 0; nothing where all is well."""
    command = scene.command(scratch)
    before = scene.made(scratch)
    end, _ = _preload.disturbed(command.run, scratch.parent, call=call, at=at, code=code)
    if end not in ENDS:
        return end
    wrong = _of_a_store(command.folder, whole, before) if scene.is_build else _of_a_folder(scene, scratch, whole)
    is_ended = scene.name == "export" and bool(scene.made(scratch))  # an export is made once
    again = "done" if is_ended else _preload.disturbed(command.run, scratch)[0]
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


def tried(scene: Scene, scratch: Path, whole: Files, given: argparse.Namespace) -> Counter[str]:
    """Disturb every call of a command; says of each kind how many calls there are, and how many cases failed."""
    end, numbers = _preload.disturbed(scene.command(scratch).run, scratch.parent)
    if end != "done":
        raise SystemExit(f"{scene.name} undisturbed: {end}")
    found: Counter[str] = Counter()
    for call, calls in zip(_preload.CALLS, numbers, strict=True):
        if given.how == "kill" and call == "read":  # changes nothing
            continue
        for at in range(1, calls + 1, given.every):
            found["calls"] += 1
            for code in [0] if given.how == "kill" else _preload.codes(call, at + given.turn, given.errors):
                wrong = case(scene, scratch, call=call, at=at, code=code, whole=whole)
                found["cases"] += 1
                found["failures"] += bool(wrong)
                if wrong:
                    how = os.strerror(code) if code else "kill"
                    sys.stderr.write(f"{scene.name}: {call} {at}: {how}: {wrong}\n")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=("kill", "refuse"))
    parser.add_argument("--every", type=int, default=1, help="only each so many-th call")
    parser.add_argument("--errors", type=int, default=1, help="errors for each refused call, in turn")
    parser.add_argument("--turn", type=int, default=0, help="the error that the first call begins with")
    parser.add_argument("--only", nargs="+", help="commands, as the table names them")
    given = parser.parse_args()
    _preload.preload()
    for module in LAZY:  # once, not in every child
        importlib.import_module(module)
    sys.stdout.write("| command | calls | cases | failures |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="kemfeat-disturbed-") as folder:
        scratch = Path(folder) / "scratch"
        for one in scenes(Path(folder)):
            if given.only and one.name not in given.only:
                continue
            found = tried(one, scratch, straight(one, scratch), given)
            sys.stdout.write(f"| {one.name} | {found['calls']} | {found['cases']} | {found['failures']} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
