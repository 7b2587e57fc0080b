"""kemfeat.learn.training.recipe."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kemfeat.errors import ConfigError, KemfeatError, UnknownPluginError
from kemfeat.learn.settings import AudioConfig, FusionConfig, TextConfig
from kemfeat.learn.training.recipe import Recipe, load_recipe, recipe_from, recipe_names

NAMES = ("kor/audio-arousal", "kor/fusion", "kor/text-valence")
MINIMAL = 'name = "mine"\ntask = "arousal"\nmodel = "audio"\n[train]\nloss = "mse"\n'


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    return path


def test_names() -> None:
    assert set(NAMES) <= set(recipe_names())
    assert list(recipe_names()) == sorted(recipe_names())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["faithful", "corrected"])
def test_every_recipe_in_every_variant(name: str, variant: str) -> None:
    recipe = load_recipe(name, {"variant": variant})
    assert (recipe.name, recipe.variant) == (name, variant)
    assert recipe_from(json.loads(recipe.model_dump_json()), where="run.json") == recipe


@pytest.mark.parametrize("name", NAMES)
def test_corrected_is_the_default_and_its_model_has_no_defect(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.variant == "corrected"
    kept = {"audio_run", "text_run"}
    assert recipe.model.model_dump(exclude=kept) == type(recipe.model)().model_dump(exclude=kept)


def test_a_model_is_a_name_or_a_table_with_a_name(mine: Path) -> None:
    recipe = load_recipe(mine)
    assert recipe.model == AudioConfig()
    assert recipe == load_recipe(mine, {"model": "Audio"}) == load_recipe(mine, {"model.name": "audio"})
    mine.write_text(MINIMAL.replace('model = "audio"\n', "") + '[model]\nname = "audio"\nn_layers = 3\n')
    assert load_recipe(mine).model == AudioConfig(n_layers=3)
    assert load_recipe(mine, {"model": "audio"}).model == AudioConfig(n_layers=3)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("audoi", r"model.name: no model 'audoi'; did you mean 'audio'"),
        (3, r"model: does not say which model; expected model = \"NAME\""),
        ({"name": 3}, r"model.name: no model 3"),
        ("fusion", r"task: found 'arousal', but the model 'fusion' is for emotion"),
    ],
)
def test_a_model_that_is_not_there_or_does_not_fit_is_refused(mine: Path, model: object, message: str) -> None:
    with pytest.raises(KemfeatError, match=message):
        load_recipe(mine, {"model": model})


def test_a_recipe_without_a_model_is_refused(mine: Path) -> None:
    mine.write_text(MINIMAL.replace('model = "audio"\n', ""))
    with pytest.raises(ConfigError, match=r"model: does not say which model; .*known: .*audio, "):
        load_recipe(mine)


@pytest.mark.parametrize(
    ("name", "loss", "gamma", "epochs", "batch_size"),
    [
        ("kor/audio-arousal", "rmse", 0.8, 20, 32),
        ("kor/text-valence", "rmse", 0.6, 30, 16),
        ("kor/fusion", "cross-entropy", 0.8, 30, 16),
    ],
)
def test_the_published_training_table(name: str, loss: str, gamma: float, epochs: int, batch_size: int) -> None:
    train = load_recipe(name, {"variant": "faithful"}).train
    assert (train.loss, train.gamma, train.epochs, train.batch_size) == (loss, gamma, epochs, batch_size)
    assert (train.learning_rate, train.patience, train.class_weights) == (2e-5, 8, "none")
    assert (train.clip, train.amp, train.drop_last, train.reshuffle) == (0, "off", True, False)
    assert train.balance == "kor-2022"
    assert train.frames == (0 if name == "kor/text-valence" else 512)


def test_the_published_models() -> None:
    audio, fusion, text = (load_recipe(name, {"variant": "faithful"}).model for name in NAMES)
    assert isinstance(audio, AudioConfig)
    assert isinstance(text, TextConfig)
    assert isinstance(fusion, FusionConfig)
    assert (audio.n_layers, audio.n_heads, audio.inner_size, audio.positions) == (7, 6, 1024, "none")
    assert (text.n_layers, text.n_heads, text.inner_size) == (5, 6, 1024)
    assert (fusion.n_layers, fusion.n_heads, fusion.inner_size, fusion.recurrent_size) == (4, 6, 3072, 128)
    for model in (audio, text, fusion):
        published = (model.masks, model.attention_dropout, model.pooling, model.ffn_residual)
        assert published == ("values", "always", "padded-end", True)
    assert fusion.extractors == "train"
    assert fusion.adopt(audio=audio, text=text).audio_in_use == audio.model_copy(update={"n_heads": 4})


def test_a_corrected_run_does_not_go_into_a_faithful_fusion() -> None:
    fusion = load_recipe("kor/fusion", {"variant": "faithful"}).model
    audio = load_recipe("kor/audio-arousal").model
    assert isinstance(fusion, FusionConfig)
    assert isinstance(audio, AudioConfig)
    with pytest.raises(ConfigError, match="trained with"):
        fusion.adopt(audio=audio)


def test_overrides_win_dotted_or_as_tables() -> None:
    dotted = load_recipe("kor/fusion", {"model.n_layers": 2, "model.audio.n_layers": 3, "train.seed": 4})
    nested = load_recipe("kor/fusion", {"model": {"n_layers": 2, "audio": {"n_layers": 3}}, "train": {"seed": 4}})
    assert dotted == nested
    assert isinstance(dotted.model, FusionConfig)
    assert (dotted.model.n_layers, dotted.model.audio.n_layers, dotted.train.seed) == (2, 3, 4)


def test_a_file_of_ones_own(mine: Path) -> None:
    for where in (mine, str(mine)):
        assert load_recipe(where).model == AudioConfig()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.n_layer": 3}, "model: unknown key 'n_layer'; did you mean 'n_layers'"),
        ({"train.epoch": 3}, "did you mean 'epochs'"),
        ({"modle.n_layers": 3}, "unknown key 'modle'; did you mean 'model'"),
        ({"model.n_layers": "many"}, "model.n_layers: .* found 'many'"),
        ({"model": 3}, "model"),
        ({"model.n_layers.deep": 3}, "model.n_layers"),
        ({"variant": "faithfull"}, "did you mean 'faithful'"),
        ({"variant": 3}, "unknown variant 3"),
        ({"task": "joy"}, "task: expected 'arousal', 'valence' or 'emotion', found 'joy'"),
        ({"task": ["joy"]}, "task: expected 'arousal'"),
        ({"train.loss": "cross-entropy"}, "does not fit the task 'arousal'"),
    ],
)
def test_refused_overrides(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("kor/audio-arousal", overrides)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name = ", "not a TOML file"),
        (MINIMAL + "[faithful]", r"has no table \[corrected\]"),
        (MINIMAL.replace("[train]", "corrected = 3\n[train]"), r"has no table \[corrected\]"),
        (MINIMAL.replace('task = "arousal"\n', ""), "task: is required"),
        (MINIMAL.replace('name = "mine"\n', ""), "name: is required"),
    ],
)
def test_refused_files(mine: Path, content: str, message: str) -> None:
    mine.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_recipe(mine)


def test_a_file_without_the_other_variant(mine: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no table \[faithful\]"):
        load_recipe(mine, {"variant": "faithful"})


@pytest.mark.parametrize("name", ["kor/audio", "../kor/fusion", "kor/../kor/fusion", "/etc/passwd"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(UnknownPluginError, match="kor/fusion"):
        load_recipe(name)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file; pass a TOML file, or one of av/cnn, "):
        load_recipe(tmp_path / "absent.toml")


def test_a_file_that_cannot_be_a_recipe_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ConfigError, match="is not a file"):
        load_recipe(tmp_path / "pipe.toml")
    (tmp_path / "large.toml").write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_recipe(tmp_path / "large.toml")


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a" + ".a" * 5_000 + " = 1", "a = " + "{a = " * 5_000])
def test_tables_without_end_are_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep.toml").write_text(f"{MINIMAL}\n[other]\n{text}\n")
    with pytest.raises(ConfigError, match=r"deep\.toml"):
        load_recipe(tmp_path / "deep.toml")


def test_a_recipe_does_not_change() -> None:
    recipe: Recipe = load_recipe("kor/fusion")
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "other"  # type: ignore[misc]
