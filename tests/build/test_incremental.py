"""A finished store follows its corpus and its settings: it becomes what a fresh build makes, and writes no more."""

import dataclasses
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from kemfeat import open_store
from kemfeat.build import _partition
from kemfeat.errors import ConfigError
from kemfeat.store.verify import verify
from tests.build.kit import (
    FEATURES,
    PARTITIONS,
    ROWS,
    SETTINGS,
    Bench,
    files,
    parts,
    rewritten,
    shards,
    states,
    tree,
    with_settings,
)
from tests.corpora.tiny import wav_bytes

ALL = set(range(PARTITIONS))
ROW = 9
PARTITION = ROW // 4


def assert_as_fresh(bench, *, settings=SETTINGS):
    fresh = bench.fresh("as_fresh")
    fresh.build(settings=settings)
    assert tree(bench.out) == tree(fresh.out)


def _touch(corpus):
    for name in corpus.ids:
        os.utime(corpus.wav(name), ns=(5, 5))
    return set()


def _other_sound(corpus):
    corpus.wav(corpus.ids[ROW]).write_bytes(wav_bytes(0.7, pitch=333.0))
    return parts(("mel", "delta"), {PARTITION})


def _other_text(corpus):
    corpus.txt(corpus.ids[ROW]).write_bytes("안녕하세요 안녕하세요\n".encode("cp949"))
    return parts(("tokens",), {PARTITION})


def _same_text_otherwise_encoded(corpus):
    path = corpus.txt(corpus.ids[ROW])
    path.write_bytes(path.read_bytes().decode("cp949").encode("utf-8-sig"))
    return set()


def _other_skin(corpus):
    path = corpus.recording("EDA", corpus.ids[ROW])
    name = corpus.ids[ROW]
    lines = path.read_text().splitlines()
    lines = [line.replace("1.", "2.", 1) if line.endswith(name) else line for line in lines]
    path.write_text("\n".join(lines) + "\n")
    return parts(("eda",), {PARTITION})


def _other_label(corpus):
    corpus.set_cell(3, 5, "sad")
    return set()


def _all_at_once(corpus):
    return set().union(*(edit(corpus) for edit in (_other_sound, _other_text, _other_skin, _other_label)))


