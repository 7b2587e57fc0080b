"""Arrays that say nothing are found, and what every corpus has is not held against it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, Crc32cCodec

from kemfeat.store import degenerate, disk, layout, schema
from kemfeat.store.reader import Store, open_store
from kemfeat.store.verify import verify

SEED = 20


def refresh(store: Store, **changes: Any) -> Store:
    """A header that vouches for what lies there now."""
    content = store.header.model_dump(mode="json") | changes
    for part in content["parts"]:
        part["files"] = {name: disk.receipt(store.path / name).model_dump() for name in part["files"]}
    header = schema.Header.model_validate_json(json.dumps(content))
    disk.write_json(store.path / schema.HEADER, content | {"digest": schema.store_digest(header)})
    return open_store(store.path)


def overwrite(store: Store, **arrays: Any) -> Store:
    """Put other values into arrays."""
    with zarr.config.set({"array.write_empty_chunks": True}):
        for name, values in arrays.items():
            path = store.path / schema.array_path(store.header.arrays[name].feature, name)
            zarr.open_array(path, mode="r+")[:] = values
    return refresh(store)


def noise(store: Store, name: str) -> np.ndarray:
    return np.random.default_rng(SEED).standard_normal(store.header.arrays[name].shape).astype(np.float32)


def test_a_built_store_gives_no_cause_for_doubt(finished: Store) -> None:
    """Among it token types that are all zero, an utterance without physiology, and temperatures that stand still."""
    assert verify(finished).problems == ()
    assert verify(finished).warnings == ()


def test_a_picture_repeated_over_time_is_found(copied: Store) -> None:
    """The published defect: twenty times the same crop of the spectrogram in place of the video."""
    mel = noise(copied, "mel")
    store = overwrite(copied, mel=mel, delta=np.repeat(mel[:, :1], mel.shape[1], axis=1))
    (problem,) = verify(store).problems
    assert problem.startswith("delta: 20 of 20 rows are constant over time, such as Sess01_script01_User001F_001; ")
    assert problem.endswith("the array carries no information; check its sources")


def test_an_array_that_is_another_one_is_found(copied: Store) -> None:
    mel = noise(copied, "mel")
    store = overwrite(copied, mel=mel, delta=mel, delta_lengths=copied.array("mel_lengths")[:])
    (problem,) = verify(store).problems
    assert problem.startswith("delta: 20 of 20 rows are equal to those of mel, such as Sess01_script01_User001F_001;")


def test_one_row_for_all_utterances_is_found(copied: Store) -> None:
    (problem,) = verify(overwrite(copied, mel=noise(copied, "mel")[:1].repeat(20, axis=0))).problems
    ids = open_store(copied.path).utterances["id"]
    assert problem.startswith(f"mel: 20 of 20 rows are those of another utterance, such as {ids[0]} and {ids[1]};")


@pytest.mark.parametrize(("still", "is_problem"), [(1, False), (10, False), (11, True), (20, True)])
def test_half_of_the_rows_are_a_warning_and_more_a_problem(copied: Store, still: int, *, is_problem: bool) -> None:
    mel = noise(copied, "mel")
    mel[:still] = mel[:still, :1]
    found = verify(overwrite(copied, mel=mel))
    said, nothing = (found.problems, found.warnings) if is_problem else (found.warnings, found.problems)
    assert nothing == ()
    assert said[0].startswith(
        f"mel: {still} of 20 rows are constant over time, such as {open_store(copied.path).utterances['id'][0]};"
    )


def test_padding_tells_nothing(copied: Store) -> None:
    """Rows whose padding differs and whose real part stands still, and rows of one real frame."""
    mel, lengths = noise(copied, "mel"), np.full(20, 5, np.int32)
    mel[:, :5] = mel[:, :1]
    assert "20 of 20 rows are constant" in verify(overwrite(copied, mel=mel, mel_lengths=lengths)).problems[0]
    lengths[4:] = 1
    assert "4 of 4 rows are constant" in verify(overwrite(copied, mel_lengths=lengths)).problems[0]
    lengths[3:] = 1
    found = verify(overwrite(copied, mel_lengths=lengths))
    assert found.problems == ()
    assert "mel: 3 of 3 rows are constant" in found.warnings[0]


def test_missing_rows_are_not_compared(copied: Store) -> None:
    """They hold nothing but padding, which is the same in all of them."""
    mel = noise(copied, "mel")
    mel[:15] = 0.0
    ids = copied.utterances["id"]
    failures = pd.DataFrame({"id": ids[:15], "feature": "mel", "error": "x"})
    disk.write_table(copied.path / "failures.parquet", failures)
    tables = copied.header.model_dump(mode="json")["tables"]
    tables["failures.parquet"] = disk.receipt(copied.path / "failures.parquet").model_dump()
    complete = copied.header.complete | {"mel": layout.bitmap([False] * 15 + [True] * 5)}
    store = refresh(overwrite(copied, mel=mel), complete=complete, tables=tables)
    assert (verify(store).problems, verify(store).warnings) == ((), ())


def test_one_number_at_a_time_may_stand_still_but_not_always(copied: Store) -> None:
    eda = noise(copied, "eda")
    mask = np.ones(eda.shape, bool)
    eda[:15] = eda[:15, :1]
    columns = copied.utterances.assign(eda_length=eda.shape[1])
    disk.write_table(copied.path / schema.UTTERANCES, columns)
    tables = copied.header.model_dump(mode="json")["tables"]
    tables[schema.UTTERANCES] = disk.receipt(copied.path / schema.UTTERANCES).model_dump()
    store = refresh(overwrite(copied, eda=eda, eda_mask=mask), tables=tables)
    assert (verify(store).problems, verify(store).warnings) == ((), ())
    assert eda.shape[1] > 32
    eda[:] = eda[:, :1]
    mask[:4, 5:] = False
    assert "eda: 16 of 16 rows are constant over time" in verify(overwrite(store, eda=eda, eda_mask=mask)).problems[0]


def test_short_stretches_that_coincide_are_no_copies(copied: Store) -> None:
    """Temperatures come in steps of 0.02 degrees: two that change once are often the same."""
    temp = np.full(copied.header.arrays["temp"].shape, 32.31, np.float32)
    temp[:, 3:] = 32.33
    store = overwrite(copied, temp=temp)
    assert (verify(store).problems, verify(store).warnings) == ((), ())


def with_clips(store: Store, values: np.ndarray, parents: list[str]) -> Store:
    """The store with a feature on an axis of its own."""
    ids = [f"{parent}_{number}" for number, parent in enumerate(parents)]
    disk.write_table(store.path / "clip.parquet", pd.DataFrame({"id": ids, "parent": parents}))
    root = zarr.open_group(store.path / schema.FEATURES)
    root.create_array(
        "image/image",
        data=values,
        shards=values.shape,
        chunks=(1, *values.shape[1:]),
        compressors=[BloscCodec(typesize=4, cname="zstd", clevel=1, shuffle="shuffle"), Crc32cCodec()],
        dimension_names=("clip", "row", "column"),
        attributes={"pad": 0.0},
    )
    content = store.header.model_dump(mode="json")
    part = {"feature": "image", "partition": 0, "start": 0, "stop": len(values), "key": "0" * 64}
    info = {"feature": "image", "axis": "clip", "dims": ["clip", "row", "column"], "shape": list(values.shape)}
    return refresh(
        store,
        parts=[*content["parts"], part | {"files": {"features.zarr/image/image/c/0/0/0": None}, "failures": []}],
        tables=content["tables"] | {"clip.parquet": disk.receipt(store.path / "clip.parquet").model_dump()},
        axes=content["axes"] | {"clip": {"rows": len(values), "table": "clip.parquet"}},
        features=content["features"] | {"image": "clip"},
        arrays=content["arrays"] | {"image": info | {"dtype": "float32", "unit": "1", "description": "an example"}},
        complete=content["complete"] | {"image": layout.bitmap([True] * len(values))},
    )


@pytest.mark.parametrize(("others", "found"), [(0, []), (2, ["4 of 6 rows are those of another utterance"])])
def test_clips_of_one_utterance_may_be_alike(copied: Store, others: int, found: list[str]) -> None:
    ids = copied.utterances["id"].tolist()
    parents = [*[ids[0]] * (4 - others), *ids[1 : 1 + others], ids[5], ids[6]]
    images = np.random.default_rng(SEED).standard_normal((6, 4, 16)).astype(np.float32)
    images[:4] = images[0]
    store = with_clips(copied, images, parents)
    says = [str(same) for array, same in degenerate.sameness(store) if array == "image"]
    assert [text.partition(", such as")[0] for text in says] == found


def test_what_concerns_an_array_shows_in_the_rows_that_are_looked_at(copied: Store) -> None:
    images = np.random.default_rng(SEED).standard_normal((2000, 2, 16)).astype(np.float32)
    images[1000:] = images[1000:, :1]
    store = with_clips(copied, images, [copied.utterances["id"][0]] * 2000)
    (found,) = [same for array, same in degenerate.sameness(store) if array == "image"]
    assert (found.rows, found.of, found.is_problem) == (128, 256, False)


@given(rows=st.integers(0, 5000))
def test_rows_to_look_at_are_spread_from_begin_to_end_and_each_is_taken_once(rows: int) -> None:
    runs = degenerate._runs(rows)
    looked = [row for run in runs for row in range(run.start, run.stop)]
    assert looked == sorted(set(looked))
    assert len(looked) == min(rows, degenerate.ROWS)
    assert rows == 0 or 0 <= looked[0] <= looked[-1] < rows
    assert rows <= degenerate.ROWS or (looked[0] == 0 and looked[-1] >= rows - 2 * degenerate.ROWS // degenerate.RUNS)
