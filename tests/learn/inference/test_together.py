"""kemfeat.learn.inference.together: an ensemble predicts with its members and the weights that it recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.errors import ConfigError
from kemfeat.learn import run_folder
from kemfeat.learn.experiments.ensemble import Formulas, ensemble
from kemfeat.learn.inference.predict import predict_recording, predict_store
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH
from tests.e2e.command import kemfeat
from tests.learn.experiments.marks import needs_lightgbm
from tests.learn.training import kit

pytestmark = pytest.mark.slow  # models are trained


@pytest.fixture(scope="module")
def runs(store: Store, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, split, made = tmp_path_factory.mktemp("runs"), kit.session_split(store), []
    for features in (["mel"], ["mel", "delta"]):
        recipe = load_recipe("baseline/logistic", {"model.features": features, "model.strengths": [1.0]})
        made.append(kit.trained(recipe, store, split, folder / str(len(features))))
    return made


def chances(table: pd.DataFrame) -> pd.DataFrame:
    table = table.set_index("id")
    return table[[name for name in table if name.startswith("p_")]]


def test_a_weighted_vote_is_that_of_its_members(runs: list[Path], store: Store, tmp_path: Path) -> None:
    ensemble(runs, method="weighted", out=tmp_path / "out", weights=(3.0, 1.0))
    found = predict_store(tmp_path / "out", store, device="cpu")
    members = [chances(predict_store(run, store, device="cpu")) for run in runs]
    pd.testing.assert_frame_equal(chances(found), 0.75 * members[0] + 0.25 * members[1], atol=1e-6, check_dtype=False)
    assert found.attrs["left_out"] == 0
    assert any("it was trained on some of them" in line for line in found.attrs["warnings"])
    assert len(set(found.attrs["warnings"])) == len(found.attrs["warnings"])


@pytest.mark.parametrize("formulas", [Formulas(), Formulas(votes="product")], ids=["sum", "product"])
def test_the_test_part_is_predicted_as_the_ensemble_was(
    runs: list[Path], formulas: Formulas, store: Store, tmp_path: Path
) -> None:
    ensemble(runs, method="hard", out=tmp_path / "out", weights=(0.6, 0.4), formulas=formulas)
    before = pd.read_parquet(tmp_path / "out" / run_folder.PREDICTIONS).query("part == 'test'").set_index("id")
    found = predict_store(tmp_path / "out", store, device="cpu").set_index("id").loc[before.index]
    assert found["emotion_pred"].tolist() == before["emotion_pred"].tolist()
    np.testing.assert_allclose(chances(found.reset_index()), chances(before.reset_index()), atol=1e-5)


def test_a_stacker_is_kept(runs: list[Path], store: Store, tmp_path: Path) -> None:
    ensemble(runs, method="stacking", out=tmp_path / "out")
    before = pd.read_parquet(tmp_path / "out" / run_folder.PREDICTIONS).set_index("id")
    found = predict_store(tmp_path / "out", store, device="cpu").set_index("id").loc[before.index]
    np.testing.assert_allclose(chances(found.reset_index()), chances(before.reset_index()), atol=1e-5)


def test_a_recording_is_predicted_by_all_members(runs: list[Path], tmp_path: Path) -> None:
    SYNTH.write(tmp_path / "KEMDy20", utterances=4, sessions=1, seed=9)
    wav = next((tmp_path / "KEMDy20").rglob("*.wav"))
    ensemble(runs, method="soft", out=tmp_path / "out")
    found = predict_recording(tmp_path / "out", wav=wav, text=None, device="cpu")
    members = [chances(predict_recording(run, wav=wav, text=None, device="cpu")) for run in runs]
    pd.testing.assert_frame_equal(chances(found), (members[0] + members[1]) / 2, atol=1e-6, check_dtype=False)
    said = kemfeat("predict", tmp_path / "out", "--wav", wav, "--device", "cpu")
    assert said.code == 0, said
    said = kemfeat("predict", tmp_path / "out", "--wav", wav, "--encoder", runs[0])
    assert said.code == 2
    assert "a recording has no embeddings" in said.err


@needs_lightgbm
def test_what_cannot_predict_is_said(runs: list[Path], store: Store, tmp_path: Path) -> None:
    ensemble(runs, method="stacking", out=tmp_path / "stacked", formulas=Formulas(stacker="lightgbm"))
    with pytest.raises(ConfigError, match=r"by LightGBM, which is not kept, .* or make one by --method soft"):
        predict_store(tmp_path / "stacked", store, device="cpu")
    ensemble(runs, method="soft", out=tmp_path / "all", formulas=Formulas(softmax="all"))
    with pytest.raises(ConfigError, match=r"by one softmax over all utterances \(J3\)"):
        predict_store(tmp_path / "all", store, device="cpu")
    ensemble(runs, method="soft", out=tmp_path / "soft")
    facts = (tmp_path / "soft" / run_folder.RUN).read_text()
    (tmp_path / "soft" / run_folder.RUN).write_text(facts.replace(str(runs[1]), str(tmp_path / "gone")))
    with pytest.raises(ConfigError, match=r"its member .*gone is not there, or is another run now"):
        predict_store(tmp_path / "soft", store, device="cpu")
