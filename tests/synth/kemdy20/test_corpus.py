from __future__ import annotations

import csv
import itertools
import json
import re
import wave
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kemfeat import plugins
from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.labels import count_votes, join_emotions, majority, parse_emotions
from kemfeat.synth.kemdy20 import STRAY_FILES, SYNTH
from kemfeat.synth.kemdy20._session import plan_sessions

ROW_1 = (
    b"Numb,WAV, ,Segment ID,Total Evaluation, , ,Eval01F, , ,Eval02M, , ,Eval03M, , ,Eval04F, , ,Eval05M, , ,"
    b"Eval06F, , ,Eval07F, , ,Eval08M, , ,Eval09F, , ,Eval10M, , \n"
)
ROW_2 = b" ,start,end, " + b",Emotion,Valence,Arousal" * 11 + b"\n"
SEGMENT = r"Sess\d\d_script0[1-6]_User0\d\d[MF]_\d{3}"
STAMP = r"\d{4}-\d{4}-\d{4}-\d\d-\d{3}"


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _annotation(root: Path, session: int) -> list[list[str]]:
    with (root / f"annotation/Sess{session:02}_eval.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[2:]


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp + "000", "%Y-%m%d-%H%M-%S-%f")


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "KEMDy20"
    SYNTH.write(out, utterances=60, sessions=2, seed=7)
    return out


@pytest.fixture(scope="module")
def rows(small) -> list[list[str]]:
    return _annotation(small, 1) + _annotation(small, 2)


def test_it_is_found_by_name():
    assert plugins.find("synth", "KEMDy20") is SYNTH


def test_the_tree_has_the_real_shape(small, rows):
    assert {path.name for path in small.iterdir()} == {
        "annotation", "wav", "EDA", "TEMP", "IBI", "tokenizer", "SYNTHETIC.txt",
    }  # fmt: skip
    names = {row[3] for row in rows}
    assert len(names) == 60
    for suffix in ("wav", "txt"):
        assert {path.stem for path in small.glob(f"wav/Session0[12]/*.{suffix}")} == names
    conversations = {name[:-4] for name in names}
    for medium in ("EDA", "TEMP", "IBI"):
        files = list(small.glob(f"{medium}/Session*/*.csv"))
        assert {path.stem for path in files} == conversations
        assert all(path.parent.name == f"Session{path.name[4:6]}" for path in files)
    assert {path.name for path in small.glob("wav/*.pickle")} == set(STRAY_FILES)
    assert all(b"Not a pickle" in (small / "wav" / name).read_bytes() for name in STRAY_FILES)
    assert "SYNTHETIC" in (small / "SYNTHETIC.txt").read_text(encoding="utf-8")
    assert "seed = 7" in (small / "SYNTHETIC.txt").read_text(encoding="utf-8")


def test_header_rows_are_byte_exact(small):
    for path in small.glob("annotation/*.csv"):
        assert path.read_bytes().startswith(ROW_1 + ROW_2)
        assert b"\r" not in path.read_bytes()


def test_annotation_cells(rows):
    for row in rows:
        assert len(row) == 37
        assert re.fullmatch(SEGMENT, row[3])
        assert float(row[1]) < float(row[2])
        for scale in (0, 1):
            reports = [int(cell) for cell in row[8 + scale :: 3]]
            assert set(reports) <= {1, 2, 3, 4, 5}
            assert row[5 + scale] == f"{sum(reports) / 10:g}"
        assert "disgust" not in ",".join(row)
        votes = [parse_emotions(cell) for cell in row[7::3]]
        assert join_emotions(majority(count_votes(votes))) == row[4].replace("disqust", "disgust")
    assert {row[4] for row in rows} >= {"happy", "surprise", "angry", "neutral", "disqust", "fear", "sad"}
    assert any(";" in row[4] for row in rows)


