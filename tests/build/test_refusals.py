"""Rows that cannot be extracted: what stops a build, what it quarantines, and how many failures are too many."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from kemfeat import open_store
from kemfeat.errors import CorpusError, MediaError, StoreIncompleteError, TooManyFailuresError
from kemfeat.store.verify import verify
from tests.build.kit import ROWS, Bench, Stages, states, tree, with_settings
from tests.corpora.tiny import TinyCorpus, wav_bytes

ROW = 9
NAN = np.array([0.1, np.nan, 0.2], dtype=np.float32)
MEL_ONLY = with_settings(features=["mel"])


def _float_wav(values):
    buffer = io.BytesIO()
    soundfile.write(buffer, values, 16000, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def _no_samples():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    return buffer.getvalue()


def _mp3_in_wav():
    sound = wav_bytes(0.5)
    return sound[:20] + struct.pack("<H", 0x55) + sound[22:]


BROKEN = {
    "truncated": (wav_bytes(0.5)[:-1000], "truncated: the header announces 16000 bytes of samples, the file contains"),
    "zero-byte": (b"", "the file is empty"),
    "text": (b"this is no sound at all", "not a RIFF/WAVE file"),
    "non-pcm": (_mp3_in_wav(), ""),
    "no-samples": (_no_samples(), "contains no sample"),
}


def break_wav(bench, content, *, row=ROW):
    bench.corpus.wav(bench.corpus.ids[row]).write_bytes(content)


def heal(bench, finished, *, row=ROW):
    name = bench.corpus.ids[row]
    for path in (bench.corpus.wav(name), bench.corpus.txt(name)):
        path.write_bytes((finished.corpus.root / path.relative_to(bench.corpus.root)).read_bytes())


@pytest.mark.parametrize("kind", BROKEN)
def test_audio_that_cannot_be_read_stops_a_build_before_any_work(bench, kind):
    content, why = BROKEN[kind]
    break_wav(bench, content)
    stages = Stages()
    with pytest.raises(CorpusError) as caught:
        bench.fresh().build(progress=stages)
    said = str(caught.value)
    assert said.startswith(f"{bench.corpus.root}: missing files: 0, audio files that cannot be read: 1: wav/Session02/")
    assert why in said
    assert "repair the corpus, or pass --on-error skip to leave those rows missing" in said
    assert set(stages.totals) == {"hash"}


def test_missing_audio_stops_a_build_before_any_work_with_examples(bench):
    for name in bench.corpus.ids[3:10]:
        bench.corpus.wav(name).unlink()
    with pytest.raises(CorpusError, match="missing files: 7, audio files that cannot be read: 0: ") as caught:
        bench.fresh().build()
    assert str(caught.value).count("has no audio file") == 5
    assert f"{bench.corpus.ids[3]} has no audio file" in str(caught.value)


def test_a_missing_transcript_stops_a_build_only_where_text_is_wanted(bench):
    bench.corpus.txt(bench.corpus.ids[0]).unlink()
    with pytest.raises(CorpusError, match=f"{bench.corpus.ids[0]} has no transcript"):
        bench.fresh().build()
    assert bench.fresh().build(settings=MEL_ONLY).failures == 0


def test_a_finished_store_does_not_hide_that_its_corpus_broke(bench):
    break_wav(bench, b"")
    for _ in range(2):
        with pytest.raises(CorpusError, match="audio files that cannot be read: 1"):
            bench.build()


def test_audio_that_no_feature_reads_may_be_broken(bench):
    break_wav(bench, b"")
    assert bench.fresh().build(settings=with_settings(features=["text", "eda"])).failures == 0


def test_broken_audio_of_no_utterance_stops_nothing(bench):
    stranger = bench.corpus.wav(bench.corpus.ids[0]).with_name("Sess01_script01_User001F_099.wav")
    stranger.write_bytes(b"")
    assert bench.build().store.digest


def test_a_row_that_fails_later_stops_the_build_by_name_and_keeps_what_is_finished(bench, finished):
    break_wav(bench, _float_wav(NAN))
    new = bench.fresh()
    for _ in range(2):
        with pytest.raises(MediaError) as caught:
            new.build()
        assert str(caught.value).startswith(f"{bench.corpus.ids[ROW]}: mel: {bench.corpus.root}/wav/Session02/")
        assert "1 of 3 samples are NaN or infinite" in str(caught.value)
    with pytest.raises(StoreIncompleteError, match="run the same"):
        open_store(new.out)
    heal(bench, finished)
    report = new.build()
    assert report.kept == (ROW // 4) * 7
    assert tree(new.out) == tree(finished.out)


@pytest.fixture
def quarantined(bench):
    """A store in which row 9 has no sound and row 5 no text."""
    break_wav(bench, _float_wav(NAN))
    bench.corpus.txt(bench.corpus.ids[5]).unlink()
    new = bench.fresh()
    assert new.build(on_error="skip", max_failures=0.2).failures == 2
    return new


def test_skipped_rows_stand_as_explicitly_missing(quarantined):
    store = open_store(quarantined.out)
    ids = quarantined.corpus.ids
    failed = set(zip(store.failures["id"], store.failures["feature"], strict=True))
    assert failed == {(ids[9], "mel"), (ids[9], "delta"), (ids[5], "text"), (ids[5], "tokens")}
    for feature in store.header.features:
        missing = [row for row, there in enumerate(store.complete_rows(feature)) if not there]
        assert missing == [row for row in (5, 9) if (ids[row], feature) in failed]
    assert verify(store).problems == ()


def test_skipped_rows_hold_padding_and_no_numbers(quarantined):
    store = open_store(quarantined.out)
    pads = {name: store.array(name).attrs["pad"] for name in store.arrays}
    for row, names in ((9, ("mel", "mel_lengths", "delta")), (5, ("input_ids", "attention_mask"))):
        for name in names:
            assert np.all(store.array(name)[row] == np.asarray(pads[name], dtype=store.array(name).dtype))
    lost = store.utterances.iloc[[9, 5]]
    assert list(lost["mel_frames"]) == [0, lost["mel_frames"].iloc[1]]
    assert lost["mel_frames"].iloc[1] > 0
    assert pd.isna(lost["text_clean"].iloc[1])
    assert lost["n_pieces"].iloc[1] == 0


def test_skipping_touches_no_other_row(quarantined, finished):
    one, other = open_store(quarantined.out), open_store(finished.out)
    sound = [row for row in range(ROWS) if row not in {9, 5}]
    for name in one.arrays:
        np.testing.assert_array_equal(one.array(name)[:][sound], other.array(name)[:][sound])


def test_a_second_run_keeps_the_quarantine(quarantined):
    before = states(quarantined.out)
    report = quarantined.build(on_error="skip", max_failures=0.2)
    assert report.up_to_date
    assert report.failures == 2
    assert states(quarantined.out) == before


def test_raise_does_not_accept_a_store_with_missing_rows(quarantined, finished):
    before = tree(quarantined.out)
    with pytest.raises(CorpusError, match=f"{quarantined.corpus.ids[5]} has no transcript"):
        quarantined.build()
    heal(quarantined, finished, row=5)
    with pytest.raises(MediaError, match=f"{quarantined.corpus.ids[9]}: mel: "):
        quarantined.build()
    assert {name: content for name, content in tree(quarantined.out).items() if ".building" not in name} == before


def test_a_repaired_corpus_heals_the_store(quarantined, finished):
    heal(quarantined, finished)
    heal(quarantined, finished, row=5)
    report = quarantined.build()
    assert report.failures == 0
    assert report.written == 4
    assert tree(quarantined.out) == tree(finished.out)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_quarantine_does_not_show_where_the_corpus_lay(quarantined, tmp_path, workers):
    elsewhere = quarantined.copy(tmp_path / "moved").fresh()
    elsewhere.build(on_error="skip", max_failures=0.2, workers=workers)
    assert tree(elsewhere.out) == tree(quarantined.out)
    assert not any(str(tmp_path) in error for error in open_store(elsewhere.out).failures["error"])


def test_too_many_failures_end_a_build_and_go_on_ending_it(bench):
    for row in (1, 6, 9, 10):
        break_wav(bench, _float_wav(NAN), row=row)
    new = bench.fresh()
    for _ in range(4):
        with pytest.raises(TooManyFailuresError) as caught:
            new.build(on_error="skip", max_failures=1 / ROWS)
        assert caught.value.exit_code == 5
    said = str(caught.value)
    assert said.startswith("2 of 12 rows failed, more than --max-failures 0.0833333 allows: ")
    assert f"{bench.corpus.ids[1]}: wav/Session01/" in said
    assert "what is finished is kept" in said
    assert new.build(on_error="skip", max_failures=4 / ROWS).failures == 4
    straight = bench.fresh("straight")
    straight.build(on_error="skip", max_failures=1.0)
    assert tree(straight.out) == tree(new.out)


def test_one_percent_of_rows_may_fail_by_default(bench):
    break_wav(bench, _float_wav(NAN))
    with pytest.raises(TooManyFailuresError, match=r"1 of 12 rows failed, more than --max-failures 0\.01"):
        bench.fresh().build(on_error="skip")


def test_kept_failures_count_when_a_store_is_updated(quarantined):
    break_wav(quarantined, _float_wav(NAN), row=0)
    with pytest.raises(TooManyFailuresError, match="3 of 12 rows failed"):
        quarantined.build(on_error="skip", max_failures=2 / ROWS)


@pytest.mark.parametrize("settings", [MEL_ONLY, with_settings(features=["text", "tokens"])])
def test_a_corpus_of_which_nothing_can_be_read(tmp_path, bench, settings):
    for name in bench.corpus.ids:
        bench.corpus.wav(name).write_bytes(b"")
        bench.corpus.txt(name).unlink()
    new = bench.fresh()
    with pytest.raises(CorpusError, match=r"has no|cannot be read"):
        new.build(settings=settings)
    report = new.build(settings=settings, on_error="skip", max_failures=1.0)
    assert report.failures == ROWS
    assert verify(report.store).problems == ()


def _labelled_joy(corpus):
    corpus.set_cell(3, 5, "joy")


def _rated_seven(corpus):
    corpus.set_cell(4, 6, "7")


def _one_cell_too_few(corpus):
    cells = corpus.cells()
    corpus.write_cells([*cells[:4], cells[4][:-1], *cells[5:]])


def _one_cell_too_many(corpus):
    cells = corpus.cells()
    corpus.write_cells([*cells[:4], [*cells[4], "5"], *cells[5:]])


def _no_second_header(corpus):
    cells = corpus.cells()
    corpus.write_cells([cells[0], *cells[2:]])


def _other_headers(corpus):
    corpus.set_cell(1, 4, "Utterance")


def _said_twice(corpus):
    cells = corpus.cells()
    corpus.write_cells([*cells, cells[5]])


def _neither_encoding(corpus):
    corpus.txt(corpus.ids[0]).write_bytes(b"\xff\xff\x81")


BAD_TABLES = {
    _labelled_joy: r"Sess01_eval.csv:3 column 5: .*'joy'",
    _rated_seven: r"Sess01_eval.csv:4 column 6: found rating '7', expected 1 to 5",
    _one_cell_too_few: r"Sess01_eval.csv:5 column 37: found 36 cells, expected 37",
    _one_cell_too_many: r"Sess01_eval.csv:5 column 38: found 38 cells, expected 37",
    _no_second_header: r"Sess01_eval.csv:2 column 1: .*second header row",
    _other_headers: r"Sess01_eval.csv:1.*Segment ID",
    _said_twice: r"Sess01_eval.csv:9: \S+ again, first in Sess01_eval.csv:6",
    _neither_encoding: r"found bytes that are neither UTF-8 nor cp949",
}


@pytest.mark.parametrize("damage", BAD_TABLES, ids=lambda damage: damage.__name__.strip("_"))
def test_a_table_that_says_what_it_should_not_stops_a_build_with_its_place(bench, damage):
    damage(bench.corpus)
    with pytest.raises(CorpusError, match=BAD_TABLES[damage]):
        bench.build()


@pytest.mark.parametrize("damage", [_labelled_joy, _rated_seven, _said_twice], ids=lambda damage: damage.__name__)
def test_skip_builds_on_without_the_cell(bench, damage):
    damage(bench.corpus)
    report = bench.build(on_error="skip", max_failures=0.1)
    store = report.store
    assert report.failures == 1
    assert len(store) == ROWS
    assert verify(store).problems == ()
    if damage is _labelled_joy:
        assert pd.isna(store.utterances["emotion"].iloc[0])
    if damage is _rated_seven:
        assert np.isnan(store.utterances["valence"].iloc[1])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_encodings_and_line_ends_change_nothing_but_the_note_of_them(bench, finished, encoding, newline):
    for number, name in enumerate(bench.corpus.ids):
        text = bench.corpus.txt(name).read_bytes().decode("cp949")
        used = encoding if number % 2 else "cp949"
        bench.corpus.txt(name).write_bytes(text.replace("\n", newline).encode(used))
    table = bench.corpus.annotation()
    table.write_bytes(table.read_text(encoding="utf-8").replace("\n", newline).encode(encoding))
    store, other = bench.build().store, open_store(finished.out)
    assert store.header.parts == other.header.parts
    drop = {"columns": "text_encoding"}
    pd.testing.assert_frame_equal(store.utterances.drop(**drop), other.utterances.drop(**drop))


def test_wrong_folders_are_told_apart(tmp_path, bench):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    cases = {
        tmp_path / "empty": "found nothing",
        tmp_path / "file": "found a file",
        tmp_path / "absent": "found nothing, expected the folder of KEMDy20",
        bench.corpus.root / "wav": "pass --root",
        bench.corpus.root.parent: f"pass --root {bench.corpus.root}",
    }
    for root, said in cases.items():
        with pytest.raises(CorpusError, match=said):
            Bench(TinyCorpus(root, ()), tmp_path / "new").build()
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("lost", ["annotation", "wav", "wav/Session02"])
def test_a_half_copied_corpus_is_named(bench, lost):
    (bench.corpus.root / lost).rename(bench.corpus.root.parent / "lost")
    with pytest.raises(CorpusError, match=str(bench.corpus.root)):
        bench.fresh().build()


@pytest.mark.parametrize(("lost", "rows"), [("EDA", ROWS), ("IBI", ROWS)])
def test_a_corpus_is_built_with_what_it_has(bench, lost, rows):
    (bench.corpus.root / lost).rename(bench.corpus.root.parent / "lost")
    store = bench.build().store
    assert len(store) == rows
    assert verify(store).problems == ()
    for medium in ("eda", "temp", "ibi"):
        assert store.utterances[f"{medium}_length"].any() == (medium != lost.lower())
        assert store.array(f"{medium}_mask")[:].any() == (medium != lost.lower())


def test_a_link_out_of_the_corpus_is_not_followed(bench, tmp_path):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav_bytes(1.0))
    path: Path = bench.corpus.wav(bench.corpus.ids[0])
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(CorpusError, match=r"a link to \S+secret\.wav, outside the corpus"):
        bench.build()
