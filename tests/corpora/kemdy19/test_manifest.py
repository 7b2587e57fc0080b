"""KEMDy19's annotation and transcripts, sound and defective."""

import math
import pickle

import pandas as pd
import pytest

from kemfeat.corpora import layout
from kemfeat.corpora.kemdy19._manifest import EXTRA_COLUMNS, read_manifest
from kemfeat.errors import CorpusError
from kemfeat.manifest import RATINGS, READ_COLUMNS
from tests.corpora.tiny19 import ID, RATERS, write_tiny_kemdy19

F1, M1 = "Sess01_script01_F001", "Sess01_script01_M001"


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_kemdy19(tmp_path / "코퍼스 19")


def read(tiny, on_error="raise"):
    manifest = read_manifest(tiny.root, on_error=on_error)
    return manifest, {finding.rule: finding for finding in manifest.findings}


def row(manifest, name):
    return manifest.utterances.set_index("id").loc[name]


def drop_row(tiny, name, session=1, sex="F"):
    cells = tiny.cells(session, sex)
    tiny.write_cells([one for one in cells if one[ID - 1] != name], session, sex)


def test_a_sound_corpus(tiny):
    manifest, findings = read(tiny)
    assert not findings
    assert tuple(manifest.utterances["id"]) == tiny.ids
    assert list(manifest.utterances) == [*READ_COLUMNS.names, *EXTRA_COLUMNS.names]
    assert list(manifest.ratings) == RATINGS.names
    assert len(manifest.ratings) == len(RATERS) * len(tiny.ids)
    found = row(manifest, "Sess01_impro01_M002").to_dict()
    assert math.isnan(found.pop("temp_end"))
    assert list(found.pop("listener_votes")) == [
        "sad", "sad", "neutral", "sad", "sad", "neutral", "sad", "disgust", "sad", "neutral;sad",
    ]  # fmt: skip
    assert found == {
        "session": "Sess01", "script": "impro01", "speaker": "Sess01M", "sex": "M", "partner": "Sess01F", "start": 3.0,
        "end": 3.75, "text": "o/ 안녕하세요, 8번째 (말이에요+말예요). s/", "text_encoding": "utf-8",
        "audio": "wav/Session01/Sess01_impro01/Sess01_impro01_M002.wav", "emotion": "happy;neutral", "valence": 4.0,
        "arousal": 3.1, "ecg_start": 1.5, "ecg_end": 2.5, "eda_start": 0.25, "eda_end": 0.5, "temp_start": 33.1,
        "listener_emotion": "sad", "listener_valence": 2.2, "listener_arousal": 2.0, "scripted": False,
    }  # fmt: skip
    assert manifest.ratings.iloc[8].to_dict() | {"rater_sex": None} == {
        "id": tiny.ids[0], "rater": "Eval09", "rater_sex": None, "emotion": "disgust", "valence": 4.0, "arousal": 3.0,
    }  # fmt: skip
    assert manifest.ratings["rater_sex"].isna().all()


def test_the_speakers_own_file_decides(tiny):
    tiny.set_cell(M1, 11, "angry", sex="M")
    tiny.set_cell(M1, 11, "fear", sex="F")
    found = row(read(tiny)[0], M1)
    assert (found["emotion"], found["listener_emotion"]) == ("angry", "fear")


def test_both_error_modes_agree_on_a_sound_corpus(tiny):
    assert read(tiny, "raise")[0].fingerprint == read(tiny, "skip")[0].fingerprint


def test_the_order_of_listing_changes_nothing(tiny, monkeypatch):
    sound, _ = read(tiny)
    entries = layout.entries
    for order in (sorted, lambda found, key: sorted(found, key=key, reverse=True)):
        monkeypatch.setattr(layout, "entries", lambda folder, order=order: order(entries(folder), key=_by_name))
        assert read(tiny)[0].fingerprint == sound.fingerprint


def _by_name(entry):
    return entry.name


