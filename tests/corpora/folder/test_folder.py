"""The reader as the build sees it: EmoDB, a RAVDESS-like set, a private set with physiology, and what can go wrong."""

import math
import os
import pickle
from pathlib import Path

import pytest

from kemfeat import validate_corpus
from kemfeat.corpora import TableReader, open_reader
from kemfeat.corpora.folder import READER, FolderReader
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.labels import EMOTIONS
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS
from kemfeat.plugins import find
from tests.corpora.folder.kit import edit, read, write, write_emodb_table
from tests.corpora.tiny import wav_bytes


def test_found_by_its_name_and_a_reader_of_tables():
    assert find("corpora", "folder") is READER
    assert isinstance(READER, TableReader)
    assert (READER.name, READER.version, READER.tokenizer) == ("folder", 7, "")
    assert READER.settings == {"text": {"preset": "none"}}


def test_an_opened_reader_knows_its_media_and_can_be_sent_to_workers(private):
    reader = open_reader("folder", root=private)
    assert reader.media == ("audio", "transcript", "eda", "ibi")
    assert pickle.loads(pickle.dumps(reader)) == reader  # noqa: S301 - our own bytes
    assert FolderReader() == READER


def test_a_private_set(private):
    manifest, rules = read(private)
    assert rules == {"empty-txt": 1}
    assert list(manifest.utterances) == [*READ_COLUMNS.names, "scripted"]
    assert list(manifest.ratings) == RATINGS.names
    assert len(manifest.ratings) == 0
    assert manifest.vocabulary == EMOTIONS
    assert manifest.utterances.iloc[0].drop(["valence", "arousal", "sex", "partner", "scripted"]).to_dict() == {
        "id": "u1", "session": "S1", "script": "all", "speaker": "anna", "start": 0.0, "end": 0.75, "text": "Hello",
        "text_encoding": "utf-8", "audio": "wav/u1.wav", "emotion": "happy",
    }  # fmt: skip
    assert manifest.utterances["text"].to_list() == ["Hello", "", "Bye"]
    assert manifest.utterances["emotion"].to_list() == ["happy", "neutral", "angry;sad"]
    labelled = manifest.labelled("annotated").utterances
    assert labelled["is_tie"].to_list() == [False, False, True]


def test_both_error_modes_agree_on_a_sound_table(private):
    assert read(private, on_error="raise")[0].fingerprint == read(private, on_error="skip")[0].fingerprint


def test_sources_are_sorted_groups_of_existing_files_and_signals_depend_on_the_table(private):
    sources = open_reader("folder", root=private).sources(private)
    groups = {
        "annotation": ("utterances.csv",),
        "audio": ("wav/u1.wav", "wav/u2.wav", "wav/u3.wav"),
        "transcript": (),
        "signals/S1": ("eda/u1.txt", "eda/u2.txt", "ibi/u1.csv", "utterances.csv"),
        "signals/S2": ("utterances.csv",),
    }
    assert sources == groups


def test_signals_of_a_private_set(private):
    reader = open_reader("folder", root=private)
    table, findings = reader.read_signals(private, "S1")
    assert findings == ()
    assert table.schema == SIGNALS
    frame = table.to_pandas()
    assert list(zip(frame["id"], frame["medium"], strict=True)) == [
        *[("u1", "eda")] * 3, *[("u1", "ibi")] * 2, *[("u2", "eda")] * 3,
    ]  # fmt: skip
    assert frame["time"][5].isoformat() == "1970-01-01T00:00:01"
    assert reader.read_signals(private, "S2")[0].equals(SIGNALS.empty_table())
    assert reader.read_signals(private, "../S1")[0].equals(SIGNALS.empty_table())
    found = reader.check_signals(table, known_ids={"u1": "anna", "u2": "ben"}, session="S1")
    assert {finding.rule: finding.count for finding in found} == {"no-ibi": 1}


def test_validation_of_a_private_set_says_what_is_missing_and_nothing_of_times(private):
    edit(private, "S1,0,0.75", "S1,,")
    report = validate_corpus("folder", root=private)
    assert {finding.rule: finding.count for finding in report.findings} == {
        "empty-txt": 1, "no-ibi": 2, "no-physiology": 1,
    }  # fmt: skip
    assert report.counts["utterances"] == 3


