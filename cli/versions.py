"""``kemfeat log`` and ``kemfeat prune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import _options
from ._json import print_json

if TYPE_CHECKING:
    from kemfeat.store.versions import Version


def log(
    store: _options.StorePath,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", metavar="DIGEST", help="Print the settings of this version as TOML for `build --config`."
        ),
    ] = None,
    as_json: _options.Json = False,
) -> None:
    """List the versions of a store, the latest first: digest, time, what changed, and whether it is still kept."""
    from kemfeat.store.address import place
    from kemfeat.store.versions import recorded, versions
    from kemfeat.toml_settings import as_toml

    if config is not None:
        print(as_toml(recorded(place(store), config).record.config), end="")
        return
    found = versions(place(store))
    if as_json:
        print_json([_facts(version) for version in found])
        return
    for version in found:
        _print(version)


def prune(
    store: _options.StorePath,
    keep: Annotated[int, typer.Option("--keep", min=0, help="How many versions before the current one to keep.")] = 0,
    as_json: _options.Json = False,
) -> None:
    """Remove earlier versions of a store; `kemfeat log` goes on listing them."""
    from kemfeat.errors import ConfigError
    from kemfeat.store import disk, locking
    from kemfeat.store.address import place
    from kemfeat.store.versions import prune as remove
    from kemfeat.store.versions import versions

    folder = place(store)
    if not isinstance(folder, Path):
        raise ConfigError(f"{store}: versions are only removed from a store in a folder of this machine")
    versions(folder)  # a folder that is not a store is refused before anything is written
    with locking.locked(folder), disk.writing(folder):
        removed = remove(folder, keep=keep)
    if as_json:
        print_json({"store": str(store), "removed": [record.digest for record in removed]})
        return
    print(f"{store}: removed {', '.join(record.digest[:12] for record in removed) or 'nothing'}")


def _facts(version: Version) -> dict[str, Any]:
    record = version.record.model_dump(mode="json")
    return {
        **{name: record[name] for name in ("digest", "created", "command", "kemfeat", "changes", "config")},
        "current": version.current,
        "folder": None if version.folder is None else str(version.folder),
    }


def _print(version: Version) -> None:
    from kemfeat.findings import printable

    record = version.record
    state = "current" if version.current else "kept" if version.folder is not None else "no longer kept"
    print(printable(f"{record.digest[:12]}  {record.created}  kemfeat {record.kemfeat}  {state}"))
    for line in (record.command, f"features: {', '.join(record.config.features)}", *record.changes):
        print(f"    {printable(line)}")
