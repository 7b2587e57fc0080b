"""Where a result may be written, and how it is put there: complete or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kemfeat.errors import ConfigError, StoreError, StoreWriteError
from kemfeat.store import beside, disk
from kemfeat.store.outside import store_around
from kemfeat.store.reader import Store

RESULT = "result.json"
ANALYSES = "analyses"
_BLOCKS = "distances-"
_CONTENTS = beside.Contents(proof=RESULT, carried=(_BLOCKS,))
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
        own = (
            around is not None
            and isinstance(store.path, Path)
            and around == store.path.resolve()
            and out.resolve().parent == around / ANALYSES
        )
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
        if path.name.removeprefix(".").startswith(_BLOCKS) and path.is_dir():  # hidden: a kill as they were begun
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
    try:
        with disk.writing(out, resumes=False), beside.made_folder(out, _CONTENTS) as folder:
            yield folder
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
    try:
        beside.tidy(out, _CONTENTS)
    except OSError as error:
        raise _refused(out, error) from None


def _refused(out: Path, error: OSError) -> StoreError:
    return StoreWriteError(
        f"{out}: a result cannot be written there ({error.strerror or error}); choose another folder with --out"
    )
