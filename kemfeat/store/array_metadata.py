"""The metadata of an array, checked as plain JSON before zarr sees them.

Zarr finds codecs by name in a registry that other packages extend, and its version 2 has a codec that unpickles. A
store may come from anybody, so only what ``docs/store-format.md`` describes is accepted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kemfeat.errors import StoreCorruptError
from kemfeat.store import layout, schema

METADATA = "zarr.json"
MOST_BYTES = 1 << 20
"""No array needs more bytes of metadata than this."""

_MEMBERS = {
    "attributes",
    "chunk_grid",
    "chunk_key_encoding",
    "codecs",
    "data_type",
    "dimension_names",
    "fill_value",
    "node_type",
    "shape",
    "storage_transformers",
    "zarr_format",
}
_ITEM_BYTES = {
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
    **dict.fromkeys(("int16", "uint16", "float16"), 2),
    **dict.fromkeys(("int32", "uint32", "float32"), 4),
    **dict.fromkeys(("int64", "uint64", "float64"), 8),
}
_ENDIAN: tuple[dict[str, str], ...] = ({}, {"endian": "little"})
_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")


def read_array(folder: Path, info: schema.ArrayInfo) -> dict[str, Any]:
    """The metadata of one array of a store.

    Parameters
    ----------
    folder : Path
        Folder of the array.
    info : ArrayInfo
        What the header says about the array.

    Returns
    -------
    dict
        Content of ``zarr.json``; all of it is described by the format page.

    Raises
    ------
    StoreCorruptError
        The file is missing, is not what the format page allows, or contradicts the header.
    """
    found = read_json(folder)
    chunks = _chunk_shape(found.get("chunk_grid"))
    expected = {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": info.dtype,
        "shape": list(info.shape),
        "dimension_names": list(info.dims),
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "storage_transformers": [],
    }
    for member, value in expected.items():
        if found.get(member, [] if member == "storage_transformers" else None) != value:
            raise _refused(folder, f"{member} is {_brief(found.get(member))}, expected {_brief(value)}")
    if info.dtype not in _ITEM_BYTES:
        raise _refused(folder, f"data_type is {_brief(info.dtype)}, expected one of {', '.join(_ITEM_BYTES)}")
    if set(found) - _MEMBERS:
        raise _refused(folder, f"it has a member {_brief(min(set(found) - _MEMBERS))} that the format does not have")
    if not _is_count(chunks) or chunks[1:] != list(info.shape[1:]) or len(chunks) != len(info.shape):
        raise _refused(folder, f"its shards have shape {_brief(chunks)}, which does not fit an array of {info.shape}")
    problem = _attributes(found.get("attributes")) or _sharding(found.get("codecs"), chunks, _ITEM_BYTES[info.dtype])
    if problem:
        raise _refused(folder, problem)
    return found


def read_json(folder: Path) -> dict[str, Any]:
    """The JSON object in the ``zarr.json`` of a folder.

    Parameters
    ----------
    folder : Path
        Folder of an array or a group.

    Returns
    -------
    dict
        Content of the file, unchecked.

    Raises
    ------
    StoreCorruptError
        The file is missing, too large or not a JSON object.
    """
    try:
        with (folder / METADATA).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise _refused(folder, "the file is missing; only arrays of Zarr version 3 are read") from None
    except OSError as error:
        raise _refused(folder, f"it cannot be read ({error.strerror})") from None
    try:
        found = json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _refused(folder, f"it is not a JSON object of at most {MOST_BYTES} bytes")
    return found


def _attributes(told: Any) -> str:
    """What is wrong with the attributes that are calculated with; empty where nothing is."""
    pad = told.get("pad") if isinstance(told, dict) else None
    if not isinstance(pad, int | float) and pad != "NaN":
        return f"its padding is {_brief(pad)}, expected a number or NaN"
    rate = told.get("frame_rate_hz", 1.0)
    if type(rate) not in (int, float) or not 0 < rate < math.inf:
        return f"its frame_rate_hz is {_brief(rate)}, expected a number above 0"
    return ""


def _sharding(codecs: Any, shard: Sequence[int], item_bytes: int) -> str:
    """What is wrong with the codecs of an array; empty where nothing is."""
    if not isinstance(codecs, list) or [_name(codec) for codec in codecs] != ["sharding_indexed"]:
        return f"its codecs are {_names(codecs)}, expected sharding_indexed alone"
    told = codecs[0].get("configuration")
    if not isinstance(told, dict) or set(told) != {"chunk_shape", "codecs", "index_codecs", "index_location"}:
        return "sharding_indexed is not configured as the format says"
    inner = told["chunk_shape"]
    if not _is_count(inner) or inner[1:] != list(shard[1:]) or len(inner) != len(shard) or shard[0] % inner[0]:
        return f"its inner chunks have shape {_brief(inner)}, which does not divide a shard of {list(shard)}"
    if inner[0] > 1 and math.prod(inner) * item_bytes > layout.MOST_CHUNK_BYTES:
        return f"its inner chunks of shape {inner} have more than {layout.MOST_CHUNK_BYTES} bytes"
    if not _is_chain(told["index_codecs"], ("bytes", "crc32c")) or told["index_location"] != "end":
        return "the index of its shards is not at their end, or is not encoded as the format says"
    if not _is_chain(told["codecs"], ("bytes", "blosc", "crc32c")):
        return f"its inner codecs are {_names(told['codecs'])}, expected bytes, blosc (zstd), crc32c"
    return ""


def _is_chain(codecs: Any, names: Sequence[str]) -> bool:
    if not isinstance(codecs, list) or [_name(codec) for codec in codecs] != list(names):
        return False
    return all(_is_configured(codec) for codec in codecs)


def _is_configured(codec: dict[str, Any]) -> bool:
    told = codec.get("configuration", {})
    if not isinstance(told, dict) or set(codec) - {"name", "configuration"}:
        return False
    if codec["name"] == "blosc":
        known = {"typesize", "cname", "clevel", "shuffle", "blocksize"}
        numbers = [told.get("typesize"), told.get("clevel"), told.get("blocksize")]
        whole = all(type(number) is int and 0 <= number <= layout.MOST_CHUNK_BYTES for number in numbers)
        return set(told) == known and told["cname"] == "zstd" and told["shuffle"] in _SHUFFLES and whole
    return told in (_ENDIAN if codec["name"] == "bytes" else ({},))


def _chunk_shape(grid: Any) -> Any:
    if not isinstance(grid, dict) or grid.get("name") != "regular" or not isinstance(grid.get("configuration"), dict):
        return None
    return grid["configuration"].get("chunk_shape")


def _is_count(shape: Any) -> bool:
    return isinstance(shape, list) and bool(shape) and all(type(size) is int and size > 0 for size in shape)


def _name(codec: Any) -> Any:
    return codec.get("name") if isinstance(codec, dict) else None


def _names(codecs: Any) -> str:
    return _brief([_name(codec) for codec in codecs] if isinstance(codecs, list) else codecs)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _refused(folder: Path, what: str) -> StoreCorruptError:
    return StoreCorruptError(
        f"{folder / METADATA}: {what}; expected an array as the format page describes it; copy the store again from "
        "its source, or run the same build with --force"
    )
