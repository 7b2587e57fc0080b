"""A build reads the files that it scanned and wrote, or stops: a changed or unseen file never becomes a missing row."""

import pytest

from kemfeat import cluster
from kemfeat.build._same_files import read_source, require_source, require_staged
from kemfeat.errors import CorpusError, StoreCorruptError, WorkerError
from kemfeat.store import disk
from kemfeat.store.schema import BUILDING, SIGNALS
from tests.build.kit import Stages, tree, with_settings

MEL = with_settings(features=["mel"])
EDA = with_settings(features=["eda"])


def _at_start_of(stage, act):
    return Stages(lambda name, done, total: act() if (name, done) == (stage, 0) else None)


def _same_as_straight(bench, settings):
    straight = bench.fresh("straight")
    straight.build(settings=settings)
    return tree(straight.out) == tree(bench.out)


@pytest.mark.parametrize("on_error", ["raise", "skip"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("change", ["emptied", "replaced", "removed"])
def test_audio_that_changes_during_a_build_stops_it(bench, change, workers, on_error):
    new, path = bench.fresh(), bench.corpus.wav(bench.corpus.ids[5])
    whole, other = path.read_bytes(), bench.corpus.wav(bench.corpus.ids[6]).read_bytes()
    acts = {"emptied": lambda: path.write_bytes(b""), "replaced": lambda: path.write_bytes(other)}
    watch = _at_start_of("extract", acts.get(change, path.unlink))
    with pytest.raises(CorpusError, match=rf"{path.name}: .*when this build began.*what is finished is kept"):
        new.build(settings=MEL, progress=watch, workers=workers, on_error=on_error, max_failures=1.0)
    path.write_bytes(whole)
    new.build(settings=MEL)
    assert _same_as_straight(new, MEL)


@pytest.mark.parametrize("change", ["emptied", "removed"])
def test_physiology_that_changes_during_a_build_stops_it(bench, change):
    new, path = bench.fresh(), sorted((bench.corpus.root / "EDA").rglob("*.csv"))[0]
    whole = path.read_bytes()
    watch = _at_start_of("parse", path.unlink if change == "removed" else lambda: path.write_bytes(b""))
    with pytest.raises(CorpusError, match=rf"{path.name}: .*when this build began"):
        new.build(settings=EDA, progress=watch, on_error="skip", max_failures=1.0)
    path.write_bytes(whole)
    new.build(settings=EDA)
    assert _same_as_straight(new, EDA)


@pytest.mark.parametrize("damage", ["removed", "other bytes"])
def test_staged_physiology_that_is_lost_is_not_taken_for_none(bench, damage):
    new = bench.fresh()

    def lose():
        path = sorted((new.out / BUILDING / SIGNALS).iterdir())[0]
        size = path.stat().st_size
        path.unlink()
        if damage == "other bytes":
            path.write_bytes(bytes(size))

    with pytest.raises(StoreCorruptError, match=r"Sess01\.parquet: .*when this build began.*; run the same command"):
        new.build(settings=EDA, progress=_at_start_of("extract", lose), on_error="skip", max_failures=1.0)
    new.build(settings=EDA)
    assert _same_as_straight(new, EDA)


def test_a_worker_that_sees_other_files_is_named(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"abc")
    receipt = disk.receipt(tmp_path / "a")
    require_source(tmp_path, "a", receipt.sha256)
    assert read_source(tmp_path, "a", receipt.sha256) == b"abc"
    require_staged(tmp_path / "a", receipt)
    (tmp_path / "a").write_bytes(b"abd")
    monkeypatch.setattr(cluster, "worker_address", lambda: "tcp://10.0.0.7:1234")
    said = r"a: is not the file that it was.*as the worker tcp://10\.0\.0\.7:1234 sees it; share the same folders"
    with pytest.raises(WorkerError, match=said):
        require_source(tmp_path, "a", receipt.sha256)
    with pytest.raises(WorkerError, match=said):
        read_source(tmp_path, "a", receipt.sha256)
    with pytest.raises(WorkerError, match=said):
        require_staged(tmp_path / "a", receipt)
    with pytest.raises(WorkerError, match=r"b: cannot be read \(No such file or directory\), but could be when"):
        require_source(tmp_path, "b", receipt.sha256)


def test_no_worker_runs_this():
    assert cluster.worker_address() == ""
