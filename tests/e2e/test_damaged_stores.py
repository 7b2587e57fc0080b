"""Every command that reads a store refuses damage that looks right in a sentence."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from kemfeat_cli.app import main

from kemfeat.build import build_store
from kemfeat.splits import write_split
from kemfeat.store import disk, schema
from kemfeat.store.reader import Store, open_store
from kemfeat.synth.kemdy20 import SYNTH
from tests.learn.training import kit
from tests.store.kit import vouch

pytestmark = pytest.mark.slow  # every command runs once for each damage

SETTINGS = {
    "features": ["mel", "delta", "eda", "temp", "ibi"],
    "rows_per_shard": 20,
    "mel": {"n_mels": 16, "max_frames": 64},
    "delta": {"max_frames": 64},
    "eda": {"max_length": 24},
    "temp": {"max_length": 24},
    "ibi": {"max_length": 24},
}
TRAIN = [f"--set={name}={value}" for name, value in {**kit.AUDIO, "train.epochs": 1}.items()]
COMMANDS: dict[str, list[object]] = {
    "info": ["info", "STORE"],
    "verify": ["verify", "STORE"],
    "diff": ["diff", "STORE", "WHOLE"],
    "report": ["report", "STORE", "--out", "OUT.html"],
    "split": ["split", "STORE", "--scheme", "session", "--folds", "4", "--out", "OUT.parquet"],
    "audit": ["audit", "STORE", "SPLIT"],
    "train": ["train", "kor/audio-arousal", "--store", "STORE", "--split", "SPLIT", "--out", "OUT", *TRAIN],
    "predict": ["predict", "RUN", "--store", "STORE", "--device", "cpu", "--out", "OUT.csv"],
    **{f"export {to}": ["export", "STORE", "--to", to, "--out", "OUT"] for to in ("datasets", "tsv-npy", "webdataset")},
    **{
        f"analyze {name}": ["analyze", name, "STORE", "--out", "OUT"]
        for name in ("agreement", "anova", "balance", "correlation", "missingness")
    },
    **{
        f"analyze dtw {signal}": ["analyze", "dtw", "STORE", "--signal", signal, "--k", "2", "--out", "OUT"]
        for signal in ("eda", "mel-energy")
    },
}


class Whole(NamedTuple):
    """A sound store, a split of it, and a run on both."""

    store: Path
    split: Path
    run: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("damaged")
    SYNTH.write(folder / "KEMDy20", utterances=80, sessions=4, seed=2)
    store = build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=SETTINGS).store
    split = kit.session_split(store)
    write_split(folder / "split.parquet", split)
    run = kit.trained(kit.audio_recipe(train__epochs=1), store, split, folder / "run")
    return Whole(store.path, folder / "split.parquet", run)


def swap_shards(array: str) -> Callable[[Path], None]:
    """Exchange two shards of one array, with the same shape."""

    def damage(store: Path) -> None:
        info = open_store(store).header.arrays[array]
        zeros = "/0" * (len(info.shape) - 1)
        one, other = (store / schema.array_path(info.feature, array) / f"c/{n}{zeros}" for n in (0, 1))
        aside = one.with_name("aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)

    return damage


def double(table: str) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        rows = pd.read_parquet(store / table)
        disk.write_table(store / table, pd.concat([rows, rows], ignore_index=True))

    return damage


def reorder(table: str) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        disk.write_table(store / table, pd.read_parquet(store / table).iloc[::-1].reset_index(drop=True))

    return damage


DAMAGES = {
    "mel": swap_shards("mel"),
    "mel_lengths": swap_shards("mel_lengths"),
    "eda": swap_shards("eda"),
    "eda_mask": swap_shards("eda_mask"),
    "doubled utterances": double(schema.UTTERANCES),
    "reordered utterances": reorder(schema.UTTERANCES),
    "doubled ratings": double(schema.RATINGS),
}
VOUCHED = ("mel_lengths", "eda_mask", "doubled utterances")
EXPORTS = {name for name in COMMANDS if name.startswith("export")}
ALWAYS = {"verify"} | EXPORTS
MEL = ALWAYS | {"audit", "train", "predict", "report", "analyze dtw mel-energy"}
SEES = {
    "mel": MEL,
    "mel_lengths": MEL,
    "eda": ALWAYS | {"analyze dtw eda"},
    "eda_mask": ALWAYS | {"analyze dtw eda"},
    "doubled utterances": set(COMMANDS),
    "reordered utterances": set(COMMANDS),
    "doubled ratings": {"verify", "analyze agreement"},
}
"""The commands that read what is damaged, and must refuse it."""


def run(command: str, whole: Whole, store: Path | str, out: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    places = {"STORE": store, "WHOLE": whole.store, "SPLIT": whole.split, "RUN": whole.run, "OUT": out}
    places |= {f"OUT{suffix}": out.with_suffix(suffix) for suffix in (".html", ".parquet", ".csv")}
    arguments = [str(places.get(str(each), each)) for each in COMMANDS[command]]
    monkeypatch.setattr(sys, "argv", ["kemfeat", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sound_store_is_read(
    whole: Whole, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(command, whole, whole.store, tmp_path / "out", monkeypatch)
    said = capsys.readouterr().err
    assert code == 0 or (command == "analyze correlation" and "no conversation has four changes" in said), said


@pytest.mark.parametrize(
    ("damage", "command"), [(damage, command) for damage in DAMAGES for command in COMMANDS if command in SEES[damage]]
)
def test_damage_that_differs_from_its_receipt_is_refused_by_whoever_reads_it(
    whole: Whole,
    command: str,
    damage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(open_store(whole.store).folder, tmp_path / "store")
    DAMAGES[damage](tmp_path / "store")
    code = run(command, whole, tmp_path / "store", tmp_path / "out", monkeypatch)
    said = capsys.readouterr()
    assert "defect of kemfeat" not in said.err
    assert "Traceback" not in said.err
    assert code == 4, (said.out, said.err)
    assert said.err.startswith("kemfeat: ") or command == "verify"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out") and command != "train"]


@pytest.mark.parametrize(
    ("damage", "command"), [(damage, command) for damage in VOUCHED for command in COMMANDS if command in SEES[damage]]
)
def test_damage_with_receipts_made_right_is_never_a_defect(
    whole: Whole,
    command: str,
    damage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(open_store(whole.store).folder, tmp_path / "store")
    DAMAGES[damage](tmp_path / "store")
    vouch(tmp_path / "store")
    code = run(command, whole, tmp_path / "store", tmp_path / "out", monkeypatch)
    said = capsys.readouterr()
    assert "defect of kemfeat" not in said.err
    assert "Traceback" not in said.err
    if damage == "doubled utterances":
        assert code == 4
        assert "utterances.parquet: has 160 rows, expected 80" in said.err + said.out
    else:
        assert code != 1 or command == "diff"


def test_every_command_that_reads_a_store_is_tried(whole: Whole) -> None:
    """Those that are not here make stores or corpora, read no more than headers, or read as ``train`` does.

    Push and pull compare every file with its receipt and read none, as ``tests/cloud`` shows; join reads two stores, as
    ``tests/build/test_join.py`` shows; browse does not end by itself, and ``tests/browse`` damages its stores.
    """
    from kemfeat_cli.app import app

    names = {command.name for command in app.registered_commands}
    elsewhere = {"build", "plan", "validate", "evaluate", "synth", "bench", "embed", "ensemble", "log", "prune"}
    elsewhere |= {"push", "pull", "join", "list", "doctor", "browse"}
    assert names - elsewhere == {command.split()[0] for command in COMMANDS} - {"analyze"}
    assert isinstance(open_store(whole.store), Store)
    assert json.loads((whole.store / schema.HEADER).read_bytes())["digest"]
