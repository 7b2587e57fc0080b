"""The last line at a terminal: from one command to the next, as far as a trained and evaluated model."""

import shlex

import pytest

from tests.e2e.command import at_terminal, kemfeat

NEXT = "Next: kemfeat "


def following(*command, cwd):
    """Run a command at a terminal and return the words that it says come next."""
    code, shown = at_terminal(*command, cwd=cwd, columns=200)
    assert code == 0, shown
    *_, last = shown.splitlines()
    assert last.startswith(NEXT), shown
    assert shown.count(NEXT) == 1
    return shlex.split(last.removeprefix(NEXT))


@pytest.mark.slow
def test_each_command_leads_to_the_next_one(tmp_path):
    """In a folder whose name has to be quoted."""
    corpus = tmp_path / "my corpus"
    size = ("--utterances", 100, "--sessions", 5)
    command = following("synth", "--dataset", "kemdy20", "--out", corpus, *size, cwd=tmp_path)
    seen = ["synth"]
    while command[0] not in seen:
        seen.append(command[0])
        if command[0] == "build":
            command += ["--features", "mel", "--set", "mel.n_mels=16", "-j", "1"]
        command = following(*command, cwd=tmp_path)
    assert seen == ["synth", "validate", "build", "verify", "analyze", "report", "split", "audit", "train", "evaluate"]
    assert command[-2:] == ["--by", "speaker"]
    code, shown = at_terminal(*command, cwd=tmp_path, columns=200)
    assert (code, NEXT in shown) == (0, False)


def test_nothing_follows_where_a_program_reads_or_where_something_is_wrong(bench):
    assert NEXT not in kemfeat("verify", bench.out).out
    assert NEXT not in at_terminal("verify", bench.out, "--json")[1]
    (bench.out / "kemfeat.json").unlink()
    code, shown = at_terminal("verify", bench.out)
    assert (code, NEXT in shown) == (4, False)


def test_nothing_follows_a_corpus_with_errors(bench):
    bench.corpus.wav(bench.corpus.ids[0]).write_bytes(b"")
    where = ("validate", "--dataset", "KEMDy20", "--root", bench.corpus.root, "-j", 1)
    code, shown = at_terminal(*where)
    assert (code, NEXT in shown) == (3, False)
