"""The reader as the build sees it: EmoDB, a RAVDESS-like set, a private set with physiology, and what can go wrong."""

import csv
import math
import os
import pickle
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from kemfeat import validate_corpus
from kemfeat.build import BuildOptions, build_store, recompute
from kemfeat.corpora import TableReader, open_reader
from kemfeat.corpora.folder import READER, FolderReader
from kemfeat.errors import ConfigError, CorpusError, CorpusLayoutError, MediaError, TooManyFailuresError
from kemfeat.labels import EMOTIONS
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS
from kemfeat.plugins import find
from kemfeat.store.verify import verify
from kemfeat.toml_settings import with_overrides
from tests.corpora.tiny import wav_bytes

PRIVATE = (
    "id,audio,text,speaker,session,start,end,emotion,eda,eda_rate,ibi\n"
    "u1,wav/u1.wav,Hello,anna,S1,0,0.75,happiness,eda/u1.txt,4,ibi/u1.csv\n"
    "u2,wav/u2.wav,,ben,S1,1,1.75,neutral,eda/u2.txt,4,\n"
    "u3,wav/u3.wav,Bye,anna,S2,0,0.75,sad;anger,,,\n"
)


@pytest.fixture
def private(tmp_path):
    """Two people in two sessions, with EDA and beats of one of them."""
    root = tmp_path / "사설 set"
    for number in (1, 2, 3):
        write(root / f"wav/u{number}.wav", wav_bytes(0.75, pitch=100.0 + 20 * number))
    write(root / "eda/u1.txt", b"0.5\n0.25\n0.125\n")
    write(root / "eda/u2.txt", b"1\n2\n3\n")
    write(root / "ibi/u1.csv", b"0.25,0.8\n0.5,0.75\n")
    write(root / "utterances.csv", PRIVATE.encode())
    return root


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def edit(root, old, new):
    text = (root / "utterances.csv").read_text()
    assert old in text
    (root / "utterances.csv").write_text(text.replace(old, new))


def read(root, *, table=None, on_error="raise"):
    manifest = open_reader("folder", root=root, table=table).read_manifest(root, on_error=on_error)
    return manifest, {finding.rule: finding.count for finding in manifest.findings}


def build(root, out, *, table=None, **options):
    return build_store(
        "folder",
        root=root,
        out=out,
        table=table,
        settings={"mel": {"max_frames": 32, "n_mels": 16}, "rows_per_shard": 2},
        options=BuildOptions(**options),
    )


def test_found_by_its_name_and_a_reader_of_tables():
    assert find("corpora", "folder") is READER
    assert isinstance(READER, TableReader)
    assert (READER.name, READER.version, READER.tokenizer) == ("folder", 4, "")
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


def test_a_build_of_a_private_set(private, tmp_path):
    store = build(private, tmp_path / "store").store
    assert list(store.header.features) == ["mel", "delta", "text", "eda", "ibi"]
    utterances = store.utterances.set_index("id")
    assert utterances["text_clean"].to_list() == ["Hello", "", "Bye"]
    assert utterances["eda_length"].to_list() == [3, 3, 0]
    assert utterances["ibi_length"].to_list() == [2, 0, 0]
    assert utterances.loc["u2", "clock_start"] == pd.Timestamp("1970-01-01T00:00:01")
    assert store.array("eda")[1, :3].tolist() == [1.0, 2.0, 3.0]
    assert verify(store).problems == ()
    assert recompute(store, root=private, rows=3) == []
    assert build(private, tmp_path / "store").up_to_date


def test_a_change_in_the_table_reaches_the_signals(private, tmp_path):
    build(private, tmp_path / "store")
    edit(private, "eda/u2.txt", "eda/u1.txt")
    store = build(private, tmp_path / "store").store
    assert store.array("eda")[1, :3].tolist() == [0.5, 0.25, 0.125]


@pytest.mark.slow
def test_a_build_is_the_same_whoever_works(private, tmp_path):
    digests = {build(private, tmp_path / f"store{workers}", workers=workers).store.digest for workers in (1, 2)}
    assert len(digests) == 1


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


