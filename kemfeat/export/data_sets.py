"""Parquet shards that the Hugging Face library ``datasets``, pandas, Polars and DuckDB read.

``data/train-NNNNN-of-NNNNN.parquet`` has the columns of the table and one per array: nested lists, the first axis cut
after the last real element, the others of fixed size. ``train`` is that library's word for data without parts.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.export import ExportBlock, Exporter, Selection

if TYPE_CHECKING:
    import pyarrow as pa


def _write(selection: Selection, out: Path) -> None:
    import pyarrow.parquet as pq

    schema, shards = _schema(selection), selection.shards()
    texts = [field.name for field in schema if field.type == "string"]
    (out / "data").mkdir()
    for number, (start, stop) in enumerate(shards):
        path = out / "data" / f"train-{number:05d}-of-{len(shards):05d}.parquet"
        with (
            path.open("wb") as file,
            pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=texts) as writer,
        ):
            for block in selection.blocks(start, stop):
                writer.write_table(_table(block, schema))


def _schema(selection: Selection) -> pa.Schema:
    import pyarrow as pa

    def columns() -> Any:
        for name, dtype in selection.table.dtypes.items():
            yield pa.field(name, pa.from_numpy_dtype(dtype) if dtype.kind in "iuf" else pa.string())
        for name in selection.arrays:
            info = selection.store.header.arrays[name]
            kind = pa.from_numpy_dtype(np.dtype(info.dtype))
            for place, size in reversed(list(enumerate(info.shape[1:]))):
                kind = pa.list_(kind) if place == 0 and name in selection.ends else pa.list_(kind, size)
            yield pa.field(name, kind)

    return pa.schema(list(columns()))


def _table(block: ExportBlock, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    told = pa.Table.from_pandas(block.table, schema=pa.schema([schema.field(name) for name in block.table]))
    arrays = [_nested(block, name, schema.field(name).type) for name in block.values]
    return pa.Table.from_arrays([*told.columns, *arrays], schema=schema)


def _nested(block: ExportBlock, name: str, kind: pa.DataType) -> pa.Array:
    """Rows as lists of lists; Arrow keeps their numbers in one piece."""
    import pyarrow as pa

    rows = block.values[name]
    if name not in block.ends:
        return _lists(rows.reshape(-1), rows.shape[1:])
    real = block.real(name)
    offsets = np.cumsum([0, *map(len, real)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, _lists(np.concatenate(real).reshape(-1), rows.shape[2:]), type=kind)


def _lists(values: NDArray[Any], shape: tuple[int, ...]) -> pa.Array:
    """Rows as lists of lists; Arrow keeps their numbers in one piece."""
    import pyarrow as pa

    nested = pa.array(values)
    for size in reversed(shape):
        nested = pa.FixedSizeListArray.from_arrays(nested, size)
    return nested


EXPORTER = Exporter(
    name="datasets",
    description="Parquet shards for the Hugging Face library",
    reading="""## How to read it

`datasets.load_dataset("PATH OF THIS FOLDER", split="train")`, or any reader of Parquet on `data/*.parquet`. Arrays
are nested lists, cut after their last real element; `.with_format("numpy")` makes arrays of them. `train` is that
library's word for data without parts: split by speaker or session.""",
    front_matter="""---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
---

""",
    write=_write,
)