EDITS = [
    _touch,
    _other_sound,
    _other_text,
    _same_text_otherwise_encoded,
    _other_skin,
    _other_label,
    _all_at_once,
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_a_changed_source_rewrites_exactly_the_shards_it_touches(bench, edit):
    before = shards(bench.out)
    touched = edit(bench.corpus)
    report = bench.build()
    assert rewritten(before, bench.out) == touched
    assert not report.up_to_date
    assert bench.build().up_to_date
    assert_as_fresh(bench)
    assert verify(open_store(bench.out)).problems == ()


CHANGES = {
    "mel": ({"mel": {"max_frames": 32, "n_mels": 16, "top_db": 60.0}}, parts(("mel", "delta"), ALL)),
    "delta": ({"delta": {"width": 5}}, parts(("delta",), ALL)),
    "tokens": ({"tokens": {"max_length": 6}}, parts(("tokens",), ALL)),
    "text": ({"text": {"preset": "none"}}, parts(("tokens",), ALL)),
    "eda": ({"eda": {"max_length": 9}}, parts(("eda",), ALL)),
}


@pytest.mark.parametrize("feature", CHANGES)
def test_a_changed_setting_rewrites_that_feature_and_what_is_made_from_it(bench, feature):
    change, touched = CHANGES[feature]
    before = shards(bench.out)
    bench.build(settings=with_settings(**change))
    assert rewritten(before, bench.out) == touched
    assert_as_fresh(bench, settings=with_settings(**change))


def test_an_added_feature_is_built_alone(bench):
    bench = bench.fresh()
    bench.build(settings=with_settings(features=["mel", "text", "eda"]))
    before = shards(bench.out)
    report = bench.build()
    assert rewritten(before, bench.out) == parts(("delta", "tokens", "temp", "ibi"), ALL)
    assert (report.written, report.kept) == (4 * PARTITIONS, 3 * PARTITIONS)
    assert_as_fresh(bench)


def test_a_feature_is_never_dropped_silently(bench):
    before = states(bench.out)
    with pytest.raises(ConfigError, match=r"has delta, text, tokens, temp, ibi, which this build would drop; .*--out"):
        bench.build(settings=with_settings(features=["eda", "mel"]))
    assert states(bench.out) == before


def test_features_in_another_order_are_rewritten_nowhere(bench):
    before = shards(bench.out)
    settings = with_settings(features=["ibi", "temp", "eda", "text", "tokens", "mel", "delta"])
    assert bench.build(settings=settings).written == 0
    assert rewritten(before, bench.out) == set()


class Extracted:
    """Which rows each feature was extracted for, by the id of the utterance."""

    def __init__(self, monkeypatch):
        self.rows = {}
        bind = _partition.bind
        monkeypatch.setattr(_partition, "bind", lambda *where: self._counted(where[0], bind(*where)))

    def _counted(self, name, bound):
        def extract(media):
            self.rows.setdefault(name, []).append(media.row.id)
            return bound.extract(media)

        return dataclasses.replace(bound, extract=extract)


@pytest.fixture
def extracted(monkeypatch):
    return Extracted(monkeypatch)


def _without(corpus, row):
    """Take an utterance out of the corpus."""
    name = corpus.ids[row]
    session = int(name[4:6])
    corpus.write_cells([cells for cells in corpus.cells(session) if cells[3] != name], session)
    corpus.wav(name).unlink()
    corpus.txt(name).unlink()


def test_the_count_is_honest(bench, extracted):
    bench.fresh().build()
    assert {name: len(rows) for name, rows in extracted.rows.items()} == dict.fromkeys(FEATURES, ROWS)


def test_one_changed_sound_is_extracted_once_and_no_other(bench, extracted):
    _other_sound(bench.corpus)
    bench.build()
    assert extracted.rows == {"mel": [bench.corpus.ids[ROW]], "delta": [bench.corpus.ids[ROW]]}


def test_a_removed_utterance_has_no_other_extracted(bench, extracted):
    _without(bench.corpus, 5)
    assert len(bench.build().store) == ROWS - 1
    assert extracted.rows == {}
    assert_as_fresh(bench)


def test_an_inserted_utterance_is_extracted_alone(finished, tmp_path, extracted):
    few = finished.copy(tmp_path / "few").fresh()
    _without(few.corpus, 5)
    few.build()
    full = Bench(finished.corpus, few.out)
    extracted.rows.clear()
    assert len(full.build().store) == ROWS
    assert extracted.rows == {name: [finished.corpus.ids[5]] for name in FEATURES}
    assert tree(full.out) == tree(finished.out)


def test_another_shard_size_extracts_nothing(bench, extracted):
    settings = with_settings(rows_per_shard=5)
    bench.build(settings=settings)
    assert extracted.rows == {}
    assert_as_fresh(bench, settings=settings)
    assert verify(open_store(bench.out)).problems == ()


def test_another_order_of_sessions_extracts_nothing(bench, extracted):
    """Rows move by whole shards, halves of shards and across sessions at once."""
    _without(bench.corpus, 0)
    _without(bench.corpus, 7)
    _without(bench.corpus, 11)
    settings = with_settings(rows_per_shard=3)
    bench.build(settings=settings)
    assert extracted.rows == {}
    assert_as_fresh(bench, settings=settings)


@pytest.mark.parametrize("workers", [2])
def test_copying_in_several_processes_gives_the_same(bench, workers):
    settings = with_settings(rows_per_shard=7)
    bench.build(settings=settings, workers=workers)
    assert_as_fresh(bench, settings=settings)


def _shard(bench, feature, array, partition):
    return files(bench.out / "features.zarr" / feature / array / "c" / str(partition))[0]


def _flip(path, *, place=-40):
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_damaged_shard_is_not_copied_from(bench, extracted):
    _flip(_shard(bench, "eda", "eda", 1))
    settings = with_settings(rows_per_shard=6)
    bench.build(settings=settings)
    assert list(extracted.rows) == ["eda"]
    assert set(extracted.rows["eda"]) >= set(bench.corpus.ids[4:8])
    assert_as_fresh(bench, settings=settings)


def test_a_shard_that_rots_between_two_builds_of_one_process_is_not_copied_from(bench):
    other = with_settings(rows_per_shard=6)
    bench.build(settings=other)
    bench.build()
    _flip(_shard(bench, "eda", "eda", 1))
    bench.build(settings=other)
    assert_as_fresh(bench, settings=other)


@pytest.mark.parametrize("lost", ["features.zarr/mel/mel/zarr.json", "features.zarr/zarr.json", "features.zarr/eda"])
@pytest.mark.parametrize("settings", [SETTINGS, with_settings(rows_per_shard=6)], ids=["same", "other"])
def test_lost_metadata_and_shards_are_made_again(bench, lost, settings):
    path = bench.out / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    bench.build(settings=settings)
    assert_as_fresh(bench, settings=settings)


TABLES = ("utterances", "ratings", "keys", "failures", "signal_index", "sources")


@pytest.mark.parametrize("table", TABLES)
def test_a_lost_table_is_made_again(bench, table):
    (bench.out / f"{table}.parquet").unlink()
    bench.build()
    assert_as_fresh(bench)


@pytest.mark.parametrize("table", [*(f"{table}.parquet" for table in TABLES), "README.md", "signals/Sess01.parquet"])
def test_rehash_finds_a_damaged_table(bench, finished, table):
    _flip(bench.out / table, place=20)
    bench.build(rehash=True)
    assert tree(bench.out) == tree(finished.out)


def test_rehash_finds_a_damaged_shard(bench, extracted):
    path = _shard(bench, "mel", "mel", 2)
    _flip(path)
    assert bench.build().up_to_date
    assert len(verify(open_store(bench.out)).problems) == 1
    report = bench.build(rehash=True)
    assert report.written == 1
    assert extracted.rows == {"mel": list(bench.corpus.ids[8:12])}
    assert verify(report.store).problems == ()
    assert_as_fresh(bench)


def test_rehash_finds_a_source_that_changed_behind_its_size_and_time(bench):
    path = bench.corpus.wav(bench.corpus.ids[ROW])
    times = path.stat()
    path.write_bytes(wav_bytes(0.6 + 0.01 * ROW, pitch=500.0))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert bench.build().up_to_date
    before = shards(bench.out)
    bench.build(rehash=True)
    assert rewritten(before, bench.out) == parts(("mel", "delta"), {PARTITION})
    assert_as_fresh(bench)


def test_rehash_of_a_sound_store_rewrites_no_shard(bench):
    before = shards(bench.out)
    assert bench.build(rehash=True).written == 0
    assert rewritten(before, bench.out) == set()
    assert_as_fresh(bench)


def test_an_open_store_stays_readable_while_it_is_updated(bench):
    store = open_store(bench.out)
    mel = store.array("mel")[:]
    _other_sound(bench.corpus)
    seen = []

    def look(stage, done, total):
        seen.append(np.array_equal(open_store(bench.out).array("mel")[:], mel))

    bench.build(progress=look)
    assert len(seen) > 2
    assert all(seen)


def test_a_sibling_made_by_hard_links_is_never_written_through(bench, tmp_path):
    """Shards are replaced, never changed in place: a snapshot made with links stays what it was."""
    snapshot = tmp_path / "snapshot"
    shutil.copytree(bench.out, snapshot, copy_function=os.link, symlinks=True)
    before = tree(snapshot)
    _all_at_once(bench.corpus)
    bench.build(settings=with_settings(rows_per_shard=5))
    assert tree(snapshot) == before


def test_row_i_of_every_array_is_row_i_of_the_table(bench):
    """After rows moved, every array still belongs to its utterance."""
    _without(bench.corpus, 2)
    store = bench.build(settings=with_settings(rows_per_shard=5)).store
    lengths = store.array("mel_lengths")[:]
    seconds = pd.Series({name: 0.6 + 0.01 * row for row, name in enumerate(bench.corpus.ids)})
    expected = 1 + (seconds[store.utterances["id"]].to_numpy() * 16000).round().astype(int) // 512
    np.testing.assert_array_equal(lengths, expected)
    tokens = store.array("attention_mask")[:].sum(axis=1) - 2
    np.testing.assert_array_equal(tokens, np.minimum(store.utterances["n_pieces"], 6))


def test_many_updates_leave_no_trace(bench, finished):
    for settings in (with_settings(rows_per_shard=24), with_settings(mel={"n_mels": 8}), SETTINGS):
        bench.build(settings=settings)
    assert tree(bench.out) == tree(finished.out)
    assert states(bench.out).keys() == states(finished.out).keys()
