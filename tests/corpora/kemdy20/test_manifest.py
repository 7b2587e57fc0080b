"""Annotation and transcripts, sound and defective."""

import math

import pytest

from kemfeat.corpora.kemdy20._manifest import read_manifest
from kemfeat.errors import CorpusError
from kemfeat.manifest import RATINGS, READ_COLUMNS
from tests.corpora.tiny import RATERS, write_tiny_kemdy20

NORMAL = {"decoding-fallback"}


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_kemdy20(tmp_path / "코퍼스 20")


def read(tiny, on_error="raise"):
    manifest = read_manifest(tiny.root, on_error=on_error)
    return manifest, {finding.rule: finding for finding in manifest.findings}


def row(manifest, name):
    return manifest.utterances.set_index("id").loc[name]


def test_a_sound_corpus(tiny):
    manifest, findings = read(tiny)
    assert tuple(manifest.utterances["id"]) == tiny.ids
    assert list(manifest.utterances) == READ_COLUMNS.names
    assert list(manifest.ratings) == RATINGS.names
    assert len(manifest.ratings) == len(RATERS) * len(tiny.ids)
    assert set(findings) == NORMAL
    assert row(manifest, "Sess01_script02_User002M_003").to_dict() == {
        "session": "Sess01", "script": "script02", "speaker": "User002M", "sex": "M", "partner": "User001F",
        "start": 10.0, "end": 10.75, "text": "n/ 안녕하세요, 3번째 말이에요. l/", "text_encoding": "cp949",
        "audio": "wav/Session01/Sess01_script02_User002M_003.wav", "emotion": "happy;neutral", "valence": 4.0,
        "arousal": 3.1,
    }  # fmt: skip
    first = manifest.ratings.iloc[8]
    assert first.to_list() == [tiny.ids[0], "Eval09F", "F", "disgust", 4.0, 3.0]


def test_labels_can_be_derived(tiny):
    labelled = read(tiny)[0].labelled("votes").utterances.iloc[0]
    assert (labelled["votes_happy"], labelled["votes_disgust"], labelled["emotion"]) == (4, 1, "happy;neutral")


def test_both_error_modes_agree_on_a_sound_corpus(tiny):
    assert read(tiny, "raise")[0].fingerprint == read(tiny, "skip")[0].fingerprint


def test_rows_come_by_session_number_then_as_in_the_file(tmp_path):
    tiny = write_tiny_kemdy20(tmp_path, sessions=(10, 9, 2), scripts=1, turns=2)
    cells = tiny.cells(9)
    tiny.write_cells([*cells[:2], *reversed(cells[2:])], 9)
    ids = list(read(tiny)[0].utterances["id"])
    assert [name[:6] for name in ids] == ["Sess02"] * 4 + ["Sess09"] * 4 + ["Sess10"] * 4
    assert ids[4:8] == [cells[3] for cells in reversed(cells[2:])]


