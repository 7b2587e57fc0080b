"""The scan of the sources: what changed is read, what did not is trusted, and only as long as that is asked for."""

import os

import pandas as pd
import pytest

from kemfeat.build import _sources
from kemfeat.corpora.kemdy20 import READER
from kemfeat.errors import CorpusError
from kemfeat.store import disk
from tests.corpora.tiny import wav_bytes, write_tiny_kemdy20


@pytest.fixture
def corpus(tmp_path):
    return write_tiny_kemdy20(tmp_path / "KEMDy20", sessions=(1,), scripts=1)


def scan(corpus, *, known=None, workers=1, seen=None):
    return _sources.scan(
        corpus.root,
        READER.sources(corpus.root),
        known=known,
        workers=workers,
        progress=lambda done, total: None if seen is None else seen.append((done, total)),
    )


def test_every_file_is_listed_once_with_its_content(corpus):
    table = scan(corpus).table
    listed = [path for group in READER.sources(corpus.root).values() for path in group]
    assert list(table["path"]) == listed
    for row in table.itertuples():
        path = corpus.root / row.path
        assert (row.sha256, row.size, row.mtime_ns) == (disk.sha256(path), *_stat(path))


def _stat(path):
    return path.stat().st_size, path.stat().st_mtime_ns


def test_audio_has_its_header_and_other_files_have_none(corpus):
    corpus.wav(corpus.ids[1]).write_bytes(wav_bytes(0.5, rate=8000))
    corpus.wav(corpus.ids[2]).write_bytes(b"RIFF")
    table = scan(corpus).table
    audio = table[table["group"] == "audio"].set_index("path")
    assert list(audio["sampling_rate"].dropna()) == [16000, 8000, *[16000] * 3]
    assert list(audio["frames"].dropna()) == [12000, 4000, *[12000] * 3]
    assert list(audio["error"].notna()) == [False, False, True, False, False, False]
    others = table[table["group"] != "audio"]
    assert others[["frames", "sampling_rate", "channels", "error"]].isna().all(axis=None)


def test_what_is_known_is_not_read_again(corpus):
    first = scan(corpus)
    assert first.hashed == len(first.table)
    for path in corpus.root.rglob("*.wav"):
        _rewrite_unseen(path)
    again = scan(corpus, known=first.table)
    assert again.hashed == 0
    assert again.equals(first.table)
    assert not scan(corpus).equals(first.table)


def _rewrite_unseen(path):
    """Other content behind the same size and time."""
    times = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_touched_file_is_read_and_found_equal_in_content(corpus):
    first = scan(corpus)
    path = corpus.txt(corpus.ids[0])
    os.utime(path, ns=(1, 1))
    again = scan(corpus, known=first.table)
    assert again.hashed == 1
    assert list(again.table["sha256"]) == list(first.table["sha256"])
    assert not again.equals(first.table)
    assert again.group_key("transcript", version=1) == first.group_key("transcript", version=1)


@pytest.mark.parametrize("change", ["changed", "added", "removed", "renamed"])
def test_any_change_is_seen_and_changes_the_key_of_its_group_alone(corpus, change):
    first = scan(corpus)
    path = corpus.txt(corpus.ids[0])
    if change == "changed":
        path.write_text("bye")
    if change == "added":
        path.with_stem(path.stem[:-3] + "999").write_bytes(path.read_bytes())
    if change in {"removed", "renamed"}:
        path.rename(path.with_stem(path.stem[:-3] + "998") if change == "renamed" else path.with_suffix(".bak"))
    again = scan(corpus, known=first.table)
    assert not again.equals(first.table)
    assert again.hashed == (change != "removed")
    for group in READER.sources(corpus.root):
        same = again.group_key(group, version=1) == first.group_key(group, version=1)
        assert same == (group != "transcript")


def test_the_key_of_a_group_knows_the_version_of_its_reader(corpus):
    sources = scan(corpus)
    assert sources.group_key("annotation", version=1) != sources.group_key("annotation", version=2)


def test_threads_change_nothing(corpus):
    assert scan(corpus, workers=4).equals(scan(corpus, workers=0).table)


def test_progress_counts_what_is_read(corpus):
    seen = []
    first = scan(corpus, seen=seen)
    assert seen == [(done, len(first.table)) for done in range(len(first.table) + 1)]


def test_a_scan_survives_the_disk(corpus, tmp_path):
    first = scan(corpus)
    disk.write_table(tmp_path / "sources.parquet", first.table)
    read = _sources.read_scan(tmp_path / "sources.parquet")
    assert first.equals(read)
    assert scan(corpus, known=read).hashed == 0


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"PAR1" * 100])
def test_a_scan_that_cannot_be_read_is_no_scan(corpus, tmp_path, content):
    if content is not None:
        (tmp_path / "sources.parquet").write_bytes(content)
    read = _sources.read_scan(tmp_path / "sources.parquet")
    assert read is None
    assert not scan(corpus).equals(read)


def test_a_scan_with_other_columns_is_no_scan(tmp_path):
    pd.DataFrame({"path": ["a"]}).to_parquet(tmp_path / "sources.parquet")
    assert _sources.read_scan(tmp_path / "sources.parquet") is None


def test_a_file_that_vanishes_is_a_sentence(corpus):
    groups = {"audio": ("wav/Session01/gone.wav",)}
    with pytest.raises(CorpusError, match=r"gone\.wav: cannot be read \(No such file.*\); make it readable, then run"):
        _sources.scan(corpus.root, groups, known=None, workers=1, progress=lambda done, total: None)


def test_films_are_hashed_without_being_read_into_memory_and_left_out_where_no_feature_reads_them(
    tmp_path, monkeypatch
):
    (tmp_path / "film.avi").write_bytes(b"film" * 1000)
    groups = {"video": ("film.avi",), "annotation": ()}
    monkeypatch.setattr(disk, "read_bytes", lambda path: pytest.fail(f"read {path}"))
    table = _sources.scan(tmp_path, groups, known=None, workers=1, progress=lambda done, total: None).table
    assert table["sha256"].tolist() == [disk.sha256(tmp_path / "film.avi")]
    assert table["error"].isna().all()
    assert _sources.needed(groups, {"audio", "video"}) == groups
    assert _sources.needed(groups, {"audio"}) == {"annotation": ()}


def test_processes_are_started_where_there_is_work_for_them(tmp_path, monkeypatch):
    monkeypatch.setattr(_sources, "WORTH_A_WORKER", 100)
    for name in "abcdef":
        (tmp_path / name).write_bytes(bytes(90))
    groups = {"audio": tuple("abcdef"), "annotation": ("absent",)}
    assert [_sources.useful_workers(most, tmp_path, groups) for most in (1, 2, 5, 6, 64)] == [1, 2, 5, 5, 5]
    assert _sources.useful_workers(8, tmp_path, {"audio": ("a", "absent")}) == 1
    assert _sources.useful_workers(8, tmp_path, {"annotation": ("a",)}) == 1
    assert _sources.useful_workers(8, tmp_path, {"audio": ("a",), "video": ("b",)}) == 8
