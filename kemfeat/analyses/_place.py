"""Where a result may be written, and how it is put there: complete or not at all."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kemfeat.errors import ConfigError, StoreError, StoreWriteError
from kemfeat.store import disk
from kemfeat.store.outside import store_around
from kemfeat.store.reader import Store

RESULT = "result.json"
ANALYSES = "analyses"
_BLOCKS = "distances-"
_PARTS = {"tables": {".parquet", ".csv", ".tex", ".md"}, "figures": {".svg", ".png"}}


def refuse_unusable(out: Path, *, store: Store) -> None:
    """Refuse a folder in which a result would be mixed with, or replace, files that no analysis wrote.

    A result may be written to ``STORE/analyses/NAME``, or to a folder outside any store that is absent, empty or an
    earlier result.

    Parameters
    ----------
    out : Path
        Folder for the result.
    store : Store
        The store that is analysed.

    Raises
    ------
    ConfigError
        ``out`` is inside a store, or contains files that no analysis wrote.
    StoreWriteError
        ``out`` is a file, or cannot be read.
    """
    try:
        around = store_around(out)
        own = around is not None and around == store.path.resolve() and out.resolve().parent == around / ANALYSES
        if around is not None and not own:
            raise ConfigError(
                f"{out}: is inside the store {around}, where results may only be written to "
                f"{around / ANALYSES}/NAME; choose a folder outside the store with --out"
            )
        if out.exists() and not out.is_dir():
            raise StoreWriteError(f"{out}: is a file, expected a folder; choose another folder with --out")
        foreign = next(_foreign(out, own=own), None) if out.is_dir() else None
    except StoreError:
        raise
    except OSError as error:
        raise _refused(out, error) from None
    if foreign is not None:
        raise ConfigError(
            f"{out}: contains {foreign}, which no analysis wrote; choose a folder with --out that is absent, empty, "
            "or an earlier result"
        )


def _foreign(out: Path, *, own: bool) -> Iterator[str]:
    """Files of a folder that are not part of a result; an ``own`` folder may contain what an older version left."""
    named = _named(out)
    for path in sorted(out.iterdir()):
        if path.name.startswith(_BLOCKS) and path.is_dir():
            continue
        if path.name == RESULT and named is not None:
            continue
        if path.name not in _PARTS or path.is_symlink() or not path.is_dir():
            yield path.name
            continue
        for file in sorted(path.iterdir()):
            name, suffix = f"{path.name}/{file.name}", file.suffix.lower()
            left_over = own and suffix in _PARTS[path.name] and file.is_file()
            if not left_over and name not in (named or ()):
                yield name


def _named(out: Path) -> set[str] | None:
    """The files that ``result.json`` lists; None where there is no ``result.json`` of an analysis."""
    try:
        content: Any = json.loads((out / RESULT).read_bytes())
        tables = [file for entry in content["tables"].values() for file in entry["files"]]
        figures = [file for files in content["figures"].values() for file in files]
        return {*tables, *figures} if {"schema_version", "analysis"} <= set(content) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


@contextmanager
def made_aside(out: Path, *, store: Store) -> Iterator[Path]:
    """Give a folder beside ``out`` to fill, which becomes ``out`` at the end.

    Until then an earlier result stays as it is, and so it does after any failure. Blocks of distances are carried over.

    Raises
    ------
    ConfigError
        See :func:`refuse_unusable`.
    StoreWriteError
        The system refuses.
    """
    prepare(out, store=store)
    whole, run = out.resolve(), uuid.uuid4().hex
    aside, old = _beside(whole, run, "aside"), _beside(whole, run, "old")
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        with disk.writing(out, resumes=False), _locked(whole, run):
            try:
                aside.mkdir()
                yield aside
                _put_in_place(aside, whole, old)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
                if whole.exists():
                    shutil.rmtree(old, ignore_errors=True)
                with suppress(OSError):
                    _beside(whole, run, "lock").unlink()
    except StoreError:
        raise
    except OSError as error:
        raise _refused(out, error) from None


def prepare(out: Path, *, store: Store) -> None:
    """Refuse an unusable folder for a result, and put right what a killed run left beside it.

    The earlier result and its blocks of distances are put back, unfinished files are removed. A run that is still going
    on is left alone.

    Parameters
    ----------
    out : Path
        Folder for the result.
    store : Store
        The store that is analysed.

    Raises
    ------
    ConfigError
        See :func:`refuse_unusable`.
    StoreWriteError
        The system refuses.
    """
    refuse_unusable(out, store=store)
    whole = out.resolve()
    left = re.compile(rf"\.{re.escape(whole.name)}\.([0-9a-f]{{32}})\.(?:aside|old|lock)")
    try:
        found = [left.fullmatch(path.name) for path in whole.parent.iterdir()] if whole.parent.is_dir() else []
        for run in sorted({match[1] for match in found if match}):
            with _locked(whole, run) as is_dead:
                if is_dead:
                    _recover(whole, run)
    except OSError as error:
        raise _refused(out, error) from None


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


def _recover(whole: Path, run: str) -> None:
    """Put right what a killed run left."""
    aside, old = _beside(whole, run, "aside"), _beside(whole, run, "old")
    is_complete = (whole / RESULT).exists()
    for left in (path for path in (old, aside) if path.is_dir()):
        for part in sorted(left.iterdir(), key=lambda path: path.name == RESULT):  # it vouches for the others: last
            wanted = part.name.startswith(_BLOCKS) or (left == old and not is_complete)
            if wanted and not (whole / part.name).exists():
                whole.mkdir(exist_ok=True)
                part.rename(whole / part.name)
        shutil.rmtree(left)
    _beside(whole, run, "lock").unlink()


def _put_in_place(aside: Path, whole: Path, old: Path) -> None:
    for path in (*sorted(aside.rglob("*")), aside):
        disk.fsync(path)
    if whole.exists():
        whole.rename(old)
    try:
        for blocks in old.glob(f"{_BLOCKS}*"):
            blocks.rename(aside / blocks.name)
        aside.rename(whole)
    except OSError:
        if old.exists():
            for blocks in aside.glob(f"{_BLOCKS}*"):
                blocks.rename(old / blocks.name)
            old.rename(whole)
        raise
    disk.fsync(whole.parent)


def _refused(out: Path, error: OSError) -> StoreError:
    return StoreWriteError(
        f"{out}: a result cannot be written there ({error.strerror or error}); choose another folder with --out"
    )
