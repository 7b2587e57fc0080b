"""kemfeat.learn.layers.resnet."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kemfeat.learn.layers.resnet import STREAMS, ImageResNet18, SignalResNet18, ThreeStreams
from tests.learn.layers import kit

Stem = Literal["short", "published"]
STEMS: tuple[Stem, ...] = ("short", "published")


def reference(weights: list[Tensor], x: Tensor, *, stem: Stem) -> Tensor:
    """ResNet18 with the statistics of the batch, flat, from the specification; x is (B, T) or (B, F, T)."""
    w = iter(weights)
    flat = x.dim() == 2
    convolve = functional.conv1d if flat else functional.conv2d

    def normed(y: Tensor, weight: Tensor, *, stride: int, padding: int) -> Tensor:
        y = convolve(y, weight, stride=stride, padding=padding)
        return functional.batch_norm(y, None, None, next(w), next(w), training=True)

    y = normed(x[:, None], next(w), stride=1 if stem == "short" and flat else 2, padding=3).relu()
    if not flat:
        y = functional.max_pool2d(y, 6, 2, 1)
    elif stem == "published":
        y = functional.max_pool1d(y, 3, 2, 1)
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage and not block else 1
            inner = normed(y, next(w), stride=stride, padding=1).relu()
            inner = normed(inner, next(w), stride=1, padding=1)
            y = (inner + (normed(y, next(w), stride=2, padding=0) if stride == 2 else y)).relu()
    assert next(w, None) is None
    return y.flatten(2).mean(2)


def lengths_of(model: nn.Module, x: Tensor) -> list[tuple[int, ...]]:
    """Sizes of the maps after pooling and after each stage."""
    seen: list[tuple[int, ...]] = []
    parts = [model.pool, *model.stages]  # type: ignore[misc]
    hooks = [part.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[2:]))) for part in parts]
    model(x)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("stem", STEMS)
def test_published_counts(stem: Stem) -> None:
    with torch.device("meta"):
        assert kit.count(SignalResNet18(stem=stem)) == 3_843_904
        assert kit.count(ImageResNet18()) == 11_170_240
        encoder = ThreeStreams(stem=stem)
        assert kit.count(encoder) == 19_060_444
        assert kit.count(encoder) - kit.count(encoder.encoders) == 202_396


def test_sizes_of_the_maps() -> None:
    with torch.device("meta"):
        signal, image = torch.empty(2, 11), torch.empty(2, 13, 274)
        assert lengths_of(SignalResNet18(stem="published"), signal) == [(3,), (3,), (2,), (1,), (1,)]  # P9
        assert lengths_of(SignalResNet18(), signal) == [(11,), (11,), (6,), (3,), (2,)]
        assert lengths_of(ImageResNet18(), image) == [(2, 67), (2, 67), (1, 34), (1, 17), (1, 9)]


@pytest.mark.parametrize("stem", STEMS)
def test_a_signals_forward_and_step_are_the_published_ones(stem: Stem) -> None:
    with kit.seeded(1):
        check_forward_and_a_step(SignalResNet18(stem=stem), kit.random(4, 11), stem=stem)


def test_an_images_forward_and_step_are_the_published_ones() -> None:
    with kit.seeded(1):
        check_forward_and_a_step(ImageResNet18(), kit.random(3, 13, 40), stem="published")


def check_forward_and_a_step(model: nn.Module, x: Tensor, *, stem: Stem) -> None:
    flat = kit.like(model)
    made, expected = model(x), reference(flat, x, stem=stem)
    assert torch.equal(made, expected)
    kit.step(list(model.parameters()), made.square().mean(), kind=torch.optim.Adam)
    kit.step(flat, expected.square().mean(), kind=torch.optim.Adam)
    for parameter, other in zip(model.parameters(), flat, strict=True):
        assert torch.equal(parameter, other)
    kit.assert_what_trains_has_a_gradient(model)


def test_only_convolutions_over_signals_begin_with_the_fan_out() -> None:
    with kit.seeded(1):
        signal, image = SignalResNet18(), ImageResNet18()
    for layer in (m for m in signal.modules() if isinstance(m, nn.Conv1d)):
        deviation = math.sqrt(2 / (layer.out_channels * layer.kernel_size[0]))
        assert layer.weight.std().item() == pytest.approx(deviation, rel=0.1)
    last = image.stages[3][1].conv2
    assert last.weight.abs().max().item() == pytest.approx(1 / math.sqrt(512 * 9), rel=1e-3)


def test_batch_mates_change_nothing_in_evaluation() -> None:
    with kit.seeded(1):
        model = ThreeStreams()
    inputs = kit.random(3, 11), kit.random(3, 11, seed=1), kit.random(3, 13, 40, seed=2)
    model(*inputs)  # statistics that are not the initial ones
    with torch.no_grad():
        together = model.eval()(*inputs)
        alone = [model(*(x[row : row + 1] for x in inputs)) for row in range(3)]
    for field in together._fields:
        rows = torch.cat([getattr(each, field) for each in alone])
        torch.testing.assert_close(rows, getattr(together, field), atol=1e-5, rtol=1e-5)


def test_signals_of_any_length_and_missing_values() -> None:
    with kit.seeded(1), torch.no_grad():
        model = SignalResNet18().eval()
        assert model(kit.random(2, 1)).isfinite().all()
        holed = kit.random(3, 11)
        holed[0, 4] = torch.nan
        assert model(holed).isnan().any(dim=1).tolist() == [True, False, False]
        assert model.train()(holed).isnan().any(dim=1).all()


def test_streams_are_in_the_order_of_their_names_and_every_head_learns() -> None:
    with kit.seeded(1):
        model = ThreeStreams()
    eda, temp, audio = kit.random(4, 11), kit.random(4, 11, seed=1), kit.random(4, 13, 40, seed=2)
    out = model(eda, temp, audio)
    target = torch.tensor([0, 1, 2, 3])
    heads = (out.fused, out.eda, out.temp, out.audio)
    torch.stack([functional.cross_entropy(each, target) for each in heads]).sum().backward()
    kit.assert_what_trains_has_a_gradient(model)
    with torch.no_grad():
        model.eval()
        before, after = model(eda, temp, audio), model(eda, temp + 1, audio)
    assert STREAMS == ("eda", "temp", "audio")
    same = [torch.equal(before.embedding[:, a:b], after.embedding[:, a:b]) for a, b in pairwise((0, 512, 1024, 1536))]
    assert same == [True, False, True]
    assert torch.equal(before.eda, after.eda)
    assert not torch.equal(before.temp, after.temp)


def test_the_heads_and_a_step_are_the_published_ones() -> None:
    """Four outputs after a softmax, whose losses are added (P3)."""
    with kit.seeded(1):
        model = ThreeStreams(stem="published", outputs="probabilities", width=4)
    inputs = kit.random(4, 11), kit.random(4, 11, seed=1), kit.random(4, 13, 40, seed=2)
    flat = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    target = torch.tensor([0, 1, 2, 3])

    def heads() -> tuple[list[Tensor], Tensor]:
        def of(part: str) -> list[Tensor]:
            return [value for name, value in flat.items() if name.startswith(f"{part}.")]

        embeddings = [
            reference(of(f"encoders.{name}"), x, stem="published") for name, x in zip(STREAMS, inputs, strict=True)
        ]
        inner = [
            functional.linear(x, *of(f"projections.{name}")).relu() for name, x in zip(STREAMS, embeddings, strict=True)
        ]
        outputs = [functional.linear(torch.cat(inner, dim=1), *of("fused"))]
        outputs += [functional.linear(x, *of(f"heads.{name}")) for name, x in zip(STREAMS, inner, strict=True)]
        return [each.softmax(dim=1) for each in outputs], torch.cat(embeddings, dim=1)

    made, (expected, embedding) = model(*inputs), heads()
    assert torch.equal(made.embedding, embedding)
    assert all(torch.equal(a, b) for a, b in zip(made[:4], expected, strict=True))
    losses = [sum(functional.cross_entropy(each, target) for each in given) for given in (made[:4], expected)]
    kit.step(list(model.parameters()), losses[0], kind=torch.optim.Adam)
    kit.step(list(flat.values()), losses[1], kind=torch.optim.Adam)
    assert all(torch.equal(parameter, flat[name]) for name, parameter in model.named_parameters())


def test_published_outputs_are_probabilities_whose_loss_has_a_floor() -> None:
    with kit.seeded(1):
        model = ThreeStreams(outputs="probabilities").eval()
    with torch.no_grad():
        out = model(kit.random(2, 11), kit.random(2, 11), kit.random(2, 13, 40))
    for each in out[:4]:
        torch.testing.assert_close(each.sum(dim=1), torch.ones(2))
    certain = functional.cross_entropy(torch.eye(7)[:1], torch.tensor([0]))
    assert certain.item() == pytest.approx(math.log(1 + 6 / math.e), abs=1e-6)  # P3
