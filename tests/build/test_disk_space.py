"""A build that the disk cannot hold is refused before it extracts; one that fits never is."""

import re
import shutil
from collections import namedtuple

import pytest

from kemfeat.build import disk_space
from kemfeat.errors import StoreWriteError
from tests.build.kit import Stages, files, with_settings

USAGE = namedtuple("USAGE", "total used free")


@pytest.fixture
def disk_of(monkeypatch):
    """Have the disk have so many bytes free."""

    def shrink(free):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: USAGE(10 * free, 9 * free, free))

    return shrink


def sound(report):
    """Bytes of the shards that are made from audio."""
    parts = (part for part in report.store.header.parts if part.feature in ("mel", "delta"))
    return sum(file.bytes for part in parts for file in part.files.values())


def test_a_disk_that_is_too_small_is_refused_before_anything_is_extracted(finished, tmp_path, disk_of):
    bench = finished.copy(tmp_path).fresh()
    stages = Stages()
    disk_of(1000)
    with pytest.raises(StoreWriteError) as refusal:
        bench.build(progress=stages)
    assert "extract" not in stages.totals
    assert re.search(
        rf"^{re.escape(str(bench.out))}: .* writes about .* the disk has 0 MB free; free", str(refusal.value)
    )
    assert not (bench.out / "kemfeat.json").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_with_room_again_the_build_goes_on(finished, tmp_path, disk_of, monkeypatch, workers):
    bench = finished.copy(tmp_path).fresh()
    disk_of(1000)
    with pytest.raises(StoreWriteError):
        bench.build(workers=workers)
    monkeypatch.undo()
    assert bench.build(workers=workers).store.digest == finished.build().store.digest


@pytest.mark.parametrize(
    "changes",
    [{}, {"preset": "kor-2022"}, {"mel": {"dtype": "float16"}}, {"mel": {"top_db": 20.0}}, {"rows_per_shard": 128}],
    ids=str,
)
def test_a_build_that_just_fits_is_not_refused(finished, tmp_path, disk_of, changes):
    settings = with_settings(**changes)
    bench = finished.copy(tmp_path)
    size = sound(bench.fresh("measure").build(settings=settings))
    disk_of(size)
    assert bench.fresh().build(settings=settings).written > 0


def test_half_of_what_is_needed_is_refused(finished, tmp_path, disk_of):
    bench = finished.copy(tmp_path).fresh()
    disk_of(sound(finished.build()) // 2)
    with pytest.raises(StoreWriteError):
        bench.build()


def test_kept_parts_need_no_room(bench, disk_of):
    disk_of(0)
    assert bench.build().up_to_date
    report = bench.build(settings=with_settings(labels="votes"))
    assert (report.written, report.kept > 0) == (0, True)


def test_shards_that_are_written_again_make_their_own_room(finished, tmp_path, disk_of):
    bench = finished.copy(tmp_path).fresh()
    staged = 0

    def stop(stage, done, total):
        nonlocal staged
        if (stage, done) == ("extract", total):
            staged = sum(path.stat().st_size for path in files(bench.out / ".building/features.zarr"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.build(progress=stop)
    for receipt in (bench.out / ".building").rglob("receipts/*/*.json"):
        receipt.unlink()
    disk_of(0)
    assert staged
    assert bench.build().written > 0


def test_free_room_is_that_of_the_folder_that_will_hold_the_store(tmp_path):
    there = disk_space.free_bytes(tmp_path)
    assert 0 < there == pytest.approx(disk_space.free_bytes(tmp_path / "not" / "there" / "yet"), rel=0.2)