@pytest.mark.parametrize("final", ["\n", "\r\n", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_text_is_kept_whole_but_for_the_last_line_break(tiny, encoding, final):
    text = "c/ 눈이 부시게?  (A+B)\n둘째 줄 "
    tiny.txt(tiny.ids[1]).write_bytes((text + final).encode(encoding))
    manifest, _ = read(tiny)
    assert row(manifest, tiny.ids[1])[["text", "text_encoding"]].to_list() == [text, encoding]
    assert row(manifest, tiny.ids[0])["text_encoding"] == "cp949"


def test_text_that_is_empty_absent_or_undecodable(tiny):
    tiny.txt(tiny.ids[0]).write_bytes(b"")
    tiny.txt(tiny.ids[1]).unlink()
    manifest, findings = read(tiny)
    assert row(manifest, tiny.ids[0])["text"] == ""
    assert not isinstance(row(manifest, tiny.ids[1])["text"], str)
    assert {"empty-txt", "missing-txt"} <= set(findings)
    tiny.txt(tiny.ids[2]).write_bytes(b"\x81\xff\xff")
    with pytest.raises(CorpusError, match=rf"wav/Session01/{tiny.ids[2]}\.txt: found bytes that are neither"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert not isinstance(row(manifest, tiny.ids[2])["text"], str)
    assert findings["decoding-failed"].count == 1


def test_a_missing_clip_is_none_in_both_modes(tiny):
    tiny.wav(tiny.ids[3]).unlink()
    for mode in ("raise", "skip"):
        manifest, findings = read(tiny, mode)
        assert manifest.utterances["audio"].isna().to_list() == [name == tiny.ids[3] for name in tiny.ids]
        assert findings["missing-wav"].examples == (f"wav/Session01/{tiny.ids[3]}.wav: no such file",)


def test_a_clip_that_nobody_annotated(tiny):
    extra = tiny.ids[0][:-3] + "099"
    tiny.wav(extra).write_bytes(tiny.wav(tiny.ids[0]).read_bytes())
    assert read(tiny)[1]["unannotated-media"].examples == (f"wav/Session01/{extra}.wav: no annotation row",)


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        (6, "7", "rating-off-scale"), (5, "joy", "unknown-label"), (3, "0", "end-before-start"),
        (2, "abc", "bad-time"), (4, "Sess01_script01_User1F_001", "malformed-id"),
        (4, "../../../etc/passwd", "malformed-id"), (4, "", "malformed-id"),
        (4, "Sess01_script01_User001F_001", "duplicate-id"),
    ],
)  # fmt: skip
def test_a_bad_cell_raises_or_is_quarantined(tiny, column, text, rule):
    tiny.set_cell(5, column, text)
    with pytest.raises(CorpusError, match=rf"^annotation/Sess01_eval\.csv:5.*{rule}"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert findings[rule].count == 1
    assert findings[rule].severity == "error"
    dropped = rule in {"malformed-id", "duplicate-id"}
    assert len(manifest) == len(tiny.ids) - dropped
    assert len(manifest.ratings) == len(RATERS) * len(manifest)
    assert manifest.utterances["id"].is_unique


def test_an_id_repeated_in_another_file_keeps_the_first(tiny):
    tiny.set_cell(3, 4, tiny.ids[0].replace("Sess01", "Sess02"), session=2)
    tiny.set_cell(4, 4, tiny.ids[0].replace("Sess01", "Sess42"), session=2)
    _, findings = read(tiny, "skip")
    assert "first in Sess02_eval.csv:3" in findings["duplicate-id"].examples[0]


def test_the_sess42_defect_is_repaired_and_reported(tmp_path):
    tiny = write_tiny_kemdy20(tmp_path, sessions=(16, 17), scripts=1)
    sound, _ = read(tiny)
    path = tiny.annotation(17)
    path.write_text(path.read_text(encoding="utf-8").replace("Sess17_", "Sess42_"), encoding="utf-8")
    repaired, findings = read(tiny)
    assert repaired.fingerprint == sound.fingerprint
    assert findings["session-prefix"].count == 6
    assert findings["session-prefix"].examples[0] == (
        "annotation/Sess17_eval.csv:3: Sess42_script01_User033F_001 read as Sess17_script01_User033F_001"
    )


def test_a_clip_named_after_another_session_is_found(tiny):
    name = tiny.ids[-1]
    tiny.wav(name).rename(tiny.wav(name).with_name(name.replace("Sess02", "Sess42") + ".wav"))
    manifest, findings = read(tiny)
    assert row(manifest, name)["audio"] == f"wav/Session02/{name.replace('Sess02', 'Sess42')}.wav"
    assert findings["session-prefix"].count == 1


def test_partners_may_be_of_one_sex_and_are_never_guessed(tmp_path):
    tiny = write_tiny_kemdy20(tmp_path, sessions=(1, 2), scripts=1, turns=1)
    for path in sorted(tiny.root.rglob("*User002M*")):
        path.rename(path.with_name(path.name.replace("User002M", "User002F")))
    tiny.set_cell(4, 4, "Sess01_script01_User002F_001")
    tiny.write_cells(tiny.cells(2)[:3], 2)
    utterances = read(tiny)[0].utterances
    assert utterances["partner"].to_list() == ["User002F", "User001F", "User004M"]
    for path in sorted(tiny.root.rglob("Sess02_script01_User004M.csv")):
        path.unlink()
    assert read(tiny)[0].utterances["partner"].isna().to_list() == [False, False, True]


def test_a_session_without_rows_and_a_corpus_without_rows(tiny):
    tiny.write_cells(tiny.cells(2)[:2], 2)
    with pytest.raises(CorpusError, match=r"Sess02_eval\.csv: no row after the two header rows"):
        read(tiny)
    manifest, findings = read(tiny, "skip")
    assert len(manifest) == len(tiny.ids) // 2
    assert findings["empty-annotation"].count == 1
    tiny.write_cells(tiny.cells(1)[:2], 1)
    with pytest.raises(CorpusError, match="the annotation contains no utterance"):
        read(tiny, "skip")


def test_missing_recordings_and_strays_are_reported(tiny):
    tiny.recording("IBI", tiny.ids[0]).unlink()
    (tiny.root / "wav" / "KESDy20_all_zscore.pickle").write_bytes(b"\x80\x04.")
    _, findings = read(tiny)
    assert findings["missing-physiology-file"].examples == ("IBI/Session01/Sess01_script01_User001F.csv: no such file",)
    assert findings["stray-file"].examples == ("wav/KESDy20_all_zscore.pickle",)
    assert findings["stray-file"].severity == "info"


def test_a_label_against_the_votes_is_pointed_out(tiny):
    tiny.set_cell(3, 5, "happy")
    assert read(tiny)[1]["label-not-majority"].examples == (
        f"{tiny.ids[0]}: labelled happy, most votes for happy;neutral",
    )


def test_blank_votes_and_labels_are_missing(tiny):
    tiny.set_cell(3, 8, " ")
    tiny.set_cell(4, 6, " ")
    manifest, findings = read(tiny)
    assert not isinstance(manifest.ratings["emotion"][0], str)
    assert math.isnan(manifest.utterances["valence"][1])
    assert {"votes-missing", "label-missing"} <= set(findings)


def test_any_number_of_raters(tiny):
    tiny.write_cells([cells[:13] for cells in tiny.cells()])
    manifest, _ = read(tiny)
    assert manifest.ratings.groupby("id").size().to_list() == [2] * 12 + [10] * 12
