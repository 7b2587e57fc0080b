"""kemfeat.features.speech_embedding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features._embedding import embedded
from kemfeat.features.speech_embedding import EXTRACTOR, SpeechEmbeddingConfig
from kemfeat.records import FeatureArray, Signal
from tests.features import encoder_kit

NOISE = np.random.default_rng(5).normal(scale=0.1, size=40000).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encoder_kit.save_speech_encoder(tmp_path_factory.mktemp("encoder"))


def opened(folder: Path, **values: Any) -> tuple[SpeechEmbeddingConfig, Any]:
    config = SpeechEmbeddingConfig(encoder=str(folder), **values)
    ready = EXTRACTOR.prepare(config, root=Path(), tokenizer="")
    return ready.config, EXTRACTOR.open(ready.config.model_copy(update=dict(ready.local)), Path())


def audio(samples: np.ndarray = NOISE, rate: float = 16000.0) -> dict[str, Signal]:
    return {"audio": Signal(samples, rate, "1")}


def test_the_mean_is_that_of_the_frames(folder: Path) -> None:
    _, mean = opened(folder)
    _, frames = opened(folder, pooling="frames")
    whole = frames(audio())
    np.testing.assert_allclose(
        mean(audio()).arrays["speech_embedding"][0], whole.arrays["speech_embedding"].mean(axis=0), atol=1e-6
    )
    assert whole.arrays["speech_embedding_lengths"] == len(whole.arrays["speech_embedding"]) == 124
    assert whole.columns == {"speech_embedding_length": 124, "speech_embedding_length_total": 124}


def test_layers_are_rows(folder: Path) -> None:
    config, extract = opened(folder, layer=[0, -1])
    made = extract(audio()).arrays["speech_embedding"]
    assert config.layer == (0, -1)
    assert EXTRACTOR.specs(config)[0].shape == made.shape == (2, 16)
    np.testing.assert_allclose(made[1], opened(folder)[1](audio()).arrays["speech_embedding"][0], atol=1e-6)


def test_what_is_cut_is_counted(folder: Path) -> None:
    config, extract = opened(folder, max_seconds=1.0, pooling="frames")
    made = extract(audio())
    assert made.columns == {"speech_embedding_length": 49, "speech_embedding_length_total": 124}
    assert EXTRACTOR.specs(config)[0].shape == (49, 16)
    shorter = extract(audio(NOISE[:16000]))
    np.testing.assert_array_equal(made.arrays["speech_embedding"], shorter.arrays["speech_embedding"])


def test_audio_is_brought_to_the_rate_of_the_encoder(folder: Path) -> None:
    seconds = np.arange(48000) / 48000
    high = np.sin(2 * np.pi * 200 * seconds).astype(np.float32)
    _, extract = opened(folder)
    made = [
        extract(audio(samples, rate)).arrays["speech_embedding"]
        for samples, rate in ((high, 48000.0), (high[::3], 16000.0))
    ]
    np.testing.assert_allclose(made[0], made[1], atol=0.02)


def test_several_utterances_and_a_broken_one(folder: Path) -> None:
    _, extract = opened(folder)
    broken = NOISE.copy()
    broken[7] = np.nan
    outcomes = EXTRACTOR.many(
        extract, [audio(), audio(broken), {"audio": None}, audio(NOISE[:399]), audio(NOISE[:9000])]
    )
    assert [type(outcome) for outcome in outcomes] == [FeatureArray, *[ExtractionError] * 3, FeatureArray]
    assert "has 399 samples at 16000 Hz, but a frame of the encoder needs 400" in str(outcomes[3])
    alone = extract(audio(NOISE[:9000]))
    np.testing.assert_allclose(outcomes[4].arrays["speech_embedding"], alone.arrays["speech_embedding"], atol=1e-5)


def test_float16_is_rounded(folder: Path) -> None:
    config, extract = opened(folder, dtype="float16")
    made = extract(audio()).arrays["speech_embedding"]
    assert made.dtype.name == EXTRACTOR.specs(config)[0].dtype == "float16"
    np.testing.assert_allclose(made, opened(folder)[1](audio()).arrays["speech_embedding"], atol=2e-3)


def test_what_float16_cannot_store_is_refused() -> None:
    config = SpeechEmbeddingConfig(dtype="float16", width=2)
    states = np.array([[[1.0, 7e4]]], dtype=np.float32)
    with pytest.raises(
        ExtractionError, match=r"gives values that float16 cannot store; .* set speech_embedding\.dtype"
    ):
        embedded("speech_embedding", config, states, total=1, frames=1)


def test_a_prepared_configuration_says_what_the_encoder_is_and_not_where(folder: Path) -> None:
    config, _ = opened(folder, device="cpu")
    assert (config.encoder, config.device, config.model_type) == ("", "auto", "wav2vec2")
    assert (config.width, config.depth, config.sampling_rate, config.step, config.window) == (16, 3, 16000, 320, 400)
    assert str(folder) not in config.model_dump_json()
    pinned = SpeechEmbeddingConfig(encoder=str(folder), sha256="0" * 64)
    with pytest.raises(ConfigError, match=r"speech_embedding\.sha256: found 0000000000000000\.\.\., but the encoder"):
        EXTRACTOR.prepare(pinned, root=Path(), tokenizer="")


def test_another_encoder_at_the_same_place_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / "w")
    ready = EXTRACTOR.prepare(SpeechEmbeddingConfig(encoder=str(folder)), root=Path(), tokenizer="")
    encoder_kit.save_speech_encoder(folder, hidden_act="relu")
    with pytest.raises(ConfigError, match=r"speech_embedding\.sha256: found"):
        EXTRACTOR.open(ready.config.model_copy(update=dict(ready.local)), Path())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"layer": 4}, "layer: found 4, but the encoder has 3 layers"),
        ({"layer": "mean-last-5"}, "layer: found 'mean-last-5', but the encoder has 3 layers"),
        ({"layer": (1, 2), "pooling": "frames"}, "found 2 layers of all frames"),
        ({"pooling": "cls"}, "encoders of speech have no such token"),
        ({"encoder": ""}, "no encoder is named; pass --set speech_embedding.encoder=DIR"),
        ({"encoder": "nobody/nothing"}, "run `hf download nobody/nothing"),
    ],
)
def test_what_has_no_meaning_is_refused(folder: Path, values: dict[str, Any], said: str) -> None:
    config = SpeechEmbeddingConfig(**{"encoder": str(folder), **values})
    with pytest.raises(ConfigError) as caught:
        EXTRACTOR.prepare(config, root=Path(), tokenizer="")
    assert said in str(caught.value)


@pytest.mark.parametrize("layer", ["first", "mean-last-0", [], [1, "2"], True, 1.5])
def test_a_layer_is_a_number_a_list_or_a_word(layer: Any) -> None:
    with pytest.raises(ValueError, match="expected last, mean-last-4"):
        SpeechEmbeddingConfig(layer=layer)


def test_models_whose_input_or_frames_are_not_known_are_refused(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / "w")
    (folder / "preprocessor_config.json").rename(folder / "kept")
    config = SpeechEmbeddingConfig(encoder=str(folder))
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json is not in the folder"):
        EXTRACTOR.prepare(config, root=Path(), tokenizer="")
    (folder / "kept").rename(folder / "preprocessor_config.json")
    for changes, said in (
        ({"add_adapter": True}, "add_adapter"),
        ({"model_type": "bert"}, "whose frames are not known"),
    ):
        table = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(table))
        with pytest.raises(ConfigError, match=said):
            EXTRACTOR.prepare(config, root=Path(), tokenizer="")


def test_whisper_reads_30_seconds(tmp_path: Path) -> None:
    folder = encoder_kit.save_speech_encoder(tmp_path / "whisper", "whisper")
    with pytest.raises(ConfigError, match="Whisper reads 30 s"):
        EXTRACTOR.prepare(SpeechEmbeddingConfig(encoder=str(folder), max_seconds=31), root=Path(), tokenizer="")
    _, extract = opened(folder, pooling="frames")
    assert extract(audio()).columns["speech_embedding_length"] == 125
