"""kemfeat.learn.layers.alexnet."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.features.log_spectrogram import differences as differences_of_one
from kemfeat.learn.layers.alexnet import SMALLEST, ModifiedAlexNet, differences
from tests.learn.layers import kit

F = SMALLEST


def net(**settings: Any) -> ModifiedAlexNet:
    with kit.seeded(1):
        return ModifiedAlexNet(**settings).eval()


def reference(w: list[Tensor], x_CTF: Tensor, pooling: str) -> tuple[Tensor, Tensor]:
    """One clip without padding, from the specification."""
    y = functional.max_pool2d(functional.conv2d(x_CTF[None], w[0], w[1], stride=4, padding=2).relu(), 3, 2)
    y = functional.max_pool2d(functional.conv2d(y, w[2], w[3], padding=2).relu(), 3, 2)
    y = functional.conv2d(y, w[4], w[5], padding=1).relu()
    y = functional.conv2d(y, w[6], w[7], padding=1).relu()
    y = functional.max_pool2d(functional.conv2d(y, w[8], w[9], padding=1).relu(), 3, 2)
    y = y.sum(dim=(2, 3)) if pooling == "sum" else y.sum(dim=(2, 3)) / (y.shape[2] * y.shape[3])
    return functional.linear(y, w[10], w[11]), y


@pytest.mark.parametrize("settings", [{}, {"pooling": "sum", "min_frames": 100}])
def test_published_count(settings: dict[str, Any]) -> None:
    with torch.device("meta"):
        assert kit.count(ModifiedAlexNet(**settings)) == 2_471_495
        logits, embedding = ModifiedAlexNet(**settings)(torch.empty(2, 3, 120, 321), torch.empty(2, dtype=torch.long))
    assert logits.shape == (2, 7)
    assert embedding.shape == (2, 256)


@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_forward_and_a_step_are_the_published_ones(pooling: Literal["mean", "sum"]) -> None:
    model = net(pooling=pooling, min_frames=100)
    flat = kit.like(model)
    x_BCTF = kit.random(1, 3, 104, F)
    target = torch.tensor([3])
    logits, embedding = model(x_BCTF, torch.tensor([104]))
    expected, expected_embedding = reference(flat, x_BCTF[0], pooling)
    assert torch.equal(logits, expected)
    assert torch.equal(embedding, expected_embedding)
    kit.step(list(model.parameters()), functional.cross_entropy(logits, target), kind=torch.optim.AdamW)
    kit.step(flat, functional.cross_entropy(expected, target), kind=torch.optim.AdamW)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), flat, strict=True))
    kit.assert_what_trains_has_a_gradient(model)


@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_padding_and_batch_mates_change_nothing(pooling: Literal["mean", "sum"]) -> None:
    model = net(pooling=pooling)
    lengths = (63, 66, 101, 88, 110)  # one position of the last map, more of them, and a length that divides badly
    x_BCTF = kit.random(len(lengths), 3, 130, F)
    with torch.no_grad():
        logits, embedding = model(x_BCTF, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            alone, alone_embedding = reference(kit.like(model), x_BCTF[row, :, :length], pooling)
            torch.testing.assert_close(logits[row], alone[0], atol=1e-6, rtol=1e-5)
            torch.testing.assert_close(embedding[row], alone_embedding[0], atol=1e-6, rtol=1e-5)


def test_what_is_in_the_padding_is_never_read() -> None:
    model = net()
    x_BCTF, lengths = kit.random(2, 3, 100, F), torch.tensor([70, 63])
    other = x_BCTF.clone()
    other[0, :, 70:], other[1, :, 63:] = torch.nan, 1e9
    with torch.no_grad():
        assert torch.equal(model(x_BCTF, lengths)[0], model(other, lengths)[0])


def test_short_clips_are_filled_up_to_the_stated_minimum() -> None:
    x_BCTF = kit.random(2, 3, 40, F)
    lengths = torch.tensor([40, 7])
    with torch.no_grad():
        for minimum in (63, 100):
            model = net(min_frames=minimum)
            whole = functional.pad(x_BCTF, (0, 0, 0, minimum - 40))
            whole[1, :, 7:] = 0.0
            torch.testing.assert_close(model(x_BCTF, lengths)[0], model(whole, torch.full((2,), minimum))[0])
    with pytest.raises(ConfigError, match="expected at least 63"):
        net(min_frames=62)
    with pytest.raises(AnalysisError, match="62 frequencies"):
        net()(kit.random(1, 3, 63, 62), torch.tensor([63]))


def test_only_the_published_sum_grows_with_duration() -> None:
    """A sound that goes on says the same (J10)."""
    x_BCTF = torch.ones(2, 3, 400, F)
    lengths = torch.tensor([100, 400])
    with torch.no_grad():
        sums = net(pooling="sum")(x_BCTF, lengths)[1].sum(dim=1)
        means = net(pooling="mean")(x_BCTF, lengths)[1].sum(dim=1)
    assert sums[1] > 3.5 * sums[0]
    assert 0.7 < means[1] / means[0] < 1.4


def test_differences_are_those_of_the_feature_and_along_time() -> None:
    x_BTF = kit.random(2, 5, 4)
    for along, axis in (("time", 0), ("frequency", 1)):
        made = differences(x_BTF, along=along)  # type: ignore[arg-type]
        for row in range(2):
            first = differences_of_one(x_BTF[row].numpy(), axis=axis)
            expected = np.stack([x_BTF[row].numpy(), first, differences_of_one(first, axis=axis)])
            np.testing.assert_array_equal(made[row].numpy(), expected)
    assert torch.equal(differences(x_BTF), differences(x_BTF, along="time"))
    ramp = torch.arange(4.0)[None, :, None].expand(1, 4, 3)
    assert differences(ramp)[0, 1].unique().tolist() == [1.0]
    assert differences(ramp, along="frequency")[0, 1].unique().tolist() == [0.0]  # J8: time is not seen
    assert differences(ramp[:, :1])[0, 1:].unique().tolist() == [0.0]


def test_differences_of_real_frames_do_not_see_padding() -> None:
    x_BTF = kit.random(1, 6, 4)
    longer = torch.cat((x_BTF, torch.full((1, 3, 4), 99.0)), dim=1)
    assert torch.equal(differences(longer)[:, :, :6], differences(x_BTF))
