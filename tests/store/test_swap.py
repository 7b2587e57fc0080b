"""Before every call of the file system in the swap of an update, a store is one version; the old one stays readable."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from kemfeat.errors import StoreError, StoreIncompleteError, StoreWriteError
from kemfeat.store import locking, schema, swap, versions
from kemfeat.store.reader import open_store
from kemfeat.store.verify import verify
from tests.build.kit import KEMFEAT, SETTINGS, Bench, files, tree, with_settings, write_corpus
from tests.kill_kit import CHANGES, Killed, run_until
from tests.store.kit import as_format_1

BEFORE = with_settings(features=["mel"], rows_per_shard=12)
AFTER = with_settings(features=["mel", "eda"], rows_per_shard=12)
CALLS = (*CHANGES, "open", "utime")


class Staged:
    """A build that was killed as its swap began, and the digests of the versions before and after it."""

    def __init__(self, folder: Path, make_old: Callable[[Bench], str] | None) -> None:
        self.corpus = write_corpus(folder / "corpus")
        self.bench = Bench(self.corpus, folder / "store")
        self.old = None if make_old is None else make_old(self.bench)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(swap, "_commit", self.kill)
            with pytest.raises(Killed):
                self.bench.build(settings=AFTER)
        straight = self.bench.fresh("straight")
        self.new = straight.build(settings=AFTER).store.digest
        self.whole = tree(straight.out)

    @staticmethod
    def kill(*_arguments: object, **_options: object) -> None:
        raise Killed

    def copy(self, out: Path) -> Bench:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.bench.out, out, symlinks=True)
        return Bench(self.corpus, out)


def built(bench: Bench) -> str:
    return bench.build(settings=BEFORE).store.digest


def built_in_format_1(bench: Bench) -> str:
    built(bench)
    made = as_format_1(open_store(bench.out), bench.out.with_name("format-1"))
    shutil.rmtree(bench.out)
    made.path.rename(bench.out)
    return made.digest


OLD = {"update": built, "format 1": built_in_format_1}


@pytest.fixture(scope="module", params=OLD)
def staged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Staged:
    return Staged(tmp_path_factory.mktemp("staged"), OLD[request.param])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    return Staged(tmp_path_factory.mktemp("first"), None)


def ended(out: Path) -> None:
    """What a build does of the swap."""
    with locking.locked(out):
        swap.complete_swap(out)
        versions.prune(out, keep=1)


def state(out: Path, staged: Staged) -> str:
    """Which version a store is, wholly; the old one is readable whichever it is."""
    store = open_store(out)
    assert set(verify(store).problems) <= {versions.links_astray(out, store.header)}
    assert staged.old is not None
    old = open_store(out, at=staged.old) if store.digest == staged.new else store
    assert (old.digest, verify(old).problems) == (staged.old, ())
    assert len(old.utterances) == len(old.array("mel")[:])
    return {staged.old: "old", staged.new: "new"}[store.digest]


@pytest.mark.slow
def test_killed_before_any_call_of_the_swap_the_store_is_one_version_and_the_old_one_is_readable(
    staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    reader = None
    for call in count():
        half = staged.copy(tmp_path / "store")
        reader = open_store(half.out)
        killed = run_until(call, lambda half=half: ended(half.out), monkeypatch, changes=CALLS)
        seen.append(state(half.out, staged))
        if reader.folder != reader.path:  # of format 1, what is not open yet is looked for in its place
            assert len(reader.utterances) == len(reader.array("mel")[:])
        if not killed:
            break
        if seen.count(seen[-1]) == 1:
            assert half.build(settings=AFTER).store.digest == staged.new
        else:  # what that build does first
            ended(half.out)
        assert tree(half.out) == staged.whole
        assert not [path for path in files(half.out) if ".building" in path.parts or path.suffix == ".aside"]
        assert versions.links_astray(half.out, open_store(half.out).header) is None
        assert {folder.name[:16] for folder in (half.out / "versions").iterdir()} == {
            str(staged.old)[:16],
            staged.new[:16],
        }
    assert seen == sorted(seen, key=["old", "new"].index), "the old version is never seen again after the new one"
    assert {"old", "new"} == set(seen)


def test_a_version_of_format_1_is_opened_verified_updated_and_kept(tmp_path: Path) -> None:
    bench = Bench(write_corpus(tmp_path / "corpus"), tmp_path / "store")
    digest = built_in_format_1(bench)
    old = open_store(bench.out)
    assert (old.digest, old.folder, verify(old).problems) == (digest, old.path, ())
    shards = {name for part in old.header.parts for name in part.files}
    inodes = {name: (bench.out / name).stat().st_ino for name in shards}
    report = bench.build(settings=BEFORE)
    new = report.store
    assert (new.header.format_version, report.written) == (schema.FORMAT_VERSION, 0)
    assert new.header.changes == ("format 1 -> 2",)
    assert {name: (new.folder / name).stat().st_ino for name in shards} == inodes
    again = open_store(bench.out, at=digest)
    assert (again.header.format_version, again.digest, verify(again).problems) == (1, digest, ())
    assert verify(new).problems == ()
    assert bench.build(settings=BEFORE).up_to_date


def test_a_swap_that_an_earlier_kemfeat_left_halfway_is_made_anew(tmp_path: Path) -> None:
    """It removed the header first and moved entry by entry; what is left of it opens in no version of kemfeat."""
    bench = Bench(write_corpus(tmp_path / "corpus"), tmp_path / "store")
    built_in_format_1(bench)
    (bench.out / ".building").mkdir()
    (bench.out / ".building" / "swapped").touch()
    for name in ("kemfeat.json", "utterances.parquet", "croissant.json"):
        (bench.out / name).rename(bench.out / ".building" / name)
    store = bench.build(settings=BEFORE).store
    assert verify(store).problems == ()
    assert (bench.out / "features.zarr").is_symlink()
    assert not (bench.out / ".building").exists()


@pytest.mark.parametrize("folder", ['"versions/0123456789abcdef"', '"../x"', "5"])
def test_a_folder_in_a_header_of_format_1_means_nothing(tmp_path: Path, folder: str) -> None:
    bench = Bench(write_corpus(tmp_path / "corpus"), tmp_path / "store")
    built_in_format_1(bench)
    header = bench.out / "kemfeat.json"
    header.write_text(header.read_text().replace("{", f'{{"folder": {folder},', 1))
    store = open_store(bench.out)
    assert store.folder == store.path
    assert verify(store).problems == ()


@pytest.mark.slow
def test_whoever_opens_a_store_while_it_is_updated_finds_a_version_each_time(tmp_path: Path) -> None:
    bench = Bench(write_corpus(tmp_path / "corpus"), tmp_path / "store")
    pair = (with_settings(labels="votes"), SETTINGS)
    digests = [bench.build(settings=settings).store.digest for settings in pair]
    stop = tmp_path / "stop"
    with subprocess.Popen([sys.executable, "-c", LOOK, bench.out, stop], stdout=subprocess.PIPE, text=True) as looking:
        assert looking.stdout is not None
        seen = {looking.stdout.readline().strip()}
        try:
            for settings in pair * 3:
                bench.build(settings=settings)
        finally:
            stop.touch()
        seen |= set(looking.stdout.read().split())
    assert looking.returncode == 0
    assert seen == set(digests)


LOOK = """
import sys
from pathlib import Path
import kemfeat

