"""Errors of the file system at the calls of an update: a sentence, never a defect, and the same command goes on."""

import errno
import fcntl
import os
import shutil

import pytest

from kemfeat.errors import KemfeatError, StoreWriteError
from kemfeat.store import locking
from tests.build.kit import tree, with_settings
from tests.fault_kit import CALLS, failing

BEFORE = with_settings(features=["mel"], rows_per_shard=12)
AFTER = with_settings(features=["mel", "eda"], rows_per_shard=12)
AT = 5
"""Calls of a kind that fail, one in each build, evenly spread."""


@pytest.fixture
def half(bench):
    """A store that an update adds a feature to."""
    made = bench.fresh("half")
    made.build(settings=BEFORE)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_an_update_ends_in_a_sentence_and_goes_on(bench, half, name):
    codes = CALLS[name][2]
    straight = bench.fresh("straight")
    shutil.copytree(half.out, straight.out, symlinks=True)
    with failing(name, straight.out) as fault:
        straight.build(settings=AFTER)
    assert fault.calls, "no such call in an update"
    places = sorted({1 + step * (fault.calls - 1) // max(AT - 1, 1) for step in range(AT)})
    refused = []
    for number, at in enumerate(places):
        new = bench.fresh(f"new{at}")
        shutil.copytree(half.out, new.out, symlinks=True)
        with failing(name, new.out, at=at, code=codes[number % len(codes)]) as broken:
            try:
                new.build(settings=AFTER)
            except KemfeatError as error:
                refused.append(str(error).replace(str(new.out), "STORE"))
        assert broken.calls >= at
        new.build(settings=AFTER)
        assert tree(new.out) == tree(straight.out)
        shutil.rmtree(new.out)
    assert not refused or name != "link", "a copy stands in for a link"
    assert all("STORE" in said and "\n" not in said for said in refused), refused


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_disk_without_locks_is_a_sentence(bench, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locking, "flock", refuse)
    with pytest.raises(StoreWriteError, match=rf"store.*: .*--out.* \({os.strerror(code)}\)$"):
        bench.fresh("store2").build(settings=BEFORE)


def test_a_lock_that_is_a_link_to_itself_is_a_sentence(bench):
    new = bench.fresh()
    new.out.mkdir()
    (new.out / ".lock").symlink_to(new.out / ".lock")
    with pytest.raises(StoreWriteError, match="a link there leads to itself; choose another folder with --out"):
        new.build(settings=BEFORE)


def test_what_a_killed_write_left_beside_its_place_is_gone_after_the_next_build(bench, half):
    left = [f".{name}.{'0' * 32}.aside" for name in (".lock.json", "README.md")]
    for name in left:
        (half.out / name).write_text("half")
    folder = half.out / f".x.{'1' * 32}.aside"
    (folder / "deep").mkdir(parents=True)
    (half.out / ".mine.aside").write_text("not kemfeat's")
    assert half.build(settings=BEFORE).up_to_date
    assert not folder.exists()
    assert not any((half.out / name).exists() for name in left)
    assert (half.out / ".mine.aside").exists()


def test_the_lock_is_that_of_the_system(tmp_path):
    """Another program that locks the file keeps a build out."""
    with (tmp_path / ".lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(KemfeatError, match="is being built by"), locking.locked(tmp_path):
            pytest.fail("the lock was given")
