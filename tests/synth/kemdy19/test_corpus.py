from __future__ import annotations

import csv
import itertools
import re
import wave
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from kemfeat import plugins
from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.labels import count_votes, join_emotions, majority, parse_emotions
from kemfeat.synth.kemdy19 import SYNTH
from kemfeat.synth.kemdy19._annotation import table
from kemfeat.synth.kemdy19._layout import draw_scenes
from kemfeat.synth.kemdy19._physiology import bio_poor
from kemfeat.synth.kemdy19._ratings import CLASS_COUNTS, CLASS_MEANS, KEMDY19, TIE_COUNTS, draw_ratings

RATERS = b"".join(b",Eval%02d%c,," % (number, sex) for number, sex in enumerate(b"FMMFMFFMFM", 1))
ROW_1 = b"Numb,Wav,,ECG,,E4-EDA,,E4-TEMP,,Segment ID,Total Evaluation,," + RATERS + b"\n"
ROW_2 = b",start,end" + b",start,end" * 3 + b"," + b",Emotion,Valence,Arousal" * 11 + b"\n"
SEGMENT = r"Sess\d\d_(?:script0[1-6]|impro0[1-4])_[FM]\d{3}"
STAMP = r"\d{4}-\d{4}-\d{4}-\d\d-\d{3}"
SESSIONS = 9


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _annotation(root: Path, session: int, person: str) -> list[list[str]]:
    return _rows((root / f"annotation/Session{session:02}_{person}_res.csv").read_text(encoding="utf-8"))


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))[2:]


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp + "000", "%Y-%m%d-%H%M-%S-%f")


def _clips(root: Path) -> dict[str, Path]:
    return {path.stem: path for path in root.glob("wav/*/*/*.wav")}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """One turn for each of 9 x 10 x 2, so that every known defect of these sessions has its place."""
    out = tmp_path_factory.mktemp("synth") / "KEMDy19"
    SYNTH.write(out, utterances=200, sessions=SESSIONS, seed=7)
    return out


@pytest.fixture(scope="module")
def files(small) -> dict[tuple[int, str], list[list[str]]]:
    numbers = itertools.product(range(1, SESSIONS + 1), "FM")
    return {(session, person): _annotation(small, session, person) for session, person in numbers}


def test_it_is_found_by_name_and_has_the_size_of_the_real_one():
    assert plugins.find("synth", "KEMDy19") is SYNTH
    assert (SYNTH.utterances, SYNTH.sessions) == (10279, 20)


def test_the_tree_has_the_real_shape(small, files):
    assert {path.name for path in small.iterdir()} == {
        "annotation", "wav", "EDA", "TEMP", "ECG", "tokenizer", "SYNTHETIC.txt",
    }  # fmt: skip
    assert len(list(small.glob("annotation/*"))) == len(files) == 2 * SESSIONS
    clips = _clips(small)
    assert len(clips) == 200
    for name, path in clips.items():
        assert re.fullmatch(SEGMENT, name)
        assert path.relative_to(small).as_posix() == f"wav/Session{name[4:6]}/{name[:-5]}/{name}.wav"
        assert path.with_suffix(".txt").is_file()
    for medium in ("EDA", "TEMP", "ECG"):
        found = {path.relative_to(small / medium).as_posix() for path in small.glob(f"{medium}/**/*.csv")}
        assert found == {f"Session{session:02}/Original/Sess{session:02}{person}.csv" for session, person in files}


def test_header_rows_are_byte_exact(small):
    for path in small.glob("annotation/*.csv"):
        assert path.read_bytes().startswith(ROW_1 + ROW_2)
        assert b"\r" not in path.read_bytes()


def test_annotation_cells(files):
    for rows in files.values():
        assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
        for row in rows:
            assert len(row) == 43
            assert float(row[1]) < float(row[2])
            for scale in (0, 1):
                reports = [int(cell) for cell in row[14 + scale :: 3]]
                assert set(reports) <= {1, 2, 3, 4, 5}
                assert row[11 + scale] == f"{sum(reports) / 10:g}"
            assert join_emotions(majority(count_votes([parse_emotions(cell) for cell in row[13::3]]))) == row[10]


def test_both_files_list_all_utterances_and_judge_their_own_person(small, files):
    true = set(_clips(small))
    for session in range(1, SESSIONS + 1):
        hers, his = ({row[9]: row for row in files[session, person]} for person in "FM")
        names = {name for name in true if name.startswith(f"Sess{session:02}_")}
        assert names <= set(his)
        assert names - set(hers) == {"Sess03_impro02_F001"} & names
        shared = sorted(names & set(hers))
        assert all(hers[name][1:3] == his[name][1:3] for name in shared if name not in _WRONG)
        differ = [hers[name][10:] != his[name][10:] for name in shared]
        assert np.mean(differ) > 0.9


