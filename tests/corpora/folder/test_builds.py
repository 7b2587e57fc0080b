"""Stores of a user's own table: what is built, what is cut out, what is refused or left out by name."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
import soundfile

from kemfeat import validate_corpus
from kemfeat.build import build_store, recompute
from kemfeat.errors import ConfigError, CorpusError, MediaError, TooManyFailuresError
from kemfeat.store.verify import verify
from kemfeat.toml_settings import with_overrides
from tests.corpora.folder.kit import PRIVATE, build, edit, read, write, write_emodb_table


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
    write(private / "eda/other.txt", (private / "eda/u1.txt").read_bytes())
    edit(private, "eda/u2.txt", "eda/other.txt")
    store = build(private, tmp_path / "store").store
    assert store.array("eda")[1, :3].tolist() == [0.5, 0.25, 0.125]


@pytest.mark.slow
def test_a_build_is_the_same_whoever_works(private, tmp_path):
    digests = {build(private, tmp_path / f"store{workers}", workers=workers).store.digest for workers in (1, 2)}
    assert len(digests) == 1


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


@pytest.mark.parametrize(
    ("old", "new", "rule", "sentence"),
    [
        ("eda/u2.txt", "eda/u9.txt", "missing-recording", r":3 column eda: u2: eda/u9\.txt: no such file"),
        ("eda/u2.txt", "eda/U2.txt", "missing-recording", r":3 .* no such file, but u2\.txt is there; write it alike"),
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


def test_rows_of_one_part_of_a_recording_are_named(private):
    long_recording(private)
    text = (private / "long.csv").read_text()
    (private / "long.csv").write_text(text.replace("u2,wav/all.wav,s,0.75,1.5", "u2,wav/all.wav,s,0.0,0.75"))
    assert text != (private / "long.csv").read_text()
    report = validate_corpus("folder", root=private, table=private / "long.csv")
    (found,) = (finding for finding in report.findings if finding.rule == "same-audio")
    assert found.examples == ("wav/all.wav from 0 to 0.75 s: the same samples as wav/all.wav from 0 to 0.75 s",)


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
    with_map = with_overrides(settings, ["labels.map.HAP=Joy"])
    other = build_store("folder", root=private, out=tmp_path / "joy", settings=with_map).store
    assert other.utterances["emotion"].to_list() == ["happy", "neutral", "angry;sad"]
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
        ({"map": {"hap": 1}}, "labels.map.hap: found 1, expected one emotion such as 'angry'"),
        (
            {"map": {"hap": "N/A"}},
            "labels.map.hap: found 'N/A', expected one emotion such as 'angry'; where a word means",
        ),
        ({"rule": "vote"}, "labels: expected 'annotated' or 'votes'"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            build_store("folder", root=private, out=tmp_path / "t", settings={"labels": table})
    with pytest.raises(ConfigError, match=r"labels\.map: found 'ang', not an emotion of folder; did you mean 'angry'"):
        build_store("folder", root=private, out=tmp_path / "t", settings={"labels": {"map": {"ANG": "angry"}}})


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


@pytest.mark.parametrize("way", ["same name", "link", "hard link"])
def test_rows_that_share_a_file_without_times_are_refused(private, tmp_path, way):
    name = "wav/u1.wav" if way == "same name" else "wav/again.wav"
    if way == "link":
        (private / name).symlink_to("u1.wav")
    elif way == "hard link":
        (private / name).hardlink_to(private / "wav/u1.wav")
    edit(private, "u3,wav/u3.wav,Bye,anna,S2,0,0.75", f"u3,./{name},Bye,anna,S2,,")
    with pytest.raises(CorpusError, match=r"is the audio of several rows, expected start and end.*shared-audio"):
        build(private, tmp_path / "s")
    manifest, rules = read(private, on_error="skip")
    assert rules["shared-audio"] == 1
    assert manifest.utterances["audio"].isna().to_list() == [False, False, True]


def test_coverage_agrees_with_the_mask_where_a_row_has_no_end(private, tmp_path):
    edit(private, "S1,1,1.75", "S1,,")
    store = build(private, tmp_path / "store").store
    masked = store.array("eda_mask")[:].sum(axis=1)
    utterances = store.utterances
    assert masked.tolist() == utterances["eda_length"].to_list() == [3, 3, 0]
    assert utterances["eda_coverage"].to_list() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("beats", "masked", "covered"),
    [
        ("0.5,0.5\n0.75,0.25", [1, 0, 0], 1.0),
        ("0.25,0.25", [1, 0, 0], 1 / 3),
        ("100.2,0.8\n100.9,0.7", [0, 0, 0], 0.0),
        ("0.75,0.7\n-3,0.8\n-2,0.7", [1, 0, 0], 14 / 15),
    ],
)
def test_coverage_of_beats_agrees_with_the_mask(private, tmp_path, beats, masked, covered):
    write(private / "ibi/u1.csv", beats.encode())
    store = build(private, tmp_path / "store").store
    assert store.array("ibi_mask")[:].any(axis=1).tolist() == masked
    assert store.utterances["ibi_coverage"].round(6).to_list() == [round(covered, 6), 0.0, 0.0]
    assert recompute(store, root=private, rows=3) == []


def test_beats_before_the_recording_are_refused(private, tmp_path):
    write(private / "ibi/u1.csv", b"-3,0.8\n-2,0.7\n")
    with pytest.raises(CorpusError, match=r"-3,0\.8.*expected time,interval in seconds.*unreadable-recording"):
        build(private, tmp_path / "s")
