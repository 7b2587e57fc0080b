from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, StoreCorruptError, StoreWriteError
from kemfeat.store import blocks
from kemfeat.store.blocks import SymmetricBlocks, begin, open_blocks

IDENTITY = {"series": "ab12", "parameters": {"cost": "abs"}}
N = 10


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 4)


def symmetric(n: int = N, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).random((n, n))
    return values + values.T


def fill(matrix: SymmetricBlocks, values: np.ndarray, at: tuple[int, int]) -> None:
    matrix.write(at, values[np.ix_(matrix.rows(at[0]), matrix.rows(at[1]))].astype(matrix.dtype))


def finished(path: Path, values: np.ndarray, **changes: object) -> SymmetricBlocks:
    order = np.random.default_rng(1).permutation(len(values))
    matrix = begin(path, **{"order": order, "dtype": "float64", "identity": IDENTITY, **changes})
    for at in matrix.unfinished():
        fill(matrix, values, at)
    return matrix


@settings(deadline=None, max_examples=6)
@given(n=st.integers(1, 13), dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 99))
def test_what_was_written_reads_equal_in_any_order(tmp_path_factory, n: int, dtype: str, seed: int):
    values = symmetric(n, seed).astype(dtype)
    matrix = finished(tmp_path_factory.mktemp("blocks") / "matrix", values, dtype=dtype)
    rows = np.random.default_rng(seed).choice(n, size=max(1, n - 2), replace=False)
    found = open_blocks(matrix.path).square(rows)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values[np.ix_(rows, rows)])


def test_only_the_upper_triangle_is_kept_and_it_is_raw_numbers(tmp_path: Path):
    values = symmetric()
    matrix = finished(tmp_path / "matrix", values)
    files = sorted(path.relative_to(matrix.path / "matrix/c").as_posix() for path in matrix.path.glob("matrix/c/*/*"))
    assert files == ["0/0", "0/1", "0/2", "1/1", "1/2", "2/2"]
    raw = np.fromfile(matrix.path / "matrix/c/0/1", "<f8").reshape(4, 4)
    np.testing.assert_array_equal(raw, values[np.ix_(matrix.order[:4], matrix.order[4:8])])


def test_any_reader_of_zarr_can_read_it(tmp_path: Path):
    values = symmetric()
    matrix = finished(tmp_path / "matrix", values)
    array = zarr.open_array(matrix.path / "matrix", mode="r")
    upper = np.triu(np.ones((N, N), bool))
    np.testing.assert_array_equal(array[:][upper], values[np.ix_(matrix.order, matrix.order)][upper])
    assert np.isnan(array[9, 0])
    assert array.attrs["identity"] == IDENTITY


def test_a_second_run_writes_only_what_the_first_left(tmp_path: Path):
    values, order = symmetric(), range(N)
    first = begin(tmp_path / "matrix", order=order, dtype="float64", identity=IDENTITY)
    assert first.unfinished() == first.all
    for at in first.all[:2]:
        fill(first, values, at)
    second = begin(tmp_path / "matrix", order=order, dtype="float64", identity=IDENTITY)
    assert second.unfinished() == first.all[2:]
    for at in second.unfinished():
        fill(second, values, at)
    assert second.unfinished() == []
    np.testing.assert_array_equal(second.square(order), values)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "no receipt", "bad receipt"])
def test_a_block_that_is_not_what_its_receipt_says_is_done_again(tmp_path: Path, damage: str):
    matrix = finished(tmp_path / "matrix", symmetric())
    block, receipt = matrix.path / "matrix/c/1/2", matrix.path / "done/1-2.json"
    content = block.read_bytes()
    if damage == "flipped":
        block.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "cut":
        block.write_bytes(content[:-8])
    elif damage == "gone":
        block.unlink()
    elif damage == "no receipt":
        receipt.unlink()
    else:
        receipt.write_text('{"sha256"')
    assert matrix.unfinished() == [(1, 2)]
    fill(matrix, symmetric(), (1, 2))
    np.testing.assert_array_equal(matrix.square(range(N)), symmetric())
    assert matrix.unfinished() == []


