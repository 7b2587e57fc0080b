"""What holds for exports in every format: whole or not there, the same bytes, every row with its id."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from kemfeat import plugins
from kemfeat.errors import ConfigError, StoreCorruptError, StoreWriteError, UnknownPluginError
from kemfeat.export import Exporter, Selection, export_store
from kemfeat.store import beside
from kemfeat.store.reader import Store
from kemfeat.testing import _exports as laws
from tests.kill_kit import run_until

FORMATS = plugins.names("export")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_formats_that_the_command_names_are_there() -> None:
    assert {"datasets", "tsv-npy", "webdataset"} <= {plugins.find("export", name).name for name in FORMATS}
    assert {plugins.find("export", name).name for name in ("Datasets", "tsv_npy", "web-dataset")} == {
        "datasets",
        "tsv-npy",
        "webdataset",
    }


@pytest.mark.parametrize("to", FORMATS)
def test_twice_gives_the_same_bytes_and_says_what_they_are(store: Store, tmp_path: Path, to: str) -> None:
    seen: list[tuple[int, int]] = []
    one = export_store(store, to=to, out=tmp_path / "deep/one", progress=lambda done, total: seen.append((done, total)))
    other = export_store(store, to=to, out=tmp_path / "other")
    assert tree(one.path) == tree(other.path)
    assert (one.rows, one.dropped, one.axis, one.arrays) == (12, 0, "utterance", store.arrays)
    assert (seen[0], seen[-1]) == ((0, 12), (12, 12))
    assert (one.files, one.bytes) == (len(tree(one.path)), sum(map(len, tree(one.path).values())))
    manifest = json.loads((one.path / "export.json").read_bytes())
    assert (manifest["store_digest"], manifest["rows"], manifest["format"]) == (store.digest, 12, one.format)
    assert manifest["arrays"]["mel"]["shape"] == [12, 32, 16]
    assert manifest["arrays"]["mel"]["dims"] == ["utterance", "frame", "mel_bin"]
    readme = (one.path / "README.md").read_text(encoding="utf-8")
    assert "| `mel` | utterance 12 x frame 32 x mel\\_bin 16 | float32 |" in readme
    assert "signed licence agreement" in readme
    assert sorted(path.name for path in tmp_path.rglob("*") if path.name.startswith(".")) == []


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("law", laws.LAWS)
def test_an_export_keeps_the_law(store: Store, law: str, to: str) -> None:
    laws.LAWS[law](plugins.find("export", to), laws.Bench(store))


def test_an_unknown_format_is_refused_and_makes_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownPluginError, match=r"--to tsv: no such format; did you mean 'tsv-npy'"):
        export_store(store, to="tsv", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_a_full_one_refused(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export_store(store, to="tsv-npy", out=out, arrays=["eda"])
    before = tree(out)
    with pytest.raises(
        ConfigError, match=r"out: is not empty \(found README.md\); choose an absent or empty folder with --out"
    ):
        export_store(store, to="tsv-npy", out=out)
    assert tree(out) == before


def test_a_file_a_broken_link_and_the_store_itself_are_no_folders_to_fill(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(ConfigError, match=f"{name}: is not a folder"):
            export_store(store, to="tsv-npy", out=tmp_path / name)
    for out in (store.path / "features.zarr/x", store.path / "x/../y"):
        with pytest.raises(ConfigError, match="is in the store"):
            export_store(store, to="tsv-npy", out=out)
    with pytest.raises(StoreWriteError, match="no folder can be made or used there"):
        export_store(store, to="tsv-npy", out=tmp_path / "file" / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_an_export_that_stops_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = plugins.find("export", "tsv-npy").write

    def stop(selection: Selection, out: Path) -> None:
        write(selection, out)
        assert not (tmp_path / "out").exists()
        raise KeyboardInterrupt

    stopped = Exporter(name="tsv-npy", description="", reading="", write=stop)
    monkeypatch.setattr("kemfeat.export.tsv_npy.EXPORTER", stopped)
    with pytest.raises(KeyboardInterrupt):
        export_store(store, to="tsv-npy", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", FORMATS)
def test_killed_before_any_change_of_the_disk_an_export_is_whole_or_absent_and_the_next_run_tidies(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    straight = tree(export_store(store, to=to, out=tmp_path / "straight", arrays=["eda"]).path)
    out = tmp_path / "parent/out"
    for change in count():
        shutil.rmtree(out.parent, ignore_errors=True)
        if not run_until(change, lambda: export_store(store, to=to, out=out, arrays=["eda"]), monkeypatch):
            break
        if out.exists():
            assert tree(out) == straight
            with pytest.raises(ConfigError, match="is not empty"):
                export_store(store, to=to, out=out, arrays=["eda"])
        else:
            export_store(store, to=to, out=out, arrays=["eda"])
        assert tree(out) == straight
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert change > 6


def test_what_another_program_or_a_living_run_has_beside_an_export_stays(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / ".out.notes.aside"
    mine.mkdir()
    dead = tmp_path / f".out.{'0' * 32}.aside"
    dead.mkdir()
    (dead / "half.npy").write_bytes(b"x")
    with beside.made_folder(tmp_path / "out") as living:
        export_store(store, to="tsv-npy", out=tmp_path / "out", arrays=["eda"])
        assert living.is_dir()
        assert not dead.exists()
        shutil.rmtree(tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {mine.name, "out"}


EXPORT = """
import sys
from pathlib import Path
from kemfeat.errors import KemfeatError
from kemfeat.export import export_store
from kemfeat.store.reader import open_store
try:
    export_store(open_store(sys.argv[1]), to=sys.argv[2], out=Path(sys.argv[3]))
except KemfeatError as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize("to", FORMATS)
def test_a_disk_that_takes_no_more_is_a_sentence(store: Store, tmp_path: Path, to: str) -> None:
    """No file may grow beyond 4000 bytes."""
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, store.path, to, tmp_path / "out"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"StoreWriteError: {tmp_path}/out: the file would be larger than this system allows")
    assert "what is finished is kept" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", FORMATS)
def test_a_full_disk_is_a_sentence(store: Store, tmp_path: Path, to: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12k", "none", str(disk)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("only root may mount a small disk here")
    try:
        with pytest.raises(StoreWriteError, match=r"out: the disk is full; free some space and run the same command"):
            export_store(store, to=to, out=disk / "out")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_names_that_would_leave_the_folder_are_not_trusted(store: Store, tmp_path: Path) -> None:
    header = store.header
    bad = header.model_copy(update={"arrays": {"../../x": header.arrays["mel"]}})
    with pytest.raises(StoreCorruptError, match=r"has an array or axis '\.\./\.\./x'; do not trust this store"):
        export_store(Store(store.path, bad), to="tsv-npy", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
