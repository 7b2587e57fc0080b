"""What the command says to what it cannot do: one sentence, an exit code, and nothing touched."""

import subprocess
import sys

import pytest

from kemfeat import plugins
from tests.e2e.command import build, kemfeat, sentence

USAGE = {
    "unknown option": (["--quick"], "No such option"),
    "unknown choice": (["--on-error", "ignore"], "Invalid value for '--on-error'"),
    "negative workers": (["--workers", "-1"], "Invalid value for '--workers'"),
    "no workers": (["-j", "0"], "Invalid value for '--workers'"),
    "workers by name": (["-j", "all"], "Invalid value for '--workers'"),
    "too large a share": (["--max-failures", "2"], "Invalid value for '--max-failures'"),
    "share that is no number": (["--max-failures", "nan"], "--max-failures"),
    "stray argument": (["KEMDy20"], "unexpected extra argument"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage_is_code_2(bench, case):
    options, why = USAGE[case]
    said = sentence("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, *options, code=2)
    assert why in said
    assert said.endswith("; see kemfeat build --help")


SETTING = {
    "unknown key": (["--set", "rows_per_shrd=4"], "unknown key 'rows_per_shrd'; did you mean 'rows_per_shard'?"),
    "unknown key of a feature": (["--set", "mel.nmels=4"], "mel: unknown key 'nmels'; did you mean 'n_mels'?"),
    "no equals": (["--set", "mel.n_mels"], "--set mel.n_mels: expected KEY=VALUE, for example --set mel.n_mels=64"),
    "wrong type": (["--set", "mel.n_mels=many"], "mel: n_mels: "),
    "not a table for the tokenizer": (["--set", "tokens=3", "--tokenizer", "x"], "tokens"),
    "unknown feature": (["--features", "mell"], "'mell'; did you mean 'mel'?"),
    "no such file": (["--config", "nowhere.toml"], "nowhere.toml: cannot be read (No such file or directory)"),
    "a folder": (["--config", "."], ".: cannot be read (Is a directory)"),
    "no such tokenizer": (["--tokenizer", "nobody/nothing"], "nobody/nothing"),
    "another corpus": (["--set", "dataset=IEMOCAP"], "IEMOCAP"),
}


@pytest.mark.parametrize("case", SETTING)
def test_a_wrong_setting_is_a_sentence_and_code_2_and_touches_nothing(bench, case, tmp_path):
    options, why = SETTING[case]
    new = bench.fresh()
    where = ("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--out", new.out)
    said = sentence(*where, *options, code=2, cwd=tmp_path, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "hf"))
    assert why in said
    assert not new.out.exists()


@pytest.mark.parametrize("content", [b"mel = ", b"\xff\xfe\x00"])
def test_a_file_that_is_no_toml_is_a_sentence(bench, tmp_path, content):
    (tmp_path / "bad.toml").write_bytes(content)
    where = ("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--config", tmp_path / "bad.toml")
    assert f"{tmp_path}/bad.toml: not a TOML file (" in sentence(*where, code=2)


@pytest.mark.parametrize("command", ["build", "validate", "synth"])
def test_an_unknown_corpus_lists_the_known_ones(tmp_path, command):
    out = () if command == "validate" else ("--out", tmp_path / "out")
    said = sentence(command, "--dataset", "KEMDy21", *out, code=2)
    assert "'KEMDy21'; did you mean 'kemdy20'? (known: " in said
    room = "synth" if command == "synth" else "corpora"
    assert f"(known: {', '.join(plugins.names(room))})" in said


def test_unknown_and_missing_commands_and_options():
    assert sentence("biuld", code=2) == "kemfeat: No such command 'biuld'. Did you mean 'build'? See kemfeat --help"
    assert "Missing option '--dataset'; see kemfeat build --help" in sentence("build", code=2)
    assert "Missing argument 'STORE'; see kemfeat info --help" in sentence("info", code=2)
    assert sentence("analyze", "anova", "--deep", code=2).endswith("; see kemfeat analyze anova --help")


@pytest.mark.parametrize("command", ["build", "validate"])
def test_a_wrong_folder_is_code_3_with_where_found_expected_and_what_now(bench, tmp_path, command):
    (tmp_path / "비어 있음").mkdir()
    (tmp_path / "file").write_text("")
    cases = {
        tmp_path / "none": "none: does not exist; pass --root the folder of the corpus",
        tmp_path / "file": "file: is a file; pass --root the folder of the corpus",
        tmp_path / "비어 있음": "비어 있음: KEMDy20 keeps annotation/SessNN_eval.csv; found nothing in ",
        bench.corpus.root / "wav": f"pass --root {bench.corpus.root}, which contains annotation/",
    }
    for root, why in cases.items():
        assert why in sentence(command, "--dataset", "KEMDy20", "--root", root, code=3)


def test_a_broken_corpus_is_code_3_and_too_many_broken_rows_are_code_5(bench):
    bench.corpus.wav(bench.corpus.ids[0]).write_bytes(b"")
    new = bench.fresh()
    where = ("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--out", new.out, "--features", "mel")
    assert "audio files that cannot be read: 1: wav/Session01/" in sentence(*where, "-j", "1", code=3)
    assert "more than --max-failures 0.01 allows" in sentence(*where, "--on-error", "skip", "-j", "1", code=5)
    said = kemfeat(*where, "--on-error", "skip", "--max-failures", "0.1", "-j", "1")
    assert said.code == 0
    assert "1 row could not be read or extracted: see " in said.out
    facts = kemfeat("info", new.out, "--json").json
    assert (facts["complete"], facts["missing_rows"]) == (False, {"mel": 1})
    assert "mel: 1 row missing; see failures.parquet" in kemfeat("info", new.out).out


@pytest.mark.parametrize("command", [("info",), ("verify",), ("diff", "other")])
def test_what_is_no_store_is_code_4(bench, tmp_path, command):
    (tmp_path / "empty").mkdir()
    assert "does not exist; expected a store" in sentence(command[0], tmp_path / "none", *command[1:], code=4)
    assert "not a store" in sentence(command[0], tmp_path / "empty", *command[1:], code=4)
    (bench.out / "kemfeat.json").unlink()
    said = sentence(command[0], bench.out, *command[1:], code=4)
    assert "was never finished" in said
    assert "again: it resumes" in said


def test_a_store_of_another_version_is_code_4(bench):
    header = bench.out / "kemfeat.json"
    header.write_text(header.read_text().replace('"format_version": 2', '"format_version": 7'))
    for command in (("info", bench.out), ("verify", bench.out)):
        assert "format_version 7; this kemfeat reads 1 and 2" in sentence(*command, code=4)
    said = sentence("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--out", bench.out, code=4)
    assert "--force moves it aside" in said


def test_a_folder_that_is_no_store_is_code_4(bench, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    where = ("build", "--dataset", "KEMDy20", "--root", bench.corpus.root, "--out")
    assert "exists and is not a store; choose another folder" in sentence(*where, tmp_path / "mine", code=4)
    assert "Not a directory" in sentence(*where, tmp_path / "mine" / "thesis.txt" / "store", code=4)


def test_a_second_build_of_the_same_store_is_code_4(bench):
    hold = "import sys, time; from pathlib import Path; from kemfeat.store import locking\n"
    hold += "with locking.locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", hold, bench.out], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        said = build(bench)
        holder.kill()
    assert said.code == 4
    assert f"is being built by process {holder.pid} on " in said.err