@pytest.mark.parametrize("gone", ["done/0-1.json", "matrix/c/0/1"])
def test_an_unfinished_block_is_never_read_as_numbers(tmp_path: Path, gone: str):
    matrix = finished(tmp_path / "matrix", symmetric())
    (matrix.path / gone).unlink()
    with pytest.raises(StoreCorruptError, match="never finished; run the same command again"):
        matrix.square(range(N))
    inside_one_block = matrix.rows(2)
    assert matrix.square(inside_one_block).shape == (2, 2)


@pytest.mark.parametrize(
    "changes", [{"identity": {"series": "cd34"}}, {"dtype": "float32"}, {"order": range(N)[::-1]}, {"order": range(9)}]
)
def test_another_matrix_in_the_folder_is_refused(tmp_path: Path, changes: dict[str, object]):
    begin(tmp_path / "matrix", order=range(N), dtype="float64", identity=IDENTITY)
    with pytest.raises(StoreCorruptError, match="other series or settings; move this folder away"):
        begin(tmp_path / "matrix", **{"order": range(N), "dtype": "float64", "identity": IDENTITY, **changes})


def test_the_block_size_is_kept_with_the_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    matrix = finished(tmp_path / "matrix", symmetric())
    monkeypatch.setattr(blocks, "BLOCK", 7)
    again = begin(tmp_path / "matrix", order=matrix.order, dtype="float64", identity=IDENTITY)
    assert again.block == 4
    assert again.unfinished() == []


@pytest.mark.parametrize("damage", ["no array", "not JSON", "version", "no order", "pickled order", "short order"])
def test_a_damaged_folder_is_refused_in_a_sentence(tmp_path: Path, damage: str):
    matrix = finished(tmp_path / "matrix", symmetric())
    metadata, order = matrix.path / "matrix/zarr.json", matrix.path / "order.npy"
    if damage == "no array":
        metadata.unlink()
    elif damage == "not JSON":
        metadata.write_text("{")
    elif damage == "version":
        content = json.loads(metadata.read_text())
        content["attributes"]["kemfeat_blocks_version"] = 99
        metadata.write_text(json.dumps(content))
    elif damage == "no order":
        order.unlink()
    elif damage == "pickled order":
        np.save(order, np.array([{}], dtype=object), allow_pickle=True)
    else:
        np.save(order, np.arange(3))
    with pytest.raises(StoreCorruptError, match="move this folder away"):
        open_blocks(matrix.path)


def test_a_block_of_another_shape_or_below_the_diagonal_is_refused(tmp_path: Path):
    matrix = begin(tmp_path / "matrix", order=range(N), dtype="float64", identity=IDENTITY)
    with pytest.raises(ConfigError, match=r"shape \(3, 4\); expected \(4, 4\)"):
        matrix.write((0, 1), np.zeros((3, 4)))
    with pytest.raises(ConfigError, match="on or above the diagonal"):
        matrix.write((1, 0), np.zeros((4, 4)))


@pytest.mark.parametrize("order", [[], [0, 0], [1, 2]])
def test_an_order_names_every_row_once(tmp_path: Path, order: list[int]):
    with pytest.raises(ConfigError, match="every row once"):
        begin(tmp_path / "matrix", order=order, dtype="float64", identity=IDENTITY)


def test_a_refusal_of_the_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StoreWriteError, match="the disk is full"):
        begin(tmp_path / "matrix", order=range(N), dtype="float64", identity=IDENTITY)
    assert list(tmp_path.iterdir()) == []


def test_a_block_of_nan_is_a_block(tmp_path: Path):
    matrix = begin(tmp_path / "matrix", order=range(3), dtype="float32", identity=IDENTITY)
    fill(matrix, np.full((3, 3), np.nan), (0, 0))
    assert matrix.unfinished() == []
    assert np.isnan(matrix.square(range(3))).all()
