"""The installed command, as a person and a program meet it: what it prints, where, and its exit code. Never a trace."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from kemfeat import __version__
from tests.build.kit import KEMFEAT, PARTITIONS, ROWS, tree
from tests.e2e.command import Said, build, kemfeat, sentence

SETS = [
    *("--features", "mel,delta,text,tokens,eda,temp,ibi", "--set", "rows_per_shard=4"),
    *("--set", "mel.max_frames=32", "--set", "mel.n_mels=16"),
    *("--set", "tokens.max_length=8", "--set", "eda.max_length=12"),
]


def test_help_and_version():
    said = kemfeat("--help", COLUMNS="80")
    assert said.code == 0
    assert all(command in said.out for command in ("build", "validate", "info", "verify", "diff", "synth"))
    codes = " ".join(said.out.split()).partition("Exit codes: ")[2]
    assert [code.split()[0] for code in codes.split(", ")][:6] == ["0", "1", "2", "3", "4", "5"]
    assert kemfeat("--version") == Said(0, f"kemfeat {__version__}\n", "")
    assert kemfeat("build", "--help").code == 0


def test_no_command_is_a_call_for_help():
    said = kemfeat()
    assert said.code == 2
    assert "Usage: kemfeat" in said.out + said.err


def test_a_build_says_what_it_made_and_makes_what_the_library_makes(bench):
    new = bench.fresh()
    said = build(new, *SETS, "--workers", 1)
    assert said.code == 0
    lines = said.out.splitlines()
    digest = json.loads((bench.out / "kemfeat.json").read_text())["digest"]
    assert lines[0].startswith(f"{new.out}: {ROWS} utterances in ")
    assert lines[0].endswith(f"digest {digest[:12]}")
    assert lines[1].startswith(f"{7 * PARTITIONS} parts written, 0 kept; arrays: mel, mel_lengths, delta, ")
    assert lines[2] == f"utterances: {ROWS} found = {ROWS} kept + 0 failed + 0 left out"
    assert f"extracting: {ROWS} of {ROWS} rows (100 %)" in said.err
    assert tree(new.out) == tree(bench.out)


def test_a_second_build_says_that_there_was_nothing_to_do(bench):
    said = build(bench, *SETS)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"{bench.out}: up to date, {ROWS} utterances, digest ")


def test_a_build_for_programs_is_one_json_document_and_silence(bench):
    said = build(bench, *SETS, "--json", "--rehash", "-j", 1)
    assert (said.code, said.err) == (0, "")
    facts = said.json
    assert facts.pop("seconds") > 0
    assert len(facts.pop("digest")) == 64
    assert facts == {
        "store": str(bench.out),
        "utterances": ROWS,
        "written": 0,
        "kept": 7 * PARTITIONS,
        "failures": 0,
        "up_to_date": False,
        "notes": [],
        "balance": {"found": ROWS, "kept": ROWS, "failed": 0, "left_out": {}, "lost": []},
        "moved_aside": None,
    }


def test_settings_come_from_a_file_and_options_win(bench, tmp_path):
    config = tmp_path / "내 설정.toml"
    config.write_text('\ufefflabels = "votes"\nfeatures = ["eda"]\n[eda]\nmax_length = 9\n', encoding="utf-8")
    new = bench.fresh()
    said = build(new, "--config", config, "--set", "eda.max_length=7", "--features", "eda,temp", "-j", "1")
    assert said.code == 0
    facts = kemfeat("info", new.out, "--json").json
    assert facts["label_rule"] == "votes"
    assert list(facts["arrays"]) == ["eda", "eda_mask", "temp", "temp_mask"]
    assert facts["arrays"]["eda"]["shape"] == [ROWS, 7]


def test_with_no_other_option_the_corpus_here_becomes_a_store_here(bench, tmp_path):
    here = tmp_path / "here"
    shutil.copytree(bench.corpus.root, here / "data" / "KEMDy20_v1_1")
    said = kemfeat("build", "--dataset", "kemdy20", "--features", "eda", "-j", 1, cwd=here, KEMFEAT_DATA="")
    assert said.code == 0
    assert said.out.startswith(f"stores/KEMDy20: {ROWS} utterances")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = kemfeat("validate", "--dataset", "KEMDy20", "-j", 1, cwd=elsewhere, KEMFEAT_DATA=str(here / "data"))
    assert said.code == 0
    missed = sentence("build", "--dataset", "KEMDy20", code=3, cwd=elsewhere, KEMFEAT_DATA="")
    assert "looked at data/KEMDy20*, KEMDy20* ($KEMFEAT_DATA is not set); pass --root" in missed


def test_force_says_where_things_are_now(bench):
    said = build(bench, "--features", "eda", "--force", "-j", "1")
    assert said.code == 0
    moved = Path(said.out.splitlines()[0].removeprefix("the former content is now "))
    assert (moved / "kemfeat.json").is_file()
    assert moved.parent == bench.out.parent


INFO = {"dataset", "format_version", "digest", "utterances", "arrays", "complete", "config", "versions", "coverage"}


def test_info(finished):
    facts = kemfeat("info", finished.out, "--json").json
    assert set(facts) >= INFO
    assert (facts["dataset"], facts["format_version"], facts["utterances"]) == ("KEMDy20", 2, ROWS)
    assert facts["complete"] is True
    assert facts["arrays"]["mel"]["shape"] == [ROWS, 32, 16]
    assert facts["emotions"] == {"happy;neutral": ROWS}
    said = kemfeat("info", finished.out)
    assert said.code == 0
    assert "KEMDy20" in said.out
    assert facts["digest"][:12] in said.out
    assert "input_ids" in said.out


def test_verify(bench):
    said = kemfeat("verify", bench.out, "--recompute", 3, "--root", bench.corpus.root)
    assert said.code == 0
    assert said.out.startswith(f"{bench.out}: sound; ")
    assert said.out.endswith("3 utterances recomputed\n")
    facts = kemfeat("verify", bench.out, "--json").json
    assert facts["ok"] is True
    assert facts["problems"] == []
    assert facts["files"] > 60
    shard = next(path for path in (bench.out / "features.zarr/mel/mel/c").rglob("0") if path.is_file())
    shard.write_bytes(shard.read_bytes()[:-1])
    said = kemfeat("verify", bench.out, "--json")
    assert said.code == 4
    assert said.json["ok"] is False
    assert said.json["problems"][0].startswith("features.zarr/mel/mel/c/")
    assert kemfeat("verify", bench.out).code == 4


def test_verify_finds_a_corpus_that_is_another(bench):
    bench.corpus.set_cell(3, 5, "sad")
    said = kemfeat("verify", bench.out, "--recompute", ROWS, "--root", bench.corpus.root)
    assert said.code == 4
    assert "emotion is 'happy;neutral' in the store and 'sad' in the corpus" in said.out


def test_diff(bench, finished):
    assert kemfeat("diff", bench.out, finished.out).code == 0
    assert kemfeat("diff", bench.out, finished.out, "--json").json["equal"] is True
    name = bench.corpus.ids[2]
    bench.corpus.set_cell(5, 5, "sad")
    bench.corpus.wav(name).write_bytes(bench.corpus.wav(bench.corpus.ids[0]).read_bytes())
    bench.build()
    said = kemfeat("diff", bench.out, finished.out, "--json")
    assert said.code == 1
    assert said.json["features"] == {"mel": [name], "delta": [name]}
    assert said.json["columns"]["emotion"] == [name]
    said = kemfeat("diff", bench.out, finished.out)
    assert said.code == 1
    assert f"column emotion: differs in 1 row: {name}" in said.out


def test_validate_for_programs(bench):
    bench.corpus.wav(bench.corpus.ids[0]).unlink()
    said = kemfeat("validate", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--json", "-j", 1)
    assert (said.code, said.err) == (3, "")
    facts = said.json
    assert facts["counts"]["utterances"] == ROWS
    assert {"rule", "severity", "count", "examples", "action"} == set(facts["findings"][0])
    first = facts["findings"][0]
    assert (first["rule"], first["severity"], first["count"]) == ("missing-wav", "error", 1)
    assert first["examples"] == [f"wav/Session01/{bench.corpus.ids[0]}.wav: no such file"]
    assert first["action"]


def test_validate_for_people_and_its_exit_codes(bench):
    where = ("validate", "--dataset", "KEMDy20", "--root", bench.corpus.root, "-j", 1)
    for name in bench.corpus.ids:
        bench.corpus.set_cell(3 + bench.corpus.ids.index(name) % 6, 3, "99", session=int(name[5]))
    said = kemfeat(*where)
    assert said.code == 0
    assert "duration-mismatch" in said.out
    assert "rules broken: 0 error, 1 warning, 1 info" in said.out
    assert f"utterances: {ROWS} found = {ROWS} kept + 0 failed + 0 left out\n" in said.out
    assert kemfeat(*where, "--strict").code == 3
    bench.corpus.set_cell(3, 5, "joy")
    said = kemfeat(*where)
    assert said.code == 3
    assert "unknown-label" in said.out


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}])
def test_paths_with_spaces_and_hangul_in_any_locale(bench, tmp_path, locale):
    root = tmp_path / "감정 데이터 (최종)" / "KEMDy20 복사본"
    shutil.copytree(bench.corpus.root, root)
    out = tmp_path / "저장소 하나"
    said = kemfeat(
        "build", "--dataset", "KEMDy20", "--root", root, "--out", out, "--features", "temp", "-j", 1, **locale
    )
    assert said.code == 0
    assert kemfeat("info", out, **locale).code == 0
    facts = kemfeat("validate", "--dataset", "KEMDy20", "--root", root, "--json", "-j", 1, **locale).json
    assert facts["counts"]["utterances"] == ROWS


OLD_KOREAN = os.fsdecode("한글".encode("cp949"))
"""A file name as an old Korean system wrote it: bytes that are no UTF-8."""


@pytest.mark.parametrize("encoding", ["utf-8:strict", "utf-8:surrogateescape", "ascii:strict"])
def test_file_names_that_are_no_unicode(bench, encoding):
    (bench.corpus.root / "wav" / "Session01" / f"{OLD_KOREAN}.txt").write_text("")
    where = ("validate", "--dataset", "KEMDy20", "--root", bench.corpus.root, "-j", 1)
    said = kemfeat(*where, "--json", PYTHONIOENCODING=encoding)
    assert said.code == 0
    strays = [finding for finding in said.json["findings"] if finding["rule"] == "stray-file"]
    assert strays[0]["examples"] == [f"wav/Session01/{OLD_KOREAN}.txt"]
    assert kemfeat(*where, PYTHONIOENCODING=encoding).code == 0


def test_folders_whose_names_are_no_unicode(bench, tmp_path):
    """A corpus may lie in one; a store may not, and that is said before any work."""
    root = tmp_path / OLD_KOREAN / "KEMDy20"
    shutil.copytree(bench.corpus.root, root)
    where = ("build", "--dataset", "KEMDy20", "--root", root, "--features", "eda", "-j", 1, "--out")
    assert kemfeat(*where, tmp_path / "one").code == 0
    assert kemfeat("verify", tmp_path / "one", "--recompute", 2, "--root", root).code == 0
    assert "this name is not valid Unicode" in sentence(*where, tmp_path / OLD_KOREAN / "store", code=4)
    assert (
        kemfeat("validate", "--dataset", "KEMDy20", "--root", root, "-j", 1, PYTHONIOENCODING="utf-8:strict").code == 0
    )


def test_a_reader_that_leaves_early_is_no_error(finished):
    with subprocess.Popen(
        [KEMFEAT, "info", finished.out, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as one:
        one.stdout.close()
        said = one.stderr.read()
    assert b"Traceback" not in said
    assert b"defect" not in said
    assert one.returncode in {0, 1, 120, -signal.SIGPIPE, 128 + signal.SIGPIPE}


def test_a_disk_that_cannot_take_the_output_is_a_sentence(finished):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([KEMFEAT, "info", finished.out], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    assert b"No space left on device" in done.stderr


def test_debug_is_for_those_who_ask(tmp_path):
    done = subprocess.run([KEMFEAT, "info", tmp_path / "none", "--debug"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "StoreIncompleteError" in done.stderr


def test_a_bar_for_who_wants_one(bench):
    said = build(bench.fresh(), "--features", "eda", "--progress", "-j", "1")
    assert said.code == 0
    assert "extracting" in said.err
    assert f"{ROWS}/{ROWS}" in said.err


def test_a_synthetic_corpus_goes_the_whole_way(tmp_path):
    root, out = tmp_path / "KEMDy20", tmp_path / "store"
    made = kemfeat("synth", "--dataset", "KEMDy20", "--out", root, "--utterances", 40, "--sessions", 2, "-j", 1)
    assert made.code == 0
    assert kemfeat("validate", "--dataset", "KEMDy20", "--root", root, "-j", 1).code == 0
    assert kemfeat("build", "--dataset", "KEMDy20", "--root", root, "--out", out, "-j", 2).code == 0
    assert kemfeat("verify", out, "--recompute", 5, "--root", root).code == 0
    assert kemfeat("info", out, "--json").json["utterances"] == 40
    assert "not empty" in sentence("synth", "--dataset", "KEMDy20", "--out", root, "--utterances", 40, code=2)
