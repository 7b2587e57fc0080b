"""kemfeat.learn.models.video."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.models import build_model
from kemfeat.learn.models.video import VideoConfig, VideoOfFaces, VideoSettings, videos_of
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

SMALL = VideoConfig(size=(45, 51))


@pytest.mark.parametrize("variant", ["faithful", "corrected"])
def test_published_counts(variant: str) -> None:
    config = load_recipe("av/video", {"variant": variant}).model
    assert isinstance(config, VideoConfig)
    with torch.device("meta"):
        model = VideoOfFaces(config)
    assert sum(parameter.numel() for parameter in model.network.encoder.parameters()) == 5_813_568
    assert sum(parameter.numel() for parameter in model.network.head.parameters()) == 64 * 4 + 4


def test_a_corrected_recipe_has_the_defaults() -> None:
    assert load_recipe("av/video").model == VideoConfig()


def test_pixels_keep_their_places_and_frames_after_the_end_are_empty() -> None:
    batch = kit.batch()
    videos, mask = videos_of(batch, VideoSettings())
    assert videos.shape == (3, 3, 20, *kit.FACE)
    frame = batch.arrays["video_frames"][2, 5]
    frame = frame.permute(2, 0, 1).float()
    torch.testing.assert_close(videos[2, :, 5], (frame - frame.mean()) / frame.std(correction=0))
    assert batch.lengths["video_frames"].tolist() == [20, 19, 18]
    assert not videos[2, :, 18:].any()
    assert videos[2, :, 17].any()
    assert mask.tolist() == [True] * 3


@pytest.mark.parametrize("frames", [0, 3])
def test_rows_of_a_batch_of_short_clips_are_filled_up(frames: int) -> None:
    batch = kit.batch()
    short = batch.with_tensors(
        {
            "arrays.video_frames": batch.arrays["video_frames"][:, :frames],
            "lengths.video_frames": torch.tensor([frames, 0, 0]),
        }
    )
    longer = batch.with_tensors({"lengths.video_frames": torch.tensor([frames, 0, 0])})
    made, mask = videos_of(short, VideoSettings(scale="imagenet"))
    assert torch.equal(made, videos_of(longer, VideoSettings(scale="imagenet"))[0])
    assert mask.tolist() == [frames > 0, False, False]


def test_the_order_of_frames_counts() -> None:
    model, batch = build_model(SMALL).eval(), kit.batch()
    full = batch.with_tensors({"lengths.video_frames": torch.tensor([20, 20, 20])})
    backwards = full.with_tensors({"arrays.video_frames": batch.arrays["video_frames"].flip(1)})
    with torch.no_grad():
        assert not torch.allclose(model(full).logits, model(backwards).logits, atol=1e-6)  # S1


def test_sizes_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"size must be at least \[45, 45\], found \[44, 100\]"):
        load_recipe("av/video", {"model.size": [44, 100]})
    assert build_model(VideoConfig(size=(45, 45)))(kit.batch()).logits.shape == (3, 4)


def test_a_batch_without_frames_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no video_frames; the model reads the feature video_frames"):
        build_model(SMALL)(replace(kit.batch(), arrays={}))
