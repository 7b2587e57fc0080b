"""kemfeat.learn.models.spectrogram_image."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.layers.audio_visual import ImageClassifier
from kemfeat.learn.models import build_model
from kemfeat.learn.models._pixels import seismic
from kemfeat.learn.models.spectrogram_image import SpectrogramImageClassifier, SpectrogramImageConfig, Spectrograms
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

NAMES = ("av/cnn", "av/cnn-rnn", "av/cnn-lstm")
COUNTS = {
    ("av/cnn", "faithful"): 1_967_756,
    ("av/cnn", "corrected"): 1_967_756,
    ("av/cnn-rnn", "faithful"): 7_799_436,
    ("av/cnn-rnn", "corrected"): 426_636,
    ("av/cnn-lstm", "faithful"): 30_928_524,
    ("av/cnn-lstm", "corrected"): 1_437_324,
}


def config_of(name: str, variant: str) -> SpectrogramImageConfig:
    model = load_recipe(name, {"variant": variant}).model
    assert isinstance(model, SpectrogramImageConfig)
    return model


@pytest.mark.parametrize(("name", "variant"), COUNTS)
def test_published_counts(name: str, variant: str) -> None:
    with torch.device("meta"):
        model = SpectrogramImageClassifier(config_of(name, variant))
    assert sum(parameter.numel() for parameter in model.parameters()) == COUNTS[name, variant]


@pytest.mark.parametrize("name", NAMES)
def test_a_corrected_model_differs_from_the_defaults_in_its_kind_alone(name: str) -> None:
    corrected = config_of(name, "corrected")
    assert corrected == SpectrogramImageConfig(kind=corrected.kind)
    assert corrected.kind == name.removeprefix("av/")


def test_each_defect_is_a_setting_of_its_own() -> None:
    faithful = config_of("av/cnn-rnn", "faithful")
    assert (faithful.sequence, faithful.colours, faithful.crop, faithful.scale) == (
        "flat",  # S4
        "seismic",  # S11
        "published",  # S11
        "imagenet",  # S11
    )
    assert not faithful.recurs
    assert load_recipe("av/cnn-rnn", {"variant": "faithful", "model.sequence": "time"}).model.recurs


def test_the_published_picture_is_seen_as_published() -> None:
    batch = kit.batch()
    published = Spectrograms(SpectrogramImageConfig(colours="seismic", scale="imagenet"))(batch)
    colour = seismic()[int(batch.arrays["stft_image"][1, 20, 30])]
    expected = (colour - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(published[1, :, 20, 30], expected)


def test_the_published_crop_hides_the_edges_of_the_image_and_nothing_else() -> None:
    whole, cropped = (Spectrograms(SpectrogramImageConfig(crop=crop)) for crop in ("none", "published"))
    batch = kit.batch()
    edges = batch.arrays["stft_image"].clone()
    edges[:, :4] = edges[:, 186:] = 0
    edges[:, :, :5] = edges[:, :, 295:] = 0
    other = batch.with_tensors({"arrays.stft_image": edges})
    assert torch.equal(cropped(batch), cropped(other))
    assert not torch.equal(whole(batch), whole(other))
    inner = batch.with_tensors({"arrays.stft_image": batch.arrays["stft_image"].index_fill(1, torch.tensor(4), 0)})
    assert not torch.equal(cropped(batch), cropped(inner))
    assert cropped(batch).shape == whole(batch).shape == (3, 3, 200, 300)


def test_logits_are_those_of_the_network() -> None:
    config = SpectrogramImageConfig(kind="cnn-rnn", size=(24, 40))
    model, batch = build_model(config, seed=3).eval(), kit.batch()
    network = ImageClassifier("cnn-rnn", size=(24, 40)).eval()
    network.load_state_dict({name.removeprefix("network."): value for name, value in model.state_dict().items()})
    grey = batch.arrays["stft_image"].float() / 255
    images = torch.nn.functional.adaptive_avg_pool2d(grey[:, None].expand(-1, 3, -1, -1), (24, 40))
    images = (images - images.mean(dim=(1, 2, 3), keepdim=True)) / images.std(dim=(1, 2, 3), correction=0, keepdim=True)
    with torch.no_grad():
        expected, embedding = network(images)
        made = model(batch)
    torch.testing.assert_close(made.logits, expected)
    torch.testing.assert_close(made.embedding, embedding)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model.size": [4, 40]}, r"size must be at least \[8, 8\], found \[4, 40\]"),
        ({"model.emotions": ["sad", "sad"]}, "emotions lists a class twice: sad, sad"),
        ({"model.sequence": "rows"}, "time"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("av/cnn", values)


def test_a_batch_without_images_is_refused() -> None:
    from dataclasses import replace

    with pytest.raises(AnalysisError, match="no stft_image; this model reads the feature stft_image"):
        build_model(SpectrogramImageConfig(size=(24, 40)))(replace(kit.batch(), arrays={}))


def test_there_are_as_many_logits_as_classes() -> None:
    three = SpectrogramImageConfig(size=(24, 40), emotions=("sad", "angry", "neutral"))
    assert build_model(three)(kit.batch()).logits.shape == (3, 3)  # S14
