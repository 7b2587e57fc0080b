"""kemfeat.learn.settings."""

from __future__ import annotations

from typing import Any

import pytest

from kemfeat.config import validated
from kemfeat.errors import ConfigError
from kemfeat.learn.settings import AudioConfig, FusionConfig, TextConfig, TrainConfig


def test_token_size_follows_from_the_convolutions() -> None:
    assert AudioConfig().hidden_size == 768
    assert AudioConfig(n_mels=64, conv_channels=(4, 3)).hidden_size == 48


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (AudioConfig, {"n_heads": 5}, "n_heads 5 does not divide the token size 768"),
        (AudioConfig, {"conv_channels": [0, 24]}, "must be positive"),
        (AudioConfig, {"n_layer": 3}, "did you mean 'n_layers'"),
        (AudioConfig, {"n_layers": "3"}, "n_layers"),
        (TextConfig, {"dropout": 1.0}, "less than 1"),
        (FusionConfig, {"emotions": ["sad", "sad"]}, "twice"),
        (FusionConfig, {"audio_heads": 5}, "does not divide"),
        (FusionConfig, {"audio": {"n_layer": 2}}, "did you mean 'n_layers'"),
        (TrainConfig, {"loss": "mse", "augment": ["noise"]}, "augment"),
    ],
)
def test_refusals(model: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(model, values, where="test")


def test_a_fusion_adopts_what_the_runs_were_trained_with() -> None:
    config = FusionConfig(audio_heads=4, text_encoder="here", audio_run="a")
    adopted = config.adopt(audio=AudioConfig(n_layers=3), text=TextConfig(n_layers=2, text_encoder="there"))
    assert adopted.audio_in_use == AudioConfig(n_layers=3, n_heads=4)
    assert adopted.text_in_use == TextConfig(n_layers=2, text_encoder="here")
    assert adopted.audio.n_heads == 6
    assert adopted.adopt(audio=AudioConfig(n_layers=3)) == adopted


def test_a_setting_that_differs_from_the_run_is_refused() -> None:
    config = FusionConfig(audio_run="runs/a", audio=AudioConfig(n_heads=4))
    with pytest.raises(ConfigError, match=r"runs/a: was trained with n_heads 6, but model.audio.n_heads is 4.*K8"):
        config.adopt(audio=AudioConfig())
