"""kemfeat.corpora.crema_d."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora.crema_d import READER
from kemfeat.errors import CorpusError
from tests.corpora.clips import write_clips

HEAD = (
    '"","localid","pos","ans","ttr","queryType","numTries","clipNum","questNum","subType","clipName","sessionNums",'
    '"respEmo","respLevel","dispEmo","dispVal","dispLevel"'
)
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")


def response(number: int, rater: str, clip: str, emotion: str, *, query: int = 1) -> str:
    return f'"{number}",{rater},1,"{emotion}_50",3000,{query},0,1,1,4,"{clip}",1,"{emotion}",50,"A","X",50'


def write_small(folder: Path) -> None:
    names = [f"{actor}_{say}_{how}_XX" for actor in (1001, 1002) for say in ("DFA", "IEO", "TIE") for how in EMOTIONS]
    write_clips(folder, [f"AudioWAV/{name}.wav" for name in names])
    (folder / "VideoDemographics.csv").write_text(
        '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
        '1002,21,"Female","Caucasian","Not Hispanic"\n'
    )
    rows = [
        response(number, str(rater), name, letter)
        for number, name in enumerate(names, start=1)
        for rater, letter in enumerate((name.split("_")[2][0], name.split("_")[2][0], "N"))
    ]
    (folder / "finishedResponses.csv").write_text("\n".join([HEAD, *rows]) + "\n")


def add(folder: Path, *rows: str) -> None:
    with (folder / "finishedResponses.csv").open("a") as file:
        file.write("\n".join(rows) + "\n")


def test_names_actors_and_votes(tmp_path: Path) -> None:
    write_small(tmp_path)
    add(tmp_path, response(1, "9", "1001_DFA_ANG_XX", "S", query=2))  # of the face
    manifest = READER.read_manifest(tmp_path).labelled("votes")
    row = manifest.utterances.set_index("id").loc["1001_DFA_ANG_XX"]
    assert (row["speaker"], row["sex"], row["emotion_annotated"], row["level"]) == ("1001", "M", "angry", "XX")
    assert (row["text"], row["votes_angry"], row["votes_neutral"]) == ("Don't forget a jacket.", 2, 1)
    assert len(manifest.ratings) == 3 * len(manifest)
    assert set(manifest.utterances["sex"]) == {"F", "M"}


def test_votes_are_the_label_where_that_is_asked_for(tmp_path: Path) -> None:
    write_small(tmp_path)
    add(tmp_path, *(response(1, str(rater), "1001_DFA_ANG_XX", "S") for rater in range(10, 15)))
    voted = READER.read_manifest(tmp_path).labelled("votes").utterances.set_index("id")
    assert voted.loc["1001_DFA_ANG_XX", "emotion"] == "sad"
    assert READER.read_manifest(tmp_path).labelled("annotated").utterances["emotion"].iloc[0] == "angry"


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (response(1, "7", "1099_DFA_ANG_XX", "A"), "blank-id"),
        (response(1, "0", "1001_DFA_ANG_XX", "A"), "duplicate-rating"),
        (response(1, "7", "1001_DFA_ANG_XX", "Q"), "unknown-label"),
        ("1,2,3", "malformed-row"),
    ],
)
def test_what_a_response_cannot_be_is_a_finding(tmp_path: Path, row: str, rule: str) -> None:
    write_small(tmp_path)
    add(tmp_path, row)
    found = READER.read_manifest(tmp_path, on_error="skip")
    assert {finding.rule for finding in found.findings} == {rule, "incomplete-corpus"}
    assert len(found.ratings) == 3 * len(found)


def test_a_lost_letter_is_read(tmp_path: Path) -> None:
    write_clips(tmp_path, ["AudioWAV/1040_ITH_SAD_X.wav"])
    [row] = READER.read_manifest(tmp_path).utterances.to_dict("records")
    assert (row["id"], row["level"]) == ("1040_ITH_SAD_X", "XX")
    assert not isinstance(row["sex"], str)


def test_a_clone_without_git_lfs_is_told_what_to_do(tmp_path: Path) -> None:
    write_small(tmp_path)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "finishedResponses.csv").write_text(pointer)
    with pytest.raises(CorpusError, match="git lfs pull"):
        READER.read_manifest(tmp_path)
