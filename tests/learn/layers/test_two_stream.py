"""kemfeat.learn.layers.two_stream."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from kemfeat.learn.layers.two_stream import TwoStream, contrastive_loss, pairs
from tests.learn.layers import kit

IMAGE, VIDEO = (16, 24), (9, 45, 45)


def network(**settings: Any) -> TwoStream:
    with kit.seeded(1):
        return TwoStream(image_size=IMAGE, video_size=VIDEO, **settings)


def inputs(count: int = 3) -> tuple[Tensor, Tensor]:
    return kit.random(count, 3, *IMAGE), kit.random(count, 3, *VIDEO, seed=1)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_published_count() -> None:
    with torch.device("meta"):
        assert kit.count(TwoStream(sequence="flat")) == 13_621_260
        assert kit.count(TwoStream()) == 13_621_260 - (7_709_696 - 336_896)
        logits, embedding = TwoStream()(torch.empty(2, 3, 200, 300), torch.empty(2, 3, 20, 60, 100))
    assert (logits.shape, embedding.shape) == ((2, 4), (2, 64))


def test_forward_and_a_step_are_the_specified_ones() -> None:
    model = network(sequence="flat").eval()
    head = [*model.joint.parameters(), *model.classifier.parameters()]
    flat = [p.detach().clone().requires_grad_() for p in head]
    target = torch.tensor([0, 3, 1])
    logits, embedding = model(*inputs())
    joined = torch.cat([stream.detach() for stream in model.streams(*inputs())], dim=1)
    inner = functional.linear(joined, flat[0], flat[1]).relu()
    expected = functional.linear(inner, flat[2], flat[3])
    assert torch.equal(embedding, inner)
    assert torch.equal(logits, expected)
    kit.step(head, functional.cross_entropy(logits, target), kind=torch.optim.Adam)
    kit.step(flat, functional.cross_entropy(expected, target), kind=torch.optim.Adam)
    assert all(torch.equal(a, b) for a, b in zip(head, flat, strict=True))


def test_every_parameter_learns_with_labels_and_the_streams_without() -> None:
    model = network()
    functional.cross_entropy(model(*inputs())[0], torch.tensor([0, 3, 1])).backward()
    kit.assert_what_trains_has_a_gradient(model)
    model = network()
    audio, video = model.streams(*inputs())
    rows = pairs(torch.tensor([0, 1, 2]), torch.arange(3), generator=drawn())
    contrastive_loss(audio[rows.audio], video[rows.video], rows.same, margin=9.0).backward()
    kit.assert_what_trains_has_a_gradient(model.audio)
    kit.assert_what_trains_has_a_gradient(model.video)


def test_both_streams_count_unless_the_video_is_missing() -> None:
    model = network().eval()
    image, video = inputs()
    mask = torch.tensor([True, False, True])
    with torch.no_grad():
        whole = model(image, video)[0]
        masked = model(image, video, mask)[0]
        other = model(image, video.roll(1, 0), mask)[0]
        sound = model(image.roll(1, 0), video)[0]
    assert torch.equal(whole[mask], masked[mask])
    assert torch.equal(masked[1], other[1])
    assert not torch.allclose(whole, other, atol=1e-5)
    assert not torch.allclose(whole, sound, atol=1e-5)


def test_batch_mates_change_nothing_in_evaluation() -> None:
    model = network().eval()
    image, video = inputs()
    with torch.no_grad():
        alone = torch.cat([model(image[row : row + 1], video[row : row + 1])[0] for row in range(3)])
        torch.testing.assert_close(model(image, video)[0], alone, atol=1e-6, rtol=1e-5)


def pair_at(distance: float, *, same: bool, **settings: Any) -> float:
    audio = torch.zeros(1, 4)
    video = torch.tensor([[0.0, distance, 0.0, 0.0]])
    return contrastive_loss(audio, video, torch.tensor([same]), **settings).item()


@settings(deadline=None, max_examples=50)
@given(distance=st.floats(0, 10, width=32), margin=st.floats(0.5, 5, width=32))
def test_laws_of_the_loss(distance: float, margin: float) -> None:
    assert pair_at(distance, same=True, margin=margin) == pytest.approx(distance**2, rel=1e-5, abs=1e-30)
    negative = pair_at(distance, same=False, margin=margin)
    assert negative == pytest.approx(max(margin - distance, 0.0) ** 2, rel=1e-4, abs=1e-6)
    assert (negative > 0) == (distance < margin)


def test_the_published_clamp_punishes_distant_negatives_and_rewards_collapse() -> None:
    assert pair_at(3.0, same=False, clamp="max") == 4.0  # S2
    assert pair_at(0.5, same=False, clamp="max") == 0.0
    collapsed = torch.ones(8, 4)
    same = torch.arange(8) < 4
    assert contrastive_loss(collapsed, collapsed, same, clamp="max").item() == 0.0
    assert contrastive_loss(collapsed, collapsed, same).item() == 0.5


def test_the_gradient_is_finite_where_a_pair_is_equal() -> None:
    audio = torch.zeros(2, 3, requires_grad=True)
    contrastive_loss(audio, torch.zeros(2, 3), torch.tensor([True, False])).backward()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()


def test_the_loss_pulls_pairs_together_and_pushes_others_apart() -> None:
    audio, video = kit.random(2, 3).requires_grad_(), kit.random(2, 3, seed=1) / 9
    same = torch.tensor([True, False])
    before = (audio - video).norm(dim=1)
    kit.step([audio], contrastive_loss(audio, video, same, margin=9.0))
    after = (audio - video).norm(dim=1)
    assert (after < before).tolist() == [True, False]


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=20), seed=st.integers(0, 99))
def test_negatives_are_of_another_utterance(rows: list[tuple[int, int]], seed: int) -> None:
    emotion, utterance = torch.tensor(rows).T
    size = len(rows)
    made = pairs(emotion, utterance, generator=drawn(seed))
    assert made.audio[:size].tolist() == made.video[:size].tolist() == list(range(size))
    assert made.same.tolist() == [True] * size + [False] * (len(made.audio) - size)
    negative, other = made.audio[size:], made.video[size:]
    assert (utterance[negative] != utterance[other]).all()
    has_one = [any(u != mine for _, u in rows) for _, mine in rows]
    assert negative.tolist() == [row for row in range(size) if has_one[row]]


def test_three_of_four_negatives_are_of_another_emotion() -> None:
    emotion, utterance = torch.arange(64) % 4, torch.arange(64)
    made = pairs(emotion, utterance, generator=drawn())
    hard = (emotion[made.audio[64:]] != emotion[made.video[64:]]).tolist()
    assert sum(hard) == 48
    again = pairs(emotion, utterance, generator=drawn())
    assert torch.equal(made.video, again.video)
    assert not torch.equal(made.video, pairs(emotion, utterance, generator=drawn(1)).video)


def test_published_negatives_go_by_position() -> None:
    utterance = torch.arange(64)
    made = pairs(torch.arange(64) % 4, utterance, rule="published", generator=drawn())
    distance = (made.video[64:] - made.audio[64:]) % 64
    assert distance.tolist() == [1] * 48 + [4] * 16
    emotion = torch.arange(64) % 3  # of three classes in turn, the fourth row is of another emotion (S3)
    assert (emotion[made.audio[112:124]] != emotion[made.video[112:124]]).all()
    clips = torch.arange(64) // 2  # neighbours are of one utterance
    made = pairs(torch.zeros(64), clips, rule="published", generator=drawn())
    assert (clips[made.audio[64:]] == clips[made.video[64:]]).any()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_no_row_is_its_own_negative(size: int) -> None:
    for rule in ("published", "other-utterance"):
        made = pairs(torch.arange(size), torch.arange(size), rule=rule, generator=drawn())  # type: ignore[arg-type]
        assert (made.audio[size:] != made.video[size:]).all()
