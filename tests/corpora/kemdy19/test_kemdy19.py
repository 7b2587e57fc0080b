"""The reader as the build sees it: found by name, on a tiny corpus."""

import pyarrow as pa
import pytest
import soundfile

from kemfeat.corpora.kemdy19 import KNOWN_BAD, READER
from kemfeat.errors import CorpusError
from kemfeat.features.text import TextConfig
from kemfeat.manifest import SIGNALS, UNITS
from kemfeat.plugins import find
from kemfeat.validate import validate_corpus
from tests.corpora.tiny import stamp, wav_bytes
from tests.corpora.tiny19 import write_tiny_kemdy19

F1, M1 = "Sess01_script01_F001", "Sess01_script01_M001"


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_kemdy19(tmp_path / "root")


def signals(tiny, session="Sess01"):
    table, findings = READER.read_signals(tiny.root, session)
    return table, {finding.rule: finding for finding in findings}


def check(tiny, session="Sess01"):
    utterances = READER.read_manifest(tiny.root).utterances
    known = dict(zip(utterances["id"], utterances["speaker"], strict=True))
    table, _ = READER.read_signals(tiny.root, session)
    return {f.rule: f.count for f in READER.check_signals(table, known_ids=known, session=session)}


def test_found_by_its_name():
    assert find("corpora", "KEMDy19") is READER
    assert (READER.name, READER.version, READER.tokenizer) == ("KEMDy19", 1, "skt/kobert-base-v1")
    assert READER.media == ("audio", "transcript", "eda", "temp", "ecg")
    assert set(READER.media[2:]) <= set(UNITS)


def test_its_own_settings_are_settings():
    assert set(READER.settings) == {"text"}
    assert TextConfig(**READER.settings["text"]).preset == "hangul"


def test_sources_are_sorted_groups_of_existing_files(tiny):
    sources = READER.sources(tiny.root)
    assert list(sources) == ["annotation", "audio", "transcript", "signals/Sess01", "signals/Sess02"]
    assert all(list(paths) == sorted(paths) for paths in sources.values())
    paths = [path for group in sources.values() for path in group]
    assert all((tiny.root / path).is_file() for path in paths)
    assert len(paths) == len(set(paths)) == 4 + 2 * len(tiny.ids) + 12


def test_a_sound_corpus_has_no_findings(tiny):
    for number, name in enumerate(tiny.ids):
        seconds = soundfile.info(tiny.wav(name)).duration
        tiny.wav(name).write_bytes(wav_bytes(seconds, pitch=100.0 + 9.0 * number))  # as no two recordings are the same
    assert validate_corpus("KEMDy19", root=tiny.root).findings == ()


def test_signals_of_a_sound_corpus(tiny):
    table, findings = signals(tiny)
    assert table.schema == SIGNALS
    assert not findings
    frame = table.to_pandas()
    assert frame.groupby(["medium", "speaker"], sort=False).size().to_dict() == {
        ("eda", "Sess01F"): 32, ("eda", "Sess01M"): 32, ("temp", "Sess01F"): 32, ("temp", "Sess01M"): 32,
        ("ecg", "Sess01F"): 2000, ("ecg", "Sess01M"): 2000,
    }  # fmt: skip
    assert frame.groupby("medium")["sampling_rate"].unique().map(list).to_dict() == {
        "eda": [4.0], "temp": [4.0], "ecg": [250.0],
    }  # fmt: skip
    worn = frame[(frame["id"] == M1) & (frame["speaker"] == "Sess01F")]
    assert worn.groupby("medium", sort=False).size().to_dict() == {"eda": 3, "temp": 3, "ecg": 188}
    assert set(worn["script"]) == {"script01"}
    assert set(frame.loc[frame["id"].isna(), "script"]) == {""}
    assert frame["offset"].isna().all()


def test_the_value_is_the_first_field_but_of_ecg_the_second(tiny):
    tiny.recording("EDA").write_text(f"0.5,7,{stamp(0)},{F1}\n0.6,7,{stamp(0.25)}\n")
    tiny.recording("ECG").write_text(f"7,0.5,{stamp(0)},{F1}\n8,0.6,{stamp(0.004)}\n")
    table, findings = signals(tiny)
    own = table.filter(pa.compute.field("speaker") == "Sess01F").to_pandas()
    assert own.loc[own["medium"] == "eda", "value"].to_list() == [0.5, 0.6]
    assert own.loc[own["medium"] == "ecg", "value"].to_list() == [0.5, 0.6]
    assert not findings


