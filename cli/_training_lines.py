"""What is reported of a training: a few lines for each run, one for each epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kemfeat.plural import many

from ._progress import Reporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kemfeat.learn.run_facts import RunFacts


class TrainingLines:
    """Reports what training does: a few lines for each run, one for each epoch."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._before: int | None = None

    def compared(self, done: int, total: int) -> None:
        """Show the progress of the audit."""
        self._reporter("compare", done, total)

    def began(self, facts: RunFacts, out: Path) -> None:
        """Say what is trained where, and how many parameters are trainable."""
        from kemfeat.provenance import BANNER

        self._before = None
        for stage in ("remember", "train"):
            self._reporter.restart(stage)
        trainable = sum(part.trainable for part in facts.parameters)
        frozen = sum(part.parameters - part.trainable for part in facts.parameters)
        split = f"{facts.split.scheme} fold {facts.fold}"
        self._reporter.say(f"{out}: {facts.recipe} {facts.variant}, {split}; {trainable:,} trainable parameters")
        if frozen:
            names = ", ".join(part.part for part in facts.parameters if part.frozen)
            self._reporter.say(f"{frozen:,} frozen parameters: {names}")
        for reason, count in facts.left_out.items():
            self._reporter.say(f"{many(count, 'utterance')} left out: {reason}")
        if facts.synthetic:
            self._reporter.say(BANNER)
        if facts.leakage.warning:
            self._reporter.say(facts.leakage.warning)

    def remembered(self, done: int, total: int) -> None:
        """Show what the frozen parts have read."""
        self._reporter("remember", done, total)

    def stepped(self, done: int, total: int) -> None:
        """Show the progress of training since this command began."""
        self._before = done - 1 if self._before is None else self._before
        self._reporter("train", done - self._before, total - self._before)

    def ended(self, row: Mapping[str, float]) -> None:
        """Report an epoch in one line."""
        numbers = ", ".join(
            f"{name.removeprefix('valid_')} {value:.3f}"
            for name, value in row.items()
            if name.startswith("valid_") and name != "valid_loss"
        )
        self._reporter.say(
            f"epoch {row['epoch']:.0f}: loss {row['train_loss']:.4f}, validation {row['valid_loss']:.4f} ({numbers}), "
            f"{row['seconds']:.1f} s{', best so far' if row['kept'] else ''}"
        )
