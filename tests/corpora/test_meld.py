"""kemfeat.corpora.meld."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.build import BuildOptions, build_store
from kemfeat.corpora import balance
from kemfeat.corpora.meld import READER
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.splits import audit, make_split, utterance_keys
from tests.film_kit import tone, write_mp4

HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
EMOTIONS = ("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear")
DIALOGUES = {
    "train": [("Chandler", "The Interviewer") * 4, ("Joey", "Ross", "Nurse #1") * 3, ("Monica",) * 2],
    "dev": [("Phoebe", "Monica") * 4],
    "test": [("Mark", "Rachel") * 4, ("Richard’s Date", "Phoebe/Waitress", "All", "Joey", "Ross")],
}


def row(scene: int, number: int, who: str, **given: str) -> str:
    """A line of a table; ``given`` replaces cells by their column."""
    begin = 60 + 7 * number
    cells = {
        "sr": str(100 * scene + number + 1),
        "text": f'"No, line {number} of scene {scene}’s, really."',
        "speaker": who,
        "emotion": EMOTIONS[number % 7],
        "sentiment": ("neutral", "positive", "positive", "negative", "negative", "negative", "negative")[number % 7],
        "dialogue": str(scene),
        "utterance": str(number),
        "season": "8",
        "episode": str(21 + scene),
        "start": f'"00:0{begin // 60}:{begin % 60:02},059"',
        "end": f'"0:0{(begin + 1) // 60}:{(begin + 1) % 60:02},559"',
    }
    return ",".join({**cells, **given}.values())


def write_small(folder: Path) -> None:
    pitch = 100.0
    for part, dialogues in DIALOGUES.items():
        rows = []
        for dialogue, speakers in enumerate(dialogues):
            for utterance, speaker in enumerate(speakers):
                pitch += 6
                sound = tone(1.0 + pitch / 1000, pitch=pitch, rate=16_000)
                write_mp4(folder / FOLDERS[part] / f"dia{dialogue}_utt{utterance}.mp4", sound, rate=16_000)
                rows.append(row(dialogue, utterance, speaker))
        write_table(folder, part, *rows)


def write_table(folder: Path, part: str, *rows: str) -> None:
    (folder / f"{part}_sent_emo.csv").write_bytes("".join(f"{line}\r\n" for line in (HEAD, *rows)).encode())


def add(folder: Path, *rows: str, part: str = "dev") -> None:
    with (folder / f"{part}_sent_emo.csv").open("ab") as file:
        file.write("".join(f"{line}\r\n" for line in rows).encode())


def read(folder: Path):
    """The rows by id, and the findings by rule, with errors skipped; no row is lost."""
    manifest = READER.read_manifest(folder, on_error="skip")
    assert balance(READER, folder, manifest).holds
    return manifest.utterances.set_index("id"), {finding.rule: finding for finding in manifest.findings}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meld")
    write_small(folder)
    return folder


@pytest.fixture
def corpus(written: Path, tmp_path: Path) -> Path:
    """A copy of the corpus, to change."""
    return Path(shutil.copytree(written, tmp_path / "MELD.Raw"))


def test_every_row_is_an_utterance_of_its_part(written: Path) -> None:
    utterances, findings = read(written)
    assert findings == {}
    assert len(utterances) == sum(len(speakers) for some in DIALOGUES.values() for speakers in some)
    first, other = utterances.loc["train_dia0_utt0"], utterances.loc["dev_dia0_utt0"]
    assert (first["session"], first["script"], first["speaker"]) == ("train_dia0", "s08e21", "Chandler")
    assert (first["part"], first["season"], first["episode"]) == ("train", 8, 21)
    assert (first["start"], first["end"]) == (60.059, 61.559)
    assert first["text"] == "No, line 0 of scene 0’s, really."
    assert (first["audio"], other["audio"]) == ("train_splits/dia0_utt0.mp4", "dev_splits_complete/dia0_utt0.mp4")
    assert set(utterances["part"]) == {"train", "valid", "test"}
    assert utterances[["valence", "arousal", "sex"]].isna().all().all()


def test_words_of_meld_are_those_of_the_seven(written: Path) -> None:
    utterances, _ = read(written)
    said = dict(zip(EMOTIONS, utterances.loc[[f"train_dia0_utt{each}" for each in range(7)], "emotion"], strict=True))
    assert said == {
        **{each: each for each in ("neutral", "surprise", "disgust", "fear")},
        "joy": "happy",
        "anger": "angry",
        "sadness": "sad",
    }


def test_partners_are_named_in_dialogues_of_two_alone(written: Path) -> None:
    utterances, _ = read(written)
    partners = utterances.groupby("session")["partner"].agg(lambda names: set(names.dropna()))
    assert partners.to_dict() == {
        "train_dia0": {"Chandler", "The Interviewer"},
        "train_dia1": set(),
        "train_dia2": set(),
        "dev_dia0": {"Phoebe", "Monica"},
        "test_dia0": {"Mark", "Rachel"},
        "test_dia1": set(),
    }


def test_parts_may_be_in_folders_of_their_own(corpus: Path) -> None:
    usual, _ = read(corpus)
    for part, folder in FOLDERS.items():
        (corpus / part).mkdir()
        (corpus / folder).rename(corpus / part / folder)
        (corpus / f"{part}_sent_emo.csv").rename(corpus / part / f"{part}_sent_emo.csv")
    moved, findings = read(corpus)
    assert findings == {}
    assert list(moved["audio"]) == [f"{path[0]}/{path[1]}" for path in zip(part_of(usual), usual["audio"], strict=True)]
    assert moved.drop(columns="audio").equals(usual.drop(columns="audio"))


def part_of(utterances) -> list[str]:
    return [name.partition("_")[0] for name in utterances.index]


def test_a_table_that_is_there_twice_is_refused(corpus: Path) -> None:
    (corpus / "train").mkdir()
    (corpus / "train/train_sent_emo.csv").write_bytes((corpus / "train_sent_emo.csv").read_bytes())
    with pytest.raises(CorpusLayoutError, match=r"both train_sent_emo.csv and train/train_sent_emo.csv"):
        READER.read_manifest(corpus)


@pytest.mark.parametrize(
    ("encode", "encoding", "said"),
    [
        (lambda text: text.encode("cp1252"), "cp1252", "read as cp1252"),
        (lambda text: text.encode("cp1252").decode("latin-1").encode(), "utf-8", "control characters read as"),
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "utf-8-sig", None),
    ],
)
def test_quotation_marks_of_windows_are_read(corpus: Path, encode, encoding: str, said: str | None) -> None:
    marks = "“Yes…” – ‘no’ — café"
    add(corpus, row(0, 8, "Monica", text=f'"{marks.replace(chr(34), chr(34) * 2)}"'))
    table = corpus / "dev_sent_emo.csv"
    table.write_bytes(encode(table.read_bytes().decode()))
    utterances, findings = read(corpus)
    assert utterances.loc["dev_dia0_utt8", "text"] == marks
    assert utterances.loc["dev_dia0_utt8", "text_encoding"] == encoding
    assert (
        findings.get("decoding-fallback") is None if said is None else said in findings["decoding-fallback"].examples[0]
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("1,2,3", "malformed-row"),
        ('1,"never closed,Monica,joy,positive,0,8,8,21,"00:01:00,000","00:01:01,000"', "malformed-row"),
        (row(0, 0, "Monica"), "duplicate-id"),
        (row(0, 8, "Monica", dialogue="../3"), "malformed-id"),
        (row(0, 8, "Monica", utterance="08"), "malformed-id"),
        (row(0, 8, "Monica", season="eight"), "malformed-id"),
        (row(0, 8, " "), "malformed-name"),
        (row(0, 8, "a\x1b[31mb"), "malformed-name"),
        (row(0, 8, "Monica", emotion="Joy"), "unknown-label"),
        (row(0, 8, "Monica", sentiment="mixed"), "unknown-label"),
        (row(0, 8, "Monica", start="00:01:16.059"), "bad-time"),
        (row(0, 8, "Monica", end='"00:00:16,059"'), "end-before-start"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault(corpus: Path, line: str, rule: str) -> None:
    usual = len(READER.read_manifest(corpus))
    add(corpus, line)
    with pytest.raises(CorpusError, match=rf"dev_sent_emo.csv:10.*{rule}"):
        READER.read_manifest(corpus)
    utterances, findings = read(corpus)
    assert rule in findings
    kept = rule in ("unknown-label", "bad-time", "end-before-start")
    assert len(utterances) == usual + kept
    if rule == "unknown-label":
        assert utterances.loc["dev_dia0_utt8", ["emotion", "sentiment"]].isna().sum() == 1
    elif kept:
        assert utterances.loc["dev_dia0_utt8", ["start", "end"]].isna().all()


def test_the_utterance_without_length_of_the_published_table_stops_nothing(corpus: Path) -> None:
    time = '"0:12:32,632"'
    add(corpus, row(155, 3, "Joey", start=time, end=time), part="test")
    utterances, findings = read(corpus)
    READER.read_manifest(corpus)
    assert findings["end-before-start"].count == 1
    assert utterances.loc["test_dia155_utt3", ["start", "end"]].isna().all()


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_times_are_seconds(hours: int, minutes: int, seconds: int, thousandths: int) -> None:
    from kemfeat.corpora.meld._table import _seconds
    from kemfeat.findings import Findings

    text = f"{hours}:{minutes:02}:{seconds:02},{thousandths}"
    exact = (1000 * (3600 * hours + 60 * minutes + seconds) + thousandths) / 1000
    assert _seconds("here", text, Findings(strict=True)) == pytest.approx(exact, abs=1e-9)


def test_films_that_are_missing_second_or_without_a_row_are_named(corpus: Path) -> None:
    (corpus / "dev_splits_complete/dia0_utt7.mp4").unlink()
    test = corpus / FOLDERS["test"]
    (test / "final_videos_testdia0_utt0.mp4").write_bytes((test / "dia0_utt1.mp4").read_bytes())
    (test / "dia9_utt0.mp4").write_bytes((test / "dia0_utt2.mp4").read_bytes())
    (test / "._dia0_utt0.mp4").write_bytes(b"\x00\x05\x16\x07")
    (test / "dia8_utt0.mp4").mkdir()
    utterances, findings = read(corpus)
    assert {rule: finding.examples[0] for rule, finding in findings.items()} == {
        "missing-wav": "dev_dia0_utt7: has no film in dev_splits_complete",
        "not-a-file": f"{FOLDERS['test']}/dia8_utt0.mp4: found a folder, expected a file",
        "second-media": f"{FOLDERS['test']}/final_videos_testdia0_utt0.mp4: dia0_utt0.mp4 is used",
        "stray-file": f"{FOLDERS['test']}/._dia0_utt0.mp4",
        "unannotated-media": f"{FOLDERS['test']}/dia9_utt0.mp4: no row of the table",
    }
    assert utterances.loc["test_dia0_utt0", "audio"] == f"{FOLDERS['test']}/dia0_utt0.mp4"
    assert not isinstance(utterances.loc["dev_dia0_utt7", "audio"], str)


def test_a_part_that_is_missing_is_said(corpus: Path) -> None:
    (corpus / "test_sent_emo.csv").unlink()
    utterances, findings = read(corpus)
    assert findings["incomplete-corpus"].examples == ("test_sent_emo.csv: is missing, with all its utterances",)
    assert findings["unannotated-media"].count == 13
    assert set(utterances["part"]) == {"train", "valid"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: [path.unlink() for path in root.glob("*.csv")], "MELD keeps train_sent_emo.csv"),
        (lambda root: [path.unlink() for path in root.glob("*/*.mp4")], "MELD keeps train_splits/dia0_utt0.mp4"),
    ],
)
def test_half_a_corpus_is_refused_with_what_is_missing(corpus: Path, change, said: str) -> None:
    change(corpus)
    with pytest.raises(CorpusLayoutError, match=f"{said}; found .*; unpack MELD.Raw.tar.gz"):
        READER.sources(corpus)


def test_the_folder_above_is_told_which_one_to_pass(corpus: Path) -> None:
    with pytest.raises(CorpusLayoutError, match=f"pass --root {re.escape(str(corpus))}, which contains the tables"):
        READER.sources(corpus.parent)


def test_a_folder_of_films_that_leads_out_is_refused(corpus: Path, tmp_path: Path) -> None:
    films = corpus / FOLDERS["dev"]
    films.rename(tmp_path / "elsewhere")
    films.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorpusError, match="outside the corpus"):
        READER.read_manifest(corpus)


def test_a_pipe_under_the_name_of_a_film_is_never_opened(corpus: Path) -> None:
    film = corpus / FOLDERS["dev"] / "dia0_utt0.mp4"
    film.unlink()
    os.mkfifo(film)
    utterances, findings = read(corpus)
    assert {"not-a-file", "missing-wav"} <= set(findings)
    assert not isinstance(utterances.loc["dev_dia0_utt0", "audio"], str)


@pytest.mark.slow
def test_a_store_has_the_official_parts_and_a_split_by_dialogue_keeps_scenes_whole(
    corpus: Path, tmp_path: Path
) -> None:
    (corpus / FOLDERS["train"] / "dia0_utt3.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(200))  # no moov atom
    options = BuildOptions(on_error="skip", max_failures=0.5)
    settings = {"features": ["mel"], "mel": {"max_frames": 64, "n_mels": 16}}
    store = build_store("MELD", root=corpus, out=tmp_path / "store", settings=settings, options=options).store
    complete = store.complete_rows("mel")
    assert [name for name, there in zip(store.utterances["id"], complete, strict=True) if not there] == [
        "train_dia0_utt3"
    ]
    official = make_split(store.utterances, scheme="official", labels="7class")
    assert {part: len(official.ids(part)) for part in ("train", "valid", "test")} == {
        "train": 19,
        "valid": 8,
        "test": 13,
    }
    kinds = {overlap.kind for overlap in audit(official, keys=utterance_keys(store.utterances)).leaks}
    assert "speaker" in kinds
    assert not {"session", "conversation"} & kinds
    by_scene = make_split(store.utterances, scheme="session", folds=3, labels="7class")
    sessions = store.utterances.set_index("id")["session"]
    assert (by_scene.rows.groupby(["fold", by_scene.rows["id"].map(sessions)])["part"].nunique() == 1).all()