def test_a_ravdess_like_set(tmp_path):
    """RAVDESS names files by seven numbers: modality, channel, emotion, intensity, statement, repetition, actor."""
    names = {"03": "calm", "05": "angry", "06": "fearful", "08": "surprised"}
    rows = [["id", "audio", "speaker", "sex", "emotion", "intensity"]]
    for actor in ("01", "02"):
        for emotion, word in names.items():
            name = f"03-01-{emotion}-01-01-01-{actor}"
            write(tmp_path / f"Actor_{actor}/{name}.wav", wav_bytes(0.3))
            sex = "female" if int(actor) % 2 == 0 else "male"
            rows.append([name, f"Actor_{actor}/{name}.wav", f"Actor_{actor}", sex, word, "normal"])
    write(tmp_path / "ravdess.tsv", "".join("\t".join(row) + "\n" for row in rows).encode())
    manifest, rules = read(tmp_path, table=tmp_path / "ravdess.tsv")
    assert rules == {"own-emotion": 1}
    assert manifest.vocabulary == (*EMOTIONS, "calm")
    utterances = manifest.utterances
    assert utterances["emotion"].to_list() == ["calm", "angry", "fear", "surprise"] * 2
    assert utterances.groupby("session")["sex"].unique().str[0].to_dict() == {"Actor_01": "M", "Actor_02": "F"}
    assert utterances["x_intensity"].to_list() == ["normal"] * 8
    assert utterances[["text", "start", "end"]].isna().all(axis=None)
    labelled = manifest.labelled("annotated").utterances
    assert labelled["votes_calm"].to_list() == [0] * 8
    assert open_reader("folder", root=tmp_path, table=tmp_path / "ravdess.tsv").media == ("audio",)


def test_emodb(shared, tmp_path):
    """The 154 real clips, which are not below the table."""
    root = shared / "data" / "kemdy20_real_media"
    table = write_emodb_table(root, tmp_path / "emodb.csv")
    manifest, rules = read(root, table=table)
    assert rules == {"decoding-fallback": 154}
    assert len(manifest) == 154
    assert manifest.utterances["speaker"].nunique() == 4
    assert manifest.utterances["text"].notna().all()
    reader = open_reader("folder", root=root, table=table)
    (relative,) = reader.sources(root)["annotation"]
    assert (root / relative).samefile(table)
    assert len(reader.sources(root)["transcript"]) == 154


def test_tables_are_looked_for_where_they_are_named(private, tmp_path, monkeypatch):
    write(private / "meta/t.csv", b"id,audio\nroot,wav/u1.wav\n")
    monkeypatch.chdir(tmp_path)
    named = {
        "meta/t.csv": "meta/t.csv",
        str(private / "meta/t.csv"): "meta/t.csv",
    }
    for table, relative in named.items():
        assert open_reader("folder", root=private, table=Path(table)).table == relative
    write(tmp_path / "meta/t.csv", b"id,audio\nhere,wav/u1.wav\n")
    reader = open_reader("folder", root=private.relative_to(tmp_path), table=Path("meta/t.csv"))
    assert reader.table == "../meta/t.csv"
    assert reader.read_manifest(private).utterances["id"].to_list() == ["here"]


