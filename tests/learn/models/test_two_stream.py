"""kemfeat.learn.models.two_stream."""

from __future__ import annotations

import pytest
import torch

from kemfeat.learn.models import build_model
from kemfeat.learn.models.two_stream import AudioStreamSettings, TwoStreamClassifier, TwoStreamConfig
from kemfeat.learn.models.video import VideoSettings
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

SMALL = TwoStreamConfig(audio=AudioStreamSettings(size=(24, 40)), video=VideoSettings(size=(45, 51)))


@pytest.mark.parametrize(("variant", "count"), [("faithful", 13_621_260), ("corrected", 6_248_460)])
def test_published_counts(variant: str, count: int) -> None:
    config = load_recipe("av/two-stream", {"variant": variant}).model
    assert isinstance(config, TwoStreamConfig)
    with torch.device("meta"):
        model = TwoStreamClassifier(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_defects_are_settings_of_the_streams() -> None:
    assert load_recipe("av/two-stream").model == TwoStreamConfig()
    faithful = load_recipe("av/two-stream", {"variant": "faithful"}).model
    assert isinstance(faithful, TwoStreamConfig)
    assert faithful.audio == AudioStreamSettings(sequence="flat", colours="seismic", crop="published", scale="imagenet")
    assert (faithful.recurs, TwoStreamConfig().recurs) == (False, True)


@pytest.mark.parametrize("array", ["stft_image", "video_frames"])
def test_each_stream_is_read_and_a_shuffled_pair_is_another_input(array: str) -> None:
    model, batch = build_model(SMALL).eval(), kit.batch()
    full = batch.with_tensors({"lengths.video_frames": torch.tensor([20, 20, 20])})
    shuffled = full.with_tensors({f"arrays.{array}": batch.arrays[array].roll(1, 0)})
    with torch.no_grad():
        assert (model(full).logits - model(shuffled).logits).abs().amax(dim=1).min() > 1e-6  # S1


def test_a_clip_without_frames_is_judged_by_its_image_alone() -> None:
    model, batch = build_model(SMALL).eval(), kit.batch()
    lengths = torch.tensor([20, 0, 20])
    first = batch.with_tensors({"lengths.video_frames": lengths})
    other = first.with_tensors({"arrays.video_frames": batch.arrays["video_frames"].roll(1, 0)})
    with torch.no_grad():
        same = (model(first).logits - model(other).logits).abs().amax(dim=1) < 1e-7
    assert same.tolist() == [False, True, False]
