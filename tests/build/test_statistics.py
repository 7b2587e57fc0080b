"""The statistics of a store are those of its frames, whoever is chosen."""

import numpy as np
import pytest

from kemfeat import open_store
from kemfeat.build import _keys
from kemfeat.stats.moments import Moments, merged


def _of(table) -> list[Moments]:
    return [Moments(*row) for row in zip(table["count"], table["mean"], table["m2"], strict=True)]


@pytest.mark.parametrize("array", ["mel", "delta"])
@pytest.mark.parametrize("by", ["speaker", "session"])
def test_merged_they_are_those_of_the_frames(finished, array, by):
    store = open_store(finished.out)
    values, lengths = store.array(array)[:], store.array(f"{array}_lengths")[:]
    table = store.statistics[store.statistics["array"] == array]
    assert set(table[by]) == set(store.utterances[by])
    for name, rows in table.groupby(by):
        own = np.flatnonzero(store.utterances[by] == name)
        frames = np.concatenate([values[row, : lengths[row]] for row in own]).astype(np.float64)
        found = merged(_of(rows), bins=values.shape[2])
        assert found.count == len(frames)
        np.testing.assert_allclose(found.mean, frames.mean(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.std, frames.std(axis=0), rtol=1e-9)


def test_a_part_is_another_when_its_rows_are_someone_elses():
    """What is kept would carry the statistics of the wrong speaker."""
    first, second = (_keys.parts("mel", ["k"] * 4, [who] * 4, rows_per_shard=4)[0] for who in ("A@1", "B@1"))
    assert first.key != second.key
