"""What every comparison is given: sizes, a scratch folder, and corpora and stores that are made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from . import _process
from ._rounds import Contestant, Outcome, alternate, open_all

T = TypeVar("T")

WORKERS = 2
"""The targets are stated for two cores."""
FULL = 13_462
"""Utterances of KEMDy20."""
_MANY = 1_000


@dataclass(slots=True, kw_only=True)
class Context:
    """One run.

    Parameters
    ----------
    scratch : folder for corpora and stores; removed afterwards.
    quick : small sizes and few rounds; targets that need full size are not checked.
    wavs : folder of real 16 kHz speech, or None for synthetic speech.
    say : is told what happens.
    """

    scratch: Path
    quick: bool = False
    wavs: Path | None = None
    say: Callable[[str], None] = lambda text: None
    _made: dict[str, Path] = field(default_factory=dict)

    def pick(self, *, full: T, quick: T) -> T:
        """The one that fits this run."""
        return quick if self.quick else full

    @property
    def size(self) -> int:
        """Utterances of the corpus of this run."""
        return self.pick(full=FULL, quick=480)

    def contest(self, contestants: dict[str, Contestant], *, rounds: int) -> Outcome:
        """Let those that are installed take turns; kemfeat, the first, must be."""
        turns, missing = open_all(contestants)
        outcome = alternate(turns, rounds=rounds, say=self.say)
        return Outcome(outcome.samples, missing | outcome.missing)

    def corpus(self, utterances: int) -> Path:
        """A synthetic KEMDy20 of that many utterances."""
        return self._once(f"corpus-{utterances}", lambda folder: self.synth(folder, utterances))

    def store(self, utterances: int) -> Path:
        """A finished store of ``corpus(utterances)``, all features."""
        corpus = self.corpus(utterances)
        return self._once(f"store-{utterances}", lambda folder: build(corpus, folder))

    def folder(self, name: str) -> Path:
        """A new folder's path, which is not there yet."""
        number = sum(1 for made in self._made if made.startswith(f"{name}#"))
        path = self.scratch / f"{name}-{number}"
        self._made[f"{name}#{number}"] = path
        return path

    def _once(self, name: str, make: Callable[[Path], object]) -> Path:
        if name not in self._made:
            self.say(f"making {name}")
            path = self.scratch / name
            make(path)
            self._made[name] = path
        return self._made[name]

    def synth(self, folder: Path, utterances: int) -> None:
        """Write a synthetic KEMDy20 of one's own, to change."""
        sessions = 40 if utterances >= _MANY else 4
        options = ("--dataset", "KEMDy20", "--out", folder, "--utterances", utterances, "--sessions", sessions)
        _process.kemfeat("synth", *options)


def build(
    corpus: Path, out: Path, *, workers: int = WORKERS, scheduler: str | None = None, watch: bool = False
) -> _process.Ran:
    """``kemfeat build`` of every feature, in a fresh process; with a ``scheduler`` its workers do it."""
    on = ("--workers", workers) if scheduler is None else ("--scheduler", scheduler)
    return _process.kemfeat(
        "build", "--dataset", "KEMDy20", "--root", corpus, "--out", out, *on, "--no-progress", watch=watch
    )
