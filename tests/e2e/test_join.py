"""From two corpora to a score across them, with the installed command."""

from __future__ import annotations

import json

import pytest

from tests.build.join_kit import write_corpora
from tests.e2e.command import kemfeat, sentence

FAST = ("--set", "mel.max_frames=32", "--set", "mel.n_mels=16", "--features", "mel,eda")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two corpora, their stores, and both joined."""
    folder = tmp_path_factory.mktemp("joined")
    for name, root in write_corpora(folder, {"clinic": 18, "studio": 24}).items():
        assert (
            kemfeat("build", "--dataset", "folder", "--root", root, "--out", folder / name / "store", *FAST).code == 0
        )
    names = ("--corpus", "clinic", "--corpus", "studio")
    said = kemfeat("join", "clinic/store", "studio/store", "--out", "both", *names, "--json", cwd=folder)
    assert said.json["utterances"] == {"clinic": 18, "studio": 24}
    return folder


def test_a_model_is_tested_on_a_corpus_that_it_has_not_seen(folder):
    split = kemfeat("split", "both", "--scheme", "corpus", "--labels", "7class", "--json", cwd=folder)
    assert split.json["folds"] == 2
    assert split.json["absent"] == []
    assert "clean" in kemfeat("audit", "both", split.json["file"], cwd=folder).out
    run = kemfeat(
        *("train", "baseline/logistic", "--store", "both", "--split", split.json["file"], "--fold", "1"),
        *("--features", "mel", "--set", "train.epochs=1", "--out", "run", "--set"),
        "model.emotions=['happy','sad','neutral','angry']",
        cwd=folder,
    )
    assert run.code == 0, run.err
    facts = json.loads((folder / "run" / "run.json").read_bytes())
    assert facts["store"]["dataset"] == "folder+folder"
    assert facts["split"]["scheme"] == "corpus"


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "both"),
        ("info", "both"),
        ("log", "both"),
        ("diff", "both", "both"),
        ("analyze", "balance", "both"),
        ("report", "both", "--out", "report.html"),
        ("export", "both", "--to", "webdataset", "--labels", "clinic=7class,studio=annotated", "--out", "exported"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_reads_a_joined_store(folder, command):
    said = kemfeat(*command, cwd=folder)
    assert said.code == 0, said.err


def test_recomputing_is_refused_in_a_sentence(folder):
    assert "was joined" in sentence("verify", "both", "--recompute", "2", cwd=folder, code=2)


def test_what_differs_is_named_in_a_sentence(folder):
    kemfeat("build", "--dataset", "folder", "--root", "clinic", "--out", "other", "--features", "mel", cwd=folder)
    said = sentence(
        "join", "other", "studio/store", "--out", "no", "--corpus", "a", "--corpus", "b", cwd=folder, code=2
    )
    assert "mel: n_mels is 128 in a" in said
    assert not (folder / "no").exists()


def test_a_rule_for_each_corpus_is_in_the_file(folder):
    rule = "clinic=7class,studio=annotated"
    said = kemfeat(
        "split", "both", "--scheme", "corpus", "--labels", rule, "--out", "each.parquet", "--json", cwd=folder
    )
    assert said.json["labels"] == rule
    assert said.json["absent"] == [[1, "boredom"]]
