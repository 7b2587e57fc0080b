"""Coordinates of arrays on disk: ids of rows, times of frames and frequencies of bins, by which clients select.

A coordinate of an axis is an array with one dimension and the name of that axis, beside the arrays of each feature. It
restates what the tables and settings say, so it is one of the documents of a store and not in its digest. Its content
is neither compressed nor sharded: equal values give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import StoreCorruptError
from kemfeat.records import FeatureSpec
from kemfeat.store import array_metadata, disk, schema

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

_CHUNK = "c/0"
_FLOAT, _FLOAT_BYTES = "<f8", 8
_ID = ("1", "id of the row")
_TIME = ("s", "time from the beginning of the row")
_FREQUENCY = ("Hz", "frequency")
_KINDS = (_TIME, _FREQUENCY)


@dataclass(frozen=True, slots=True)
class Coordinate:
    """The coordinate of one axis.

    Parameters
    ----------
    axis : str
        Name of the axis.
    values : tuple of str or tuple of float
        One per element of the axis.
    unit : str
        Unit of the values, ``"1"`` for ids.
    description : str
        One line.
    """

    axis: str
    values: tuple[str, ...] | tuple[float, ...]
    unit: str
    description: str


def of_specs(specs: Sequence[FeatureSpec], *, made_of: Sequence[FeatureSpec] = ()) -> tuple[Coordinate, ...]:
    """The coordinates of the inner axes of a feature.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        Arrays of the feature.
    made_of : sequence of FeatureSpec
        Arrays of the features that it is made of: an array with the axes of one of them has its coordinates.

    Returns
    -------
    tuple of Coordinate
        One per axis that has times or frequencies.

    Examples
    --------
    >>> from kemfeat.features.mel import EXTRACTOR as mel
    >>> found = of_specs(mel.specs(mel.config(n_mels=4, max_frames=3)))
    >>> [(each.axis, each.unit, len(each.values)) for each in found]
    [('frame', 's', 3), ('mel_bin', 'Hz', 4)]
    """
    inner = {(spec.dims, spec.shape) for spec in specs}
    found: dict[str, Coordinate] = {}
    for spec in (*specs, *(source for source in made_of if (source.dims, source.shape) in inner)):
        if spec.time_origin is not None and spec.frame_rate is not None:
            times = _times(spec.time_origin, rate=spec.frame_rate, count=spec.shape[0])
            found.setdefault(spec.dims[0], Coordinate(spec.dims[0], tuple(times.tolist()), *_TIME))
        if spec.frequencies:
            found.setdefault(spec.dims[-1], Coordinate(spec.dims[-1], spec.frequencies, *_FREQUENCY))
    return tuple(found.values())


def write(folder: Path, coordinate: Coordinate) -> None:
    """Write a coordinate as a Zarr array.

    Parameters
    ----------
    folder : Path
        Folder of the array; made when absent.
    coordinate : Coordinate
        The coordinate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / array_metadata.METADATA).write_text(json.dumps(_metadata(coordinate), indent=2), encoding="utf-8")
    if coordinate.values:
        (folder / _CHUNK).parent.mkdir(exist_ok=True)
        (folder / _CHUNK).write_bytes(_encoded(coordinate))


def write_ids(template: Path, header: schema.Header, *, tables: Path) -> None:
    """Write the ids of the rows beside the arrays of every feature.

    Parameters
    ----------
    template : Path
        Folder with the metadata of all arrays.
    header : Header
        Header of the store.
    tables : Path
        Folder that the paths of tables in the header start from.
    """
    import pyarrow.parquet as pq

    ids: dict[str, Coordinate] = {}
    for feature, axis in {info.feature: info.axis for info in header.arrays.values()}.items():
        if axis not in ids:
            table = pq.ParquetFile(disk.inside(tables, header.axes[axis].table)).read(columns=["id"])
            ids[axis] = _ids(axis, table.column("id").to_pylist())
        write(template / feature / axis, ids[axis])


