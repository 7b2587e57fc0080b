"""A store is checked: whatever is changed in it is found, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from kemfeat.build import BuildOptions, build_store
from kemfeat.errors import ConfigError, StoreCorruptError, StoreError
from kemfeat.store import disk, layout, schema
from kemfeat.store.reader import Store, open_store
from kemfeat.store.verify import verify
from tests.corpora.tiny import TinyCorpus

FILES = (
    "utterances.parquet",
    "ratings.parquet",
    "signal_index.parquet",
    "keys.parquet",
    "failures.parquet",
    "sources.parquet",
    "signals/Sess01.parquet",
    "README.md",
    "croissant.json",
    "resources/tokens/tokenizer.json",
    "features.zarr/zarr.json",
    "features.zarr/mel/zarr.json",
    "features.zarr/mel/mel/zarr.json",
    "features.zarr/mel/mel/c/1/0/0",
    "features.zarr/mel/mel_lengths/c/0",
    "features.zarr/tokens/input_ids/c/2/0",
    "features.zarr/eda/eda_mask/c/0/0",
)
"""One of every kind."""


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def delete(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def problems(store: Store) -> tuple[str, ...]:
    return verify(open_store(store.path)).problems


def rewrite(store: Store, **changes: Any) -> None:
    """Change the header; the digest is made anew, so that only what it says is wrong."""
    content = json.loads((store.path / "kemfeat.json").read_bytes()) | changes
    header = schema.Header.model_validate_json(json.dumps(content))
    disk.write_json(
        store.path / "kemfeat.json", content | {"digest": changes.get("digest", schema.store_digest(header))}
    )


def replace_table(store: Store, name: str, table: pd.DataFrame) -> None:
    """Write a table, and a header that vouches for it."""
    disk.write_table(store.path / name, table)
    tables = {key: receipt.model_dump() for key, receipt in store.header.tables.items()}
    rewrite(store, tables=tables | {name: disk.receipt(store.path / name).model_dump()})


def test_a_built_store_is_sound(finished: Store) -> None:
    seen: list[tuple[int, int]] = []
    result = verify(finished, progress=lambda done, total: seen.append((done, total)))
    assert result.problems == ()
    assert seen == [(n, result.files) for n in range(result.files + 1)]
    vouched = schema.files(finished.header)
    assert result.files == len(vouched)
    assert result.bytes == sum((finished.path / name).stat().st_size for name in vouched)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip, "its bytes are not those that were written"),
        (truncate, "bytes, expected "),
        (empty, "0 bytes, expected "),
        (delete, "cannot be read (No such file or directory)"),
    ],
)
def test_damage_is_found_and_named(copied: Store, name: str, damage: Callable[[Path], None], says: str) -> None:
    damage(copied.path / name)
    (problem,) = problems(copied)
    assert problem.startswith(f"{name}: ")
    assert says in problem
    assert "run the same build with --rehash to make it again" in problem


def test_a_folder_in_place_of_a_file_is_found(copied: Store) -> None:
    folder_instead(copied.path / "ratings.parquet")
    (problem,) = problems(copied)
    assert problem.startswith("ratings.parquet: ")


@pytest.mark.parametrize(
    "name",
    [
        "features.zarr/mel/mel/c/9/0/0",
        "features.zarr/mel/zarr.json.bak",
        "features.zarr/other/zarr.json",
        "signals/Sess99.parquet",
        "resources/tokens/other.json",
        "resources/eda/x",
    ],
)
def test_a_stranger_is_found(copied: Store, name: str) -> None:
    path = copied.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert problems(copied) == (f"{name}: is not part of the store; remove it",)


def test_a_dangling_link_is_a_stranger(copied: Store) -> None:
    (copied.path / "signals" / "x").symlink_to("nowhere")
    assert problems(copied) == ("signals/x: is not part of the store; remove it",)


def test_notes_beside_a_store_are_nobodys_business(copied: Store) -> None:
    (copied.path / "notes.txt").write_bytes(b"x")
    (copied.path / "figures").mkdir()
    assert problems(copied) == ()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("dataset", "KEMDy19"),
        ("label_rule", "votes"),
        ("config_digest", "0" * 64),
        ("manifest_fingerprint", "0" * 64),
        ("digest", "0" * 64),
        ("sessions", {}),
    ],
)
def test_an_edited_header_is_found(copied: Store, member: str, value: Any) -> None:
    content = json.loads((copied.path / "kemfeat.json").read_bytes())
    disk.write_json(copied.path / "kemfeat.json", content | {member: value})
    assert "kemfeat.json: its digest is not that of what it lists; it was edited; build the store again" in problems(
        copied
    )


@pytest.mark.parametrize(
    "path", [("config", "settings", "mel", "fmin"), ("config", "rows_per_shard"), ("parts", 0, "key")]
)
def test_an_edited_setting_or_key_is_found(copied: Store, path: tuple[Any, ...]) -> None:
    content = json.loads((copied.path / "kemfeat.json").read_bytes())
    *tables, last = path
    inner = content
    for table in tables:
        inner = inner[table]
    inner[last] = "0" * 64 if isinstance(inner[last], str) else inner[last] + 1
    disk.write_json(copied.path / "kemfeat.json", content)
    assert any("its digest is not that of what it lists" in problem for problem in problems(copied))


def test_time_host_and_command_may_be_edited(copied: Store) -> None:
    content = json.loads((copied.path / "kemfeat.json").read_bytes())
    disk.write_json(copied.path / "kemfeat.json", content | {"provenance": {}, "versions": {}})
    assert problems(copied) == ()


def test_a_header_cut_anywhere_does_not_open(copied: Store) -> None:
    path = copied.path / "kemfeat.json"
    content = path.read_bytes().rstrip()
    for length in range(0, len(content), 997):
        path.write_bytes(content[:length])
        with pytest.raises(StoreError):
            open_store(copied.path)


def test_a_receipt_that_leaves_the_store_is_refused(copied: Store) -> None:
    rewrite(copied, documents={"../outside": {"sha256": "0" * 64, "bytes": 1}})
    with pytest.raises(StoreCorruptError, match="lists a file outside of the store"):
        problems(copied)


def test_a_missing_part_is_found(copied: Store) -> None:
    parts = copied.header.model_dump(mode="json")["parts"]
    rewrite(copied, parts=[part for part in parts if (part["feature"], part["partition"]) != ("eda", 1)])
    assert "kemfeat.json: eda has no part for rows 8 to 16" in problems(copied)
    rewrite(copied, parts=[part for part in parts if (part["feature"], part["partition"]) != ("eda", 2)])
    assert "kemfeat.json: eda has 16 rows, expected 20" in problems(copied)


def test_metadata_of_another_array_are_found(copied: Store) -> None:
    path = copied.path / "features.zarr/mel/mel/zarr.json"
    content = json.loads(path.read_bytes())
    disk.write_json(path, content | {"dimension_names": ["utterance", "mel_bin", "frame"]})
    documents = copied.header.model_dump(mode="json")["documents"]
    rewrite(copied, documents=documents | {"features.zarr/mel/mel/zarr.json": disk.receipt(path).model_dump()})
    (problem,) = problems(copied)
    assert "dimension_names is ['utterance', 'mel_bin', 'frame'], expected ['utterance', 'frame', 'mel_bin']" in problem


def test_metadata_that_zarr_cannot_read_are_found(copied: Store) -> None:
    path = copied.path / "features.zarr/mel/mel/zarr.json"
    disk.write_json(path, json.loads(path.read_bytes()) | {"codecs": [{"name": "unknown"}]})
    documents = copied.header.model_dump(mode="json")["documents"]
    rewrite(copied, documents=documents | {"features.zarr/mel/mel/zarr.json": disk.receipt(path).model_dump()})
    assert any(problem.startswith("mel: its metadata cannot be read") for problem in problems(copied))


def test_rows_that_tables_and_header_count_apart_are_found(copied: Store) -> None:
    replace_table(copied, "utterances.parquet", copied.utterances.iloc[:19])
    (problem,) = problems(copied)
    assert "utterances.parquet: has 19 rows, expected 20, one for each row of its axis; " in problem


def test_an_id_that_stands_twice_is_found(copied: Store) -> None:
    ids = copied.utterances["id"].tolist()
    replace_table(copied, "utterances.parquet", copied.utterances.assign(id=[ids[0], ids[0], *ids[2:]]))
    assert f"utterances.parquet: id {ids[0]} occurs twice" in problems(copied)


def test_a_missing_row_without_a_reason_is_found(copied: Store) -> None:
    rewrite(copied, complete=copied.header.complete | {"mel": layout.bitmap([True, False] + [True] * 18)})
    says = "mel: the completeness bitmap and failures.parquet do not list the same rows"
    assert problems(copied) == (says,)
    row = {"id": open_store(copied.path).utterances["id"].iloc[1], "feature": "mel", "error": "x"}
    replace_table(open_store(copied.path), "failures.parquet", pd.DataFrame([row]))
    assert problems(copied) == ()


def test_more_values_than_a_column_says_are_found(copied: Store) -> None:
    lengths = copied.utterances["mel_frames"].to_numpy().copy()
    lengths[3] = 7
    replace_table(copied, "utterances.parquet", copied.utterances.assign(mel_frames=lengths))
    assert problems(copied) == ("mel_lengths: row 3 has length 20, more than column mel_frames says",)


def test_a_feature_on_another_axis_is_checked_by_its_own_table(copied: Store) -> None:
    """Such features do not exist yet; format version 1 allows them."""
    clips = pd.DataFrame({"parent": copied.utterances["id"].iloc[[0, 0, 1]].tolist()})
    disk.write_table(copied.path / "clip.parquet", clips)
    root = zarr.open_group(copied.path / "features.zarr")
    root.create_array(
        "scene/scene",
        shape=(3,),
        shards=(8,),
        chunks=(8,),
        dtype="int8",
        fill_value=-1,
        compressors=[BloscCodec(typesize=1, cname="zstd", clevel=1, shuffle="shuffle"), Crc32cCodec()],
        dimension_names=("clip",),
        attributes={"pad": -1},
    )[:] = 1
    content = copied.header.model_dump(mode="json")
    receipts = {
        name: disk.receipt(copied.path / name).model_dump()
        for name in ("clip.parquet", "features.zarr/scene/scene/c/0", "features.zarr/scene/scene/zarr.json")
    }
    documents = {name: disk.receipt(copied.path / name).model_dump() for name in content["documents"]}
    documents["features.zarr/scene/zarr.json"] = disk.receipt(
        copied.path / "features.zarr/scene/zarr.json"
    ).model_dump()
    documents["features.zarr/scene/scene/zarr.json"] = receipts["features.zarr/scene/scene/zarr.json"]
    part = {"feature": "scene", "partition": 0, "start": 0, "stop": 3, "key": "0" * 64}
    files = {"features.zarr/scene/scene/c/0": receipts["features.zarr/scene/scene/c/0"]}
    info = {"feature": "scene", "axis": "clip", "dims": ["clip"], "shape": [3], "dtype": "int8", "unit": "1"}
    rewrite(
        copied,
        axes=content["axes"] | {"clip": {"rows": 3, "table": "clip.parquet"}},
        features=content["features"] | {"scene": "clip"},
        arrays=content["arrays"] | {"scene": info | {"description": "an example"}},
        complete=content["complete"] | {"scene": layout.bitmap([True] * 3)},
        parts=[*content["parts"], part | {"files": files, "failures": []}],
        tables=content["tables"] | {"clip.parquet": receipts["clip.parquet"]},
        documents=documents,
    )
    assert problems(copied) == ()
    store = open_store(copied.path)
    assert len(store) == 20
    assert store.array("scene")[:].tolist() == [1, 1, 1]
    assert store.rows("clip")["parent"].tolist() == clips["parent"].tolist()
    rewrite(store, complete=store.header.complete | {"scene": layout.bitmap([True, False, True])})
    assert problems(copied) == ("scene: the completeness bitmap and failures.parquet do not list the same rows",)


def test_a_build_that_would_drop_a_feature_is_refused_and_changes_nothing(copied: Store, corpus: TinyCorpus) -> None:
    settings = {"features": ("mel",), "rows_per_shard": 8, "mel": {"max_frames": 20}}
    with pytest.raises(ConfigError, match=r"has delta, .*which this build would drop"):
        build_store("KEMDy20", root=corpus.root, out=copied.path, settings=settings)
    assert open_store(copied.path).digest == copied.digest
    assert verify(open_store(copied.path)).problems == ()


@pytest.mark.parametrize("damage", [flip, delete])
def test_a_rehashing_build_mends_every_kind_of_file(
    copied: Store, corpus: TinyCorpus, settings: dict[str, Any], damage: Callable[[Path], None]
) -> None:
    for name in FILES:
        damage(copied.path / name)
    options = BuildOptions(rehash=True)
    mended = build_store("KEMDy20", root=corpus.root, out=copied.path, settings=settings, options=options).store
    assert verify(mended).problems == ()
    assert mended.digest == copied.digest
