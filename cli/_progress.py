"""Progress for people: at a terminal a bar with rate and time left, elsewhere a plain line every few seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_STAGES = {
    "hash": ("reading", "files"),
    "parse": ("physiology", "sessions"),
    "extract": ("extracting", "rows"),
    "join": ("joining", "parts"),
    "measure": ("measuring", "utterances"),
    "scan": ("reading headers", "files"),
    "check": ("checking", "files"),
    "synth": ("writing", "utterances"),
    "verify": ("verifying", "files"),
    "recompute": ("recomputing", "utterances"),
    "compare": ("comparing audio", "utterances"),
    "remember": ("frozen parts", "rows"),
    "train": ("training", "steps"),
    "export": ("exporting", "rows"),
    "push": ("sending", "files"),
    "pull": ("fetching", "files"),
}
_EVERY = 5.0


class Reporter:
    """A progress function that is called with a stage, what is done and what there is to do; a context manager.

    Parameters
    ----------
    bar : bool or None
        True for a bar, False for plain lines, None for a bar where stderr is a terminal.
    quiet : bool
        Whether to print nothing, for programs that read the output.
    """

    def __init__(self, *, bar: bool | None, quiet: bool = False) -> None:
        self._quiet = quiet
        self._wants_bar = sys.stderr.isatty() if bar is None else bar
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}
        self._said = 0.0

    def __enter__(self) -> Self:
        if self._wants_bar and not self._quiet:
            self._bar = _new_bar()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show progress."""
        if self._quiet or not total:
            return
        now = time.monotonic()
        if stage not in self._began:
            self._said = now
        began = self._began.setdefault(stage, now)
        if self._bar is not None:
            self._bar.update(self._task(self._bar, stage, total), completed=done)
        elif done == total or (done and now - self._said >= _EVERY):
            self._said = now
            print(_line(stage, done, total, now - began), file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Print a line above the bar, on stderr like the bar."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def restart(self, stage: str) -> None:
        """Forget a stage, so that it can begin again."""
        self._began.pop(stage, None)
        if self._bar is not None and stage in self._tasks:
            self._bar.remove_task(self._tasks.pop(stage))

    def _task(self, bar: Progress, stage: str, total: int) -> TaskID:
        if stage not in self._tasks:
            verb, unit = _STAGES[stage]
            self._tasks[stage] = bar.add_task(verb, total=total, unit=unit)
        return self._tasks[stage]


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:>15}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        _rate_column(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _rate_column() -> ProgressColumn:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units per second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")

    return Rate()


def _line(stage: str, done: int, total: int, seconds: float) -> str:
    verb, unit = _STAGES[stage]
    rate = done / seconds if seconds > 0 else 0.0
    left = f", {(total - done) / rate:.0f} s left" if rate > 0 and done < total else ""
    return f"{verb}: {done:,} of {total:,} {unit} ({100 * done / total:.0f} %), {rate:,.0f}/s{left}"
