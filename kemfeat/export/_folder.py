"""The folder of an export: made aside, put in place when it is complete."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kemfeat.errors import ConfigError
from kemfeat.store import disk
from kemfeat.store.outside import refuse_in_store


@contextmanager
def made_aside(out: Path, *, store: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` to fill, which becomes ``out`` at the end; after any failure nothing is left.

    Raises
    ------
    ConfigError
        ``out`` is not empty, or is in the store.
    StoreWriteError
        The disk refuses.
    """
    _refuse_what_is_there(out, store)
    whole = out.resolve()
    aside = whole.with_name(f".{whole.name}.{uuid.uuid4().hex}.aside")
    try:
        with disk.usable(out):
            aside.mkdir(parents=True)
        with disk.writing(out, resumes=False):
            yield aside
            for path in (*sorted(aside.rglob("*")), aside):
                disk.fsync(path)
        with disk.usable(out):
            aside.rename(whole)  # an existing empty folder is replaced
            disk.fsync(whole.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _refuse_what_is_there(out: Path, store: Path) -> None:
    with disk.usable(out):
        found = next(iter(sorted(out.iterdir())), None) if out.is_dir() else None
        stands = out.is_symlink() or out.exists()
    if found is not None:
        raise ConfigError(f"{out}: is not empty (found {found.name}); choose an absent or empty folder with --out")
    if stands and not out.is_dir():
        raise ConfigError(f"{out}: is not a folder; choose another with --out")
    if out.resolve().is_relative_to(store.resolve()):
        raise ConfigError(f"{out}: is in the store; choose a folder outside it with --out")
    refuse_in_store(out)