def test_a_table_outside_is_found_through_a_root_that_is_a_link(private, tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    link = tmp_path / "deep/er/link"
    link.symlink_to(private, target_is_directory=True)
    write(tmp_path / "t.csv", b"id,audio,speaker\na,wav/u1.wav,s\n")
    assert len(read(link, table=tmp_path / "t.csv")[0]) == 1


def test_wrong_places_are_refused_with_a_sentence(private, tmp_path):
    with pytest.raises(CorpusLayoutError, match=r"nowhere: found nothing, expected .* pass it with --root"):
        open_reader("folder", root=tmp_path / "nowhere")
    (private / "utterances.csv").rename(private / "rows.csv")
    with pytest.raises(
        CorpusLayoutError, match=r"utterances\.csv: no such file; .* contains eda, ibi, rows\.csv, wav; pass the table"
    ):
        open_reader("folder", root=private)
    with pytest.raises(CorpusLayoutError, match=r"x\.csv and .*x\.csv: no such file"):
        open_reader("folder", root=private, table=Path("x.csv"))
    with pytest.raises(
        CorpusLayoutError, match=r"wav/utterances\.csv: no such file; expected the table .* contains u1\.wav"
    ):
        open_reader("folder", root=private / "wav")
    with pytest.raises(CorpusLayoutError, match=r"rows\.csv: expected audio .* wav/u1\.wav, is not in .*pass --root"):
        FolderReader(table="../rows.csv").sources(private / "wav")
    (private / "utterances.csv").symlink_to(tmp_path / "secret.csv")
    write(tmp_path / "secret.csv", b"id,audio\na,b\n")
    with pytest.raises(CorpusError, match=r"a link to .*secret\.csv"):
        open_reader("folder", root=private)


def test_links_out_of_the_root_are_refused_in_both_modes(private, tmp_path):
    write(tmp_path / "secret.wav", wav_bytes(0.3))
    (private / "wav/u2.wav").unlink()
    (private / "wav/u2.wav").symlink_to(tmp_path / "secret.wav")
    reader = open_reader("folder", root=private)
    for on_error in ("raise", "skip"):
        with pytest.raises(CorpusError, match=r"^utterances\.csv:3 column audio: wav/u2\.wav leads by a link"):
            reader.read_manifest(private, on_error=on_error)
    with pytest.raises(CorpusError, match="leads by a link"):
        reader.sources(private)
    edit(private, "eda/u2.txt", "eda/link.txt")
    (private / "eda/link.txt").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(CorpusError, match=r"^utterances\.csv:3 column eda: eda/link\.txt leads by a link"):
        reader.read_signals(private, "S1")


def signals(private, header, cells):
    write(private / "t.csv", f"id,audio,speaker,{header}\nu1,wav/u1.wav,s,{cells}\n".encode())
    table, findings = open_reader("folder", root=private, table=private / "t.csv").read_signals(private, "s")
    return table, [(finding.rule, finding.examples[0]) for finding in findings]


def test_declared_units_convert_and_undeclared_ones_are_named(private):
    write(private / "f.txt", b"91.4\n93.2\n95\n")
    table, found = signals(private, "temp,temp_rate,temp_unit", "f.txt,4,degF")
    assert (table["value"].to_pylist(), found) == (pytest.approx([33.0, 34.0, 35.0]), [])
    _, found = signals(private, "temp,temp_rate", "f.txt,4")
    assert found[0][0] == "implausible-signal"
    assert "found 91.4 to 95; perhaps degrees Fahrenheit" in found[0][1]
    write(private / "b.csv", b"250,800\n500,750\n")
    table, found = signals(private, "ibi,ibi_unit", "b.csv,ms")
    assert (table["value"].to_pylist(), table["offset"].to_pylist(), found) == ([0.8, 0.75], [0.25, 0.5], [])
    _, found = signals(private, "ibi", "b.csv")
    assert {rule for rule, _ in found} == {"implausible-signal", "signal-duration"}
    signals(private, "ibi,ibi_unit", "b.csv,min")
    with pytest.raises(
        CorpusError, match=r"column ibi_unit: found 'min', expected one of s, ms, or a blank cell.*unit"
    ):
        read(private, table=private / "t.csv")
    with pytest.raises(CorpusError, match="found the column 'ibi_unit' without 'ibi', expected both"):
        signals(private, "ibi_unit", "s")


@pytest.mark.parametrize(
    ("count", "rate", "times", "warned"),
    [
        (3, 4, "", False),
        (400, 4, "", True),
        (400, 4, ",0,100", False),
        (400, 64, ",0,100", True),
        (9, 4, ",0,100", True),
        (8, 64, ",0,2", True),
        (4, 64, ",0,1", True),
        (2, 4, ",0,2", False),
        (1, 4, ",0,1", False),
        (1, 1, ",0,0.3", False),
    ],
)
def test_a_signal_lasts_as_long_as_its_utterance(private, count, rate, times, warned):
    write(private / "e.txt", b"1.5\n" * count)
    header = "eda,eda_rate" + (",start,end" if times else "")
    _, found = signals(private, header, f"e.txt,{rate}{times}")
    assert [rule for rule, _ in found] == ["signal-duration"] * warned
    if warned:
        seconds = times.rpartition(",")[2] or "0.75"
        assert found[0][1] == f"e.txt: {count / rate:.3g} s of EDA at {rate} Hz, but the utterance lasts {seconds} s"


def test_ratings_beside_the_scale_are_named_with_their_range(private):
    write(private / "t.csv", b"id,audio,speaker,valence,arousal\n" + b"".join(
        f"u{place},wav/u{place}.wav,s,{rating},3\n".encode() for place, rating in ((1, -2), (2, 4.5), (3, 7))
    ))  # fmt: skip
    manifest, rules = read(private, table=private / "t.csv")
    assert rules == {"rating-range": 1}
    assert manifest.findings[0].examples == ("t.csv column valence: 2 of 3 outside 1 to 5, found -2 to 7",)


def test_text_files(private):
    write(private / "t.csv", b"id,audio,speaker,text_file\n" + b"".join(
        f"u{number},wav/u{number}.wav,s,{path}\n".encode()
        for number, path in ((1, "txt/a.txt"), (2, "txt/b.txt"), (3, ""))
    ))  # fmt: skip
    write(private / "txt/a.txt", b"\xef\xbb\xbfWie sch\xc3\xb6n\r\n")
    write(private / "txt/b.txt", b" \n")
    manifest, rules = read(private, table=private / "t.csv")
    assert manifest.utterances["text"].to_list()[:2] == ["Wie schön", " "]
    assert manifest.utterances["text"].isna().to_list() == [False, False, True]
    assert rules == {"empty-txt": 1, "missing-txt": 1}


@pytest.mark.parametrize(
    ("text", "encoding"), [("안녕", "cp949"), ("schön", "cp1252"), ("schön", "latin-1"), ("你好吗", "gb2312")]
)
def test_a_text_file_that_is_not_unicode_is_read_as_declared_or_refused(private, text, encoding):
    write(private / "txt/a.txt", text.encode(encoding))
    rest = b"u2,wav/u2.wav,s,txt/b.txt,\n"
    write(private / "txt/b.txt", b"plain")
    write(private / "t.csv", b"id,audio,speaker,text_file,text_encoding\nu1,wav/u1.wav,s,txt/a.txt,\n" + rest)
    with pytest.raises(
        CorpusError, match=r"^txt/a\.txt: found bytes that are not UTF-8, .* column text_encoding.*failed"
    ):
        read(private, table=private / "t.csv")
    skipped, rules = read(private, table=private / "t.csv", on_error="skip")
    assert skipped.utterances["text"].isna().to_list() == [True, False]
    assert (rules, len(skipped.faults)) == ({"decoding-failed": 1, "unlisted-audio": 1}, 1)
    write(private / "t.csv", (private / "t.csv").read_bytes().replace(b"a.txt,", b"a.txt," + encoding.upper().encode()))
    manifest, rules = read(private, table=private / "t.csv")
    assert manifest.utterances["text"].to_list() == [text, "plain"]
    assert manifest.utterances["text_encoding"].to_list() == [encoding, "utf-8"]
    assert rules == {"decoding-fallback": 1, "unlisted-audio": 1}


def test_a_wrong_declaration_is_refused(private):
    write(private / "txt/a.txt", b"\x81\xff\xff")
    write(private / "t.csv", b"id,audio,speaker,text_file,text_encoding\nu1,wav/u1.wav,s,txt/a.txt,cp949\n")
    with pytest.raises(CorpusError, match="neither UTF-8 nor cp949, expected text; correct its text_encoding"):
        read(private, table=private / "t.csv")


def test_an_unreadable_table_is_a_sentence(private, monkeypatch):
    def refuse(path, *_args, **_kwargs):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CorpusError, match=r"utterances\.csv: cannot be read \(Permission denied\)"):
        open_reader("folder", root=private)