_WRONG = {"Sess03_impro02_M001", "Sess09_script06_M001", "Sess09_impro01_M001"}


def test_wrong_rows_are_at_their_places(files):
    found = {key: Counter(row[9] for row in rows) for key, rows in files.items()}
    assert found[3, "F"]["Sess03_impro02_M001"] == 2
    assert found[3, "F"]["Sess03_impro02_F001"] == 0
    assert found[3, "M"]["Sess03_impro02_F001"] == 1
    for scene in ("script06", "impro01"):
        assert found[9, "F"][f"Sess09_{scene}_M001"] == 2
        assert found[9, "F"][f"Sess09_{scene}_F001"] == found[9, "M"][f"Sess09_{scene}_M001"] == 1
    assert found[4, "F"]["Sess04_impro03_M031"] == found[4, "M"]["Sess04_impro03_F031"] == 1
    assert {key for key, names in found.items() if names[""]} == {(2, "M"), (8, "F")}
    repeated = {name for names in found.values() for name, count in names.items() if count > 1}
    assert repeated == _WRONG
    places = [[row[0] for row in files[4, person] if row[9].endswith("031")] for person in "FM"]
    assert places[0] == places[1]


def test_a_wrong_row_has_the_times_of_the_utterance_that_it_judges(files):
    for session, scene in ((3, "impro02"), (9, "script06"), (9, "impro01")):
        names = [f"Sess{session:02}_{scene}_{person}001" for person in "FM"]
        right = {row[9]: row[1:3] for row in files[session, "M"]}
        twice = [row[1:3] for row in files[session, "F"] if row[9] == names[1]]
        assert sorted(twice) == sorted(right[name] for name in names)


def test_times_of_the_devices_are_missing_where_there_is_no_physiology(files):
    absent = set()
    for rows in files.values():
        for row in rows:
            cells = set(row[3:9])
            if cells & {"", "NaN"}:
                assert len(cells) == 1
                absent |= {(row[9][:-5], cells.pop())}
            else:
                assert float(row[4]) - float(row[3]) == pytest.approx(float(row[2]) - float(row[1]), abs=2e-3)
                assert row[3:5] == row[5:7] == row[7:9]
    assert {scene for scene, _ in absent} == {
        "Sess01_impro03", "Sess01_impro04", "Sess03_script04", "Sess04_impro03", "Sess06_script02", "Sess07_script02",
    }  # fmt: skip
    assert {cell for _, cell in absent} == {"", "NaN"}


def test_audio_is_16_bit_mono_at_16_khz_and_lasts_as_annotated(small, files):
    lasts = {row[9]: float(row[2]) - float(row[1]) for row in files[5, "F"]}
    for name, seconds in lasts.items():
        with wave.open(str(_clips(small)[name])) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
            assert abs(file.getnframes() / 16000 - seconds) < 1e-3


def test_transcripts_are_one_line_of_utf_8_and_one_is_empty(small):
    texts = [path.read_bytes().decode("utf-8") for path in small.glob("wav/*/*/*.txt")]
    said = [text for text in texts if text]
    assert len(said) == len(texts) - 1
    assert all(text.endswith("\n") and text.count("\n") == 1 and re.search("[가-힣]", text) for text in said)
    assert any(re.search(r"\b[bonlu]/", text) for text in said)


@pytest.mark.parametrize(("medium", "step"), [("EDA", 250), ("TEMP", 250), ("ECG", 4)])
def test_rows_of_physiology_lie_in_their_utterance_whoever_speaks(small, files, medium, step):
    fields = rf"\d+\.\d+,0\.25,({STAMP})" if step == 250 else rf"\d+\.\d{{3}},-?\d+\.\d{{3}},({STAMP})"
    for (session, person), rows in files.items():
        if session not in (1, 2, 9):
            continue
        spans = {row[9]: (row[3], row[4]) for row in rows if row[3] not in ("", "NaN") and row[9] not in _WRONG}
        text = (small / f"{medium}/Session{session:02}/Original/Sess{session:02}{person}.csv").read_text()
        parsed = [re.fullmatch(rf"{fields}(?:,({SEGMENT}))?", line) for line in text.splitlines()]
        assert all(parsed)
        origin = _time(parsed[0][1]).replace(minute=0, second=0, microsecond=0)
        owned: dict[str, list[float]] = {}
        for row in parsed:
            owned.setdefault(row[2], []).append((_time(row[1]) - origin) / timedelta(milliseconds=1))
        assert set(spans) - {""} == set(owned) - {None} - _WRONG
        for name, (start, end) in spans.items():
            if name:
                times = owned[name]
                assert float(start) * 1000 - 0.5 <= times[0] <= times[-1] < float(end) * 1000 + 0.5
                assert set(np.diff(times)) <= {step}
                assert abs(len(times) - (float(end) - float(start)) * 1000 / step) <= 1