def test_numbers_count_the_rows_of_each_file(small):
    for session in (1, 2):
        numbers = [int(row[0]) for row in _annotation(small, session)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_audio_is_16_bit_mono_at_16_khz_and_lasts_as_annotated(small, rows):
    for row in rows:
        with wave.open(str(small / f"wav/Session{row[3][4:6]}/{row[3]}.wav")) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
            assert abs(file.getnframes() / 16000 - (float(row[2]) - float(row[1]))) < 2e-5


def test_transcripts_are_one_line_of_cp949(small):
    texts = [path.read_bytes() for path in small.glob("wav/*/*.txt")]
    decoded = [text.decode("cp949") for text in texts]
    assert all(text.endswith("\n") and text.count("\n") == 1 and re.search("[가-힣]", text) for text in decoded)
    assert any(re.search(r"\b[nlbu]/", text) for text in decoded)


def test_uniform_signals_parse_and_rows_lie_in_their_utterance(small, rows):
    start = {row[3]: float(row[1]) for row in rows}
    end = {row[3]: float(row[2]) for row in rows}
    for path in [*small.glob("EDA/*/*.csv"), *small.glob("TEMP/*/*.csv")]:
        lines = path.read_text(encoding="ascii").splitlines()
        assert re.fullmatch(r"\d{10}\.\d{6}", lines[0])
        assert lines[1] == "4.000000"
        owned: dict[str, list[datetime]] = {}
        stamps = []
        for line in lines[2:]:
            assert re.fullmatch(rf"\d+\.\d+,{STAMP}(,{SEGMENT})?", line)
            _, stamp, *name = line.split(",")
            stamps.append(_time(stamp))
            if name and name[0] in start:
                owned.setdefault(name[0], []).append(stamps[-1])
        steps = {b - a for a, b in itertools.pairwise(stamps)}
        assert all(step % timedelta(milliseconds=250) == timedelta(0) for step in steps)
        # One beginning of the conversation on the clock must explain all rows.
        earliest = max((max(t) - timedelta(seconds=end[n]) for n, t in owned.items()), default=datetime.min)
        latest = min((min(t) - timedelta(seconds=start[n]) for n, t in owned.items()), default=datetime.max)
        assert earliest <= latest
        for name, times in owned.items():
            assert name.startswith(path.stem)
            assert abs(len(times) - 4 * (end[name] - start[name])) <= 1


def test_beats_parse_and_some_files_are_empty(small):
    sizes = []
    for path in small.glob("IBI/*/*.csv"):
        lines = path.read_text(encoding="ascii").splitlines()
        sizes.append(len(lines))
        if lines:
            assert re.fullmatch(r"\d{10}\.\d{6}, IBI", lines[0])
            assert all(re.fullmatch(rf"\d+\.\d{{6}},[01]\.\d{{6}},{STAMP}(,{SEGMENT})?", line) for line in lines[1:])
    assert min(sizes) == 0
    assert max(sizes) > 20


def test_physiology_has_missing_and_orphaned_identifiers(small, rows):
    true = {row[3] for row in rows}
    for medium, least in (("EDA", 45), ("TEMP", 45), ("IBI", 40)):
        text = "".join(path.read_text(encoding="ascii") for path in small.glob(f"{medium}/*/*.csv"))
        found = set(re.findall(SEGMENT, text))
        assert least <= len(found & true) < 60
        assert found - true


def test_the_tokenizer_loads(small):
    settings = json.loads((small / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    assert len(settings["model"]["vocab"]) > 50


def test_bytes_depend_on_the_options_alone(small, tmp_path):
    done: list[tuple[int, int]] = []
    SYNTH.write(tmp_path, utterances=60, sessions=2, seed=7, workers=2, progress=lambda *now: done.append(now))
    assert _tree(tmp_path) == _tree(small)
    assert done[-1] == (60, 60)
    assert done[0] == (0, 60)
    assert len(done) == 3


def test_another_seed_gives_another_corpus(small, tmp_path):
    SYNTH.write(tmp_path / "other", utterances=12, sessions=1, seed=8)
    SYNTH.write(tmp_path / "third", utterances=12, sessions=1, seed=9)
    a, b = (_tree(tmp_path / name)["annotation/Sess01_eval.csv"] for name in ("other", "third"))
    assert a != b


@pytest.mark.parametrize(("version", "prefix"), [("1.0", "Sess42"), ("1.1", "Sess17"), ("1.2", "Sess17")])
def test_session_17_carries_identifiers_of_session_42(tmp_path, version, prefix):
    SYNTH.write(tmp_path, utterances=40, sessions=17, version=version)
    assert {row[3][:6] for row in _annotation(tmp_path, 17)} == {prefix}
    assert {row[3][:6] for row in _annotation(tmp_path, 16)} == {"Sess16"}
    assert {path.name[:6] for path in tmp_path.glob("wav/Session17/*")} == {"Sess17"}
    eda = "".join(path.read_text(encoding="ascii") for path in tmp_path.glob("EDA/Session17/*.csv"))
    assert set(re.findall(r"Sess\d\d_script\d\d_User\d\d\d", eda)) <= {
        f"Sess42_script0{script}_User{user}" for script in range(1, 7) for user in ("083", "084")
    }
    assert "Sess42" in eda
    assert len(list(tmp_path.glob("wav/*.pickle"))) == (8 if version == "1.0" else 0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"utterances": 1, "sessions": 2}, "utterances: found 1"),
        ({"utterances": 99999, "sessions": 1}, "1800"),
        ({"sessions": 41}, "sessions: found 41"),
        ({"sessions": 0}, "sessions: found 0"),
        ({"seed": -1}, "seed: found -1"),
        ({"version": "2.0"}, "1.0, 1.1, 1.2"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_written(tmp_path, options, named):
    with pytest.raises(ConfigError, match=re.escape(named)):
        SYNTH.write(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_refused(small):
    before = _tree(small)
    with pytest.raises(ConfigError, match="not empty"):
        SYNTH.write(small, utterances=12, sessions=1)
    assert _tree(small) == before


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
    assert "SYNTHETIC" in (tmp_path / "SYNTHETIC.txt").read_text(encoding="utf-8")


def test_the_plan_of_a_session_is_enough_to_write_it(tmp_path):
    plan = plan_sessions(tmp_path, utterances=50, sessions=3, seed=1)
    assert [session.number for session in plan] == [1, 2, 3]
    assert sum(len(session.turns) for session in plan) == 50
    assert all(len(session.turns) == len(session.sentences) == len(session.ratings.kind) for session in plan)
