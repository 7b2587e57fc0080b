"""Mutated corpora must end in a store or in a sentence: no traceback, no hang, no row lost without a word.

``python -m tests.bench.tools.fuzz --cases 2500`` tries that many mutations of every reader's corpus and prints a
Markdown table. Of a failure the fewest mutations that still fail are printed, as a line for ``tests/laws/mutated.txt``,
where failures are kept once they are mended.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from kemfeat import BuildOptions, KemfeatError, build_store, plugins, validate_corpus
from kemfeat.store.reader import Store
from tests.bench.tools.mutations import MUTATIONS, NAMED
from tests.laws.corpus_kit import NAMES, make

SECONDS = 60
"""A case that takes longer hangs."""
SETTINGS = {"rows_per_shard": 16, "mel": {"max_frames": 64, "n_mels": 16}}
Findings = frozenset[tuple[str, int]]
Steps = tuple[tuple[str, int], ...]
"""Mutations by name, each with the seed of its choices."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case ended: ``stored``, ``refused``, or a failure with what is to be said of it."""

    end: str
    said: str = ""

    @property
    def failed(self) -> bool:
        """Whether kemfeat must be mended."""
        return self.end not in {"stored", "refused"}


def steps_of(seed: int) -> Steps:
    """One to three mutations."""
    rng = random.Random(seed)
    return tuple((rng.choice(MUTATIONS).__name__, rng.randrange(2**32)) for _ in range(rng.randint(1, 3)))


def mutate(root: Path, steps: Steps) -> str:
    """Apply mutations one after another; says what was done."""
    done = [NAMED[name](root, random.Random(seed)) for name, seed in steps]
    return "; ".join(filter(None, done))


def fewest(steps: Steps, fails: Callable[[Steps], bool]) -> Steps:
    """Steps of which none can be left out without the failure being gone."""
    for place in range(len(steps)):
        fewer = steps[:place] + steps[place + 1 :]
        if fewer and fails(fewer):
            return fewest(fewer, fails)
    return steps


def written(dataset: str, steps: Steps) -> str:
    """A case as a line."""
    return " ".join([dataset, *(f"{name}:{seed}" for name, seed in steps)])


def read(line: str) -> tuple[str, Steps]:
    """The case of a line."""
    dataset, *steps = line.split()
    return dataset, tuple((name, int(seed)) for name, seed in (step.rsplit(":", 1) for step in steps))


def outcome(dataset: str, root: Path, out: Path, *, known: frozenset[str], usual: Findings) -> Outcome:
    """Validate and build a mutated corpus whose unchanged form has the utterances ``known`` and findings ``usual``."""
    try:
        with _limited():
            found = _findings(dataset, root)
            options = BuildOptions(on_error="skip", max_failures=1.0)
            built = build_store(dataset, root=root, out=out, settings=_settings(dataset), options=options)
    except KemfeatError as error:
        return Outcome("refused", str(error))
    except TimeoutError:
        return Outcome("hang", traceback.format_exc(limit=-3))
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return Outcome("traceback", traceback.format_exc(limit=-4))
    store, balance = built.store, built.balance
    if balance is not None and not balance.holds:
        return Outcome("lost", f"{balance}: {'; '.join(balance.lost[:5])}")
    lost = known - set(store.utterances["id"])
    if len(store) < len(known) and found == usual:  # a row may go by another id
        return Outcome("lost", f"{len(known) - len(store)} of {len(known)} rows, such as {min(lost)}")
    return Outcome("stored")


def baseline(dataset: str, root: Path, out: Path) -> tuple[frozenset[str], Findings]:
    """Ids and findings of the corpus as it is."""
    store = build_store(dataset, root=root, out=out, settings=_settings(dataset)).store
    return _ids(store), _findings(dataset, root)


def _settings(dataset: str) -> dict[str, Any]:
    signals = [
        name for name in ("eda", "temp") if name in plugins.find("corpora", dataset).media and dataset != "folder"
    ]
    sound = ["mel"] if "audio" in plugins.find("corpora", dataset).media else []
    text = ["text"] if "transcript" in plugins.find("corpora", dataset).media else []
    return {**SETTINGS, "features": [*sound, *text, *signals]}


def _ids(store: Store) -> frozenset[str]:
    return frozenset(store.utterances["id"])


def _findings(dataset: str, root: Path) -> Findings:
    return frozenset((finding.rule, finding.count) for finding in validate_corpus(dataset, root=root).findings)


@contextmanager
def _limited() -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True)
class Bed:
    """A reader's whole corpus, what is known of it, and a folder for mutated copies."""

    dataset: str
    whole: Path
    scratch: Path
    known: frozenset[str]
    usual: Findings

    def outcome(self, steps: Steps) -> tuple[str, Outcome]:
        """What was done to a copy, and how it ended."""
        root, out = self.scratch / "case", self.scratch / "case.store"
        shutil.copytree(self.whole, root)
        try:
            done = mutate(root, steps)
            return done, outcome(self.dataset, root, out, known=self.known, usual=self.usual)
        finally:
            shutil.rmtree(root)
            shutil.rmtree(out, ignore_errors=True)


def bed(dataset: str, scratch: Path) -> Bed:
    """The corpus of a reader."""
    whole = make(dataset, scratch / dataset)
    known, usual = baseline(dataset, whole, scratch / f"{dataset}.store")
    return Bed(dataset, whole, scratch, known, usual)


def _run(dataset: str, seeds: range, scratch: Path) -> Counter[str]:
    corpus = bed(dataset, scratch)
    ends: Counter[str] = Counter()
    for seed in seeds:
        _, ended = corpus.outcome(steps_of(seed))
        ends[ended.end] += 1
        if ended.failed:
            least = fewest(steps_of(seed), lambda steps, end=ended.end: corpus.outcome(steps)[1].end == end)
            done, _ = corpus.outcome(least)
            sys.stderr.write(f"{written(dataset, least)}\nseed {seed}: {ended.end}: {done}\n{ended.said}\n")
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2500, help="mutated corpora of each reader")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--only", choices=NAMES, help="one reader")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.cases)
    sys.stdout.write(
        "| reader | cases | stored | refused | tracebacks | hangs | rows lost |\n|---|---|---|---|---|---|---|\n"
    )
    for dataset in [given.only] if given.only else NAMES:
        with tempfile.TemporaryDirectory(prefix="kemfeat-fuzz-") as scratch:
            ends = _run(dataset, seeds, Path(scratch))
        cells = (ends[end] for end in ("stored", "refused", "traceback", "hang", "lost"))
        sys.stdout.write(f"| {dataset} | {len(seeds)} | {' | '.join(map(str, cells))} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
