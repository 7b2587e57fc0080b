"""POSIX tar shards, as the library of that name streams them.

``shard-NNNNNN.tar`` contains rows in order. Each is ``KEY.json`` (its row of the table) and ``KEY.<array>.npy`` for
each array, cut after its last real element. That library ends a key at the first dot, and a path must not leave its
folder, so KEY is the id in percent-encoding, of dots too; the id itself is in the JSON. Owners, times and modes
are fixed.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike

from kemfeat.export import ExportBlock, Exporter, Selection


def _write(selection: Selection, out: Path) -> None:
    for number, (start, stop) in enumerate(selection.shards()):
        path = out / f"shard-{number:06d}.tar"
        with path.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as shard:
            for block in selection.blocks(start, stop):
                _add_block(shard, block)


def _add_block(shard: tarfile.TarFile, block: ExportBlock) -> None:
    rows = {name: block.real(name) for name in sorted(block.values)}
    for place, record in enumerate(block.records()):
        key = _key(record["id"])
        _add(shard, f"{key}.json", json.dumps(record, ensure_ascii=False).encode())
        for name, values in rows.items():
            _add(shard, f"{key}.{name}.npy", _npy(values[place]))


def _key(name: str) -> str:
    return quote(name, safe="").replace(".", "%2E")


def _npy(values: ArrayLike) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(values), allow_pickle=False)
    return file.getvalue()


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    member: Any = tarfile.TarInfo(name)  # made by nobody, 1970, mode 0644
    member.size = len(content)
    shard.addfile(member, io.BytesIO(content))


EXPORTER = Exporter(
    name="webdataset",
    description="POSIX tar shards of .npy and .json",
    reading="""## How to read it

`webdataset.WebDataset("shard-{000000..NNNNNN}.tar", shardshuffle=False).decode()` gives one dict per row, with
`json` (its row of the table) and `<array>.npy`. Arrays are cut after their last real element, so rows differ in
length. `__key__` is the id in percent-encoding (dots too); the id itself is in `json`.""",
    write=_write,
)
