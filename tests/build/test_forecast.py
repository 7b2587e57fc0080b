"""What is predicted is what is then built: files, shards and chunks exactly, bytes nearly; and nothing is left."""

import shutil
import struct
from collections import namedtuple
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat import plugins
from kemfeat.build import BuildOptions, _forecast, build_store, forecast, scan, trial_build
from kemfeat.errors import ConfigError, CorpusError, CorpusLayoutError
from kemfeat.store import schema
from kemfeat.synth.kemdy20 import SYNTH
from tests.build.kit import SETTINGS, Stages, with_settings

USAGE = namedtuple("USAGE", "total used free")
SMALL = {"rows_per_shard": 8, "mel": {"max_frames": 64, "n_mels": 16}}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Enough utterances for a sample to be a part of them."""
    root = tmp_path_factory.mktemp("synthetic") / "corpus"
    SYNTH.write(root, utterances=240, sessions=6, seed=3)
    return root


@pytest.fixture(scope="module")
def built(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "store"
    options = BuildOptions(on_error="skip", max_failures=1.0)
    return build_store("KEMDy20", root=corpus, out=out, settings=SMALL, options=options).store


@pytest.fixture(scope="module")
def predicted(corpus, tmp_path_factory):
    return forecast("KEMDy20", root=corpus, out=tmp_path_factory.mktemp("planned") / "store", settings=SMALL)


def of_tiny(bench, **changes):
    return forecast("KEMDy20", root=bench.corpus.root, out=bench.out, settings=with_settings(**changes))


def written_chunks(path, count):
    """Chunks that a shard's index lists; see the Zarr specification of sharding."""
    index = path.read_bytes()[-16 * count - 4 : -4]
    return sum(entry != (2**64 - 1, 2**64 - 1) for entry in struct.iter_unpack("<QQ", index))


