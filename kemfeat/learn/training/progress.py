"""Reports about a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from kemfeat.learn.run_facts import RunFacts


class TrainingProgress(Protocol):
    """Receives reports about the training."""

    def compared(self, done: int, total: int) -> None:
        """Report the progress of the split's audit.

        Parameters
        ----------
        done, total : int
            Utterances compared so far, and all of them.
        """

    def began(self, facts: RunFacts, out: Path) -> None:
        """Report that a run begins or continues.

        Parameters
        ----------
        facts : RunFacts
            Contents of its ``run.json``.
        out : Path
            Folder of the run.
        """

    def remembered(self, done: int, total: int) -> None:
        """Report what the frozen parts of a model have read, before the first epoch.

        Parameters
        ----------
        done, total : int
            Rows read so far, and all of them, summed over the parts.
        """

    def stepped(self, done: int, total: int) -> None:
        """Report a step.

        Parameters
        ----------
        done, total : int
            Steps so far, and how many there are if training does not stop early.
        """

    def ended(self, row: Mapping[str, float]) -> None:
        """Report the end of an epoch.

        Parameters
        ----------
        row : mapping of str to float
            Its row of ``history.csv``.
        """


class Silent:
    """Progress that nobody watches."""

    def compared(self, done: int, total: int) -> None:
        """Do nothing. See :meth:`TrainingProgress.compared`."""

    def began(self, facts: RunFacts, out: Path) -> None:
        """Do nothing. See :meth:`TrainingProgress.began`."""

    def remembered(self, done: int, total: int) -> None:
        """Do nothing. See :meth:`TrainingProgress.remembered`."""

    def stepped(self, done: int, total: int) -> None:
        """Do nothing. See :meth:`TrainingProgress.stepped`."""

    def ended(self, row: Mapping[str, float]) -> None:
        """Do nothing. See :meth:`TrainingProgress.ended`."""