def test_a_build_of_emodb(shared, tmp_path):
    root = shared / "data" / "kemdy20_real_media"
    table = write_emodb_table(root, tmp_path / "emodb.csv", most=20)
    settings = {"features": ["mel", "delta", "text"], "mel": {"n_mels": 32}}
    report = build_store("folder", root=root, table=table, out=tmp_path / "store", settings=settings)
    store = report.store
    assert (len(store), report.failures) == (20, 0)
    assert store.utterances["text_clean"].equals(store.utterances["text"])
    assert (store.utterances["mel_frames"] > 10).all()
    assert verify(store).problems == ()
    assert recompute(store, root=root, table=table, rows=5) == []


def write_emodb_table(root, path, *, most=None):
    """A table of the clips, with text and acted emotion, by hand as a user would make it."""
    rows = []
    for annotation in sorted(root.glob("annotation/*.csv")):
        with annotation.open(newline="", encoding="utf-8") as file:
            for cells in list(csv.reader(file))[2:]:
                name = cells[3]
                clip = f"wav/Session{name[4:6]}/{name}"
                rows.append([name, f"{clip}.wav", f"{clip}.txt", "cp949", name[16:24], cells[4], *cells[1:3]])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "audio", "text_file", "text_encoding", "speaker", "emotion", "start", "end"])
        writer.writerows(rows[:most])
    return path


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


@pytest.mark.parametrize(
    ("old", "new", "rule", "sentence"),
    [
        ("eda/u2.txt", "eda/u9.txt", "missing-recording", r":3 column eda: u2: eda/u9\.txt: no such file"),
        ("S1,1,1.75", "S1,1,x", "bad-time", ":3 column end: found 'x'"),
        ("\nu2,", "\nu1,", "duplicate-id", ":3: u1 again, first in line 2"),
        ("S2,", "S/2,", "malformed-name", ":4 column session: found 'S/2'"),
    ],
)
def test_faults_stop_a_build_or_are_counted(private, tmp_path, old, new, rule, sentence):
    edit(private, old, new)
    with pytest.raises(CorpusError, match=rf"^utterances\.csv{sentence}.*--on-error skip.*{rule}"):
        build(private, tmp_path / "store")
    with pytest.raises(TooManyFailuresError, match=rule):
        build(private, tmp_path / "store", on_error="skip")
    report = build(private, tmp_path / "store", on_error="skip", max_failures=1.0)
    assert report.failures == 1
    assert rule in report.store.failures["error"].iloc[0]
    assert read(private, on_error="skip")[1][rule] == 1


def test_an_export_of_another_rate_or_format_stops_a_build(private, tmp_path):
    write(private / "eda/u1.txt", b"1644226223.0\n64.0\n0.5\n")
    write(private / "eda/u2.txt", b"PK\x03\x04 EDA.csv")
    assert read(private, on_error="skip")[1]["unreadable-recording"] == 2
    with pytest.raises(
        CorpusError, match=r"64 samples per second in the file and 4 in the table.*unreadable-recording"
    ):
        build(private, tmp_path / "store")
    write(private / "eda/u1.txt", b"1644226223.0\n4.0\n0.5\n0.25\n")
    write(private / "eda/u2.txt", b"1\n2\n")
    report = build(private, tmp_path / "store")
    assert report.store.array("eda")[0][:2].tolist() == [0.5, 0.25]
    assert report.store.utterances["eda_length"].to_list() == [2, 2, 0]


def test_missing_audio_is_a_finding_and_stops_a_build_unless_skipped(private, tmp_path):
    (private / "wav/u3.wav").unlink()
    edit(private, "wav/u2.wav", "")
    manifest, rules = read(private)
    assert rules["missing-wav"] == 2
    assert manifest.utterances["audio"].isna().to_list() == [False, True, True]
    with pytest.raises(CorpusError, match="u2 has no audio file; u3 has no audio file"):
        build(private, tmp_path / "store")
    report = build(private, tmp_path / "store", on_error="skip", max_failures=1.0)
    assert report.store.utterances["mel_frames"].to_list()[1:] == [0, 0]


