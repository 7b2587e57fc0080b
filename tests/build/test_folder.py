"""The folder of a store: what a build may fill, what it refuses, and what --force moves aside."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kemfeat import open_store
from kemfeat.errors import (
    StoreCorruptError,
    StoreError,
    StoreIncompleteError,
    StoreLockedError,
    StoreVersionError,
    StoreWriteError,
)
from tests.build.kit import Bench, tree, with_settings

SHORT = with_settings(features=["temp"])


def test_force_moves_aside_and_begins_anew(bench):
    before = tree(bench.out)
    report = bench.build(force=True)
    assert report.moved_aside.parent == bench.out.parent
    assert tree(report.moved_aside) == before
    assert tree(bench.out) == before
    assert report.kept == 0


def test_force_twice_in_a_second_loses_nothing(bench):
    moved = [bench.build(force=True, settings=SHORT).moved_aside for _ in range(3)]
    assert len(set(moved)) == 3
    assert all(open_store(path) is not None for path in moved)


def test_force_moves_a_half_built_store_aside(bench):
    (bench.out / "kemfeat.json").unlink()
    (bench.out / ".building").mkdir()
    (bench.out / ".building" / "precious").write_text("work")
    moved = bench.build(force=True, settings=SHORT).moved_aside
    assert (moved / ".building" / "precious").read_text() == "work"


def test_force_has_nothing_to_move_where_nothing_is(bench):
    new = bench.fresh()
    new.out.mkdir()
    assert new.build(force=True, settings=SHORT).moved_aside is None


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_is_no_store_is_left_alone(bench, force):
    homework = bench.fresh("documents")
    homework.out.mkdir()
    (homework.out / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match=r"documents: exists and is not a store; choose another folder with --out"):
        homework.build(force=force)
    assert [path.name for path in homework.out.iterdir()] == ["thesis.txt"]


def test_the_corpus_itself_is_no_place_for_a_store(bench):
    before = sorted(bench.corpus.root.rglob("*"))
    with pytest.raises(StoreError, match="is not a store"):
        Bench(bench.corpus, bench.corpus.root).build(force=True)
    assert sorted(bench.corpus.root.rglob("*")) == before


def test_a_file_in_the_way_is_refused(bench):
    blocked = bench.fresh("file")
    blocked.out.write_text("not a folder")
    with pytest.raises(StoreError, match="file: exists and is not a store"):
        blocked.build()
    with pytest.raises(StoreWriteError, match=r"store: no folder can be made .*\(Not a directory\); choose another"):
        Bench(bench.corpus, blocked.out / "store").build()
    assert blocked.out.read_text() == "not a folder"


def test_a_name_that_the_disk_refuses(bench):
    with pytest.raises(StoreWriteError, match=r"File name too long"):
        bench.fresh("x" * 300).build()


@pytest.mark.parametrize("change", [{"format_version": 3}, {"format_version": "1"}, {"format_version": None}])
def test_another_format_version_is_refused_and_kept(bench, change):
    path = bench.out / "kemfeat.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    before = {file: file.read_bytes() for file in bench.out.rglob("*") if file.is_file()}
    with pytest.raises(
        StoreVersionError, match=r"format_version .*; this kemfeat reads 1 and 2; .*--force moves it aside"
    ):
        bench.build()
    assert {file: file.read_bytes() for file in before} == before
    assert bench.build(force=True, settings=SHORT).moved_aside is not None


@pytest.mark.parametrize("text", ["", "[]", '{"format_version": 1}', "\xff"])
def test_a_damaged_header_is_a_sentence_that_leads_on(bench, text):
    (bench.out / "kemfeat.json").write_text(text, encoding="latin-1")
    with pytest.raises((StoreCorruptError, StoreVersionError), match="--force moves it aside and begins anew"):
        bench.build()
    assert bench.build(force=True, settings=SHORT).moved_aside is not None


def test_a_half_built_store_does_not_open_and_says_how_to_resume(bench):
    (bench.out / "kemfeat.json").unlink()
    with pytest.raises(StoreIncompleteError, match=r"was never finished .* again: it resumes"):
        open_store(bench.out)


_HOLD = """
import sys, time
from pathlib import Path
from kemfeat.store import locking
with locking.locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(bench):
    """Another process that builds the store."""
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(bench.out)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("force", [False, True])
def test_a_second_build_is_told_who_holds_the_store(bench, holder, force):
    held = rf"store: is being built by process {holder.pid} on \S+, for \d+ s; wait for it to end, or end it"
    with pytest.raises(StoreLockedError, match=held):
        bench.build(force=force)
    assert open_store(bench.out).digest


def test_the_lock_of_a_dead_process_blocks_nobody(bench, holder):
    holder.kill()
    holder.wait()
    assert (bench.out / ".lock.json").exists()
    assert bench.build().up_to_date


def test_a_lock_without_owner_is_still_a_lock(bench, holder):
    (bench.out / ".lock.json").write_text("{")
    with pytest.raises(StoreLockedError, match="is being built by another process, just now"):
        bench.build()


_BUILD = """
import sys
from pathlib import Path
from tests.build.kit import Bench, SETTINGS
from tests.corpora.tiny import TinyCorpus
from kemfeat.errors import KemfeatError
try:
    print(Bench(TinyCorpus(Path(sys.argv[1]), ()), Path(sys.argv[2])).build().store.digest)
except KemfeatError as error:
    print(f"{type(error).__name__}: {error}")
"""


def _build_elsewhere(bench, **options):
    command = [sys.executable, "-c", _BUILD, bench.corpus.root, bench.out]
    top = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False, timeout=120, **options)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("limit", [600, 20000])
def test_a_disk_that_takes_no_more_is_a_sentence_and_the_build_resumes(bench, limit):
    """No file may grow beyond ``limit`` bytes, which stops the build at one place or another."""
    new = bench.fresh()

    def cap():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    said = _build_elsewhere(new, preexec_fn=cap)
    assert said.startswith("StoreWriteError: ")
    assert "raise the limit and run the same command again: what is finished is kept" in said
    assert "File too large" in said
    with pytest.raises(StoreIncompleteError):
        open_store(new.out)
    new.build()
    assert tree(new.out) == tree(bench.out)


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=240k", "none", str(disk)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("only root may mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_a_sentence_and_the_build_resumes_with_more_space(bench, small_disk):
    full = Bench(bench.corpus, small_disk / "store")
    with pytest.raises(StoreWriteError, match=r"store: the disk is full; free some space and run the same command"):
        full.build()
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert full.build().kept > 0
    assert tree(full.out) == tree(bench.out)


def test_a_read_only_disk_is_a_sentence(bench, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreWriteError, match="Read-only file system"):
        Bench(bench.corpus, small_disk / "store").build()


def test_a_folder_of_somebody_else_is_a_sentence(bench):
    locked = bench.fresh("locked")
    locked.out.mkdir(mode=0o555)
    if os.access(locked.out, os.W_OK):
        pytest.skip("root may write everywhere")
    with pytest.raises(StoreWriteError, match="you may not write there; choose another folder with --out"):
        locked.build()
