"""The folder of an export: made aside, put in place when it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kemfeat.errors import ConfigError
from kemfeat.store import beside, disk
from kemfeat.store.address import Address
from kemfeat.store.outside import refuse_in_store


@contextmanager
def made_aside(out: Path, *, store: Path | Address) -> Iterator[Path]:
    """Give a folder beside ``out`` to fill, which becomes ``out`` at the end; after any failure nothing is left.

    Raises
    ------
    ConfigError
        ``out`` is not empty, or is in the store.
    StoreWriteError
        The disk refuses.
    """
    _refuse_what_is_there(out, store)
    with disk.usable(out):
        out.resolve().parent.mkdir(parents=True, exist_ok=True)
    with disk.writing(out, resumes=False), beside.made_folder(out) as folder:
        yield folder


def _refuse_what_is_there(out: Path, store: Path | Address) -> None:
    with disk.usable(out):
        stands = out.is_symlink() or out.exists()
    if stands and not out.is_dir():
        raise ConfigError(f"{out}: is not a folder; choose another with --out")
    if isinstance(store, Path) and out.resolve().is_relative_to(store.resolve()):
        raise ConfigError(f"{out}: is in the store; choose a folder outside it with --out")
    refuse_in_store(out)
    with disk.usable(out):
        beside.tidy(out)
        found = next(iter(sorted(out.iterdir())), None) if out.is_dir() else None
    if found is not None:
        raise ConfigError(f"{out}: is not empty (found {found.name}); choose an absent or empty folder with --out")