def long_recording(root):
    """The three utterances of the fixture, one after another in one file, as the table says."""
    rate = soundfile.info(root / "wav/u1.wav").samplerate
    parts = [soundfile.read(root / f"wav/u{number}.wav", dtype="int16")[0] for number in (1, 2, 3)]
    soundfile.write(root / "wav/all.wav", np.concatenate(parts), rate, subtype="PCM_16")
    bounds = np.cumsum([0, *map(len, parts)]) / rate
    rows = (f"u{n},wav/all.wav,s,{bounds[n - 1]!s},{bounds[n]!s}\n" for n in (1, 2, 3))
    write(root / "long.csv", ("id,audio,speaker,start,end\n" + "".join(rows)).encode())
    alone = (f"u{n},wav/u{n}.wav,s,{bounds[n - 1]!s},{bounds[n]!s}\n" for n in (1, 2, 3))
    write(root / "alone.csv", ("id,audio,speaker,start,end\n" + "".join(alone)).encode())


def test_rows_on_one_recording_are_what_the_cut_files_are(private, tmp_path):
    long_recording(private)
    one = build(private, tmp_path / "long", table=private / "long.csv").store
    other = build(private, tmp_path / "alone", table=private / "alone.csv").store
    assert one.array("mel")[:].tobytes() == other.array("mel")[:].tobytes()
    assert len({one.array("mel")[row].tobytes() for row in range(3)}) == 3
    assert one.utterances["duration"].to_list() == other.utterances["duration"].to_list()
    assert recompute(one, root=private, rows=3, table=private / "long.csv") == []
    assert not validate_corpus("folder", root=private, table=private / "long.csv").count("error")


def test_another_end_is_another_row(private, tmp_path):
    long_recording(private)
    before = build(private, tmp_path / "s", table=private / "long.csv").store.array("mel")[:]
    text = (private / "long.csv").read_text()
    (private / "long.csv").write_text(text.replace("u1,wav/all.wav,s,0.0,0.75", "u1,wav/all.wav,s,0.0,0.5"))
    assert text != (private / "long.csv").read_text()
    store = build(private, tmp_path / "s", table=private / "long.csv").store
    assert store.utterances["duration"].to_list() == [0.5, 0.75, 0.75]
    assert store.array("mel")[0].tobytes() != before[0].tobytes()
    assert store.array("mel")[1:].tobytes() == before[1:].tobytes()
    assert recompute(store, root=private, rows=3, table=private / "long.csv") == []


def test_an_utterance_outside_of_its_recording_is_refused(private, tmp_path):
    long_recording(private)
    text = (private / "long.csv").read_text()
    (private / "long.csv").write_text(text.replace(",2.25\n", ",9\n"))
    rules = {finding.rule for finding in validate_corpus("folder", root=private, table=private / "long.csv").findings}
    assert "segment-outside" in rules
    with pytest.raises(MediaError, match=r"u3: .*1\.5 to 9 s, the recording lasts 2\.25 s"):
        build(private, tmp_path / "s", table=private / "long.csv")