while not Path(sys.argv[2]).exists():
    store = kemfeat.open_store(sys.argv[1])
    assert len(store.array("mel")[:]) == len(store.utterances)
    print(store.digest, flush=True)
"""


def between(staged: Staged, out: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A first version whose swap was killed just before its commit."""
    half = staged.copy(out)
    with monkeypatch.context() as patched:
        patched.setattr(versions, "keep_in_place", staged.kill)
        with pytest.raises(Killed):
            swap.complete_swap(half.out)
    return half


def test_commands_that_read_name_the_swap_of_a_first_version(
    first: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = between(first, tmp_path / "store", monkeypatch)
    with pytest.raises(StoreIncompleteError, match="complete but not all in place"):
        open_store(half.out)
    before = {path: path.stat().st_mtime_ns for path in half.out.rglob("*")}
    for command in ("info", "verify", "log"):
        run = subprocess.run([KEMFEAT, command, half.out], capture_output=True, text=True, check=False)
        assert run.returncode not in (0, 1)
        assert "complete but not all in place" in run.stderr
        assert f"run the same `kemfeat build ... --out {half.out}` again" in " ".join(run.stderr.split())
    assert {path: path.stat().st_mtime_ns for path in half.out.rglob("*")} == before


def test_a_command_that_may_write_finishes_the_swap_of_a_first_version(
    first: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = between(first, tmp_path / "store", monkeypatch)
    run = subprocess.run([KEMFEAT, "analyze", "balance", half.out], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert open_store(half.out).digest == first.new
    assert verify(open_store(half.out)).problems == ()


def test_nothing_is_finished_while_a_build_runs_or_where_nothing_was_interrupted(
    first: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not swap.finish_interrupted(tmp_path / "absent")
    half = between(first, tmp_path / "store", monkeypatch)
    with locking.locked(half.out):
        assert not swap.finish_interrupted(half.out)
        with pytest.raises(StoreError):
            open_store(half.out)
    assert swap.finish_interrupted(half.out)
    assert open_store(half.out).digest == first.new
    assert not swap.finish_interrupted(half.out), "it is in place"


def test_an_array_that_the_disk_does_not_give_back_stops_the_swap(first, tmp_path, monkeypatch):
    """zarr leaves an array out of consolidated metadata where reading its own gives nothing."""
    folder = shutil.copytree(first.bench.fresh("straight").out / "features.zarr", tmp_path / "features.zarr")
    real = Path.read_bytes

    def read(path):
        if path == folder / "mel/mel_lengths/zarr.json":
            raise IsADirectoryError(path)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    with pytest.raises(StoreWriteError, match="mel_lengths: written, but the disk did not give it back; build again"):
        swap.consolidate(folder)
