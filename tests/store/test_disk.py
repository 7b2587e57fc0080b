"""Writing that survives a crash, and errors of the disk as sentences; the conditions are real ones."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kemfeat.errors import StoreCorruptError, StoreWriteError
from kemfeat.store import disk, locking

FULL = Path("/dev/full")
"""Linux' device on which every write fails for want of space."""


def limited(code: str, *arguments: object, size: int) -> str:
    """What Python code prints in a process that may write no file beyond ``size`` bytes."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    seen = []

    def write(aside: Path) -> None:
        aside.write_bytes(b"half")
        seen.append(path.exists())
        aside.write_bytes(b"whole")

    disk.atomic_write(path, write)
    assert seen == [False]
    assert path.read_bytes() == b"whole"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    disk.write_bytes(path, b"old")

    def write(aside: Path) -> None:
        aside.write_bytes(b"half")
        raise RuntimeError("the writer died")

    with pytest.raises(RuntimeError, match="the writer died"):
        disk.atomic_write(path, write)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreWriteError) as caught, disk.writing(tmp_path):
        disk.atomic_write(tmp_path / "file", lambda aside: FULL.write_bytes(b"x"))
    assert str(caught.value) == (
        f"{tmp_path}: the disk is full; free some space and run the same command again: what is finished is kept "
        "(No space left on device)"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_too_large_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from kemfeat.errors import StoreWriteError
        from kemfeat.store import disk
        try:
            with disk.writing(Path(sys.argv[1])):
                disk.write_bytes(Path(sys.argv[1]) / "file", bytes(9000))
        except StoreWriteError as error:
            print(error)
        """
    assert "larger than this system allows; raise the limit and run the same" in limited(code, tmp_path, size=4096)
    assert list(tmp_path.iterdir()) == []


def test_a_table_too_large_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    code = """
        import sys
        import numpy as np
        import pandas as pd
        from pathlib import Path
        from kemfeat.errors import StoreWriteError
        from kemfeat.store import disk
        table = pd.DataFrame({"x": np.random.default_rng(0).random(9000)})
        try:
            with disk.writing(Path(sys.argv[1])):
                disk.write_table(Path(sys.argv[1]) / "t.parquet", table)
        except StoreWriteError as error:
            print(error)
        """
    assert "larger than this system allows" in limited(code, tmp_path, size=4096)
    assert list(tmp_path.iterdir()) == []


def test_a_shard_too_large_is_said_and_leaves_no_receipt(tmp_path: Path) -> None:
    code = """
        import sys
        import numpy as np
        import pandas as pd
        from pathlib import Path
        from kemfeat.errors import StoreWriteError
        from kemfeat.records import FeatureSpec
        from kemfeat.store import writer
        spec = FeatureSpec(name="x", dims=("a",), shape=(1000,), dtype="float32", pad=0.0, fill=0.0, unit="1",
                           description="noise")
        store = Path(sys.argv[1])
        writer.begin(store, specs={"f": [spec]}, layouts={"f": writer.ArrayLayout("utterance", 8, 8)})
        part = writer.Part(feature="f", partition=0, start=0, stop=8, key="k")
        block = np.random.default_rng(0).random((8, 1000), dtype=np.float32)
        try:
            writer.write_part(store, part, specs=[spec], blocks={"x": block}, tables={}, failures=())
        except StoreWriteError as error:
            print(error)
        print(writer.finished_part(store, part, read=True, elsewhere=frozenset()))
        """
    shown = limited(code, tmp_path / "store", size=4096)
    assert "larger than this system allows" in shown
    assert shown.splitlines()[-1] == "None"
    assert not list((tmp_path / "store").rglob("*.json.*"))
    assert not [path for path in (tmp_path / "store" / ".building").rglob("features.zarr/f/x/c/**/*") if path.is_file()]


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="this system has no /sys")
def test_a_place_where_nobody_may_write_is_said() -> None:
    refusal = r"^/sys: (you may not write there|the disk is read-only); choose another folder with --out and run"
    with pytest.raises(StoreWriteError, match=refusal), disk.writing(Path("/sys")):
        disk.write_bytes(Path("/sys/kemfeat"), b"x")
    with pytest.raises(StoreWriteError, match=refusal), locking.locked(Path("/sys")):
        pytest.fail("the lock was given")


def test_errors_that_are_not_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="x") as caught, disk.writing(tmp_path):
        raise OSError("x")
    assert not isinstance(caught.value, StoreWriteError)


def test_json_is_text_for_people(tmp_path: Path) -> None:
    disk.write_json(tmp_path / "x.json", {"이름": 1})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n "이름": 1\n}\n'


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", None], "b": [1.5, float("nan")], "c": [None, None]})
    twin = pa.table({"a": pa.array(["x", None], pa.large_string()), "b": [1.5, None], "c": pa.nulls(2)})
    disk.write_table(tmp_path / "1", frame)
    disk.write_table(tmp_path / "2", pa.Table.from_pandas(frame, preserve_index=False))
    disk.write_table(tmp_path / "3", twin)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()
    assert pq.read_schema(tmp_path / "1").types == [pa.string(), pa.float64(), pa.string()]


def test_a_receipt_is_digest_and_size(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    receipt = disk.receipt(tmp_path / "x")
    assert receipt.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert receipt.bytes == 3


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "..", "", ".", "a/\0b"])
def test_a_name_that_leaves_the_store_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreCorruptError, match="lists a file outside of the store") as caught:
        disk.inside(tmp_path, name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["a", "a/b/c", "...", "이름/x"])
def test_a_name_in_the_store_is_its_path(tmp_path: Path, name: str) -> None:
    assert disk.inside(tmp_path, name) == tmp_path / name


def test_a_link_shares_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"old")
    disk.link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x"
    assert (tmp_path / "a").samefile(tmp_path / "b")


@pytest.mark.skipif(
    not Path("/dev/shm").is_dir() or Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev,  # noqa: S108
    reason="this system has no second disk",
)
def test_a_link_across_disks_is_a_copy(tmp_path: Path) -> None:
    source = Path(f"/dev/shm/kemfeat-{os.getpid()}")  # noqa: S108
    source.write_bytes(b"x")
    try:
        disk.link(source, tmp_path / "deep" / "b")
        assert not source.samefile(tmp_path / "deep" / "b")
    finally:
        source.unlink()
    assert (tmp_path / "deep" / "b").read_bytes() == b"x"
