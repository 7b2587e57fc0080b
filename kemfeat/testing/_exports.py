"""Laws of formats of exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kemfeat.export import Exporter, export_store
from kemfeat.store.reader import Store
from kemfeat.testing._law import Laws, require, tree


@dataclass(frozen=True)
class Bench:
    """A store to export."""

    store: Store


def _identity(exporter: Exporter, on: Bench) -> None:  # noqa: ARG001 - the shape of a law
    require(
        exporter.name == exporter.name.casefold(), f"name is {exporter.name!r}, expected lower case, as --to has it"
    )
    require(exporter.description and "\n" not in exporter.description, "description: expected one line")
    require(exporter.reading.strip(), "reading: expected how to read the files, for README.md")


def _same_bytes(exporter: Exporter, on: Bench) -> None:
    with TemporaryDirectory() as folder:
        one = export_store(on.store, to=exporter.name, out=Path(folder) / "deep/one")
        other = export_store(on.store, to=exporter.name, out=Path(folder) / "other")
        unlike = {name for name, content in tree(one.path).items() if tree(other.path).get(name) != content}
        require(not unlike, f"the same store twice gives other bytes in {', '.join(sorted(unlike))}")
        require(one.rows == len(on.store), f"{one.rows} rows were written of {len(on.store)}")
        left = {path.name for path in Path(folder).iterdir()} - {"deep", "other"}
        require(not left, f"it writes outside its folder: {', '.join(sorted(left))}")


def _progress(exporter: Exporter, on: Bench) -> None:
    seen: list[tuple[int, int]] = []
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        export_store(on.store, to=exporter.name, out=out, progress=lambda done, total: seen.append((done, total)))
    total = len(on.store)
    require(
        seen[-1] == (total, total), f"progress ends at {seen[-1]}, expected {(total, total)}: take blocks or shards"
    )


def _nothing(exporter: Exporter, on: Bench) -> None:
    unlabelled = Store(on.store.path, on.store.header)
    unlabelled.utterances = on.store.utterances.assign(emotion="fear")
    bare = Store(on.store.path, on.store.header.model_copy(update={"arrays": {}}))
    with TemporaryDirectory() as folder:
        made = export_store(unlabelled, to=exporter.name, out=Path(folder) / "no row", labels="5class")
        require(made.rows == 0, f"{made.rows} rows were written where the label rule leaves none")
        made = export_store(bare, to=exporter.name, out=Path(folder) / "no array")
        require(made.rows == len(on.store), f"{made.rows} rows were written of {len(on.store)} without an array")


LAWS: Laws = {
    "says what it is and how it is read": _identity,
    "gives the same bytes for the same store, and nothing outside its folder": _same_bytes,
    "says how far it is": _progress,
    "exports no row and no array, too": _nothing,
}
