from __future__ import annotations

import itertools
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from kemfeat import plugins
from kemfeat.errors import ConfigError
from kemfeat.synth.iemocap import SYNTH
from kemfeat.synth.iemocap._ratings import KINDS

DIALOG = r"Ses0[1-5][FM]_(?:impro\d\d|script\d\d_\d)[ab]?"
SUMMARY = re.compile(
    rf"\[(\d+\.\d{{4}}) - (\d+\.\d{{4}})\]\t({DIALOG}_[FM]\d{{3}})\t([a-z]{{3}})\t"
    r"\[([1-5]\.\d{4}), ([1-5]\.\d{4}), ([1-5]\.\d{4})\]"
)
CATEGORY = re.compile(r"C-([EFM]\d):\t([A-Z][a-z]+(?:; [A-Z][a-z]+)*);\t\((.*)\)")
SCALES = re.compile(r"A-([EFM]\d):\tval ([1-5]); act ([1-5]); dom  ([1-5]);\t\((.*)\)")
CODES = {kind.category: code for code, kind in KINDS.items()}


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _visible(paths) -> list[Path]:
    return sorted(path for path in paths if not path.name.startswith("._"))


def _evaluations(root: Path) -> list[Path]:
    return _visible(root.glob("Session?/dialog/EmoEvaluation/*.txt"))


def _blocks(path: Path) -> list[list[str]]:
    header, *blocks = path.read_bytes().decode("latin-1").split("\n\n")
    assert header.startswith("%")
    assert "\n" not in header
    assert blocks[-1].endswith("\n")
    return [block.strip("\n").split("\n") for block in blocks]


def _all_blocks(root: Path) -> list[list[str]]:
    return [block for path in _evaluations(root) for block in _blocks(path)]


def _samples(path: Path, *, channels: int) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (channels, 2, 16000)
        values = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return values if channels == 1 else values.reshape(-1, channels)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "IEMOCAP"
    SYNTH.write(out, utterances=80, sessions=2, seed=7)
    return out


def test_it_is_found_by_name_and_as_large_as_the_corpus():
    assert plugins.find("synth", "IEMOCAP") is SYNTH
    assert (SYNTH.utterances, SYNTH.sessions, SYNTH.versions) == (10039, 5, ("1.0",))


def test_the_tree_has_the_real_shape(small):
    top = {"Session1", "Session2", "Documentation", "README.txt", "SYNTHETIC.txt", "tokenizer"}
    assert {path.name for path in small.iterdir()} == top
    for session in (1, 2):
        home = small / f"Session{session}"
        dialogs = {path.stem for path in _visible((home / "dialog" / "EmoEvaluation").glob("*.txt"))}
        assert all(re.fullmatch(DIALOG, name) and name[4] == str(session) for name in dialogs)
        assert {name[5] for name in dialogs} == {"F", "M"}
        assert {path.stem for path in _visible((home / "dialog" / "transcriptions").iterdir())} == dialogs
        assert {path.name for path in _visible((home / "sentences" / "wav").iterdir())} == dialogs
        folders = {path.name for path in (home / "dialog" / "EmoEvaluation").iterdir() if path.is_dir()}
        assert folders == {"Attribute", "Categorical", "Self-evaluation"}
        for actor in "FM":
            assert {path.stem for path in (home / "dialog" / "lab" / f"Ses0{session}_{actor}").iterdir()} == dialogs
    assert not list(small.rglob("*.partial"))


def test_every_block_says_who_when_and_what(small):
    names = []
    for start, end, name, code, *means in (SUMMARY.fullmatch(block[0]).groups() for block in _all_blocks(small)):
        assert float(start) < float(end)
        assert code in KINDS
        assert all(1 <= float(mean) <= 5 for mean in means)
        names.append(name)
    assert len(names) == len(set(names)) == 80


def test_final_ratings_are_means_and_majorities_of_the_observers_alone(small):
    own = []
    for first, *lines in _all_blocks(small):
        *_, name, code, valence, activation, dominance = SUMMARY.fullmatch(first).groups()
        votes = [CATEGORY.fullmatch(line).groups() for line in lines if line.startswith("C-")]
        scales = [SCALES.fullmatch(line).groups() for line in lines if line.startswith("A-")]
        assert len(votes) + len(scales) == len(lines)
        assert [line[0] for line in lines] == sorted((line[0] for line in lines), key="CA".index)
        own += [who for who, *_ in votes + scales if who[0] != "E"]
        assert all(who in {"E1", "E2", "E3", "E4", f"{name[-4]}1"} for who, *_ in votes + scales)
        reports = np.array([list(map(int, cells[1:4])) for cells in scales if cells[0][0] == "E"])
        assert len(reports) in (2, 3)
        assert [valence, activation, dominance] == [f"{mean:.4f}" for mean in reports.mean(axis=0)]
        observed = [named.split("; ") for who, named, _ in votes if who[0] == "E"]
        assert len(observed) in (3, 4)
        assert _majority(observed) == code
    assert len(own) > 80


