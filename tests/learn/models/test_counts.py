"""The published parameter counts, at full size and without weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kemfeat.learn.models import AudioRegressor, FusionClassifier, TextRegressor
from kemfeat.learn.settings import AudioConfig, FusionConfig, TextConfig
from kemfeat.learn.training.recipe import load_recipe

KOBERT, AUDIO, TEXT, FUSION = 92_186_880, 27_748_865, 19_869_505, 28_929_669


def trainable(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def frozen(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if not p.requires_grad)


def kobert() -> nn.Module:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(vocab_size=8002))


@pytest.mark.parametrize("variant", ["faithful", "corrected"])
def test_published_counts(variant: str) -> None:
    arousal = load_recipe("kor/audio-arousal", {"variant": variant})
    valence = load_recipe("kor/text-valence", {"variant": variant})
    emotion = load_recipe("kor/fusion", {"variant": variant})
    assert isinstance(arousal.model, AudioConfig)
    assert isinstance(valence.model, TextConfig)
    assert isinstance(emotion.model, FusionConfig)
    with torch.device("meta"):
        audio = AudioRegressor(arousal.model)
        text = TextRegressor(valence.model, kobert())
        assert (trainable(audio), frozen(audio)) == (AUDIO, 0)
        assert (trainable(text), frozen(text)) == (TEXT, KOBERT)
        fusion = FusionClassifier(emotion.model, audio=audio, text=text)
    assert (trainable(fusion), frozen(fusion)) == (FUSION, AUDIO + TEXT + KOBERT)


@pytest.mark.parametrize(("inner_size", "count"), [(1024, 3_937_024), (3072, 7_084_800)])
def test_one_layer(inner_size: int, count: int) -> None:
    def made(n_layers: int) -> int:
        recipe = load_recipe("kor/audio-arousal", {"model.n_layers": n_layers, "model.inner_size": inner_size})
        assert isinstance(recipe.model, AudioConfig)
        with torch.device("meta"):
            return trainable(AudioRegressor(recipe.model))

    assert made(2) - made(1) == count


def test_convolutions() -> None:
    with torch.device("meta"):
        recipe = load_recipe("kor/audio-arousal")
        assert isinstance(recipe.model, AudioConfig)
        assert trainable(AudioRegressor(recipe.model).extractor) == 5312
