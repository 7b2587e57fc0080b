"""kemfeat.learn.training.contrastive."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.layers.two_stream import contrastive_loss, pairs
from kemfeat.learn.models import Outputs
from kemfeat.learn.models._batches import Streams
from kemfeat.learn.pretraining_settings import Contrastive
from kemfeat.learn.training.contrastive import ContrastiveLoss, agreement
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit


def loss(**values: Any) -> ContrastiveLoss:
    return ContrastiveLoss(Contrastive(epochs=1, **values))


def clips(count: int = 8) -> Batch:
    return kit.batch((2,) * count, (2,) * count)


def outputs(audio: Tensor, video: Tensor, mask: Tensor | None = None) -> Outputs:
    return Outputs(streams=Streams(audio, video, torch.ones(len(audio), dtype=torch.bool) if mask is None else mask))


class Streaming(nn.Module):
    """A model whose embeddings are given."""

    def __init__(self, audio: Tensor, video: Tensor, mask: Tensor | None = None) -> None:
        super().__init__()
        self.outputs = outputs(audio, video, mask)

    def forward(self, _batch: Batch) -> Outputs:
        return self.outputs


def test_it_is_the_mean_over_the_pairs_of_a_batch() -> None:
    audio, video = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(0))
    made = loss(negatives="published", margin=2.0)
    chosen = pairs(torch.zeros(8), torch.arange(8), rule="published", generator=torch.Generator())
    expected = contrastive_loss(audio[chosen.audio], video[chosen.video], chosen.same, margin=2.0)
    sums = made.sums(outputs(audio, video), clips())
    assert float(sums.weight) == 16
    torch.testing.assert_close(made.value(sums), expected)


def test_far_negatives_cost_nothing_and_near_ones_do_unless_as_published() -> None:
    apart = torch.eye(8) * 9
    assert float(loss().sums(outputs(apart, apart), clips()).total) == 0
    assert float(loss(clamp="max").sums(outputs(apart, apart), clips()).total) > 100  # S2
    equal = torch.ones(8, 4)
    assert float(loss().sums(outputs(equal, equal), clips()).total) == pytest.approx(8)
    assert float(loss(clamp="max").sums(outputs(equal, equal), clips()).total) == 0  # S2


def test_negatives_follow_labels_and_utterances_not_places() -> None:
    batch = clips().with_tensors({"emotion": torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])})
    batch = batch.with_tensors({"parents": torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])})
    embedding = torch.zeros(8, 4)
    _, chosen = loss().pairs(outputs(embedding, embedding), batch)
    assert batch.parents is not None
    audio, video = chosen.audio[~chosen.same], chosen.video[~chosen.same]
    assert (batch.parents[audio] != batch.parents[video]).all()
    assert int((batch.emotion[audio] != batch.emotion[video]).sum()) == 6, "three of four are of another emotion"
    _, published = loss(negatives="published").pairs(outputs(embedding, embedding), batch)
    assert published.video[~published.same].tolist() == [1, 2, 3, 4, 5, 6, 2, 3]  # S3: even of one utterance


def test_negatives_depend_on_the_rows_alone() -> None:
    embedding, batch = torch.zeros(8, 4), clips()
    first, again = (loss().pairs(outputs(embedding, embedding), batch)[1] for _ in range(2))
    assert torch.equal(first.video, again.video)
    other = batch.with_tensors({"rows": batch.rows + 8})
    assert not torch.equal(first.video, loss().pairs(outputs(embedding, embedding), other)[1].video)


def test_rows_without_a_film_are_in_no_pair() -> None:
    mask = torch.tensor([True] * 6 + [False] * 2)
    audio, video = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(0))
    streams, chosen = loss().pairs(outputs(audio, video, mask), clips())
    assert len(streams.audio) == 6
    assert int(chosen.video.max()) < 6
    none = outputs(audio.requires_grad_(), video, torch.zeros(8, dtype=torch.bool))
    sums = loss().sums(none, clips())
    assert (float(sums.total.detach()), float(sums.weight)) == (0.0, 0.0)
    loss().value(sums).backward()  # type: ignore[no-untyped-call]
    assert audio.grad is not None


def test_matching_is_one_where_own_films_are_nearest_and_chance_where_they_are_not() -> None:
    embedding = torch.randn(64, 16, generator=torch.Generator().manual_seed(1))
    other = torch.randn(64, 16, generator=torch.Generator().manual_seed(2))
    assert agreement(Streaming(embedding, embedding + 0.01), [clips(64)], loss()).matching == 1
    assert 0.25 < agreement(Streaming(embedding, other), [clips(64)], loss()).matching < 0.75
    found = agreement(Streaming(3 * embedding, 3 * embedding), [clips(64)], loss())
    single = agreement(Streaming(embedding, embedding), [clips(64)], loss())
    assert found.spread == pytest.approx(3 * single.spread, rel=1e-5)


def test_equal_embeddings_stop_a_run_unless_that_is_what_was_published() -> None:
    equal = torch.ones(8, 4)
    with pytest.raises(RunError, match="contrastive pre-training collapsed: all embeddings are equal"):
        agreement(Streaming(equal, equal), [clips()], loss())
    found = agreement(Streaming(equal, equal), [clips()], loss(clamp="max"))
    assert (found.spread, found.loss) == (0.0, 0.0)  # S2: the best loss there is


def test_no_film_at_all_is_refused() -> None:
    nothing = Streaming(torch.ones(8, 4), torch.ones(8, 4), torch.zeros(8, dtype=torch.bool))
    with pytest.raises(RunError, match="no row of the validation part has a film"):
        agreement(nothing, [clips()], loss())


def test_a_model_of_one_stream_is_refused() -> None:
    with pytest.raises(ConfigError, match="the model has no two streams to compare"):
        loss().sums(Outputs(), clips())


def test_epochs_must_be_left_for_the_task() -> None:
    with pytest.raises(ConfigError, match=r"contrastive\.epochs 5 of 5 epochs leave none to learn the task"):
        load_recipe("av/contrastive", {"train.epochs": 5})


def test_defects_are_settings() -> None:
    faithful = load_recipe("av/contrastive", {"variant": "faithful"}).train.contrastive
    assert faithful == Contrastive(epochs=5, clamp="max", negatives="published")
    assert load_recipe("av/contrastive").train.contrastive == Contrastive(epochs=5)
    assert load_recipe("av/two-stream").train.contrastive.epochs == 0