def _majority(observed: list[list[str]]) -> str:
    counts = {name: sum(name in named for named in observed) for name in CODES}
    top = [name for name, count in counts.items() if count == max(counts.values())]
    if len(top) > 1:
        return "xxx"
    assert counts[top[0]] > len(observed) / 2
    return CODES[top[0]]


def test_the_woman_s_turns_come_first_each_actor_s_in_time_and_numbered_from_zero(small):
    for path in _evaluations(small):
        turns = [SUMMARY.fullmatch(block[0]).groups() for block in _blocks(path)]
        assert [name[-4] for _, _, name, *_ in turns] == sorted(name[-4] for _, _, name, *_ in turns)
        for actor in "FM":
            mine = [turn for turn in turns if turn[2][-4] == actor]
            assert [int(turn[2][-3:]) for turn in mine] == list(range(len(mine)))
            assert all(float(a[1]) <= float(b[0]) for a, b in itertools.pairwise(mine))


def test_partners_overlap_sometimes(small):
    overlaps = 0
    for path in _evaluations(small):
        turns = sorted(tuple(map(float, SUMMARY.fullmatch(block[0]).groups()[:2])) for block in _blocks(path))
        overlaps += sum(a[1] > b[0] for a, b in itertools.pairwise(turns))
    assert 5 < overlaps < 60


def test_the_annotation_is_latin_1_and_not_ascii(small):
    for session in (1, 2):
        content = b"".join(path.read_bytes() for path in _evaluations(small) if f"Session{session}" in path.parts)
        assert not content.isascii()
        with pytest.raises(UnicodeDecodeError):
            content.decode("utf-8")


def test_files_of_single_people_name_every_turn_they_judged(small):
    names = {SUMMARY.fullmatch(block[0])[3] for block in _all_blocks(small)}
    for folder, suffix in (("Categorical", "cat"), ("Attribute", "atr")):
        said = [
            line.split(" :")[0]
            for path in small.glob(f"Session?/dialog/EmoEvaluation/{folder}/*_{suffix}.txt")
            for line in path.read_text(encoding="ascii").splitlines()
        ]
        assert set(said) == names
        assert len(said) >= 2 * len(names)


def test_transcriptions_have_every_turn_by_start_and_some_without_a_number(small):
    spans = {}
    for first, *_ in _all_blocks(small):
        start, end, name, *_ = SUMMARY.fullmatch(first).groups()
        spans[name] = f"[{start.rjust(8, '0')}-{end.rjust(8, '0')}]"
    found = {}
    for path in _visible(small.glob("Session?/dialog/transcriptions/*.txt")):
        text = path.read_bytes().decode("latin-1")
        turns = re.findall(rf"^({path.stem}_[FM]\d{{3}}) (\[.*\]): (\S.*)$", text, flags=re.MULTILINE)
        assert [span for _, span, _ in turns] == sorted(span for _, span, _ in turns)
        assert re.search(rf"^{path.stem}_[FM]XXX \[\d{{3}}\.\d{{4}}-\d{{3}}\.\d{{4}}\]: ", text, flags=re.MULTILINE)
        assert re.search(r"^[FM]: ", text, flags=re.MULTILINE)
        found |= {name: span for name, span, _ in turns}
    assert found == spans


def test_audio_lasts_as_annotated(small):
    names = set()
    for first, *_ in _all_blocks(small):
        start, end, name, *_ = SUMMARY.fullmatch(first).groups()
        path = small / f"Session{name[4]}" / "sentences" / "wav" / name[:-5] / f"{name}.wav"
        assert abs(len(_samples(path, channels=1)) / 16000 - (float(end) - float(start))) < 1e-4
        names.add(path)
    assert set(_visible(small.glob("Session?/sentences/wav/*/*.wav"))) == names


