"""A build as a whole: the same bytes whatever the circumstances, and nothing to do the second time."""

import os
import shutil

import numpy as np
import pytest

from kemfeat import open_store, provenance
from kemfeat.build import BuildOptions
from kemfeat.store.verify import verify
from tests.build.kit import FEATURES, PARTITIONS, ROWS, Stages, states, tree, with_settings
from tests.corpora.tiny import TinyCorpus, wav_bytes


def test_a_finished_store_is_sound_and_complete(finished):
    store = open_store(finished.out)
    assert verify(store).problems == ()
    assert list(store.utterances["id"]) == list(finished.corpus.ids)
    assert all(all(store.complete_rows(feature)) for feature in FEATURES)
    assert [store.array(name).shape[0] for name in store.arrays] == [ROWS] * len(store.arrays)
    assert not (finished.out / ".building").exists()


def test_the_report_says_what_was_done(bench):
    stages = Stages()
    report = bench.fresh().build(progress=stages)
    assert (report.written, report.kept, report.failures) == (len(FEATURES) * PARTITIONS, 0, 0)
    assert not report.up_to_date
    assert stages.totals["extract"] == ROWS
    assert stages.totals["parse"] == 2


@pytest.mark.parametrize("workers", [0, 2, 3])
def test_the_number_of_workers_changes_no_byte(finished, tmp_path, workers):
    bench = type(finished)(finished.corpus, tmp_path / "store")
    assert bench.build(workers=workers).store.digest == open_store(finished.out).digest
    assert tree(bench.out) == tree(finished.out)


def test_place_and_time_of_corpus_and_store_change_no_byte(finished, tmp_path, monkeypatch):
    root = tmp_path / "음성 데이터 (복사본)" / "KEMDy20"
    shutil.copytree(finished.corpus.root, root)
    for path in root.rglob("*"):
        os.utime(path, ns=(1, 1_600_000_000_123_456_789))
    monkeypatch.setattr(provenance, "now", lambda: "1999-12-31T23:59:59+00:00")
    monkeypatch.setattr(provenance, "command", lambda: "another command")
    monkeypatch.chdir(tmp_path)
    bench = type(finished)(TinyCorpus(root.relative_to(tmp_path), ()), (tmp_path / "저장소").relative_to(tmp_path))
    assert bench.build().store.digest == open_store(finished.out).digest
    assert tree(bench.out) == tree(finished.out)


def test_a_second_run_writes_nothing(bench):
    before = states(bench.out)
    stages = Stages()
    report = bench.build(progress=stages)
    assert report.up_to_date
    assert (report.written, report.kept) == (0, 0)
    assert stages.totals == {"hash": 0}
    assert states(bench.out) == before


def test_options_of_speed_are_not_part_of_what_is_made(bench):
    before = states(bench.out)
    assert bench.build(workers=3, on_error="skip", max_failures=0.5).up_to_date
    assert states(bench.out) == before


def test_sources_of_any_rate_and_channel_count_are_recorded(bench):
    stereo = bench.corpus.ids[0]
    _write_stereo(bench.corpus.wav(stereo), rate=44100, frames=22050)
    row = bench.build().store.utterances.iloc[0]
    assert (row["source_sampling_rate"], row["source_channels"]) == (44100, 2)
    assert row["duration"] == 0.5
    assert row["mel_frames"] == 1 + 8000 // 512
    others = open_store(bench.out).utterances.iloc[1:]
    assert set(others["source_sampling_rate"]) == {16000}
    assert set(others["source_channels"]) == {1}


def _write_stereo(path, *, rate, frames):
    import soundfile

    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(frames) / rate)
    soundfile.write(path, np.stack([tone, 0.5 * tone], axis=1), rate, subtype="PCM_24")


def test_options_refuse_nothing_that_a_loop_can_do(bench):
    assert BuildOptions(workers=-1).workers == -1
    assert bench.fresh().build(workers=-1).store.digest == open_store(bench.out).digest


def test_a_longer_clip_than_the_store_has_frames_is_cut_and_counted(bench):
    bench.corpus.wav(bench.corpus.ids[5]).write_bytes(wav_bytes(2.0))
    store = bench.build().store
    row = store.utterances.iloc[5]
    assert (row["mel_frames"], row["mel_frames_total"]) == (32, 1 + 32000 // 512)
    assert verify(store).problems == ()


def test_labels_by_vote_change_tables_and_no_shard(bench):
    before = states(bench.out)
    report = bench.build(settings=with_settings(labels="votes"))
    assert report.written == 0
    after = states(bench.out)
    kept = {name for part in report.store.header.parts for name in part.files}
    assert kept >= {f"features.zarr/mel/mel/c/{number}/0/0" for number in range(PARTITIONS)}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert report.store.header.label_rule == "votes"
    assert after.keys() == before.keys()
