from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat.analyses.dtw import _distances
from kemfeat.analyses.dtw._distances import DistanceStorage, measure, nearest
from kemfeat.errors import StoreCorruptError
from kemfeat.stats import dtw
from kemfeat.store import blocks
from tests.analyses.dtw.kit import configured, shapes


@pytest.fixture(scope="module")
def series() -> list[np.ndarray]:
    return shapes(np.random.default_rng(3).integers(4, size=150))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_blocks_hold_the_same_bits_as_memory(series: list[np.ndarray], tmp_path: Path, workers: int):
    config = configured().distance
    room = DistanceStorage(memory=1e4, folder=tmp_path, workers=workers)
    found = measure(series, config=config, room=room, seed=7)
    assert len(found.sample) == 50
    whole = dtw.distance_matrix(series, dtype="float32")
    np.testing.assert_array_equal(found.matrix, whole[np.ix_(found.sample, found.sample)])
    (folder,) = tmp_path.iterdir()
    np.testing.assert_array_equal(blocks.open_blocks(folder).square(range(150)), whole)


@pytest.mark.usefixtures("small_blocks")
def test_an_interrupted_run_goes_on_where_it_stopped(
    series: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config, room = configured().distance, DistanceStorage(memory=1e4, folder=tmp_path, workers=1)
    calls: list[int] = []
    real = dtw.block

    def counted(*arguments: Any, **options: Any) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(_distances.dtw, "block", counted)
    with pytest.raises(KeyboardInterrupt):
        measure(series, config=config, room=room, seed=0)
    calls.clear()
    monkeypatch.setattr(_distances.dtw, "block", lambda *a, **o: calls.append(1) or real(*a, **o))
    measure(series, config=config, room=room, seed=0)
    assert len(calls) == 4  # of 6 blocks
    measure(series, config=config, room=room, seed=0)
    assert len(calls) == 4


@pytest.mark.usefixtures("small_blocks")
def test_other_series_or_settings_have_blocks_of_their_own(series: list[np.ndarray], tmp_path: Path):
    room = DistanceStorage(memory=1e4, folder=tmp_path, workers=1)
    for values, normalize in ((series, False), (series, True), ([s + 1 for s in series], False)):
        measure(values, config=configured(normalize=normalize).distance, room=room, seed=0)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.usefixtures("small_blocks")
def test_a_damaged_folder_of_blocks_is_a_sentence(series: list[np.ndarray], tmp_path: Path):
    room = DistanceStorage(memory=1e4, folder=tmp_path, workers=1)
    measure(series, config=configured().distance, room=room, seed=0)
    (folder,) = tmp_path.iterdir()
    (folder / "order.npy").unlink()
    with pytest.raises(StoreCorruptError, match="move this folder away"):
        measure(series, config=configured().distance, room=room, seed=0)


def test_every_series_goes_to_its_nearest_medoid(series: list[np.ndarray]):
    medoids = np.array([3, 90, 140])
    labels, distances = nearest(series, medoids=medoids, config=configured().distance)
    D = dtw.distance_matrix(series, dtype="float32")[:, medoids]
    np.testing.assert_array_equal(labels, D.argmin(axis=1))
    np.testing.assert_array_equal(distances, D.min(axis=1))