def test_a_dialog_of_each_session_is_there_as_both_microphones_heard_it(small):
    paths = _visible(small.glob("Session?/dialog/wav/*.wav"))
    assert [path.parts[-4] for path in paths] == ["Session1", "Session2"]
    for path in paths:
        both = _samples(path, channels=2)
        silent = np.ones(both.shape, dtype=bool)
        home = path.parents[2]
        for block in _blocks(home / "dialog" / "EmoEvaluation" / f"{path.stem}.txt"):
            start, _, name, *_ = SUMMARY.fullmatch(block[0]).groups()
            alone = _samples(home / "sentences" / "wav" / path.stem / f"{name}.wav", channels=1)
            begin, channel = int(start.replace(".", "")) * 16 // 10, "FM".index(name[-4])
            np.testing.assert_array_equal(both[begin : begin + len(alone), channel], alone)
            silent[begin : begin + len(alone), channel] = False
        assert not both[silent].any()


def test_macos_left_its_files_beside_the_others(small):
    for session in (1, 2):
        home = small / f"Session{session}"
        for folder in ("dialog/EmoEvaluation", "dialog/transcriptions", "sentences/wav", "sentences/wav/*"):
            dropped = [path for path in home.glob(f"{folder}/._*") if path.is_file()]
            assert dropped, folder
            for path in dropped:
                assert path.with_name(path.name[2:]).exists()
                assert path.read_bytes().startswith(b"\x00\x05\x16\x07")


def test_the_tokenizer_covers_every_transcript(small):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(small / "tokenizer" / "tokenizer.json"))
    for path in _visible(small.glob("Session?/dialog/transcriptions/*.txt")):
        for text in re.findall(r"\]: (.*)$", path.read_text(encoding="latin-1"), flags=re.MULTILINE):
            spoken = re.sub(r" ?\[[A-Z]+\] ?", "", text)
            encoded = tokenizer.encode(spoken)
            assert tokenizer.decode(encoded.ids, skip_special_tokens=True).replace(" ", "") == spoken.replace(" ", "")


def test_the_reader_finds_every_utterance_and_nothing_to_repair(small):
    manifest = plugins.find("corpora", "IEMOCAP").read_manifest(small)
    assert len(manifest.utterances) == 80
    assert manifest.utterances["audio"].notna().all()
    expected = {"missing-dialog-audio", "missing-video", "no-majority", "stray-file"}
    assert {finding.rule for finding in manifest.findings} == expected
    assert {finding.severity for finding in manifest.findings} == {"info"}


def test_bytes_depend_on_the_options_alone(small, tmp_path):
    done: list[tuple[int, int]] = []
    SYNTH.write(tmp_path, utterances=80, sessions=2, seed=7, workers=2, progress=lambda *now: done.append(now))
    assert _tree(tmp_path) == _tree(small)
    assert done[0] == (0, 80)
    assert done[-1] == (80, 80)


def test_the_speaker_effect_moves_ratings_and_neither_words_nor_speech(small, tmp_path):
    SYNTH.write(tmp_path, utterances=80, sessions=2, seed=7, speaker_effect=6.0)
    near, far = _tree(small), _tree(tmp_path)
    differing = {name for name in near if near[name] != far[name]}
    assert differing <= {name for name in near if "EmoEvaluation" in name or name == "SYNTHETIC.txt"}
    assert any(name.endswith("impro01.txt") for name in differing)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"utterances": 1, "sessions": 2}, "utterances: found 1"),
        ({"utterances": 99999, "sessions": 1}, "4000"),
        ({"sessions": 6}, "IEMOCAP has 1 to 5"),
        ({"version": "2.0"}, "expected one of 1.0"),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_written(tmp_path, options, named):
    with pytest.raises(ConfigError, match=re.escape(named)):
        SYNTH.write(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_an_interrupted_run_has_no_annotation_and_says_what_it_is(tmp_path):
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SYNTH.write(tmp_path, utterances=8, sessions=2, progress=stop)
    assert list(tmp_path.rglob("*.wav"))
    assert not list(tmp_path.rglob("EmoEvaluation"))
    assert "SYNTHETIC" in (tmp_path / "SYNTHETIC.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("utterances", "sessions"), [(1, 1), (5, 5), (7, 3)])
def test_the_smallest_corpora_are_whole(tmp_path, utterances, sessions):
    SYNTH.write(tmp_path, utterances=utterances, sessions=sessions)
    assert len(_all_blocks(tmp_path)) == utterances
    assert {path.parts[-4] for path in _evaluations(tmp_path)} == {f"Session{n}" for n in range(1, sessions + 1)}
