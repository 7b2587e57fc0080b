"""A store whose shards were laid out by an earlier version is read, and an update lays them out anew."""

from __future__ import annotations

import numpy as np

from kemfeat.build import _keys
from kemfeat.store import layout
from kemfeat.store.reader import open_store
from tests.build.kit import tree, with_settings

ONE, BOTH = with_settings(features=["mel"]), with_settings(features=["mel", "eda"])


def test_rows_of_an_older_layout_are_copied_into_the_new_one(bench, monkeypatch):
    old = bench.fresh("old")
    with monkeypatch.context() as patched:
        patched.setattr(_keys, "LAYOUT", 1)
        patched.setattr(layout, "CHUNK_BYTES", 1)
        old.build(settings=ONE)
    before = np.asarray(open_store(old.out).take(slice(None))["mel"])
    assert open_store(old.out).array("mel").chunks[0] == 1
    report = old.build(settings=BOTH)
    assert (report.written, report.kept) == (6, 0)
    straight = bench.fresh("straight")
    straight.build(settings=BOTH)
    assert tree(old.out) == tree(straight.out)
    assert open_store(old.out).array("mel").chunks[0] == 4
    np.testing.assert_array_equal(open_store(old.out).take(slice(None))["mel"], before)
