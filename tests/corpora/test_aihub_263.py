"""kemfeat.corpora.aihub_263."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora import balance, open_reader
from kemfeat.corpora.aihub_263 import READER
from kemfeat.errors import AnalysisError, CorpusError, CorpusLayoutError
from kemfeat.splits import make_split
from tests.corpora.clips import write_clips

HEAD = (
    "wav_id,발화문,상황,1번 감정,1번 감정세기,2번 감정,2번 감정세기,3번 감정,3번 감정세기,4번 감정,4번감정세기,"
    "5번 감정,5번 감정세기,나이,성별"
)
IDS = [f"5e258fd1305bcf3ad153a6a{place}" for place in range(8)]


def row(name: str, *, written: str = "angry", votes: str = "Angry,2,Sadness,1,angry,1,Neutral,0,fear,2") -> str:
    return f'{name},"오늘, 정말 화가 나요.",{written},{votes},30대,female'


def write(folder: Path, *rows: str, encoding: str = "cp949", release: str = "5차년도_2차") -> None:
    """A release: its recordings, and rows of all of them unless others are given."""
    write_clips(folder, [f"{release}/wav/{name}.wav" for name in IDS])
    lines = [HEAD, *(rows or map(row, IDS)), ""]
    (folder / f"{release}.csv").write_bytes("\r\n".join(lines).encode(encoding))


def read(folder: Path):
    """The manifest, and the findings by rule that not every such folder has; no row is lost."""
    manifest = READER.read_manifest(folder, on_error="skip")
    assert balance(READER, folder, manifest).holds
    usual = {"incomplete-corpus", "unknown-speaker", "decoding-fallback"}
    return manifest, {found.rule: found for found in manifest.findings if found.rule not in usual}


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
def test_a_row_is_an_utterance_and_five_votes(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, encoding=encoding)
    manifest, findings = read(tmp_path)
    assert findings == {}
    first = manifest.labelled("votes").utterances.iloc[0]
    assert (first["id"], first["speaker"], first["session"], first["script"]) == (
        *(IDS[0], "unknown", "unknown", "5차년도_2차"),
    )
    assert (first["text"], first["age"], first["sex"]) == ("오늘, 정말 화가 나요.", "30대", "F")
    assert first["audio"] == f"5차년도_2차/wav/{IDS[0]}.wav"
    assert (first["emotion_annotated"], first["emotion"], first["votes_angry"]) == ("angry", "angry", 2)
    votes = manifest.ratings[manifest.ratings["id"] == IDS[0]].set_index("rater")
    assert votes["emotion"].to_dict() == {"R1": "angry", "R2": "sad", "R3": "angry", "R4": "neutral", "R5": "fear"}
    assert votes["intensity"].to_dict() == {"R1": 2, "R2": 1, "R3": 1, "R4": 0, "R5": 2}


def test_the_reader_is_found_under_the_usual_spelling(tmp_path: Path) -> None:
    assert open_reader("AIHub-263", root=tmp_path).name == "AIHub_263"


@pytest.mark.parametrize(
    ("word", "read_as"),
    [("angry", "angry"), ("anger", "angry"), ("Sad", "sad"), ("SADNESS", "sad"), ("happiness", "happy")],
)
def test_words_are_read_in_every_spelling_of_the_tables(tmp_path: Path, word: str, read_as: str) -> None:
    write(tmp_path, row(IDS[0], written=word))
    assert list(read(tmp_path)[0].utterances["emotion"]) == [read_as]


def test_a_space_in_the_name_of_a_column_does_not_count(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "5차년도_2차.csv"
    path.write_bytes(path.read_bytes().replace("4번감정세기".encode("cp949"), "4번 감정세기".encode("cp949")))
    assert len(read(tmp_path)[0]) == len(IDS)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (row(IDS[0]), "duplicate-id"),
        (row("../secret"), "malformed-id"),
        (row(IDS[1], written="cross"), "unknown-label"),
        (row(IDS[1], votes="Angry,2,Sadness,1,angry,1,Neutral,0,cross,2"), "unknown-label"),
        (row(IDS[1], votes="Angry,3,Sadness,1,angry,1,Neutral,0,fear,2"), "rating-off-scale"),
        (row(IDS[1], votes="Angry,2,Sadness,1"), "malformed-row"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault(tmp_path: Path, line: str, rule: str) -> None:
    write(tmp_path, row(IDS[0]), line)
    with pytest.raises(CorpusError, match=rf"5차년도_2차\.csv:3.*{rule}"):
        READER.read_manifest(tmp_path)
    assert rule in read(tmp_path)[1]


def test_an_id_of_two_releases_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "5차년도.csv").write_bytes("\n".join([HEAD, row(IDS[0])]).encode("cp949"))
    with pytest.raises(CorpusError, match="is in a table before"):
        READER.read_manifest(tmp_path)


def test_a_rater_who_said_nothing_has_no_vote(tmp_path: Path) -> None:
    write(tmp_path, row(IDS[0], votes="Angry,2,,,angry,1,,,fear,2"))
    assert list(read(tmp_path)[0].ratings["rater"]) == ["R1", "R3", "R5"]


def test_missing_and_further_recordings_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    folder = tmp_path / "5차년도_2차/wav"
    (folder / f"{IDS[0]}.wav").rename(folder / "another.wav")
    manifest, findings = read(tmp_path)
    assert findings["missing-wav"].examples == (f"{IDS[0]}.wav: is missing",)
    assert findings["unannotated-media"].examples == ("5차년도_2차/wav/another.wav: no row of a table",)
    assert manifest.utterances["audio"].isna().sum() == 1


def test_a_release_that_is_missing_and_that_nobody_is_named_are_said(tmp_path: Path) -> None:
    write(tmp_path)
    found = {finding.rule: finding for finding in READER.read_manifest(tmp_path).findings}
    assert found["incomplete-corpus"].count == 2
    assert found["unknown-speaker"].examples == ("AIHub_263: nothing says who speaks",)


def test_recordings_without_a_table_are_refused(tmp_path: Path) -> None:
    write_clips(tmp_path, [f"wav/{IDS[0]}.wav"])
    with pytest.raises(CorpusLayoutError, match=r"keeps 4차년도\.csv; found wav .*; pass --root"):
        READER.sources(tmp_path)


def test_a_table_that_leads_out_of_the_corpus_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "A")
    (tmp_path / "A/5차년도_2차.csv").rename(tmp_path / "out.csv")
    (tmp_path / "A/5차년도_2차.csv").symlink_to(tmp_path / "out.csv")
    with pytest.raises(CorpusError, match="outside the corpus"):
        READER.read_manifest(tmp_path / "A")


def test_no_split_claims_to_keep_speakers_apart(tmp_path: Path) -> None:
    write(tmp_path)
    table = READER.read_manifest(tmp_path).labelled("annotated").utterances
    for scheme in ("speaker", "session", "loso"):
        with pytest.raises(AnalysisError, match=f"come from 1 {'speaker' if scheme == 'speaker' else 'session'}"):
            make_split(table, scheme=scheme)