def test_times_that_nobody_gave_are_nan(private):
    edit(private, "S1,1,1.75", "S1,1,")
    utterances = read(private)[0].utterances
    assert utterances["start"].to_list() == [0.0, 1.0, 0.0]
    assert math.isnan(utterances["end"][1])


def test_one_file_of_beats_for_all_rows_is_refused_and_gives_none_of_them_the_whole_session(tmp_path):
    rows = "".join(f"u{number},{number}.wav,s,{number},{number + 1},beats.csv\n" for number in range(3))
    for number in range(3):
        write(tmp_path / f"{number}.wav", wav_bytes(1.0))
    write(tmp_path / "beats.csv", b"".join(b"%.1f,0.8\n" % (0.8 * beat) for beat in range(40)))
    write(tmp_path / "utterances.csv", f"id,audio,speaker,start,end,ibi\n{rows}".encode())
    with pytest.raises(CorpusError, match=r"utterances\.csv:2 column ibi: u0: beats\.csv is the IBI of 3 rows"):
        read(tmp_path)
    manifest, rules = read(tmp_path, on_error="skip")
    assert (len(manifest), rules["shared-signal"]) == (3, 3)
    signals, _ = open_reader("folder", root=tmp_path).read_signals(tmp_path, "s")
    assert len(signals) == 0
