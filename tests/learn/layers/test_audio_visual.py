"""kemfeat.learn.layers.audio_visual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError
from kemfeat.learn.layers.audio_visual import (
    AudioConvolutions,
    ImageClassifier,
    ImageEncoder,
    Kind,
    VideoClassifier,
    VideoConvolutions,
)
from tests.learn.layers import kit

KINDS: tuple[Kind, ...] = ("cnn", "cnn-rnn", "cnn-lstm")
IMAGE, VIDEO = (16, 40), (9, 45, 51)


def images(count: int = 3) -> Tensor:
    return kit.random(count, 3, *IMAGE)


def recurred(w: Iterator[Tensor], x_BTF: Tensor, kind: Kind) -> Tensor:
    """The last state of each direction of two bidirectional layers, step by step."""
    for _ in range(2):
        directions, ends = [], []
        for backwards in (False, True):
            w_in, w_state, b_in, b_state = next(w), next(w), next(w), next(w)
            steps = x_BTF.unbind(dim=1)
            state = cell = x_BTF.new_zeros(len(x_BTF), w_state.shape[1])
            seen = []
            for x in steps[::-1] if backwards else steps:
                inner = x @ w_in.T + b_in + state @ w_state.T + b_state
                if kind == "cnn-lstm":
                    i, f, g, o = inner.chunk(4, dim=1)
                    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
                    state = o.sigmoid() * cell.tanh()
                else:
                    state = inner.tanh()
                seen.append(state)
            ends.append(state)
            directions.append(torch.stack(seen[::-1] if backwards else seen, dim=1))
        x_BTF = torch.cat(directions, dim=2)
    return torch.cat(ends, dim=1)


def convolved(w: Iterator[Tensor], x_BCHW: Tensor) -> Tensor:
    for padding in ((6, 8), (4, 6), (2, 3)):
        x_BCHW = functional.max_pool2d(functional.conv2d(x_BCHW, next(w), next(w), padding=padding).relu(), 2)
    return x_BCHW


def reference(weights: list[Tensor], x_BCHW: Tensor, kind: Kind, sequence: str) -> Tensor:
    """Logits from the specification, without dropout."""
    w = iter(weights)
    x = convolved(w, x_BCHW)
    if kind == "cnn":
        x = x.flatten(1)
    elif sequence == "flat":
        x = recurred(w, x.flatten(1)[:, None], kind)
    else:
        x = recurred(w, torch.stack([x[..., column].flatten(1) for column in range(x.shape[3])], dim=1), kind)
    x = functional.linear(x, next(w), next(w))
    return functional.linear(x.relu(), next(w), next(w))


def video_reference(weights: list[Tensor], x: Tensor) -> Tensor:
    w = iter(weights)
    for place in range(4):
        x = functional.conv3d(x, next(w), next(w)).relu()
        x = functional.max_pool3d(x, (1, 3, 3), (1, 2, 2)) if place < 3 else x
    x = functional.linear(x.flatten(1), next(w), next(w)).relu()
    return functional.linear(x, next(w), next(w))


@pytest.mark.parametrize(
    ("kind", "sequence", "expected"),
    [
        ("cnn", "time", 1_967_756),
        ("cnn", "flat", 1_967_756),
        ("cnn-rnn", "flat", 7_799_436),
        ("cnn-rnn", "time", 426_636),
        ("cnn-lstm", "flat", 30_928_524),
        ("cnn-lstm", "time", 1_437_324),
    ],
)
def test_counts_of_images(kind: Kind, sequence: Literal["time", "flat"], expected: int) -> None:
    with torch.device("meta"):
        model = ImageClassifier(kind, sequence=sequence)
        assert kit.count(model) == expected
        assert model(torch.empty(2, 3, 200, 300))[0].shape == (2, 4)
        if sequence == "flat" and kind != "cnn":
            assert kit.count(model.encoder.recurrent) == {"cnn-rnn": 7_709_696, "cnn-lstm": 30_838_784}[kind]


def test_counts_of_convolutions() -> None:
    with torch.device("meta"):
        assert kit.count(AudioConvolutions()) == 73_032
        assert AudioConvolutions()(torch.empty(1, 3, 200, 300)).shape == (1, 32, 25, 37)
        video = VideoConvolutions()
        assert (kit.count(video), kit.count(video.convolutions), kit.count(video.out)) == (
            5_813_568,
            291_840,
            5_521_728,
        )
        assert video.convolutions(torch.empty(1, 3, 20, 60, 100)).shape == (1, 128, 12, 2, 7)
        assert video(torch.empty(1, 3, 20, 60, 100)).shape == (1, 64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sequence", ["time", "flat"])
def test_forward_and_a_step_of_an_image_are_the_specified_ones(kind: Kind, sequence: Any) -> None:
    with kit.seeded(1):
        model = ImageClassifier(kind, sequence=sequence, size=IMAGE).eval()
    flat = kit.like(model)
    target = torch.tensor([0, 3, 1])
    logits, embedding = model(images())
    expected = reference(flat, images(), kind, sequence)
    assert embedding.shape == (3, 64)
    torch.testing.assert_close(logits, expected, atol=1e-6, rtol=0)
    kit.step(list(model.parameters()), functional.cross_entropy(logits, target))
    kit.step(flat, functional.cross_entropy(expected, target))
    for parameter, other in zip(model.parameters(), flat, strict=True):
        torch.testing.assert_close(parameter, other, atol=1e-6, rtol=0)


def test_forward_and_a_step_of_a_video_are_the_specified_ones() -> None:
    with kit.seeded(1):
        model = VideoConvolutions(size=VIDEO).eval()
    flat = kit.like(model)
    x = kit.random(2, 3, *VIDEO)
    made, expected = model(x), video_reference(flat, x)
    assert torch.equal(made, expected)
    kit.step(list(model.parameters()), made.square().mean(), kind=torch.optim.Adam)
    kit.step(flat, expected.square().mean(), kind=torch.optim.Adam)
    for parameter, other in zip(model.parameters(), flat, strict=True):
        assert torch.equal(parameter, other)
    kit.assert_what_trains_has_a_gradient(model)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_over_time_learns(kind: Kind) -> None:
    with kit.seeded(1):
        model = ImageClassifier(kind, size=IMAGE)
        functional.cross_entropy(model(images())[0], torch.tensor([0, 3, 1])).backward()
    kit.assert_what_trains_has_a_gradient(model)


def test_only_over_time_do_the_recurrent_layers_recur() -> None:
    """A sequence of length 1 has no state to carry, so that weights of states never learn (S4)."""
    for sequence, learns in (("time", True), ("flat", False)):
        with kit.seeded(1):
            model = ImageEncoder("cnn-rnn", sequence=sequence, size=IMAGE)  # type: ignore[arg-type]
        model(images()).square().sum().backward()
        gradients = [p.grad for name, p in model.named_parameters() if "weight_hh" in name]
        assert len(gradients) == 4
        assert all(grad is not None and bool(grad.any()) == learns for grad in gradients)


def test_batch_mates_change_nothing_in_evaluation() -> None:
    with kit.seeded(1), torch.no_grad():
        for model, x in (
            (ImageClassifier("cnn-lstm", size=IMAGE).eval(), images()),
            (VideoClassifier(size=VIDEO).eval(), kit.random(3, 3, *VIDEO)),
        ):
            alone = torch.cat([model(x[row : row + 1])[0] for row in range(3)])
            torch.testing.assert_close(model(x)[0], alone, atol=1e-6, rtol=1e-5)


def test_order_of_frames_matters_to_a_video() -> None:
    with kit.seeded(1), torch.no_grad():
        model = VideoConvolutions(size=VIDEO).eval()
    x = kit.random(1, 3, *VIDEO)
    with torch.no_grad():
        assert not torch.allclose(model(x), model(x.flip(2)), atol=1e-4)


def test_a_video_alone_is_classified_and_learns() -> None:
    with kit.seeded(1):
        model = VideoClassifier(size=VIDEO, n_classes=3)
        logits, embedding = model(kit.random(2, 3, *VIDEO))
    assert (logits.shape, embedding.shape) == ((2, 3), (2, 64))
    functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    kit.assert_what_trains_has_a_gradient(model)


@pytest.mark.parametrize("size", [(15, 17), (33, 50), (9, 8)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    with torch.device("meta"):
        for kind in KINDS:
            assert ImageClassifier(kind, size=size)(torch.empty(2, 3, *size))[0].shape == (2, 4)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(AnalysisError, match="200 x 300 pixels; expected 16 x 40"):
        ImageEncoder("cnn", size=IMAGE)(torch.zeros(1, 3, 200, 300))
    with pytest.raises(AnalysisError, match="9 x 45 x 50; expected 9 x 45 x 51"):
        VideoConvolutions(size=VIDEO)(torch.zeros(1, 3, 9, 45, 50))
