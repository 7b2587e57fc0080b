"""Builds that are killed at any moment: the store opens as one version or is refused, and the same build ends it.

``python -m tests.bench.tools.kills --cases 1000`` kills first builds and updates, one to three times each, with SIGKILL
after a random time, and prints a Markdown table; a failure is printed with the seed of its moments.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kemfeat import KemfeatError, open_store
from kemfeat.store.verify import verify
from tests.build.kit import Bench, tree, with_settings, write_corpus

BEFORE = with_settings(features=["mel"])
AFTER = with_settings(features=["mel", "text", "eda"])
MOST_KILLS = 3


@dataclass(frozen=True)
class Scene:
    """A build to be killed: what its folder contains before, and what it is to contain in the end."""

    bench: Bench
    before: Path | None
    straight: Path
    seconds: float

    def fresh(self, out: Path) -> Bench:
        """The build, in a folder as it was before."""
        if self.before is not None:
            shutil.copytree(self.before, out, symlinks=True)
        return Bench(self.bench.corpus, out)


def scenes(folder: Path) -> dict[str, Scene]:
    """A first build and an update, each with the seconds that it takes undisturbed."""
    bench = Bench(write_corpus(folder / "corpus"), folder / "before")
    bench.build(settings=BEFORE)
    found = {}
    for name, before in (("first build", None), ("update", bench.out)):
        scene = Scene(bench, before, folder / f"straight {name}", 0)
        whole = scene.fresh(scene.straight)
        seconds, _ = _in_child(lambda whole=whole: whole.build(settings=AFTER))
        found[name] = Scene(bench, before, scene.straight, seconds)
    return found


def killed(scene: Scene, out: Path, rng: random.Random) -> tuple[int, str]:
    """How many kills met a running build, and what is wrong in the end; nothing where all is well."""
    build = scene.fresh(out)
    versions = {open_store(path).digest for path in (scene.before, scene.straight) if path is not None}
    kills = 0
    for _ in range(rng.randint(1, MOST_KILLS)):
        _, met = _in_child(lambda: build.build(settings=AFTER), after=rng.uniform(0, scene.seconds))
        kills += met
        try:
            if open_store(out).digest not in versions:
                return kills, "opened as a version that nobody built"
        except KemfeatError:
            pass
    build.build(settings=AFTER)
    if tree(out) != tree(scene.straight):
        return kills, "another store than an undisturbed build"
    if problems := verify(open_store(out)).problems:
        return kills, problems[0]
    left = [path.name for path in out.rglob("*") if path.name.endswith(".aside") or path.name == ".building"]
    return kills, f"left {left[0]}" if left else ""


def _in_child(run: Callable[[], object], *, after: float | None = None) -> tuple[float, bool]:
    """Seconds of a run in a process of its own, and whether it was killed ``after`` some; other ends are errors."""
    began = time.monotonic()
    child = os.fork()
    if not child:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    timer = threading.Timer(after or 0, os.kill, (child, signal.SIGKILL))
    if after is not None:
        timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    timer.join() if after is not None else None
    was_killed = os.WIFSIGNALED(status)
    if not was_killed and os.waitstatus_to_exitcode(status):
        raise RuntimeError("the build failed")
    return time.monotonic() - began, was_killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=500, help="of a first build, and as many of an update")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    given = parser.parse_args()
    sys.stdout.write("| build | cases | kills that met it running | failures |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="kemfeat-kills-") as scratch:
        for name, scene in scenes(Path(scratch)).items():
            found: Counter[str] = Counter()
            for seed in range(given.first, given.first + given.cases):
                out = Path(scratch) / "case"
                kills, wrong = killed(scene, out, random.Random(seed))
                found["kills"] += kills
                found["failures"] += bool(wrong)
                if wrong:
                    sys.stderr.write(f"{name} seed {seed}: {wrong}\n")
                shutil.rmtree(out)
            sys.stdout.write(f"| {name} | {given.cases} | {found['kills']} | {found['failures']} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
