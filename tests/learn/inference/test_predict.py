"""kemfeat.learn.inference.predict: any store of the same features, or one recording, is predicted as in training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, KemfeatError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.inference.predict import predict_recording, predict_store
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH
from tests.learn.conftest import SETTINGS
from tests.learn.training import kit


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other recordings than those trained on."""
    folder = tmp_path_factory.mktemp("other") / "KEMDy20"
    SYNTH.write(folder, utterances=16, sessions=2, seed=5)
    return folder


@pytest.fixture(scope="module")
def other(corpus: Path, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Made with the tokenizer of the store that is trained on; that of its own corpus is another one."""
    settings = {**SETTINGS, "tokens": {"tokenizer": str(store.path / "resources/tokens")}}
    return build_store("KEMDy20", root=corpus, out=tmp_path_factory.mktemp("other") / "store", settings=settings).store


@pytest.fixture(scope="module")
def audio_run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("predict") / "audio"
    recipe = kit.audio_recipe(train__epochs=1, train__frames=0, train__bucket_by_length=False)
    return kit.trained(recipe, store, kit.session_split(store), out)


@pytest.fixture(scope="module")
def text_run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    recipe = kit.text_recipe(kit.saved_bert(folder / "bert", store), train__epochs=1)
    return kit.trained(recipe, store, kit.session_split(store), folder / "text")


def test_the_store_of_the_run_is_predicted_as_its_test_part_was(audio_run: Path, store: Store) -> None:
    table = predict_store(audio_run, store, device="cpu").set_index("id")
    assert len(table) == len(store)
    before = pd.read_parquet(audio_run / run_folder.PREDICTIONS).set_index("id")
    np.testing.assert_allclose(table.loc[before.index, "arousal_pred"], before["arousal_pred"], atol=1e-5)
    assert any("it was trained on some of them" in line for line in table.attrs["warnings"])


def test_another_store_with_the_same_settings_is_predicted(audio_run: Path, other: Store) -> None:
    table = predict_store(audio_run, other, device="cpu")
    assert table["id"].tolist() == other.utterances["id"].tolist()
    assert table["arousal_pred"].notna().all()
    assert table.attrs["left_out"] == 0
    assert not any("trained on some" in line for line in table.attrs["warnings"])
    assert any("synthetic" in line.casefold() or "generated" in line for line in table.attrs["warnings"])


def test_a_recording_is_predicted_as_in_a_store(audio_run: Path, corpus: Path, other: Store) -> None:
    expected = predict_store(audio_run, other, device="cpu").set_index("id")["arousal_pred"]
    for name in expected.index[:3]:
        (wav,) = corpus.rglob(f"{name}.wav")
        found = predict_recording(audio_run, wav=wav, text=None, device="cpu")
        assert found["arousal_pred"].item() == pytest.approx(expected[name], abs=1e-5)


def test_a_text_is_predicted_by_the_tokenizer_that_the_run_kept(text_run: Path, other: Store) -> None:
    expected = predict_store(text_run, other, device="cpu").set_index("id")["valence_pred"]
    texts = other.utterances.set_index("id")["text_clean"]
    for name in expected.index[:3]:
        found = predict_recording(text_run, wav=None, text=texts[name], device="cpu")
        assert found["valence_pred"].item() == pytest.approx(expected[name], abs=1e-5)


def test_a_store_made_otherwise_is_refused(audio_run: Path, corpus: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "features": ("mel", "delta"), "mel": {"n_mels": 16, "max_frames": 200}, "delta": {}}
    store = build_store("KEMDy20", root=corpus, out=tmp_path / "store", settings=settings).store
    with pytest.raises(
        ConfigError, match=r"was made with mel\.max_frames 200 in place of 300; .* build the store with"
    ):
        predict_store(audio_run, store, device="cpu")
    without = build_store("KEMDy20", root=corpus, out=tmp_path / "text", settings={"features": ("text",)}).store
    with pytest.raises(ConfigError, match="has no mel, which kor/audio-arousal reads"):
        predict_store(audio_run, without, device="cpu")


def test_a_run_that_does_not_say_how_its_features_were_made_is_refused(audio_run: Path, tmp_path: Path) -> None:
    facts = json.loads((audio_run / run_folder.RUN).read_text())
    del facts["data"]["settings"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / run_folder.RUN).write_text(json.dumps(facts))
    with pytest.raises(RunError, match="does not say how its features were made"):
        predict_recording(tmp_path / "run", wav=tmp_path / "a.wav", text=None)


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_a_table_of_predictions_is_replaced_and_no_other_file(
    audio_run: Path, other: Store, tmp_path: Path, name: str
) -> None:
    arguments = ["predict", str(audio_run), "--store", str(other.path), "--device", "cpu", "--out"]
    for _ in range(2):
        assert CliRunner().invoke(app, [*arguments, str(tmp_path / name)]).exit_code == 0
    (tmp_path / name).write_bytes(b"id,notes\n")
    for place, why in (
        (tmp_path / name, "was not made by kemfeat predict"),
        (other.path / name, "is inside the store"),
    ):
        said = CliRunner().invoke(app, [*arguments, str(place)])
        assert isinstance(said.exception, ConfigError)
        assert why in str(said.exception)
    assert (tmp_path / name).read_bytes() == b"id,notes\n"


def test_what_is_missing_is_a_sentence(audio_run: Path, text_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file; pass a recording"):
        predict_recording(audio_run, wav=tmp_path / "absent.wav", text=None)
    with pytest.raises(KemfeatError):
        predict_recording(audio_run, wav=None, text="네", device="cpu")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(ConfigError, match=r"--text: is not read by .* \(it reads --wav\); leave it out"):
        predict_recording(audio_run, wav=tmp_path / "text.wav", text="네", device="cpu")
    with pytest.raises(ConfigError, match=r"--wav: is not read by .* \(it reads --text\); leave it out"):
        predict_recording(text_run, wav=tmp_path / "text.wav", text="네", device="cpu")
    with pytest.raises(KemfeatError, match=r"recording|wav"):
        predict_recording(audio_run, wav=tmp_path / "text.wav", text=None, device="cpu")