DEFECTS = [
    ("ECG", "", "empty-ecg"),
    ("EDA", "\n", "empty-physiology"),
    ("ECG", "0,0.5,{at}\n", "unannotated-physiology"),
    ("EDA", "0.5,0.25,{at},{name}\nEDA,Period,Time\n", "bad-physiology-line"),
    ("TEMP", "33.5,0.25,{at},nobody\n33.5,0.25,{at},{name}\n", "bad-physiology-line"),
    ("ECG", "0,NA,{at},{name}\n", "missing-value"),
    ("ECG", "0,,{at},{name}\n", "missing-value"),
    ("TEMP", ",0.25,{at},{name}\n", "missing-value"),
    ("EDA", "0.5,0.25,{at},{name}\n0.5,0.25,{soon},{name}\n", "nominal-rate"),
]


@pytest.mark.parametrize(("folder", "content", "rule"), DEFECTS)
def test_a_defective_file_is_a_finding_and_spoils_no_other(tiny, folder, content, rule):
    path = tiny.recording(folder)
    path.write_text(content.format(name=F1, at=stamp(0), soon=stamp(0.2)))
    table, findings = signals(tiny)
    assert set(findings) == {rule}
    assert findings[rule].examples[0].startswith(path.relative_to(tiny.root).as_posix())
    complete = table.filter(pa.compute.field("speaker") == "Sess01M").to_pandas()
    assert complete.groupby("medium", sort=False).size().to_list() == [32, 32, 2000]


@pytest.mark.parametrize(("rate", "contradicts"), [(250, 0), (248, 0), (256, 1), (200, 1), (1000, 1), (4, 1)])
def test_stamps_of_another_rate_are_named_and_the_nominal_one_is_kept(tiny, rate, contradicts):
    lines = [f"0,{sample},{stamp(sample / rate)},{F1}\n" for sample in range(2000)]
    del lines[500:900]  # a gap is no other rate
    tiny.recording("ECG").write_text("".join(lines))
    table, findings = signals(tiny)
    assert set(findings) == ({"nominal-rate"} if contradicts else set())
    assert pa.compute.unique(table.filter(pa.compute.field("medium") == "ecg")["sampling_rate"]).to_pylist() == [250.0]


def test_rows_of_the_partner_s_utterances_are_normal_and_absent_media_are_named(tiny):
    assert check(tiny) == {}
    for sex in "FM":
        path = tiny.recording("ECG", sex=sex)
        path.write_text(path.read_text().replace(f",{M1}", ""))
    path = tiny.recording("TEMP", sex="F")
    path.write_text(path.read_text().replace(f",{F1}", f",{F1[:-3]}099"))
    assert check(tiny) == {"no-ecg": 1, "partial-physiology": 1, "orphan-physiology": 1}


def test_ecg_of_the_partner_s_sensor_is_not_the_speaker_s_own(tiny):
    path = tiny.recording("ECG", sex="M")
    path.write_text(path.read_text().replace(f",{M1}", ""))
    assert check(tiny) == {"no-ecg": 1}


def test_ids_of_another_session_are_kept_as_orphans(tiny):
    path = tiny.recording("EDA")
    path.write_text(path.read_text().replace(f",{M1}", ",Sess42_script01_M001"))
    _, findings = signals(tiny)
    assert not findings
    assert check(tiny) == {"orphan-physiology": 1}


def test_scenes_known_to_lack_physiology_are_reported(tmp_path):
    tiny = write_tiny_kemdy19(tmp_path, sessions=(1,), scenes=("impro03", "impro04", "script03"), turns=1)
    assert check(tiny) == {"known-bad-conversation": 2}
    assert len(KNOWN_BAD) == 5


def test_signals_of_a_session_without_physiology(tiny):
    table, findings = signals(tiny, "Sess03")
    assert table.equals(SIGNALS.empty_table())
    assert not findings
    with pytest.raises(CorpusError, match="expected a name such as"):
        signals(tiny, "../Sess01")


def test_a_recording_outside_of_the_root_is_refused(tiny, tmp_path):
    path = tiny.recording("EDA")
    path.rename(tmp_path / "outside.csv")
    path.symlink_to(tmp_path / "outside.csv")
    with pytest.raises(CorpusError, match="a link to"):
        signals(tiny)