def test_bytes_depend_on_the_options_alone(tmp_path):
    done: list[tuple[int, int]] = []
    options = {"utterances": 60, "sessions": 2, "seed": 7}
    SYNTH.write(tmp_path / "a", **options)
    SYNTH.write(tmp_path / "b", **options, workers=2, progress=lambda *now: done.append(now))
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert done == [(0, 60), done[1], (60, 60)]


def test_each_option_changes_the_corpus(tmp_path):
    SYNTH.write(tmp_path / "one", utterances=20, sessions=1)
    SYNTH.write(tmp_path / "seed", utterances=20, sessions=1, seed=1)
    SYNTH.write(tmp_path / "alike", utterances=20, sessions=1, speaker_effect=0.0)
    one, seed, alike = (_tree(tmp_path / name) for name in ("one", "seed", "alike"))
    annotation = "annotation/Session01_F_res.csv"
    assert len({one[annotation], seed[annotation], alike[annotation]}) == 3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"utterances": 1, "sessions": 2}, "utterances: found 1"),
        ({"utterances": 99999, "sessions": 1}, "3000"),
        ({"sessions": 21}, "sessions: found 21; KEMDy19 has 1 to 20"),
        ({"seed": -1}, "seed: found -1"),
        ({"version": "1.0"}, "expected one of 1.3"),
        ({"speaker_effect": float("nan")}, "speaker effect"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_written(tmp_path, options, named):
    with pytest.raises(ConfigError, match=re.escape(named)):
        SYNTH.write(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("here", encoding="utf-8")
    with pytest.raises(StoreWriteError, match="refused a write"):
        SYNTH.write(tmp_path / "file" / "out", utterances=12, sessions=1)


def test_an_interrupted_run_looks_like_no_corpus_and_says_what_it_is(tmp_path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SYNTH.write(tmp_path, utterances=24, sessions=2, progress=stop)
    assert not (tmp_path / "annotation").exists()
    assert "SYNTHETIC corpus made by kemfeat in the shape of KEMDy19" in (tmp_path / "SYNTHETIC.txt").read_text()


@pytest.fixture(scope="module")
def whole() -> list[tuple[str, list[str]]]:
    """All rows of the annotation at full size, each with the person that its file is of."""
    scenes = draw_scenes(0, utterances=10279, sessions=20)
    said = draw_ratings(0, scenes, speaker_effect=1.0)
    made = []
    for session, (role, person) in itertools.product(range(1, 21), enumerate("FM")):
        mine = np.flatnonzero(scenes.session == session)
        here, (speaking, listening) = scenes.rows(mine), (one.rows(mine) for one in said)
        ratings = listening.replaced(here.user % 2 == 1 - role, speaking)
        text = table(person, here, ratings, opened=np.zeros(len(here), dtype=int), bio_poor=bio_poor(here))
        made += [(person, row) for row in _rows(text)]
    return made


def test_rows_have_the_published_numbers_at_full_size(whole):
    assert len(whole) == 20566
    # By the wrong id one row of a speaker is a listener's; one more speaker's row is of an utterance that is not there.
    assert sum(row[9][-4:-3] == person for person, row in whole) == 10279
    assert sum(row[9][-4:-3] != person for person, row in whole) == 10287
    assert sum(row[9] == "" for _, row in whole) == 3


def test_labels_have_the_published_shares_and_means_at_full_size(whole):
    own = [row for person, row in whole if row[9][-4:-3] == person]
    counts = Counter(row[10] for row in own)
    assert set(counts) == set(KEMDY19.kinds)
    for name, published in (CLASS_COUNTS | TIE_COUNTS).items():
        assert counts[name] == pytest.approx(published * 10279 / 10022, abs=1.5), name
    for name, means in CLASS_MEANS.items():
        cells = np.array([[float(cell) for cell in row[11:13]] for row in own if row[10] == name])
        np.testing.assert_allclose(cells.mean(axis=0), means, atol=0.04)


def test_listeners_often_share_the_label(whole):
    own = {row[9]: row[10] for person, row in whole if row[9][-4:-3] == person}
    other = {row[9]: row[10] for person, row in whole if row[9][-4:-3] not in ("", person)}
    assert 0.6 < np.mean([own[name] == other[name] for name in own if name in other]) < 0.85
