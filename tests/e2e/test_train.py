"""The installed ``kemfeat train``: killed at any time it goes on; what it prints, refuses and leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import torch

from kemfeat.build import build_store
from kemfeat.learn.run_folder import read_run
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.learn.training.trainer import Options, train
from kemfeat.splits import make_split, read_split, write_split
from kemfeat.store.reader import open_store
from kemfeat.synth.kemdy20 import SYNTH
from tests.build.kit import KEMFEAT
from tests.e2e.command import kemfeat, sentence
from tests.learn.training import kit

SETTINGS = {"features": ["mel", "delta"], "mel": {"n_mels": 16, "max_frames": 64}, "delta": {"max_frames": 64}}
EPOCHS = 6
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Sums depend on how many threads share them."""


class Given(NamedTuple):
    """A store and two splits of it."""

    store: Path
    split: Path
    leaking: Path


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("train")
    SYNTH.write(folder / "KEMDy20", utterances=80, sessions=4, seed=2)
    store = build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=SETTINGS).store
    write_split(folder / "split.parquet", kit.session_split(store))
    random = make_split(store.utterances, scheme="kor-2022", store=store.digest)
    write_split(folder / "random.parquet", random)
    return Given(folder / "store", folder / "split.parquet", folder / "random.parquet")


def command(given: Given, *more: object, recipe: str = "kor/audio-arousal") -> list[str]:
    sets = [f"--set={name}={value}" for name, value in {**kit.AUDIO, "train.epochs": EPOCHS}.items()]
    return [str(each) for each in ("train", recipe, "--store", given.store, "--split", given.split, *sets, *more)]


def killed(arguments: list[str], *, when: Path, by: signal.Signals) -> int:
    """Start the command, and stop it as soon as a file is there."""
    with subprocess.Popen(
        [KEMFEAT, *arguments], env={**os.environ, **ONE_THREAD}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        while not when.exists() and running.poll() is None:
            time.sleep(0.002)
        running.send_signal(by)
        return running.wait(60)


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(given: Given, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "killed"
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    recipe = load_recipe("kor/audio-arousal", {**kit.AUDIO, "train.epochs": EPOCHS})
    train(
        recipe, store=open_store(given.store), split=read_split(given.split), out=whole, options=Options(device="cpu")
    )
    torch.set_num_threads(before)
    arguments = command(given, "--out", out, "--save-every", 0, "--device", "cpu")
    assert killed(arguments, when=out / "last.pt", by=signal.SIGKILL) == -signal.SIGKILL
    assert killed(arguments, when=out / "history.csv", by=signal.SIGKILL) == -signal.SIGKILL
    assert not (out / "predictions.parquet").exists()
    said = kemfeat(*arguments, **ONE_THREAD)
    assert said.code == 0, said
    pd.testing.assert_frame_equal(kit.losses(out), kit.losses(whole), check_exact=True)
    assert (out / "predictions.parquet").read_bytes() == (whole / "predictions.parquet").read_bytes()
    assert f"epoch {EPOCHS}: loss " in said.err
    assert f"{EPOCHS} epochs, all that were asked for; epoch " in said.out
    assert said.out.rstrip().endswith(str(out))
    again = kemfeat(*arguments, **ONE_THREAD)
    assert again.out == said.out
    assert "epoch" not in again.err


def test_ctrl_c_keeps_the_last_checkpoint(given: Given, tmp_path: Path) -> None:
    arguments = command(given, "--out", tmp_path / "run", "--set=train.epochs=500", "--set=train.patience=500")
    assert killed(arguments, when=tmp_path / "run" / "history.csv", by=signal.SIGINT) == 130
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["position"]["epoch"] >= 1


def test_a_sweep_shows_its_table_and_an_ablation_what_the_sound_is_worth(given: Given, tmp_path: Path) -> None:
    arguments = command(given, "--sweep", "model.n_layers=1,2", "--ablate", "audio", "--set=train.epochs=1")
    said = kemfeat(*arguments, cwd=tmp_path)
    assert said.code == 0, said
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("kor-audio-arousal-fold0-")
    assert {path.name for path in folder.iterdir()} == {"00-n_layers=1", "01-n_layers=2", "sweep.csv"}
    chosen = pd.read_csv(folder / "sweep.csv").query("chosen")["run"].item()
    assert said.out.rstrip().endswith(chosen)
    assert (folder / chosen / "ablation.json").is_file()
    assert [line.split()[0] for line in said.out.splitlines()].count("chosen") == 1
    assert "audio shuffled" in said.out


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        (["--set=train.epoch=3"], 2, "did you mean 'epochs'"),
        (["--sweep", "model.n_layers"], 2, "expected KEY=V1,V2..."),
        (["--store", "none"], 4, "expected a store"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    given: Given, tmp_path: Path, changed: list[str], code: int, words: str
) -> None:
    assert words in sentence(*command(given, *changed), code=code, cwd=tmp_path)
    assert not (tmp_path / "runs").exists()


def test_a_store_without_what_the_recipe_reads_is_refused(given: Given, tmp_path: Path) -> None:
    arguments = ["train", "kor/text-valence", "--store", given.store, "--split", given.split, "--out", tmp_path / "run"]
    said = kemfeat(*arguments)
    assert said.code == 3
    assert "the store has no tokens" in said.err
    assert "--features" in said.err


def test_a_leaking_split_is_refused(given: Given, tmp_path: Path) -> None:
    leaking = command(given._replace(split=given.leaking), "--set=train.epochs=1", "--out", tmp_path / "run")
    said = kemfeat(*leaking)
    assert (said.code, said.out) == (2, "")
    assert "--allow-leakage" in said.err
    assert not (tmp_path / "run").exists()


def test_suspects_are_excluded_from_split_training_and_export(given: Given, tmp_path: Path) -> None:
    split = read_split(given.split)
    ids = tmp_path / "ids.csv"
    ids.write_text("\n".join(["id", *split.ids("train")[:2], split.ids("test")[0]]), encoding="utf-8")
    made = kemfeat("split", given.store, "--exclude", ids, "--out", tmp_path / "split.parquet", "--folds", 4)
    assert (made.code, "excluded: 3" in made.out) == (0, True)
    assert not set(read_split(tmp_path / "split.parquet").rows["id"]) & set(split.ids("train")[:2])
    said = kemfeat(*command(given, "--set=train.epochs=1", "--exclude", ids, "--out", tmp_path / "run"))
    assert said.code == 0
    assert "2 utterances left out: excluded" in said.err
    assert "stay in the test part of fold 0: 1 of 3 utterances" in said.err
    assert read_run(tmp_path / "run").excluded == tuple(sorted([*split.ids("train")[:2], split.ids("test")[0]]))
    out = kemfeat("export", given.store, "--to", "tsv-npy", "--ids", ids, "--out", tmp_path / "out")
    assert f"{tmp_path}/out: 3 rows" in out.out
    ids.write_text("id\nnobody\n", encoding="utf-8")
    for asked in (command(given, "--exclude", ids), ["split", given.store, "--exclude", ids]):
        assert "ids.csv: 1 of 1 ids are not in this store" in sentence(*asked, code=2, cwd=tmp_path)
    assert not (tmp_path / "runs").exists()
