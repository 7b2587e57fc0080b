"""Killed before a change of the disk, a first build and an update are ended by the same command, and leave nothing."""

import shutil

import pytest

from kemfeat.errors import StoreError
from kemfeat.store.reader import open_store
from tests.build.kit import files, tree, with_settings
from tests.kill_kit import run_until

BEFORE = with_settings(features=["mel"], rows_per_shard=12)
AFTER = with_settings(features=["mel", "eda"], rows_per_shard=12)
KILLS = 6
"""Builds that are killed, at changes of the disk that are spread over all of them; the last ones lie in the swap."""


def _changes(build, monkeypatch):
    """How many changes a build makes."""
    last = 1
    while run_until(last, build(last), monkeypatch):
        last *= 2
    return last


def _state(out):
    """A store that is killed opens as one version or is refused with a sentence."""
    try:
        return open_store(out).digest
    except StoreError:
        return "refused"


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, BEFORE], ids=["first", "update"])
def test_killed_anywhere_the_same_command_ends_it(bench, monkeypatch, before):
    half = bench.fresh("half")
    if before is not None:
        half.build(settings=before)

    def build(number):
        new = bench.fresh(f"new{number}")
        if half.out.exists():
            shutil.copytree(half.out, new.out, symlinks=True)
        return lambda: new.build(settings=AFTER)

    straight = bench.fresh("straight")
    straight.build(settings=AFTER)
    digests = {_state(half.out), _state(straight.out)}  # an update is one of two versions throughout
    most = _changes(build, monkeypatch)
    killed = 0
    for at in {most * (step + 1) // (KILLS + 1) for step in range(KILLS)} | {0}:
        new = bench.fresh(f"new{at}")
        shutil.rmtree(new.out, ignore_errors=True)
        killed += run_until(at, build(at), monkeypatch)
        assert _state(new.out) in digests
        new.build(settings=AFTER)
        assert tree(new.out) == tree(straight.out)
        left = [path for path in files(new.out) if path.suffix == ".aside" or ".building" in path.parts]
        assert not left
    assert killed >= 2
