"""kemfeat.learn.models.alexnet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from kemfeat.errors import AnalysisError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.alexnet import ModifiedAlexNet
from kemfeat.learn.models.alexnet import AlexNetClassifier, AlexNetConfig
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

PUBLISHED: dict[str, Any] = {"difference": "frequency", "level": "as-stored", "pooling": "sum", "min_frames": 100}


def logits(batch: Batch, **settings: Any) -> torch.Tensor:
    found: torch.Tensor | None = kit.alexnet_model(AlexNetConfig(**settings))(batch).logits
    assert found is not None
    return found.detach()


def test_it_is_the_published_count_in_both_variants() -> None:
    for variant in ("faithful", "corrected"):
        config = load_recipe("stacked/audio", {"variant": variant}).model
        assert isinstance(config, AlexNetConfig)
        with torch.device("meta"):
            assert sum(p.numel() for p in AlexNetClassifier(config).parameters()) == 2_471_495


def test_the_recipe_has_every_published_defect() -> None:
    faithful = load_recipe("stacked/audio", {"variant": "faithful"}).model
    assert faithful == AlexNetConfig(**PUBLISHED)
    assert load_recipe("stacked/audio").model == AlexNetConfig()


def test_faithful_is_the_published_input() -> None:
    """Differences along frequency, then 0 up to 100 frames, of what is stored (J8, J10)."""
    batch = kit.batch((70, 110))
    model = kit.alexnet_model(AlexNetConfig(**PUBLISHED))
    expected = []
    for row, frames in enumerate((70, 110)):
        x_TF = batch.arrays["log_spectrogram"][row, :frames]
        first_TF = torch.cat((x_TF[:, 1:2] - x_TF[:, :1], x_TF[:, 1:] - x_TF[:, :-1]), dim=1)
        second_TF = torch.cat((first_TF[:, 1:2] - first_TF[:, :1], first_TF[:, 1:] - first_TF[:, :-1]), dim=1)
        x_CTF = torch.stack((x_TF, first_TF, second_TF))
        x_CTF = torch.nn.functional.pad(x_CTF, (0, 0, 0, max(0, 100 - frames)))
        network: ModifiedAlexNet = model.network
        expected.append(network(x_CTF[None], torch.tensor([x_CTF.shape[1]]))[0][0])
    torch.testing.assert_close(model(batch).logits, torch.stack(expected), rtol=1e-5, atol=1e-3)


def test_a_spectrogram_reversed_in_time_has_other_differences_in_time_alone() -> None:
    """J8: along frequency the differences do not know the order of time."""
    x_BTF = kit.batch((70,)).arrays["log_spectrogram"]
    seen: list[torch.Tensor] = []
    for difference in ("time", "frequency"):
        model = kit.alexnet_model(AlexNetConfig(difference=difference))
        for values in (x_BTF, x_BTF.flip(1)):
            model.network.register_forward_pre_hook(lambda _, given: seen.append(given[0][:, 1]))
            model(replace(kit.batch((70,)), arrays={"log_spectrogram": values}))
            model.network._forward_pre_hooks.clear()
    assert not torch.allclose(seen[0], seen[1].flip(1))
    torch.testing.assert_close(seen[2], seen[3].flip(1))


def test_the_sum_grows_with_the_duration_and_the_mean_does_not() -> None:
    """J10: the embedding of the same steady sound, 63 and 400 frames long."""

    def norm(frames: int, pooling: str) -> float:
        batch = replace(kit.batch((frames,)), arrays={"log_spectrogram": torch.full((1, frames, kit.BINS), -8.0)})
        embedding = kit.alexnet_model(AlexNetConfig(pooling=pooling))(batch).embedding
        assert embedding is not None
        return float(embedding.detach().norm())

    assert norm(400, "sum") > 5 * norm(70, "sum")
    assert norm(400, "mean") < 2 * norm(70, "mean")


def test_what_a_short_clip_lacks_is_silence_or_as_published_loud() -> None:
    """J10: 30 frames are filled up to 63, which is as if they were followed by silence."""
    short = kit.batch((30,))
    silent = torch.full((1, 33, kit.BINS), -23.025850929940457)
    sound = torch.cat((short.arrays["log_spectrogram"], silent), dim=1)
    filled = replace(short, arrays={"log_spectrogram": sound}, lengths={"log_spectrogram": torch.tensor([63])})

    def base(batch: Batch, **settings: Any) -> torch.Tensor:
        seen: list[torch.Tensor] = []
        model = kit.alexnet_model(AlexNetConfig(**settings))
        model.network.features[0].register_forward_pre_hook(lambda _, given: seen.append(given[0][:, 0]))
        model(batch)
        return seen[0]

    torch.testing.assert_close(base(short), base(filled), rtol=0, atol=1e-5)
    loud = base(short, level="as-stored")
    assert (loud[:, 30:] == 0).all()
    assert loud[:, :30].mean() < -5


def test_nothing_is_loaded_so_nothing_is_forgotten() -> None:
    """J9: weights depend on the seed; there is no setting with the name of pretrained weights."""
    assert not [name for name in AlexNetConfig.model_fields if "pretrained" in name or "weights" in name]
    with pytest.raises(ValidationError, match="weights"):
        AlexNetConfig.model_validate({"weights": "imagenet"})


def test_a_batch_without_a_spectrogram_or_a_row_without_a_frame_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no log_spectrogram; the model reads the feature log_spectrogram"):
        logits(replace(kit.batch(), arrays={}))
    with pytest.raises(AnalysisError, match="a row has no frame"):
        logits(replace(kit.batch((3, 4)), lengths={"log_spectrogram": torch.tensor([3, 0])}))