def chunks(store):
    total = 0
    for name, info in store.header.arrays.items():
        array = store.array(name)
        per_shard = int(np.prod(array.shards) // np.prod(array.chunks))
        folder = store.path / schema.array_path(info.feature, name) / "c"
        total += sum(written_chunks(path, per_shard) for path in folder.rglob("*") if path.is_file())
    return total


def assert_equal(predicted, store):
    made = [path for path in store.path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert predicted.files == len(made)
    assert predicted.shards == sum(len(part.files) for part in store.header.parts)
    assert predicted.chunks == chunks(store)
    assert predicted.bytes == pytest.approx(sum(path.stat().st_size for path in made), rel=0.2)
    for name, array in predicted.arrays.items():
        folder = store.path / schema.array_path(array.feature, name) / "c"
        shards = [path for path in folder.rglob("*") if path.is_file()]
        assert array.shards == len(shards)
        assert array.bytes == pytest.approx(sum(path.stat().st_size for path in shards), rel=0.2)


def test_a_part_of_a_corpus_foretells_the_whole(predicted, built):
    assert predicted.sampled < len(built) == predicted.utterances
    assert_equal(predicted, built)
    assert predicted.signals == pytest.approx(sum(s.file.bytes for s in built.header.sessions.values()), rel=0.2)


def test_a_tiny_corpus_is_its_own_sample(finished, tmp_path):
    bench = finished.copy(tmp_path).fresh()
    made = of_tiny(bench)
    assert_equal(made, finished.build().store)
    assert made.sampled == made.utterances == len(bench.corpus.ids)
    assert made.hours == pytest.approx(finished.build().store.utterances["duration"].sum() / 3600)


def test_other_shards_are_other_files_of_the_same_bytes(finished, tmp_path):
    few, many = (of_tiny(finished.copy(tmp_path / str(rows)).fresh(), rows_per_shard=rows) for rows in (12, 1))
    assert (few.shards * 12, few.chunks) == (many.shards, few.shards)
    assert many.files - few.files == many.shards - few.shards
    assert few.bytes < many.bytes


def test_a_forecast_leaves_nothing_behind(finished, tmp_path):
    bench = finished.copy(tmp_path).fresh()
    before = sorted(tmp_path.rglob("*"))
    stages = Stages()
    made = forecast("KEMDy20", root=bench.corpus.root, out=bench.out, settings=SETTINGS, progress=stages)
    assert sorted(tmp_path.rglob("*")) == before
    assert stages.totals == {"measure": len(bench.corpus.ids), "scan": len(bench.corpus.ids)}
    assert made.timing.seconds > 0
    assert made.timing.seconds == pytest.approx(sum(made.timing.stages.values()))
    assert made.memory > 50e6


def test_a_finished_store_counts_until_it_is_replaced(bench):
    size = sum(path.stat().st_size for path in bench.out.rglob("*") if path.is_file() and not path.is_symlink())
    same = of_tiny(bench)
    assert (same.up_to_date, same.there) == (True, size)
    assert same.peak == pytest.approx(size + same.bytes + same.tables)
    assert not of_tiny(bench, eda={"max_length": 13}).up_to_date
    wav = bench.corpus.wav(bench.corpus.ids[0])
    wav.write_bytes(wav.read_bytes())
    assert not of_tiny(bench).up_to_date


def test_a_disk_that_is_too_small_is_told(finished, tmp_path, monkeypatch):
    bench = finished.copy(tmp_path).fresh()
    made = of_tiny(bench)
    assert made.fits
    for free, fits in ((made.peak, True), (made.peak // 2, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: USAGE(free, 0, free))
        assert of_tiny(bench).fits == fits


def test_audio_that_is_missing_or_broken_or_too_long_is_counted(finished, tmp_path):
    bench = finished.copy(tmp_path).fresh()
    first, second, *others = bench.corpus.ids
    bench.corpus.wav(first).unlink()
    bench.corpus.wav(second).write_bytes(b"no audio")
    made = of_tiny(bench, mel={"max_frames": 10})
    assert (made.missing_audio, made.broken_audio) == (1, 1)
    assert made.cut["mel"] == len(others)


@given(parts=st.integers(1, 300), wanted=st.integers(1, 100))
@settings(deadline=None, max_examples=50)
def test_the_places_of_a_sample_lie_in_the_corpus_and_apart(parts, wanted):
    places = list(trial_build._places(parts, wanted))
    assert all(0 <= start <= stop for start, stop in places)
    assert all(one[1] <= next_[0] for one, next_ in pairwise(places))
    assert sum(stop - start for start, stop in places) == pytest.approx(min(parts, wanted), abs=2)
    assert places[-1][1] <= parts


def test_more_rows_are_never_less(corpus, predicted):
    """The same measurement, of ever more of the corpus."""
    reader = plugins.find("corpora", "KEMDy20")
    found = scan.listing(reader, corpus, SMALL)
    sample = trial_build.choose(found, SMALL, workers=1)
    measured = _forecast._measured(sample, root=corpus, out=corpus / "store", workers=1)
    headers = scan.survey(found, workers=1, progress=lambda done, total: None)
    seconds = np.concatenate([headers.seconds, np.tile(np.nan_to_num(headers.seconds, nan=1.0), 3)])
    sizes = [len(headers.seconds) + more for more in (0, 1, 8, 300, 700)]
    made = [
        _forecast._Basis(
            found, _with_seconds(headers, seconds[:size]), sample, measured, hashing=0.0, workers=1
        ).forecast(corpus / "store")
        for size in sizes
    ]
    for less, more in pairwise(made):
        assert less.bytes < more.bytes
        assert (less.shards, less.chunks, less.files) <= (more.shards, more.chunks, more.files)
        assert less.timing.seconds < more.timing.seconds
        assert less.peak < more.peak
    assert made[0].files == predicted.files


@pytest.mark.parametrize("features", [("tick_audio",), ("clip_audio",), ("mel", "tick_physiology")])
def test_time_grows_with_rows_that_are_not_utterances(corpus, features):
    reader = plugins.find("corpora", "KEMDy20")
    settings = {"features": features, "rows_per_shard": 16}
    found = scan.listing(reader, corpus, settings)
    sample = trial_build.choose(found, settings, workers=1)
    measured = _forecast._measured(sample, root=corpus, out=corpus / "store", workers=1)
    headers = scan.survey(found, workers=1, progress=lambda done, total: None)
    once, often = (
        _forecast._Basis(
            found, _with_seconds(headers, np.tile(headers.seconds, times)), sample, measured, hashing=0.0, workers=1
        )
        for times in (1, 11)
    )
    extracting = [event for event in measured.events if event.stage == "extract"]
    assert once._sampled_amounts().rows == extracting[-1].total
    assert often._amounts().rows == pytest.approx(11 * once._amounts().rows, rel=0.01)
    assert often.forecast(corpus).timing.stages["extract"] > 2 * once.forecast(corpus).timing.stages["extract"]


def _with_seconds(headers, seconds):
    return scan.Survey(files=headers.files, seconds=seconds, missing_audio=0, broken_audio=0)


def test_what_would_stop_a_build_stops_its_forecast(finished, tmp_path):
    bench = finished.copy(tmp_path).fresh()
    with pytest.raises(ConfigError, match="melody"):
        forecast("KEMDy20", root=bench.corpus.root, out=bench.out, settings={"melody": {}})
    with pytest.raises(CorpusLayoutError):
        forecast("KEMDy20", root=tmp_path / "nowhere", out=bench.out)
    for session in (1, 2):
        bench.corpus.write_cells(bench.corpus.cells(session)[:2], session)
    with pytest.raises(CorpusError):
        of_tiny(bench)
    assert not bench.out.exists()
