"""Avro container files, decoded with bounds: what a file says of itself never decides how much is made of it.

The format is that of the Apache Avro specification 1.11, sections Object Container Files and Data Serialization. Values
are decoded by fastavro, the container here: fastavro decompresses a block of any size, and believes any schema. No
schema is ever read from elsewhere.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from kemfeat.errors import ConfigError, CorpusError

LARGEST = 32 * 2**20
"""Bytes of a file, and of all of its decompressed blocks, at most; an hour of EmbracePlus has about 10 MB."""

_MOST_RECORDS = 1000
"""Records of a file at most; EmbracePlus writes one."""
_MOST_BRACKETS = 1000
"""Opening brackets of a schema, at most: its depth, and the work of reading it, are bounded by them."""

_SYNC = {"type": "fixed", "name": "sync", "size": 16}
_HEADER = {
    "type": "record",
    "name": "header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
        {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        {"name": "sync", "type": _SYNC},
    ],
}
_BLOCK = {
    "type": "record",
    "name": "block",
    "fields": [{"name": "count", "type": "long"}, {"name": "data", "type": "bytes"}, {"name": "sync", "type": _SYNC}],
}
_MAGIC = b"Obj\x01"
_BROKEN = (
    *(EOFError, ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError, RecursionError),
    *(struct.error, zlib.error),
)
"""What :mod:`fastavro`, :mod:`json` and :mod:`zlib` raise for damaged files."""


def read_records(content: bytes, *, where: str) -> list[Any]:
    """The records of an Avro container file.

    Parameters
    ----------
    content : bytes
        Content of the file.
    where : str
        The file, for messages.

    Returns
    -------
    list
        Each as fastavro decodes it, without logical types: a record of the schema is a dict, an array a list.

    Raises
    ------
    CorpusError
        The file is damaged, compressed by another codec than deflate, too large, or of a schema whose values may take
        no bytes or contain themselves.
    ConfigError
        fastavro is not installed.
    """
    fastavro = _fastavro(where)
    if len(content) > LARGEST:
        raise _too_large(where)
    if not content.startswith(_MAGIC):
        raise CorpusError(f"{where}: found {content[:12]!r}, expected an Avro file; download it again")
    try:
        return list(_records(fastavro, io.BytesIO(content), where))
    except CorpusError:
        raise
    except (*_BROKEN, fastavro.schema.SchemaParseException) as error:
        raise CorpusError(
            f"{where}: cannot be read as an Avro file ({str(error)[:80] or type(error).__name__}); expected one as the "
            "Empatica cloud gives it; download it again"
        ) from None


def _fastavro(where: str) -> ModuleType:
    try:
        import fastavro
    except ImportError:
        raise ConfigError(
            f"{where}: found an Avro file of an EmbracePlus, which needs the package fastavro; pip install "
            "'kemfeat[embraceplus]', or remove the file"
        ) from None
    return fastavro


def _records(fastavro: ModuleType, stream: io.BytesIO, where: str) -> Iterator[Any]:
    header = fastavro.schemaless_reader(stream, _HEADER)
    schema = _schema_of(fastavro, header["meta"]["avro.schema"].decode(), where)
    codec = header["meta"].get("avro.codec", b"null").decode()
    if codec not in ("null", "deflate"):
        raise CorpusError(f"{where}: found the codec {codec[:20]!r}, expected null or deflate; write the file anew so")
    left, end = LARGEST, stream.getbuffer().nbytes
    while stream.tell() < end:
        block = fastavro.schemaless_reader(stream, _BLOCK)
        if block["sync"] != header["sync"]:
            raise ValueError("the marker after a block is missing")
        data = _inflated(block["data"], left, where) if codec == "deflate" else block["data"]
        left -= len(data)
        if block["count"] > _MOST_RECORDS:
            raise CorpusError(f"{where}: found {block['count']:,} records, expected one; download it again")
        values = io.BytesIO(data)
        for _ in range(block["count"]):
            yield fastavro.schemaless_reader(values, schema)
        if values.tell() != len(data):
            raise ValueError("a block has more bytes than its records")


def _inflated(data: bytes, most: int, where: str) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    found = inflater.decompress(data, most + 1)
    if len(found) > most:
        raise _too_large(where)
    if not inflater.eof:
        raise EOFError("a compressed block ends early")
    return found


def _too_large(where: str) -> CorpusError:
    return CorpusError(f"{where}: found more than {LARGEST >> 20} MiB, expected an hour of recording; remove it")


def _schema_of(fastavro: ModuleType, text: str, where: str) -> Any:
    """The schema of a file, by whose values every step of decoding takes a byte, and none contains itself."""
    if text.count("{") + text.count("[") > _MOST_BRACKETS:
        raise CorpusError(f"{where}: found a schema of {len(text):,} characters, expected that of EmbracePlus")
    schema = fastavro.parse_schema(json.loads(text), _write_hint=False)
    _check(schema, set())
    return schema


def _check(schema: Any, whole: set[str]) -> None:
    """Refuse a type that takes no bytes or contains itself; ``whole`` are the names defined so far."""
    if isinstance(schema, list):
        for branch in schema:
            if branch != "null":
                _check(branch, whole)
    elif isinstance(schema, str):
        if schema == "null" or (schema not in _PRIMITIVES and schema not in whole):
            raise ValueError(f"the type {schema[:40]!r} takes no bytes, or contains itself")
    else:
        _check_complex(schema, whole)


def _check_complex(schema: dict[str, Any], whole: set[str]) -> None:
    schema.pop("logicalType", None)
    kind = schema["type"]
    if kind == "record":
        for field in schema["fields"]:
            _check(field["type"], whole)
    elif kind in ("array", "map"):
        _check(schema["items" if kind == "array" else "values"], whole)
    elif kind not in ("enum", "fixed"):
        _check(kind, whole)
    if not (schema.get("fields", True) and schema.get("size", 1) > 0):
        raise ValueError("a type takes no bytes")
    whole.update({schema["name"]} if "name" in schema else ())


_PRIMITIVES = frozenset({"boolean", "int", "long", "float", "double", "bytes", "string"})


def member(record: object, *names: str) -> Any:
    """A value deep in a record.

    Parameters
    ----------
    record : object
        What :func:`read_records` gives.
    *names : str
        The fields on the way.

    Returns
    -------
    object
        None where a field is missing, null, or not in a record.

    Examples
    --------
    >>> member({"rawData": {"eda": None}}, "rawData", "eda", "values")
    """
    for name in names:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record
