"""kemfeat.learn.training.stillness."""

from __future__ import annotations

import pytest
import torch

from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.training.stillness import StillnessGuard
from tests.learn.models import kit


def with_films(batch: Batch, films: torch.Tensor) -> Batch:
    return batch.with_tensors({"arrays.video_frames": films})


def still(batch: Batch) -> Batch:
    """One picture twenty times over, as published (S1)."""
    films = batch.arrays["video_frames"]
    return with_films(batch, films[:, :1].expand_as(films).contiguous())


def alike(batch: Batch) -> Batch:
    films = batch.arrays["video_frames"]
    return with_films(batch, films[:1].expand_as(films).contiguous())


@pytest.mark.parametrize(
    ("make", "message"), [(still, "no film has two different frames"), (alike, "all films are equal")]
)
def test_films_that_show_nothing_are_refused_in_the_second_batch(make, message) -> None:  # type: ignore[no-untyped-def]
    guard = StillnessGuard()
    guard.check(make(kit.batch()))
    with pytest.raises(ConfigError, match=f"video_frames: in two batches {message}"):
        guard.check(make(kit.batch(seed=1)))


def test_one_batch_that_shows_something_ends_the_checks() -> None:
    guard = StillnessGuard()
    for batch in (still(kit.batch()), kit.batch(), still(kit.batch()), still(kit.batch())):
        assert guard.check(batch) is None, "a batch that shows something cleared the films"


def test_what_is_after_the_end_of_a_film_does_not_count() -> None:
    guard, batch = StillnessGuard(), still(kit.batch())
    films = batch.arrays["video_frames"].clone()
    films[1, 10:] = 3
    cut = with_films(batch, films).with_tensors({"lengths.video_frames": torch.tensor([20, 10, 20])})
    guard.check(cut)
    with pytest.raises(ConfigError, match="defect S1"):
        guard.check(cut)


def test_batches_without_films_are_passed_over() -> None:
    guard, empty = StillnessGuard(), kit.batch().with_tensors({"lengths.video_frames": torch.tensor([0, 1, 0])})
    for batch in (empty, still(kit.batch()), empty, empty):
        assert guard.check(batch) is None
    with pytest.raises(ConfigError, match="defect S1"):
        guard.check(still(kit.batch()))