def test_codes_are_renamed_by_the_map_of_a_build(private, tmp_path):
    edit(private, ",happiness,", ",HAP,")
    found = {finding.rule: finding for finding in validate_corpus("folder", root=private).findings}
    assert found["emotion-code"].examples == (
        "utterances.csv column emotion: found 'hap' in 1 row; did you mean 'happy'? (--set labels.map.hap=happy)",
    )
    settings = {"features": ["mel"], "mel": {"max_frames": 32, "n_mels": 16}}
    with_map = with_overrides(settings, ["labels.map.HAP=happy"])
    store = build_store("folder", root=private, out=tmp_path / "s", settings=with_map).store
    assert store.utterances["emotion"].to_list() == ["happy", "neutral", "angry;sad"]
    assert store.labels("5class").to_list() == ["happy", "neutral", None]
    assert 'labels.map."HAP" = "happy"' in (tmp_path / "s/README.md").read_text("utf-8")
    assert verify(store).problems == ()
    assert recompute(store, root=private, rows=3) == []
    assert (store.header.config.labels, store.header.config.label_map) == ("annotated", {"HAP": "happy"})
    for table, sentence in (
        ({"maps": {}}, "labels: unknown key 'maps'; did you mean 'map'"),
        ({"map": {"hap": 1}}, "configuration: label_map"),
        ({"rule": "vote"}, "labels: expected 'annotated' or 'votes'"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            build_store("folder", root=private, out=tmp_path / "t", settings={"labels": table})
    with pytest.raises(ConfigError, match=r"labels\.map: found 'ang', not an emotion of folder; did you mean 'angry'"):
        build_store("folder", root=private, out=tmp_path / "t", settings={"labels": {"map": {"ANG": "angry"}}})


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
    ],
)
def test_a_signal_lasts_as_long_as_its_utterance(private, count, rate, times, warned):
    write(private / "e.txt", b"1.5\n" * count)
    header = "eda,eda_rate" + (",start,end" if times else "")
    _, found = signals(private, header, f"e.txt,{rate}{times}")
    assert [rule for rule, _ in found] == ["signal-duration"] * warned
    if warned:
        seconds = "100" if times else "0.75"
        assert found[0][1] == f"e.txt: {count / rate:.3g} s of EDA at {rate} Hz, but the utterance lasts {seconds} s"


def test_ratings_beside_the_scale_are_named_with_their_range(private):
    write(private / "t.csv", b"id,audio,speaker,valence,arousal\n" + b"".join(
        f"u{place},wav/u{place}.wav,s,{rating},3\n".encode() for place, rating in ((1, -2), (2, 4.5), (3, 7))
    ))  # fmt: skip
    manifest, rules = read(private, table=private / "t.csv")
    assert rules == {"rating-range": 1}
    assert manifest.findings[0].examples == ("t.csv column valence: 2 of 3 outside 1 to 5, found -2 to 7",)


def test_speakers_with_korean_names_and_decomposed_paths_are_built(private, tmp_path):
    name = unicodedata.normalize("NFD", "가.wav")
    (private / "wav/u1.wav").rename(private / "wav" / name)
    text = (
        PRIVATE.replace("wav/u1.wav", "wav\\가.wav")
        .replace("anna,S1", "김 안나,")
        .replace("eda/u2", f"{private}/eda/u2")
    )
    write(private / "utterances.csv", text.encode())
    store = build(private, tmp_path / "s").store
    assert store.utterances["audio"].to_list() == [f"wav/{name}", "wav/u2.wav", "wav/u3.wav"]
    assert store.utterances["session"].to_list() == ["김 안나", "S1", "S2"]
    assert store.signals("김 안나")["medium"].unique().tolist() == ["eda", "ibi"]
    assert verify(store).problems == ()
    assert recompute(store, root=private, rows=3) == []


def test_rows_that_share_a_file_without_times_are_refused(private, tmp_path):
    edit(private, "u3,wav/u3.wav,Bye,anna,S2,0,0.75", "u3,./wav/u1.wav,Bye,anna,S2,,")
    with pytest.raises(CorpusError, match=r"is the audio of several rows, expected start and end.*shared-audio"):
        build(private, tmp_path / "s")
    manifest, rules = read(private, on_error="skip")
    assert rules["shared-audio"] == 1
    assert manifest.utterances["audio"].isna().to_list() == [False, False, True]


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


def test_coverage_agrees_with_the_mask_where_a_row_has_no_end(private, tmp_path):
    edit(private, "S1,1,1.75", "S1,,")
    store = build(private, tmp_path / "store").store
    masked = store.array("eda_mask")[:].sum(axis=1)
    utterances = store.utterances
    assert masked.tolist() == utterances["eda_length"].to_list() == [3, 3, 0]
    assert utterances["eda_coverage"].to_list() == [1.0, 1.0, 0.0]
