"""Avro files, honest and hostile: all end in records or in a sentence, within bounds."""

from __future__ import annotations

import re
import sys
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastavro", reason="fastavro: pip install 'kemfeat[embraceplus]'")

from kemfeat.corpora.e4 import _avro
from kemfeat.corpora.e4._avro import member, read_records
from kemfeat.errors import ConfigError, CorpusError
from tests.corpora.embraceplus_files import avro, record

SOUND = avro(record(seconds=5))
LIST = {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array", "items": "long"}}]}


def varint(number: int) -> bytes:
    """A long of Avro: zigzag, seven bits a byte."""
    number = number << 1 if number >= 0 else ((-number) << 1) - 1
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def container(schema: str, data: bytes, *, count: int = 1, codec: str = "null") -> bytes:
    """An Avro file that says what it likes."""
    texts = {"avro.schema": schema, "avro.codec": codec}
    meta = b"".join(varint(len(part)) + part.encode() for pair in texts.items() for part in pair)
    sync = b"0123456789abcdef"
    return b"Obj\x01" + varint(len(texts)) + meta + b"\x00" + sync + varint(count) + varint(len(data)) + data + sync


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_was_written_is_read(codec: str, count: int) -> None:
    written = [record(seconds=5, seed=seed) for seed in range(count)]
    found = read_records(avro(*written, codec=codec), where="x.avro")
    assert [member(each, "rawData", "eda", "values") for each in found] == [
        each["rawData"]["eda"]["values"] for each in written
    ]
    assert [member(each, "enrollment", "participantID") for each in found] == ["1-1-100"] * count
    assert [member(each, "rawData", "no", "values") for each in found] == [None] * count


def records_or_sentence(content: bytes) -> list[Any] | str:
    """What a file has, or what is said of it."""
    try:
        return read_records(content, where="x.avro")
    except CorpusError as error:
        return str(error)


@given(st.integers(4, len(SOUND) - 1))
def test_a_file_that_ends_early_is_refused(size: int) -> None:
    header = SOUND.index(b"0123456789abcdef") + 16
    found = records_or_sentence(SOUND[:size])
    assert found == [] if size == header else str(found).startswith("x.avro: cannot be read as an Avro file (")


@given(st.binary(max_size=20), st.integers(4, len(SOUND) - 1))
def test_damage_ends_in_records_or_a_sentence(other: bytes, at: int) -> None:
    found = records_or_sentence(SOUND[:at] + other + SOUND[at + len(other) :])
    assert isinstance(found, list) or found.startswith("x.avro: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found b''"),
        (b"timestamp,eda\n", "found b'timestamp,ed', expected an Avro file"),
        (avro({"a": [1]}, schema=LIST, codec="bzip2"), "found the codec 'bzip2', expected null or deflate"),
        (container('"long"', b"\x02", codec="snappy"), "found the codec 'snappy'"),
        (container('{"type": "recor', b""), "cannot be read as an Avro file"),
        (container('"http://example.org/schema.avsc"', b"\x02"), "cannot be read as an Avro file"),
        (container('"null"', b"", count=2**60), "takes no bytes"),
        (container('{"type":"array","items":"null"}', varint(2**60) + b"\x00"), "takes no bytes"),
        (container('{"type":"array","items":"long"}', varint(2**60) + b"\x02"), "cannot be read as an Avro file"),
        (container('{"type":"array","items":{"type":"record","name":"E","fields":[]}}', b"\x02\x00"), "takes no bytes"),
        (container('{"type":"array","items":{"type":"fixed","name":"F","size":0}}', b"\x02\x00"), "takes no bytes"),
        (container('{"type":"record","name":"S","fields":[{"name":"a","type":"S"}]}', b""), "contains itself"),
        (
            container('{"type":"record","name":"S","fields":[{"name":"a","type":["null","S"]}]}', b"\x02" * 9 + b"\0"),
            "contains itself",
        ),
        (container('{"type":"array","items":' * 900 + '"long"' + "}" * 900, b"\x00"), "cannot be read as an Avro file"),
        (
            container('{"type":"array","items":' * 2000 + '"long"' + "}" * 2000, b"\x00"),
            "found a schema of 50,006 char",
        ),
        (container('"string"', varint(-4) + b"abcd"), "cannot be read as an Avro file"),
        (container('"long"', b"\x02" * 2000, count=2000), "found 2,000 records, expected one"),
        (container('"long"', b"\x02\x02"), "more bytes than its records"),
        (SOUND[:-16] + b"z" * 16, "the marker after a block is missing"),
    ],
)
def test_hostile_files_end_in_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(CorpusError, match=re.escape(said)) as caught:
        read_records(content, where="x.avro")
    assert str(caught.value).startswith("x.avro: ")


def test_a_deep_schema_is_read() -> None:
    assert read_records(container('{"type":"array","items":' * 100 + '"long"' + "}" * 100, b"\x00"), where="x") == [[]]


def test_a_bomb_is_inflated_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_avro, "LARGEST", 2**20)
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(varint(2**26) + bytes(2**26)) + packer.flush()
    assert len(data) < 100_000
    with pytest.raises(CorpusError, match=r"x\.avro: found more than 1 MiB, expected an hour of recording"):
        read_records(container('{"type":"array","items":"long"}', data, codec="deflate"), where="x.avro")
    with pytest.raises(CorpusError, match="found more than 1 MiB"):
        read_records(b"Obj\x01" + bytes(2**20), where="x.avro")


def test_logical_types_are_left_alone() -> None:
    schema = '{"type":"long","logicalType":"timestamp-micros"}'
    assert read_records(container(schema, varint(1_560_279_825_000_000)), where="x") == [1_560_279_825_000_000]


def test_without_fastavro_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(ConfigError, match=r"x\.avro: .*pip install 'kemfeat\[embraceplus\]', or remove the file"):
        read_records(SOUND, where="x.avro")