def test_rows_come_as_in_the_first_file_then_as_in_the_second(tiny):
    drop_row(tiny, M1)
    drop_row(tiny, "Sess01_impro01_F001")
    manifest, findings = read(tiny)
    ids = [name for name in tiny.ids if name not in (M1, "Sess01_impro01_F001")]
    assert list(manifest.utterances["id"]) == [*ids[:6], M1, "Sess01_impro01_F001", *ids[6:]]
    assert findings["no-listener-row"].examples == (f"annotation/Session01_M_res.csv:4: {M1}",)
    assert findings["no-speaker-row"].examples == ("annotation/Session01_M_res.csv:7: Sess01_impro01_F001",)


def test_an_utterance_with_a_listener_s_row_only_has_no_label_and_no_votes(tiny):
    drop_row(tiny, M1, sex="M")
    manifest, findings = read(tiny)
    found = row(manifest, M1)
    assert set(findings) == {"no-speaker-row"}
    assert (found["start"], found["end"], found["listener_emotion"]) == (1.0, 1.75, "sad")
    assert found[["emotion", "valence", "arousal", "ecg_start", "temp_end"]].isna().all()
    assert M1 not in set(manifest.ratings["id"])
    assert row(manifest.labelled("votes"), M1)[["emotion", "emotion_first"]].isna().all()


def test_an_utterance_that_only_the_speaker_s_file_has(tiny):
    drop_row(tiny, M1, sex="F")
    found = row(read(tiny)[0], M1)
    assert found["emotion"] == "happy;neutral"
    assert found[[name for name in EXTRA_COLUMNS.names if name.startswith("listener_")]].isna().all()


def test_a_listener_s_row_of_nothing_is_dropped(tmp_path):
    tiny = write_tiny_kemdy19(tmp_path, sessions=(4,), scenes=("impro03",))
    sound, _ = read(tiny)
    for sex, name in (("F", "Sess04_impro03_M031"), ("M", "Sess04_impro03_F031")):
        cells = tiny.cells(4, sex)
        extra = list(cells[-1])
        extra[ID - 1] = name
        tiny.write_cells([*cells, extra], 4, sex)
    manifest, findings = read(tiny)
    assert manifest.fingerprint == sound.fingerprint
    assert {rule: finding.examples for rule, finding in findings.items()} == {
        "unmatched-row": (
            "annotation/Session04_F_res.csv:7: Sess04_impro03_M031",
            "annotation/Session04_M_res.csv:7: Sess04_impro03_F031",
        )
    }


def test_a_speaker_s_row_of_nothing_is_dropped(tiny):
    sound, _ = read(tiny)
    repeat_row(tiny, F1, id="Sess01_script01_F099")
    manifest, findings = read(tiny)
    assert manifest.fingerprint == sound.fingerprint
    assert findings["unmatched-row"].examples == ("annotation/Session01_F_res.csv:11: Sess01_script01_F099",)


def repeat_row(tiny, name, *, sex="F", first=False, **cells):
    """Write an utterance's row a second time, behind all others or before, with other cells by name."""
    columns = {"start": 2, "end": 3, "id": ID, "emotion": 11}
    rows = tiny.cells(1, sex)
    row = list(rows[tiny.line(name, 1, sex) - 1])
    for column, text in cells.items():
        row[columns[column] - 1] = text
    tiny.write_cells([*rows[:2], row, *rows[2:]] if first else [*rows, row], 1, sex)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("sex", ["F", "M"])
def test_of_two_rows_of_an_id_that_with_the_other_file_s_start_is_kept(tiny, sex, first):
    sound, _ = read(tiny)
    repeat_row(tiny, M1, sex=sex, first=first, start="90", end="91", emotion="fear")
    manifest, findings = read(tiny)
    assert set(findings) == {"repeated-row"}
    pd.testing.assert_frame_equal(by_id(manifest), by_id(sound))


def by_id(manifest):
    return manifest.utterances.sort_values("id", ignore_index=True)


