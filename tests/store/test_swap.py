"""Before every call of the file system in the swap of an update, a store is one version or says what to do."""

from __future__ import annotations

import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest

from kemfeat.errors import StoreError, StoreIncompleteError, StoreWriteError
from kemfeat.store import locking, swap
from kemfeat.store.reader import open_store
from kemfeat.store.verify import verify
from tests.build.kit import KEMFEAT, Bench, files, tree, with_settings, write_corpus
from tests.kill_kit import CHANGES, Killed, run_until

BEFORE = with_settings(features=["mel"], rows_per_shard=12)
AFTER = with_settings(features=["mel", "eda"], rows_per_shard=12)
CALLS = (*CHANGES, "open", "utime")


class Staged:
    """An update that was killed as its swap began, and the digests of both versions."""

    def __init__(self, folder: Path) -> None:
        self.corpus = write_corpus(folder / "corpus")
        self.bench = Bench(self.corpus, folder / "store")
        self.old = self.bench.build(settings=BEFORE).store.digest
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(swap, "_replace", self.kill)
            patched.setattr(Path, "touch", self.kill)
            with pytest.raises(Killed):
                self.bench.build(settings=AFTER)
        assert open_store(self.bench.out).digest == self.old
        straight = self.bench.fresh("straight")
        self.new = straight.build(settings=AFTER).store.digest
        self.whole = tree(straight.out)

    @staticmethod
    def kill(*_arguments: object, **_options: object) -> None:
        raise Killed

    def copy(self, out: Path) -> Bench:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.bench.out, out)
        return Bench(self.corpus, out)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    return Staged(tmp_path_factory.mktemp("staged"))


def between(staged: Staged, out: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A store whose swap was killed halfway."""
    half = staged.copy(out)
    moved: list[object] = []

    def replace(source: Path, target: Path) -> None:
        if len(moved) == 3:
            raise Killed
        moved.append(target)
        whole(source, target)

    whole = swap._replace
    with monkeypatch.context() as patched:
        patched.setattr(swap, "_replace", replace)
        with pytest.raises(Killed):
            swap.complete_swap(half.out)
    return half


def state(out: Path, staged: Staged) -> str:
    """Which version a store is, wholly; or ``between`` where it is refused with the sentence that says so."""
    if (out / "kemfeat.json").exists():
        store = open_store(out)
        assert verify(store).problems == ()
        return {staged.old: "old", staged.new: "new"}[store.digest]
    with pytest.raises(StoreIncompleteError, match="a new version of this store is complete but not all in place"):
        open_store(out)
    return "between"


@pytest.mark.slow
def test_killed_before_any_call_of_the_swap_the_store_is_one_version_or_names_the_swap(
    staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for call in count():
        half = staged.copy(tmp_path / "store")
        killed = run_until(call, lambda half=half: swap.complete_swap(half.out), monkeypatch, changes=CALLS)
        seen.append(state(half.out, staged))
        if not killed:
            break
        if seen.count(seen[-1]) == 1:
            assert half.build(settings=AFTER).store.digest == staged.new
        else:  # what that build does first
            with locking.locked(half.out):
                swap.complete_swap(half.out)
        assert tree(half.out) == staged.whole
        assert not [path for path in files(half.out) if ".building" in path.parts or path.suffix == ".aside"]
    assert seen == sorted(seen, key=["old", "between", "new"].index), "a version is never seen again after the next"
    assert {"old", "between", "new"} == set(seen)
    assert seen.count("between") < 40


def test_an_open_store_of_the_old_version_says_so_too(
    staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = staged.copy(tmp_path / "store")
    old = open_store(half.out)
    half = between(staged, half.out, monkeypatch)
    for read in (lambda: old.utterances, lambda: old.array("mel")):
        with pytest.raises(StoreIncompleteError, match="complete but not all in place"):
            read()


def test_commands_that_read_name_the_swap(staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = between(staged, tmp_path / "store", monkeypatch)
    before = {path: path.stat().st_mtime_ns for path in half.out.rglob("*")}
    for command in ("info", "verify"):
        ended = subprocess.run([KEMFEAT, command, half.out], capture_output=True, text=True, check=False)
        assert ended.returncode not in (0, 1)
        assert "complete but not all in place" in ended.stderr
        assert f"run the same `kemfeat build ... --out {half.out}` again" in " ".join(ended.stderr.split())
    assert {path: path.stat().st_mtime_ns for path in half.out.rglob("*")} == before


def test_a_command_that_may_write_finishes_the_swap(
    staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = between(staged, tmp_path / "store", monkeypatch)
    ended = subprocess.run([KEMFEAT, "analyze", "balance", half.out], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert open_store(half.out).digest == staged.new
    assert verify(open_store(half.out)).problems == ()


def test_nothing_is_finished_while_a_build_runs_or_where_nothing_was_interrupted(
    staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not swap.finish_interrupted(tmp_path / "absent")
    half = staged.copy(tmp_path / "store")
    assert not swap.finish_interrupted(half.out), "the old version is in place"
    half = between(staged, half.out, monkeypatch)
    with locking.locked(half.out):
        assert not swap.finish_interrupted(half.out)
        with pytest.raises(StoreError):
            open_store(half.out)
    assert swap.finish_interrupted(half.out)
    assert open_store(half.out).digest == staged.new


def test_an_array_that_the_disk_does_not_give_back_stops_the_swap(staged, tmp_path, monkeypatch):
    """zarr leaves an array out of consolidated metadata where reading its own gives nothing."""
    folder = shutil.copytree(staged.bench.out / "features.zarr", tmp_path / "features.zarr")
    real = Path.read_bytes

    def read(path):
        if path == folder / "mel/mel_lengths/zarr.json":
            raise IsADirectoryError(path)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    with pytest.raises(StoreWriteError, match="mel_lengths: written, but the disk did not give it back; build again"):
        swap.consolidate(folder)