def problems(store: Store) -> Iterator[str]:
    """What is wrong with the coordinates of a store; an older store has none.

    Parameters
    ----------
    store : Store
        A finished store whose files match their receipts.

    Yields
    ------
    str
        One sentence each: where, what was found and what to do.
    """
    arrays = {schema.array_path(info.feature, name) for name, info in store.header.arrays.items()}
    for name in store.header.documents:
        path = name.removesuffix(f"/{array_metadata.METADATA}")
        if path != name and path.count("/") == 2 and path not in arrays:
            problem = _problem(store, path)
            if problem:
                yield f"{path}: {problem}; run the same build with --force"


def _problem(store: Store, path: str) -> str:
    _, feature, axis = path.split("/")
    found = {name: info for name, info in store.header.arrays.items() if info.feature == feature and axis in info.dims}
    if not found:
        return f"is not a coordinate of an axis of {feature}"
    folder, info = store.local(path), next(iter(found.values()))
    if axis == info.axis:
        ids = _ids(axis, store.rows(axis)["id"].tolist())
        return "" if _is_written(folder, ids) else f"does not have the ids of {store.header.axes[axis].table}"
    size = info.shape[info.dims.index(axis)]
    content = disk.read_bytes(folder / _CHUNK)
    if len(content) != _FLOAT_BYTES * size:
        return f"has {len(content)} bytes, expected {_FLOAT_BYTES * size}"
    values = np.frombuffer(content, _FLOAT)
    kind = next((kind for kind in _KINDS if _is_written(folder, Coordinate(axis, tuple(values.tolist()), *kind))), None)
    if kind is None:
        return "is neither times in s nor frequencies in Hz as the format page describes them"
    rates = {_rate(store, name) for name in found} - {None} if kind == _TIME else set()
    ascends = bool(np.isfinite(values).all() and (np.diff(values) > 0).all())
    counts = all(np.array_equal(values, _times(values[0], rate=rate, count=size)) for rate in rates if rate)
    return "" if ascends and counts else "does not ascend by one element of its arrays at a time"


def _rate(store: Store, name: str) -> float | None:
    info = store.header.arrays[name]
    folder = store.local(schema.array_path(info.feature, name))
    rate: Any = array_metadata.read_array(folder, info).get("attributes", {}).get("frame_rate_hz")
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def _is_written(folder: Path, coordinate: Coordinate) -> bool:
    """Whether a folder contains a coordinate as :func:`write` writes it."""
    try:
        is_described = bool(array_metadata.read_json(folder) == _metadata(coordinate))
        chunk = disk.read_bytes(folder / _CHUNK) if coordinate.values else b""
        return is_described and chunk == (_encoded(coordinate) if coordinate.values else b"")
    except (OSError, StoreCorruptError):
        return False


def _metadata(coordinate: Coordinate) -> dict[str, Any]:
    texts, size = coordinate.unit == _ID[0], len(coordinate.values)
    codec = {"name": "vlen-utf8"} if texts else {"name": "bytes", "configuration": {"endian": "little"}}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [size],
        "data_type": "string" if texts else "float64",
        "dimension_names": [coordinate.axis],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [max(1, size)]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "" if texts else "NaN",
        "codecs": [codec],
        "attributes": {"units": coordinate.unit, "description": coordinate.description},
        "storage_transformers": [],
    }


def _encoded(coordinate: Coordinate) -> bytes:
    """The only chunk: numbers one after the other, or the count of texts, then each one's size and its UTF-8."""
    if coordinate.unit != _ID[0]:
        return np.array(coordinate.values, _FLOAT).tobytes()
    texts = [str(text).encode() for text in coordinate.values]
    return b"".join([_uint(len(texts)), *(part for text in texts for part in (_uint(len(text)), text))])


def _uint(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _ids(axis: str, values: Sequence[str]) -> Coordinate:
    return Coordinate(axis, tuple(values), *_ID)


def _times(origin: float, *, rate: float, count: int) -> NDArray[np.float64]:
    times: NDArray[np.float64] = origin + np.arange(count) / rate
    return times
