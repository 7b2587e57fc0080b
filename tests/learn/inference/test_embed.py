"""kemfeat.learn.inference.embed, and what is trained on its embeddings: no model saw what it embedded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.data.side_store import SIDE, VALUES, SideStore, open_side_store
from kemfeat.learn.inference.embed import EmbedOptions, embed
from kemfeat.learn.inference.predict import predict_store
from kemfeat.learn.training.audited_fold import AuditedFold, audit_fold
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.learn.training.trainer import Options, train
from kemfeat.splits import Split
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH
from tests.learn.training import kit

FAST = {"train.epochs": 1, "train.batch_size": 32, "model.width": 2}
SPELL = {"model.parts": [16, 16, 16], "train.epochs": 2, "train.batch_size": 2, "train.accumulate": 1}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("ticks")
    SYNTH.write(folder / "KEMDy20", utterances=160, sessions=8, seed=3)
    settings = {
        "features": ("tick-physiology", "tick-audio", "temporal-graph"),
        "tick_audio": {"n_mels": 8},
        "temporal_graph": {"chunk_nodes": 200},
    }
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=settings).store


@pytest.fixture(scope="module")
def split(store: Store) -> Split:
    return kit.session_split(store)


@pytest.fixture(scope="module")
def data(store: Store, split: Split) -> AuditedFold:
    return audit_fold(store, split)


@pytest.fixture(scope="module")
def encoder(store: Store, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.trained(load_recipe("graph/encoder", FAST), store, split, tmp_path_factory.mktemp("encoder") / "run")


@pytest.fixture(scope="module")
def side(encoder: Path, data: AuditedFold, tmp_path_factory: pytest.TempPathFactory) -> SideStore:
    options = EmbedOptions(inner_folds=2, device="cpu")
    return embed(encoder, data, out=tmp_path_factory.mktemp("side") / "side", options=options)


def spell(side: Path, **values: object):
    return load_recipe("graph/spell", {**SPELL, "model.embeddings": str(side), **values})


def test_every_row_of_the_fold_is_embedded_by_a_model_that_did_not_see_its_utterance(
    side: SideStore, store: Store, split: Split
) -> None:
    owners = store.owners("tick")
    seen = pd.read_parquet(side.path / "seen.parquet")
    known = {number: set(rows["id"]) for number, rows in seen[seen["part"] == "train"].groupby("model")}
    assert sorted(known) == [0, 1, 2]
    tested = set(split.ids("test"))
    for row in np.flatnonzero(side.model >= 0):
        assert owners[row] not in known[side.model[row]]
    assert not any(ids & tested for ids in known.values())
    trained = owners.isin(set(split.ids("train"))).to_numpy()
    assert set(side.model[trained]) <= {1, 2, -1}
    assert (side.model[owners.isin(tested)] == 0).any()
    assert np.isfinite(side.values[side.model >= 0]).all()
    assert np.isnan(side.values[side.model < 0]).all()
    assert side.values.shape == (len(owners), 48)


def test_the_same_command_again_trains_nothing_and_gives_the_same(
    side: SideStore, encoder: Path, data: AuditedFold
) -> None:
    before = (side.path / VALUES).read_bytes()
    history = (side.path / "inner/1" / run_folder.LAST).stat().st_mtime_ns
    again = embed(encoder, data, out=side.path, options=EmbedOptions(inner_folds=2, device="cpu"))
    assert (side.path / VALUES).read_bytes() == before
    assert again.digest == side.digest
    assert (side.path / "inner/1" / run_folder.LAST).stat().st_mtime_ns == history


def test_a_graph_is_trained_on_them_and_tested_per_utterance(
    side: SideStore, store: Store, split: Split, tmp_path: Path
) -> None:
    evaluation = train(spell(side.path), store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    table = pd.read_parquet(tmp_path / "run" / run_folder.PREDICTIONS)
    assert table["id"].is_unique
    assert set(table.loc[table["part"] == "test", "id"]) <= set(split.ids("test"))
    assert evaluation.warning == ""
    facts = json.loads((tmp_path / "run" / run_folder.RUN).read_text())
    assert facts["pretrained"]["embeddings"]["best"] == side.digest
    assert facts["outcome"]["determinism"]["two_passes"] == 0


def test_a_store_is_predicted_by_a_graph_whose_encoder_embeds_it_first(
    side: SideStore, encoder: Path, store: Store, split: Split, tmp_path: Path
) -> None:
    run = kit.trained(spell(side.path), store, split, tmp_path / "run")
    before = pd.read_parquet(run / run_folder.PREDICTIONS).query("part == 'test'").set_index("id")
    table = predict_store(run, store, device="cpu")
    found = table.set_index("id")
    assert len(found) == len(store) - table.attrs["left_out"] > len(before)
    chances = [name for name in found if name.startswith("p_")]
    away = (found.loc[before.index, chances] - before[chances]).abs().max(axis=1)
    assert away.median() < 1e-5
    assert away.max() < 0.05  # neighbours that were in no part, as their labels tie, are in the graph of a store
    # the encoder is known by its checkpoint, wherever it is
    shutil.copytree(encoder, tmp_path / "moved")
    moved = predict_store(run, store, encoder=tmp_path / "moved", device="cpu").set_index("id")
    pd.testing.assert_frame_equal(moved[chances], found[chances])
    with pytest.raises(ConfigError, match=r"is not the run of graph/encoder whose embeddings .* pass its folder as"):
        predict_store(run, store, encoder=run, device="cpu")
    with pytest.raises(ConfigError, match="graph/encoder reads no embeddings; leave it out"):
        predict_store(encoder, store, encoder=encoder, device="cpu")


def test_embeddings_of_what_was_trained_on_are_a_leak(
    encoder: Path, data: AuditedFold, store: Store, split: Split, tmp_path: Path
) -> None:
    leaking = embed(encoder, data, out=tmp_path / "side", options=EmbedOptions(inner_folds=0, device="cpu"))
    with pytest.raises(ConfigError, match=r"that they embedded \(embedding \d+\).*\(P2\); make them"):
        train(spell(leaking.path), store=store, split=split, out=tmp_path / "run", options=kit.CPU)
    options = Options(device="cpu", allow_leakage=True)
    found = train(spell(leaking.path), store=store, split=split, out=tmp_path / "run", options=options)
    assert "LEAKING SPLIT" in found.warning


def test_embeddings_for_another_fold_are_refused(side: SideStore, store: Store, split: Split, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="was made for fold 0 of split"):
        train(spell(side.path), store=store, split=split, out=tmp_path / "run", options=Options(device="cpu", fold=1))


def test_a_damaged_folder_is_refused(side: SideStore, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=f"has no {SIDE}; expected a folder that"):
        open_side_store(tmp_path)
    (tmp_path / SIDE).write_bytes((side.path / SIDE).read_bytes())
    with pytest.raises(RunError, match=f"{VALUES}: is missing, or is not what"):
        open_side_store(tmp_path)


def test_a_model_without_embeddings_is_refused(side: SideStore, store: Store, split: Split, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")
    for place, why in ((tmp_path, "contains mine.txt, which is not of embeddings"), (store.path / "side", "the store")):
        with pytest.raises(ConfigError, match=why):
            embed(side.path, audit_fold(store, split), out=place)
    with pytest.raises(ConfigError, match="--inner 1"):
        embed(side.path, audit_fold(store, split), out=tmp_path, options=EmbedOptions(inner_folds=1))