def test_a_listener_s_row_again_stops_no_build(tiny):
    sound, _ = read(tiny)
    repeat_row(tiny, M1, emotion="fear")
    manifest, findings = read(tiny)
    assert manifest.fingerprint == sound.fingerprint
    assert findings["repeated-row"].examples == (f"annotation/Session01_F_res.csv:11: {M1} again, line 4 is kept",)


def test_of_two_labels_of_a_speaker_nothing_is_chosen_silently(tiny):
    sound, _ = read(tiny)
    repeat_row(tiny, F1, emotion="fear")
    with pytest.raises(CorpusError, match=rf"csv:11: {F1} again, line 3 is kept; .*duplicate-id"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert (len(manifest.faults), set(findings)) == (1, {"duplicate-id"})
    assert manifest.utterances.equals(sound.utterances)


def test_a_row_that_is_blank_but_for_its_number_stops_no_build(tiny):
    sound, _ = read(tiny)
    rows = tiny.cells()
    tiny.write_cells([*rows, ["9"] + [""] * 42, ["10", *["NaN"] * 42]])
    manifest, findings = read(tiny)
    assert manifest.fingerprint == sound.fingerprint
    assert {rule: finding.count for rule, finding in findings.items()} == {"blank-id": 2}


@pytest.mark.parametrize("text", ["", " ", "NaN"])
def test_a_row_without_id_is_dropped_and_named(tiny, text):
    line = tiny.line(M1)
    tiny.set_cell(M1, ID, text)
    manifest, findings = read(tiny)
    assert set(manifest.utterances["id"]) == set(tiny.ids)
    assert findings["blank-id"].examples == (f"annotation/Session01_F_res.csv:{line} column 10: found no id",)
    assert set(findings) == {"blank-id", "no-listener-row"}


@pytest.mark.parametrize("sex", ["F", "M"])
@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        (12, "7", "rating-off-scale"), (11, "joy", "unknown-label"), (14, "joy", "unknown-label"),
        (3, "0", "end-before-start"), (2, "abc", "bad-time"), (ID, "Sess01_script01_X001", "malformed-id"),
        (ID, "../../../etc/passwd", "malformed-id"), (ID, "Sess02_script01_F001", "malformed-id"),
    ],
)  # fmt: skip
def test_a_bad_cell_raises_or_is_quarantined(tiny, column, text, rule, sex):
    line = tiny.line(M1, sex=sex)
    tiny.set_cell(M1, column, text, sex=sex)
    with pytest.raises(CorpusError, match=rf"^annotation/Session01_{sex}_res\.csv:{line}.*{rule}"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert (findings[rule].count, findings[rule].severity) == (1, "error")
    assert len(manifest.faults) == 1
    assert sorted(manifest.utterances["id"]) == sorted(tiny.ids)
    unlabelled = sex == "M" and column == ID
    assert len(manifest.ratings) == len(RATERS) * (len(manifest) - unlabelled)


def test_cells_of_unknown_meaning_are_numbers_or_missing(tiny):
    tiny.set_cell(F1, 4, "")
    tiny.set_cell(F1, 6, "2019-0701-1000-00-000")
    tiny.set_cell(F1, 8, "1.5", sex="M")
    manifest, findings = read(tiny)
    assert row(manifest, F1)[["ecg_start", "eda_start"]].isna().all()
    assert row(manifest, F1)["temp_start"] == 33.1
    assert findings["unreadable-span"].examples == (
        "annotation/Session01_F_res.csv:3 column 6: found '2019-0701-1000-00-000', expected a number or nothing",
    )


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("raters", [RATERS, tuple(f"{name}F" for name in RATERS)])
def test_a_byte_order_mark_and_the_raters_sex_may_be_there(tiny, bom, raters):
    path = tiny.annotation()
    text = path.read_text(encoding="utf-8")
    for name, other in zip(RATERS, raters, strict=True):
        text = text.replace(f"{name},", f"{other},", 1)
    path.write_bytes(bom + text.encode())
    manifest, findings = read(tiny)
    assert not findings
    assert tuple(manifest.ratings["rater"][:10]) == raters


def test_a_column_at_another_place_is_refused(tiny):
    cells = tiny.cells()
    tiny.write_cells([[*one[:3], *one[5:]] for one in cells])
    with pytest.raises(CorpusError, match=r"Session01_F_res\.csv:1 column 4: found 'E4-EDA', expected 'ECG'"):
        read(tiny, "skip")


def test_text_is_utf_8_and_may_be_empty(tiny):
    tiny.txt(F1).write_bytes(b"")
    tiny.txt(M1).unlink()
    manifest, findings = read(tiny)
    assert row(manifest, F1)["text"] == ""
    assert not isinstance(row(manifest, M1)["text"], str)
    assert {rule: finding.severity for rule, finding in findings.items()} == {
        "empty-txt": "warning",
        "missing-txt": "error",
    }
    tiny.txt(F1).write_bytes(b"\x81\xff\xff")
    with pytest.raises(CorpusError, match="decoding-failed"):
        read(tiny)


def test_missing_and_unannotated_clips(tiny):
    tiny.wav(F1).unlink()
    extra = tiny.wav(M1).with_name("Sess01_script01_M099.wav")
    extra.write_bytes(b"")
    manifest, findings = read(tiny)
    assert manifest.utterances["audio"].isna().to_list() == [name == F1 for name in tiny.ids]
    assert findings["missing-wav"].examples == (f"wav/Session01/Sess01_script01/{F1}.wav: no such file",)
    assert findings["unannotated-media"].examples == (
        "wav/Session01/Sess01_script01/Sess01_script01_M099.wav: no annotation row",
    )


def test_half_an_annotation_is_an_error(tiny):
    tiny.annotation(2, "M").unlink()
    with pytest.raises(CorpusError, match=r"^annotation/Session02_M_res\.csv: no such file, but .*half-annotation"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert tuple(manifest.utterances["id"]) == tiny.ids
    assert findings["no-speaker-row"].count == 4
    tiny.annotation(2, "F").unlink()
    with pytest.raises(CorpusError, match=r"wav/ has 8 clips of Sess02.*missing-annotation"):
        read(tiny)
    assert len(read(tiny, "skip")[0]) == 8


def test_files_without_rows(tiny):
    tiny.write_cells(tiny.cells(2)[:2], 2)
    with pytest.raises(CorpusError, match=r"Session02_F_res\.csv: no row after the two header rows"):
        read(tiny)
    for session, sex in ((1, "F"), (1, "M"), (2, "M")):
        tiny.write_cells(tiny.cells(session, sex)[:2], session, sex)
    with pytest.raises(CorpusError, match="the annotation contains no utterance"):
        read(tiny, "skip")


def test_missing_recordings_and_strays_are_reported(tiny):
    tiny.recording("ECG").unlink()
    (tiny.root / "ECG_NAdelete").mkdir()
    trap = tiny.root / "wav" / "Session01.pkl"
    trap.write_bytes(pickle.dumps("never opened"))
    trap.chmod(0)
    _, findings = read(tiny)
    assert findings["missing-physiology-file"].examples == ("ECG/Session01/Original/Sess01F.csv: no such file",)
    assert findings["stray-file"].examples == ("wav/Session01.pkl", "ECG_NAdelete")


def test_a_label_against_the_votes_is_pointed_out(tiny):
    tiny.set_cell(F1, 11, "happy")
    tiny.set_cell(F1, 11, "angry", sex="M")
    assert read(tiny)[1]["label-not-majority"].examples == (f"{F1}: labelled happy, most votes for happy;neutral",)


def test_blank_labels_and_votes_are_missing(tiny):
    tiny.set_cell(F1, 11, "")
    tiny.set_cell(F1, 14, "", sex="M")
    manifest, findings = read(tiny)
    assert row(manifest, F1)["emotion"] is None or math.isnan(row(manifest, F1)["emotion"])
    assert row(manifest, F1)["listener_votes"][0] is None
    assert set(findings) == {"label-missing", "votes-missing"}
