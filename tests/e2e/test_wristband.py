"""A folder of wristband sessions through every command that a person would run on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemfeat import open_store
from tests.corpora.e4_sessions import START, session_files, write_session, write_windows
from tests.corpora.test_e4 import write_small
from tests.e2e.command import kemfeat, sentence


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with its store; not to be changed."""
    folder = tmp_path_factory.mktemp("study")
    write_small(folder / "sessions")
    said = kemfeat(
        "build", "--dataset", "e4", "--root", folder / "sessions", "--out", folder / "store", "--workers", 2,
        "--features", "eda,temp,ibi,hrv,text",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "utterances: 24 found = 24 kept + 0 failed + 0 left out" in said.out
    return folder


def test_validate_and_plan_miss_no_audio(study: Path) -> None:
    said = kemfeat("validate", "--dataset", "e4", "--root", study / "sessions", "--strict", "--json")
    assert (said.code, said.json["findings"]) == (0, [])
    assert said.json["balance"]["kept"] == 24
    assert said.json["counts"]["physiology files"] == 3 * 3 + 1
    planned = kemfeat("plan", "--dataset", "e4", "--root", study / "sessions", "--out", study / "other", "--json")
    assert (planned.code, planned.json["missing_audio"]) == (0, 0)


def test_the_store_is_whole_and_described(study: Path) -> None:
    assert kemfeat("verify", study / "store", "--recompute", 5, "--root", study / "sessions").code == 0
    assert kemfeat("info", study / "store", "--json").json["coverage"] == {"eda": 24, "temp": 24, "ibi": 24}
    store = open_store(study / "store")
    assert store.utterances["hrv.beats"].min() > 5
    assert store.utterances["duration"].isna().all()


def test_a_split_by_speaker_keeps_people_apart(study: Path) -> None:
    split = study / "split.parquet"
    made = kemfeat("split", study / "store", "--scheme", "speaker", "--folds", 4, "--labels", "7class", "--out", split)
    assert made.code == 0, made.err
    assert kemfeat("audit", study / "store", split).code == 0


@pytest.mark.parametrize("analysis", ["anova", "correlation", "missingness", "balance", "dtw"])
def test_analyses_run_and_the_report_shows_them(study: Path, analysis: str) -> None:
    out = study / f"store/analyses/{analysis}"
    said = kemfeat("analyze", analysis, study / "store", "--out", out)
    assert said.code == 0, said.err
    assert "nan" not in said.out.casefold().split()
    page = study / f"{analysis}.html"
    assert kemfeat("report", study / "store", "--out", page).code == 0
    assert analysis in page.read_text(encoding="utf-8")


def test_what_needs_audio_and_what_is_no_corpus_end_in_a_sentence(study: Path, tmp_path: Path) -> None:
    said = sentence(
        "build", "--dataset", "e4", "--root", study / "sessions", "--out", tmp_path / "s", "--features", "mel", code=2
    )
    assert "mel needs audio and E4 has none" in said
    write_session(tmp_path / "sessions/S1", session_files())
    said = sentence("validate", "--dataset", "e4", "--root", tmp_path / "sessions", code=3)
    assert "expected windows.csv with the columns id, session or participant, start and end, or e4.toml" in said


def test_a_study_with_embraceplus_through_validate_build_and_info(tmp_path: Path) -> None:
    pytest.importorskip("fastavro", reason="fastavro: pip install 'kemfeat[embraceplus]'")
    from tests.corpora.embraceplus_files import FOLDER, record, write_files

    root = tmp_path / "participant_data"
    rows = []
    for seed, who in enumerate(("1-1-100", "1-1-101")):
        pieces = [record(start=START + 60.02 * place, seed=9 * seed + place, participant=who) for place in range(3)]
        write_files(root / FOLDER.format(who), pieces)
        rows += [f"{who}_{part},{who},{START + 40 * part},{START + 40 * part + 40}" for part in range(4)]
    write_windows(root, rows, header="id,participant,start,end")
    said = kemfeat("validate", "--dataset", "e4", "--root", root, "--strict", "--json")
    assert (said.code, said.json["findings"], said.json["counts"]["physiology files"]) == (0, [], 6)
    said = kemfeat(
        "build", "--dataset", "e4", "--root", root, "--out", tmp_path / "store", "--features", "eda,temp,ibi,hrv"
    )
    assert said.code == 0, said.err
    assert kemfeat("verify", tmp_path / "store", "--recompute", 3, "--root", root).code == 0
    assert kemfeat("info", tmp_path / "store", "--json").json["coverage"] == {"eda": 8, "temp": 8, "ibi": 8}
    store = open_store(tmp_path / "store")
    assert set(store.utterances["speaker"]) == {"1-1-100", "1-1-101"}
    assert store.array("eda").shape == (8, 160)
    assert store.utterances["hrv.beats"].min() > 20
    (root / FOLDER.format("1-1-100") / "more.avro").write_bytes(b"Obj\x01 and no more")
    said = sentence("build", "--dataset", "e4", "--root", root, "--out", tmp_path / "other", code=3)
    assert "more.avro: cannot be read as an Avro file" in said
