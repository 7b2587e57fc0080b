"""Synthetic corpora in the real folder shape: one file per corpus, found by its name.

A file of this room ends in ``SYNTH``, an object with what :class:`Synth` asks for. Bytes depend on the options alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Synth(Protocol):
    """What the ``synth`` command asks of a synthetic corpus."""

    @property
    def name(self) -> str:
        """The corpus' own spelling."""
        ...

    @property
    def utterances(self) -> int:
        """How many utterances the real corpus has."""
        ...

    @property
    def sessions(self) -> int:
        """How many sessions the real corpus has."""
        ...

    @property
    def versions(self) -> tuple[str, ...]:
        """Releases whose defects it can have; the first is the default."""
        ...

    def write(
        self,
        out: Path,
        *,
        utterances: int | None = None,
        sessions: int | None = None,
        seed: int = 0,
        version: str | None = None,
        speaker_effect: float = 1.0,
        workers: int = 1,
        scheduler: str | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Write the corpus below ``out`` (absent or empty); ``progress`` gets the utterances done and in all.

        None stands for what the real corpus has.
        """
        ...
