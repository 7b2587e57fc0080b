"""How a build is made, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kemfeat.balance import Balance
from kemfeat.paths import StrPath
from kemfeat.store.reader import Store
from kemfeat.store.versions import KEPT


def silent(stage: str, done: int, total: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How to build; none of these options changes a byte of a row that is extracted.

    Parameters
    ----------
    workers : int, >= 1
        Most processes that extract; a small corpus is built with fewer. With a scheduler, local threads that hash.
    scheduler : str, optional
        Address of a Dask scheduler whose workers extract instead, such as ``tcp://HOST:8786``.
    on_error : {"raise", "skip"}
        ``raise`` stops at the first row that cannot be extracted; ``skip`` stores it as an explicit missing row.
    max_failures : float, 0 to 1
        Largest share of utterances that may fail under ``skip``.
    rehash : bool
        Whether to hash every source and every kept shard, whatever their size and time.
    force : bool
        Whether to move a finished or unfinished store aside and begin anew.
    follow_links : bool
        Whether links of the corpus may lead out of its folder.
    keep : int, >= 0
        How many earlier versions of the store to keep; in a bucket all are kept.
    cache : str or PathLike, optional
        Folder in which the copy of a corpus in a bucket is kept for the next build.
    may_pass_on : bool
        Whether the user says that they may pass on a store of a restricted corpus to all who can read its address.

    Examples
    --------
    >>> BuildOptions(on_error="skip").max_failures
    0.01
    """

    workers: int = 1
    scheduler: str | None = None
    on_error: Literal["raise", "skip"] = "raise"
    max_failures: float = 0.01
    rehash: bool = False
    force: bool = False
    follow_links: bool = False
    keep: int = KEPT
    cache: StrPath | None = None
    may_pass_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did.

    Parameters
    ----------
    store : Store
        The finished store, opened.
    written, kept : int
        Parts (one partition of one feature) that were written, and that were taken over unchanged.
    failures : int
        Utterances with missing rows, and rows and cells of the annotation that could not be read.
    seconds : float [s]
        How long it took.
    moved_aside : Path, optional
        Where ``force`` moved the former content of the folder.
    notes : tuple of str
        Sentences on what was chosen without being asked: the channel of audio files of several, features left out.
    balance : Balance, optional
        What became of every utterance that the corpus mentions; None where there was nothing to do, or the reader does
        not count.

    Examples
    --------
    >>> import kemfeat
    >>> report = kemfeat.build_store("KEMDy20", root="corpora/KEMDy20", out="stores/KEMDy20")
    >>> report.up_to_date, report.written, report.failures
    (True, 0, 0)
    """

    store: Store
    written: int
    kept: int
    failures: int
    seconds: float
    moved_aside: Path | None = None
    notes: tuple[str, ...] = ()
    balance: Balance | None = None

    @property
    def up_to_date(self) -> bool:
        """Whether there was nothing to do."""
        return self.written == 0 and self.kept == 0
