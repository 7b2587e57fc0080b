"""Results that are made beside their place and put there whole: folders and files, complete or absent.

What a run makes is named ``.NAME.RUN.aside`` beside ``NAME``, with RUN 32 hexadecimal digits, and what it replaces
``.NAME.RUN.old``. The run holds the lock of ``.NAME.RUN.lock``, which ends with its process: so a later run into the
same place knows what a killed one left, and removes it.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from kemfeat.store import disk


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of the content of a folder that is replaced.

    Parameters
    ----------
    proof : str
        Name of a file without which the folder is not complete; empty where its existence is enough.
    carried : tuple of str
        Beginnings of names of folders in it that are carried over when it is replaced.
    """

    proof: str = ""
    carried: tuple[str, ...] = ()

    def is_carried(self, name: str) -> bool:
        """Whether an entry of that name is carried over.

        Parameters
        ----------
        name : str
            Name of the entry.

        Returns
        -------
        bool
            Whether it begins like one of ``carried``.

        Examples
        --------
        >>> Contents(carried=("distances-",)).is_carried("distances-01"), Contents().is_carried("distances-01")
        (True, False)
        """
        return name.startswith(self.carried)


PLAIN = Contents()


@contextmanager
def made_folder(out: Path, contents: Contents = PLAIN) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of ``out`` at the end.

    Until then ``out`` stays as it is, and so it does after any failure. What killed runs left is put right first.

    Parameters
    ----------
    out : Path
        The folder, which may exist.
    contents : Contents
        What is known of its content.

    Yields
    ------
    Path
        Folder beside ``out``.

    Raises
    ------
    OSError
        The system refuses.
    """
    whole, run = out.resolve(), uuid.uuid4().hex
    aside, old = _beside(whole, run, "aside"), _beside(whole, run, "old")
    tidy(whole, contents)
    whole.parent.mkdir(parents=True, exist_ok=True)
    with _locked(whole, run):
        try:
            aside.mkdir()
            yield aside
            _put_in_place(aside, whole, old, contents)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            if whole.exists():
                shutil.rmtree(old, ignore_errors=True)
            with suppress(OSError):
                _beside(whole, run, "lock").unlink()


@contextmanager
def made_file(out: Path) -> Iterator[Path]:
    """Give a path to write a file to, which takes the place of ``out`` at the end, in one step.

    Parameters
    ----------
    out : Path
        The file, which may exist.

    Yields
    ------
    Path
        Path beside ``out``; nothing is there yet.

    Raises
    ------
    OSError
        The system refuses.
    """
    whole, run = out.resolve(), uuid.uuid4().hex
    aside = _beside(whole, run, "aside")
    tidy(whole)
    whole.parent.mkdir(parents=True, exist_ok=True)
    with _locked(whole, run):
        try:
            yield aside
            disk.fsync(aside)
            aside.replace(whole)
            disk.fsync(whole.parent)
        finally:
            aside.unlink(missing_ok=True)
            with suppress(OSError):
                _beside(whole, run, "lock").unlink()


def tidy(out: Path, contents: Contents = PLAIN) -> None:
    """Put right what killed runs left beside a place; a run that is still going on is left alone.

    Where one was killed as it replaced a folder, the earlier folder is put back, and so are the entries that are
    carried over; the rest is removed.

    Parameters
    ----------
    out : Path
        The file or folder, which may be absent.
    contents : Contents
        What is known of its content.

    Raises
    ------
    OSError
        The system refuses.
    """
    whole = out.resolve()
    left = re.compile(rf"\.{re.escape(whole.name)}\.([0-9a-f]{{32}})\.(?:aside|old|lock)")
    found = [left.fullmatch(path.name) for path in whole.parent.iterdir()] if whole.parent.is_dir() else []
    for run in sorted({match[1] for match in found if match}):
        with _locked(whole, run) as is_dead:
            if is_dead:
                _recover(whole, run, contents)


def _beside(whole: Path, run: str, kind: str) -> Path:
    return whole.with_name(f".{whole.name}.{run}.{kind}")


@contextmanager
def _locked(whole: Path, run: str) -> Iterator[bool]:
    """Hold the lock of a run, which ends with its process; False where another holds it, or the disk has no locks."""
    lock = FileLock(_beside(whole, run, "lock"))
    try:
        lock.acquire(timeout=0)
    except (Timeout, NotImplementedError, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _recover(whole: Path, run: str, contents: Contents) -> None:
    """Put right what a killed run left."""
    aside, old = _beside(whole, run, "aside"), _beside(whole, run, "old")
    is_complete = (whole / contents.proof).exists()
    for left in (path for path in (old, aside) if path.is_dir() and not path.is_symlink()):
        for part in sorted(left.iterdir(), key=lambda path: path.name == contents.proof):  # vouches for the rest: last
            wanted = contents.is_carried(part.name) or (left == old and not is_complete)
            if wanted and not (whole / part.name).exists():
                whole.mkdir(exist_ok=True)
                part.rename(whole / part.name)
        shutil.rmtree(left)
    for left in (aside, old):
        left.unlink(missing_ok=True)
    _beside(whole, run, "lock").unlink()


def _put_in_place(aside: Path, whole: Path, old: Path, contents: Contents) -> None:
    for path in (*sorted(aside.rglob("*")), aside):
        disk.fsync(path)
    if whole.is_dir() and any(whole.iterdir()):
        whole.rename(old)
    try:
        carried = [path for path in old.glob("*") if contents.is_carried(path.name)]
        for path in carried:
            path.rename(aside / path.name)
        aside.rename(whole)
        disk.fsync(whole.parent)
    except OSError:
        if not aside.exists():
            whole.rename(aside)
        if old.exists():
            for path in [path for path in aside.glob("*") if contents.is_carried(path.name)]:
                path.rename(old / path.name)
            old.rename(whole)
        raise
