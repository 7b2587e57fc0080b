"""docs/store-format.md, followed to the letter by a program that knows nothing of kemfeat: json, hashlib and Zarr."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from kemfeat.records import FeatureSpec
from kemfeat.store import layout, schema
from kemfeat.store.reader import Store
from kemfeat.store.valid_lengths import marks

OUTSIDE = {"features.zarr/mel/mel/../../../../outside": {"sha256": "0" * 64, "bytes": 0}}
DOCUMENT = Path(__file__).parents[2] / "docs" / "store-format.md"


@pytest.fixture(scope="module")
def header(finished: Store) -> dict[str, Any]:
    return json.loads((finished.path / "kemfeat.json").read_bytes())


@pytest.fixture(scope="module")
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def receipts(header: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every file the header vouches for."""
    named = {**header["tables"], **header["documents"]}
    named |= {f"signals/{name}.parquet": session["file"] for name, session in header["sessions"].items()}
    return named | {name: receipt for part in header["parts"] for name, receipt in part["files"].items()}


def test_the_digest(header: dict[str, Any]) -> None:
    covered = {
        name: header[name]
        for name in (
            *("format_version", "dataset", "config", "config_digest", "manifest_fingerprint", "label_rule"),
            *("axes", "features", "arrays", "parts", "sessions", "tables", "complete", "annotation_faults"),
        )
    }
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    assert sha256(text.encode("utf-8")) == header["digest"]
    apart = {"versions", "documents", "digest", "provenance", "folder", "changes", "history"}
    assert set(header) - set(covered) == apart


def test_every_receipt(finished: Store, header: dict[str, Any]) -> None:
    for name, receipt in receipts(header).items():
        content = (finished.path / name).read_bytes()
        assert {"sha256": sha256(content), "bytes": len(content)} == receipt


def test_every_file_has_a_receipt(finished: Store, header: dict[str, Any]) -> None:
    folder = finished.path / header["folder"]
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == {*receipts(header), "kemfeat.json"}
    own = {path.name for path in finished.path.iterdir() if not path.is_symlink()}
    assert own == {"kemfeat.json", "versions", ".lock"}


def test_the_header_of_a_version_is_that_of_the_store_without_a_folder(finished: Store, header: dict[str, Any]) -> None:
    folder = header.pop("folder")
    assert json.loads((finished.path / folder / "kemfeat.json").read_bytes()) == header
    header["folder"] = folder


def test_links_lead_to_every_entry_of_the_version(finished: Store) -> None:
    assert (finished.path / "current").readlink().as_posix() == finished.header.folder
    links = {path.name: path.resolve() for path in finished.path.iterdir() if path.is_symlink()}
    entries = {path.name: path.resolve() for path in finished.folder.iterdir() if path.name != "kemfeat.json"}
    assert links == entries | {"current": finished.folder.resolve()}


def test_the_reader_of_the_document_reads_a_store_and_a_version_and_refuses_what_is_not_so(
    finished: Store, tmp_path: Path, document: str
) -> None:
    code = document.split("## A reader")[1].split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) <= 30
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - of the documentation
    lone = shutil.copytree(finished.folder, tmp_path / "lone")
    for store in (finished.path, finished.folder, lone):
        table, mel = names["read"](store, "mel")
        assert table.column("id").to_pylist() == finished.utterances["id"].tolist()
        np.testing.assert_array_equal(mel[:], finished.array("mel")[:])
    shard = lone / "features.zarr/mel/mel/c/0/0/0"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="c/0/0/0 is damaged"):
        names["read"](lone, "mel")
    path = lone / "kemfeat.json"
    for change, said in (({"format_version": 3}, "format_version 3"), ({"tables": OUTSIDE}, "outside")):
        path.write_text(json.dumps(json.loads(path.read_bytes()) | change))
        with pytest.raises(ValueError, match=said):
            names["read"](lone, "mel")
        path.write_bytes((finished.folder / "kemfeat.json").read_bytes())


def test_the_bitmap(finished: Store, header: dict[str, Any]) -> None:
    rows = header["axes"]["utterance"]["rows"]
    for feature, text in header["complete"].items():
        bits = "".join(f"{byte:08b}" for byte in bytes.fromhex(text))
        assert len(bits) == 8 * math.ceil(rows / 8)
        assert [bit == "1" for bit in bits[:rows]] == finished.complete_rows(feature)
        assert set(bits[rows:]) <= {"0"}


@pytest.mark.parametrize("complete", [[True], [False, True], [True] * 8, [False] * 9, [True, False] * 20])
def test_a_bitmap_begins_with_row_0(complete: list[bool]) -> None:
    text = layout.bitmap(complete)
    bits = "".join(f"{byte:08b}" for byte in bytes.fromhex(text))
    assert [bit == "1" for bit in bits[: len(complete)]] == complete
    assert layout.read_bitmap(text, len(complete)) == complete


