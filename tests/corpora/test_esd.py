"""kemfeat.corpora.esd."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat.corpora import balance
from kemfeat.corpora.esd import READER
from kemfeat.errors import AnalysisError, CorpusError, CorpusLayoutError
from kemfeat.splits import make_split
from tests.corpora.clips import write_clips

BLOCKS = {"Neutral": 1, "Angry": 351, "Happy": 701, "Sad": 1051, "Surprise": 1401}


def write(folder: Path, *, part: str = "", speakers: tuple[str, ...] = ("0003", "0011")) -> None:
    """Two sentences of each speaker with each emotion, and their words."""
    names = [(who, how, f"{who}_{first + n:06}") for who in speakers for how, first in BLOCKS.items() for n in (0, 1)]
    write_clips(folder, [f"{who}/{how}/{part}{name}.wav" for who, how, name in names])
    for who in speakers:
        lines = [f"{name}\tSentence {name}.\t{how}\n" for speaker, how, name in names if speaker == who]
        (folder / who / f"{who}.txt").write_text("".join(lines), encoding="utf-8")


def read(folder: Path):
    """The rows by id, and the findings by rule, with errors skipped; no row is lost."""
    manifest = READER.read_manifest(folder, on_error="skip")
    assert balance(READER, folder, manifest).holds
    findings = {finding.rule: finding for finding in manifest.findings if finding.rule != "incomplete-corpus"}
    return manifest.utterances.set_index("id"), findings


@pytest.mark.parametrize(
    ("part", "official"), [("", None), ("train/", "train"), ("evaluation/", "valid"), ("test/", "test")]
)
def test_both_layouts_say_the_same(tmp_path: Path, part: str, official: str | None) -> None:
    write(tmp_path, part=part)
    rows, findings = read(tmp_path)
    assert findings == {}
    row = rows.loc["0011_000352"]
    assert (row["speaker"], row["script"], row["emotion"]) == ("0011", "002", "angry")
    assert (row["text"], row["language"]) == ("Sentence 0011_000352.", "eng")
    assert row["audio"] == f"0011/Angry/{part}0011_000352.wav"
    assert row["part"] == official if official else not isinstance(row["part"], str)
    assert rows.loc["0003_000001", "language"] == "cmn"
    assert set(rows["emotion"]) == {"neutral", "angry", "happy", "sad", "surprise"}
    assert rows.groupby("script").size().to_dict() == {"001": 10, "002": 10}


def test_a_folder_in_another_is_read_too_and_one_more_is_told(tmp_path: Path) -> None:
    write(tmp_path / "Emotion Speech Dataset")
    rows, _ = read(tmp_path)
    assert rows.loc["0011_000001", "text"] == "Sentence 0011_000001."
    deeper = tmp_path / "a/b"
    write(deeper / "c/d")
    with pytest.raises(CorpusLayoutError, match="expected clips of ESD such as 0011/Angry"):
        READER.sources(deeper)


@pytest.mark.parametrize(
    ("speaker", "encoding", "words"),
    [
        ("0003", "utf-16", "打远一看，它们的确很是美丽。"),
        ("0003", "gb2312", "打远一看，它们的确很是美丽。"),
        ("0011", "utf-16", "The nine, the eggs, I keep."),
        ("0011", "cp1252", "That’s the café."),
        ("0011", "utf-8-sig", "That’s the café."),
    ],
)
def test_words_are_read_in_the_encodings_of_the_corpus(tmp_path: Path, speaker: str, encoding: str, words: str) -> None:
    write(tmp_path)
    text = (tmp_path / speaker / f"{speaker}.txt").read_text().replace(f"Sentence {speaker}_000001.", words)
    (tmp_path / speaker / f"{speaker}.txt").write_bytes(text.encode(encoding))
    rows, findings = read(tmp_path)
    assert rows.loc[f"{speaker}_000001", "text"] == words
    assert ("decoding-fallback" in findings) == (not encoding.startswith("utf-8"))


def test_lines_without_tabs_are_read_where_the_emotion_ends_them(tmp_path: Path) -> None:
    write(tmp_path)
    for speaker in ("0003", "0011"):
        path = tmp_path / speaker / f"{speaker}.txt"
        first, _, rest = path.read_text().partition("\n")
        path.write_text(first.replace("\t", "  ") + "\n" + rest)
    rows, findings = read(tmp_path)
    assert rows.loc["0011_000001", "text"] == "Sentence 0011_000001."
    assert not isinstance(rows.loc["0003_000001", "text"], str)
    assert findings["malformed-line"].examples[0].startswith("0003/0003.txt:1: found 1 cells")
    assert findings["missing-txt"].examples == ("0003_000001: no words in 0003/0003.txt",)


def test_other_words_of_a_clip_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path)
    with (tmp_path / "0011/0011.txt").open("a") as file:
        file.write("0011_000001\tSomething else.\tNeutral\n")
    with pytest.raises(CorpusError, match=r"0011/0011\.txt:11: 0011_000001 has other words in a line before"):
        READER.read_manifest(tmp_path)
    assert read(tmp_path)[0].loc["0011_000001", "text"] == "Sentence 0011_000001."


def test_words_that_are_not_there_or_no_text_are_said(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "0003/0003.txt").unlink()
    (tmp_path / "0011/0011.txt").write_bytes(b"\x00\x81\xff")
    with pytest.raises(CorpusError, match=r"0011/0011\.txt: found bytes that are neither UTF-8 nor cp1252"):
        READER.read_manifest(tmp_path)
    rows, findings = read(tmp_path)
    assert findings["missing-txt"].examples[0].startswith("0003/0003.txt: no such file")
    assert rows["text"].isna().all()


@pytest.mark.parametrize(
    "path",
    [
        "0011/Anger/0011_000351.wav",
        "0011/Angry/0012_000351.wav",
        "0021/Angry/0021_000351.wav",
        "0011/Angry/0011_001751.wav",
        "0011/Angry/0011_000000.wav",
        "0011/Angry/dev/0011_000351.wav",
        "0011_000351.wav",
    ],
)
def test_other_names_are_refused(tmp_path: Path, path: str) -> None:
    write_clips(tmp_path, ["0012/Sad/0012_001051.wav", path])
    with pytest.raises(CorpusError, match="not a name of ESD"):
        READER.read_manifest(tmp_path)


def test_a_clip_that_is_there_twice_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path)
    write_clips(tmp_path, ["0011/Angry/train/0011_000351.wav"])
    with pytest.raises(CorpusError, match="0011_000351 is there already"):
        READER.read_manifest(tmp_path)


def test_words_that_lead_out_of_the_corpus_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "ESD")
    (tmp_path / "ESD/0011/0011.txt").rename(tmp_path / "out.txt")
    (tmp_path / "ESD/0011/0011.txt").symlink_to(tmp_path / "out.txt")
    with pytest.raises(CorpusError, match="outside the corpus"):
        READER.sources(tmp_path / "ESD")


def test_official_parts_are_refused_where_the_folders_do_not_say_them(tmp_path: Path) -> None:
    write(tmp_path)
    table = READER.read_manifest(tmp_path).labelled("annotated").utterances
    with pytest.raises(AnalysisError, match=r"is in the part .*, expected one of train, valid, test"):
        make_split(table, scheme="official")
