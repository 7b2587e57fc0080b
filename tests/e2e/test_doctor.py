"""``kemfeat doctor``: what is there, what is not and what to do about it; what was asked for decides the exit code."""

import platform

import pytest

from tests.dask_kit import DaskCluster
from tests.e2e.command import kemfeat, sentence


def lines(*options, code=0, **where):
    said = kemfeat("doctor", *options, "--json", **where)
    assert said.code == code, said
    found = {line["what"]: line for line in said.json}
    assert len(found) == len(said.json)
    return found


def test_a_machine_without_corpora_is_sound_and_told_where_to_put_them(tmp_path):
    found = lines(cwd=tmp_path, KEMFEAT_DATA="")
    assert {line["state"] for line in found.values()} <= {"ok", "absent"}
    assert platform.python_version() in found["kemfeat"]["found"]
    assert {"libraries", "cores", "disk", "font", "extra train", "extra video"} <= set(found)
    assert not {"extra dev", "extra docs", "extra bench"} & set(found)
    assert "$KEMFEAT_DATA" in found["corpora"]["todo"]
    assert all(line["todo"] for line in found.values() if line["state"] == "absent")


def test_corpora_are_found_where_commands_find_them(tmp_path):
    (tmp_path / "data" / "KEMDy20_v1_2").mkdir(parents=True)
    found = lines(cwd=tmp_path, KEMFEAT_DATA="")
    assert (found["KEMDy20"]["state"], found["KEMDy20"]["found"]) == ("ok", "data/KEMDy20_v1_2")
    assert "corpora" not in found


def test_every_line_is_one_line_that_begins_with_its_state(tmp_path):
    facts = lines(cwd=tmp_path, KEMFEAT_DATA="")
    told = kemfeat("doctor", cwd=tmp_path, COLUMNS="20", KEMFEAT_DATA="").out.splitlines()
    assert [line.split()[0] for line in told] == [line["state"] for line in facts.values()]


def test_a_corpus_that_was_asked_for_and_is_not_there_is_broken(tmp_path):
    found = lines("--dataset", "kemdy19", code=1, cwd=tmp_path, KEMFEAT_DATA="")
    assert found["KEMDy19"]["state"] == "broken"
    assert "pass --root the folder of the corpus" in found["KEMDy19"]["found"]
    found = lines("--dataset", "kemdy20", "--root", tmp_path / "none", code=1, cwd=tmp_path)
    assert "does not exist" in found["KEMDy20"]["found"]


def test_the_tokenizer_of_a_corpus_is_its_own_or_says_how_to_fetch_it(bench, tmp_path):
    where = ("--dataset", "KEMDy20", "--root", bench.corpus.root)
    assert lines(*where)["tokenizer"]["state"] == "ok"
    (bench.corpus.root / "tokenizer").rename(tmp_path / "tokenizer")
    told = lines(*where, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "empty"))["tokenizer"]
    assert told["state"] == "absent"
    assert "hf download" in told["found"]


def test_without_fonts_it_says_which_to_install(tmp_path):
    hidden = {"MPL_IGNORE_SYSTEM_FONTS": "1", "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    font = lines(cwd=tmp_path, **hidden)["font"]
    assert font["state"] == "absent"
    assert "fonts-nanum" in font["todo"]


def test_what_cannot_be_looked_for_is_refused(tmp_path):
    assert "pass --dataset too" in sentence("doctor", "--root", tmp_path, code=2)
    assert "did you mean 'kemdy20'?" in sentence("doctor", "--dataset", "KEMDy21", code=2)


def test_a_scheduler_that_does_not_answer_is_broken(tmp_path):
    found = lines("--scheduler", "tcp://127.0.0.1:1", code=1, cwd=tmp_path)
    assert found["scheduler"]["state"] == "broken"
    assert "start it (dask scheduler)" in found["scheduler"]["found"]


@pytest.mark.slow
def test_a_scheduler_with_workers_is_sound(tmp_path):
    dask = DaskCluster(tmp_path / "dask")
    try:
        dask.start(1)
        assert lines("--scheduler", dask.address, cwd=tmp_path)["scheduler"]["state"] == "ok"
    finally:
        dask.stop()