def test_the_parts_cover_every_row_once(header: dict[str, Any]) -> None:
    size = header["config"]["rows_per_shard"]
    for feature, axis in header["features"].items():
        parts = [part for part in header["parts"] if part["feature"] == feature]
        rows = [row for part in parts for row in range(part["start"], part["stop"])]
        assert rows == list(range(header["axes"][axis]["rows"]))
        assert [part["partition"] for part in parts] == [part["start"] // size for part in parts]


def test_part_keys_are_digests_of_row_keys_and_of_whose_rows_they_are(finished: Store, header: dict[str, Any]) -> None:
    keys = pq.read_table(finished.path / "keys.parquet").to_pydict()
    table = pq.read_table(finished.path / "utterances.parquet").to_pydict()
    whose = [f"{speaker}@{session}" for speaker, session in zip(table["speaker"], table["session"], strict=True)]
    size = header["config"]["rows_per_shard"]
    for part in header["parts"]:
        rows = keys[part["feature"]][part["start"] : part["stop"]]
        assert all(re.fullmatch("[0-9a-f]{32}", key) for key in rows)
        content = [3, part["start"], size, rows, whose[part["start"] : part["stop"]]]
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        assert sha256(text.encode()) == part["key"]


def test_the_zarr_metadata(finished: Store, header: dict[str, Any]) -> None:
    for name, info in header["arrays"].items():
        folder = finished.path / "features.zarr" / info["feature"] / name
        metadata = json.loads((folder / "zarr.json").read_bytes())
        assert (metadata["zarr_format"], metadata["node_type"]) == (3, "array")
        assert metadata["shape"] == info["shape"]
        assert metadata["data_type"] == info["dtype"]
        assert metadata["dimension_names"] == info["dims"]
        assert info["dims"][0] == info["axis"]
        assert metadata["attributes"]["units"] == info["unit"]
        assert metadata["attributes"]["description"] == info["description"]
        assert "pad" in metadata["attributes"]
        assert metadata["fill_value"] == ("NaN" if info["dtype"].startswith("float") else metadata["fill_value"])
        assert metadata["chunk_key_encoding"] == {"name": "default", "configuration": {"separator": "/"}}
        (sharding,) = metadata["codecs"]
        assert_sharding(
            sharding, shard=metadata["chunk_grid"]["configuration"]["chunk_shape"], info=info, header=header
        )


def assert_sharding(codec: Any, *, shard: list[int], info: dict[str, Any], header: dict[str, Any]) -> None:
    assert codec["name"] == "sharding_indexed"
    assert shard == [header["config"]["rows_per_shard"], *info["shape"][1:]]
    inner = codec["configuration"]["chunk_shape"]
    assert shard[0] % inner[0] == 0
    assert inner[1:] == shard[1:]
    assert [step["name"] for step in codec["configuration"]["codecs"]] == ["bytes", "blosc", "crc32c"]
    assert [step["name"] for step in codec["configuration"]["index_codecs"]] == ["bytes", "crc32c"]
    assert codec["configuration"]["index_location"] == "end"


def test_every_inner_chunk_is_written(finished: Store, header: dict[str, Any]) -> None:
    """The index at the end of a shard holds (offset, bytes) of every chunk; an absent chunk would be all ones."""
    absent = 2**64 - 1
    for part in header["parts"]:
        for name in part["files"]:
            metadata = json.loads((finished.path / name.split("/c/")[0] / "zarr.json").read_bytes())
            inner = metadata["codecs"][0]["configuration"]["chunk_shape"][0]
            chunks = header["config"]["rows_per_shard"] // inner
            used = math.ceil((part["stop"] - part["start"]) / inner)
            index = (finished.path / name).read_bytes()[-(16 * chunks + 4) : -4]
            entries = [int.from_bytes(index[at : at + 8], "little") for at in range(0, len(index), 8)]
            assert absent not in entries[: 2 * used]


def test_the_tables_have_the_documented_columns(finished: Store, document: str) -> None:
    for table in ("utterances", "ratings", "signal_index", "keys", "failures", "sources"):
        section = document.split(f"### `{table}.parquet`")[1].split("\n### ")[0]
        found = pq.read_schema(finished.path / f"{table}.parquet")
        for field in found:
            kind = str(field.type).replace("element: ", "")
            assert re.search(rf"\| `{documented(table, field.name)}` \| {re.escape(kind)} \|", section), (table, field)


def documented(table: str, column: str) -> str:
    """Families of columns stand under one name."""
    if table == "keys":
        return "FEATURE"
    if column.startswith("votes_"):
        return "votes_EMOTION"
    if column.endswith("_coverage"):
        return "MEDIUM_coverage"
    return column


def test_signals_have_the_documented_columns(finished: Store, document: str) -> None:
    section = document.split("### `signals/SESSION.parquet`")[1].split("\n### ")[0]
    for path in (finished.path / "signals").iterdir():
        for field in pq.read_schema(path):
            assert f"| `{field.name}` | {field.type} |" in section


def test_the_document_names_every_member_of_the_header(header: dict[str, Any], document: str) -> None:
    section = document.split("## `kemfeat.json`")[1].split("\n## ")[0]
    for member in header:
        assert f"| `{member}` |" in section
    for nested in ("axes", "arrays", "sessions"):
        for member in next(iter(header[nested].values())):
            assert f"`{member}`" in section
    for member in header["parts"][0]:
        assert f"`{member}`" in section


def test_the_document_names_every_file(finished: Store, document: str) -> None:
    listing = document.split("## Files")[1].split("\n## ")[0]
    versions = document.split("## Versions")[1].split("\n## ")[0]
    for path in finished.folder.iterdir():
        assert f"`{path.name}" in listing
    for path in finished.path.iterdir():
        assert f"`{path.name}" in versions


def test_a_shard_path_has_one_zero_per_inner_axis() -> None:
    spec = FeatureSpec(
        name="x", dims=("a", "b"), shape=(2, 3), dtype="int8", pad=0, fill=0, unit="1", description="an example"
    )
    assert schema.shard_path("f", spec, 7) == "features.zarr/f/x/c/7/0/0"


@pytest.mark.parametrize(("rows", "shape"), [(128, (512, 128)), (8, (3,)), (7, (300_000,)), (96, (64, 40)), (1, ())])
def test_inner_chunks_divide_a_shard_and_stay_small(rows: int, shape: tuple[int, ...]) -> None:
    spec = FeatureSpec(
        name="x", dims=("a",) * len(shape), shape=shape, dtype="float32", pad=0, fill=0, unit="1", description="x"
    )
    chunk = layout.chunk_rows(spec, rows)
    assert rows % chunk == 0
    assert chunk == 1 or chunk * 4 * math.prod(shape) <= layout.CHUNK_BYTES


def test_a_header_contradicting_itself_is_no_header(finished: Store) -> None:
    content = finished.header.model_dump(mode="json")
    for change in (
        {"axes": {}},
        {"features": {**content["features"], "mel": "clip"}},
        {"complete": {name: bits for name, bits in content["complete"].items() if name != "mel"}},
        {"complete": {**content["complete"], "mel": "ff"}},
        {"complete": {**content["complete"], "mel": "xxxxxx"}},
        {"arrays": {**content["arrays"], "mel": {**content["arrays"]["mel"], "shape": [3, 20, 128]}}},
        {"arrays": {**content["arrays"], "mel": {**content["arrays"]["mel"], "feature": "other"}}},
    ):
        with pytest.raises(ValueError, match="validation error"):
            schema.Header.model_validate({**content, **change}, strict=False)


def test_members_of_a_later_kemfeat_are_ignored(finished: Store) -> None:
    content = finished.header.model_dump(mode="json") | {"later": 1}
    content["arrays"]["mel"]["later"] = 2
    later = schema.Header.model_validate_json(json.dumps(content))
    assert schema.store_digest(later) == finished.digest


def test_numbers_are_spelled_as_documented(finished: Store) -> None:
    spelled: list[str] = []
    json.loads((finished.path / "kemfeat.json").read_bytes(), parse_float=lambda text: spelled.append(text) or 0.0)
    assert spelled
    assert all(text == repr(float(text)) for text in spelled)


def test_digests_of_physiology_are_those_of_the_documented_bytes(finished: Store) -> None:
    index = pq.read_table(finished.path / "signal_index.parquet").to_pylist()
    assert {row["medium"] for row in index} == {"eda", "temp", "ibi"}
    for row in index:
        rows = pq.read_table(finished.path / "signals" / f"{row['session']}.parquet").to_pylist()
        own = [each for each in rows if all(each[name] == row[name] for name in ("id", "speaker", "medium"))]
        epoch = datetime(1970, 1, 1)
        times = [(each["time"] - epoch) // timedelta(milliseconds=1) for each in own]
        content = struct.pack(f"<{len(times)}q", *times)
        for name in ("value", "sampling_rate"):
            for each in own:
                number = each[name]
                content += bytes.fromhex("7FF8000000000000")[::-1] if number is None else struct.pack("<d", number)
        assert sha256(content) == row["digest"]


def test_which_elements_are_real_is_said_by_the_first_array_of_the_document(header: dict[str, Any]) -> None:
    found = {}
    for name, info in header["arrays"].items():
        own = [f"{name}_lengths", f"{name}_mask", *([name] if name.endswith("_mask") else [])]
        own += ["attention_mask"] if "token" in info["dims"] else []
        found[name] = next((each for each in own if each in header["arrays"]), None)
    assert found == {name: marks(schema.Header.model_validate(header, strict=False), name) for name in found}
    assert found["mel"] == "mel_lengths"
    assert found["eda"] == "eda_mask"
    assert found["input_ids"] == "attention_mask"
