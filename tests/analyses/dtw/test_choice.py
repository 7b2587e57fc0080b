from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kemfeat.analyses.dtw import _choice
from kemfeat.analyses.dtw._distances import DistanceStorage, measure
from kemfeat.stats import dtw
from tests.analyses.dtw.kit import configured


def test_golden_runs_of_tsclust_from_series_to_indices(shared: Path, tmp_path: Path):
    golden = shared / "data" / "golden"
    stored = json.loads((golden / "dtw_clusters.json").read_text())
    raw = json.loads((golden / "dtw_series.json").read_text())
    values = raw["series"] if isinstance(raw, dict) else raw
    config = configured(method="tsclust").distance
    found = measure(
        dtw.scale(values).series, config=config, room=DistanceStorage(memory=2e9, folder=tmp_path, workers=2), seed=0
    )
    golden_distances = np.loadtxt(golden / "dtw_basic_default_minmax.csv", delimiter=",")
    np.testing.assert_allclose(found.matrix, golden_distances, rtol=1e-12, atol=1e-12)
    for expected in (stored["k5_seed1"], *stored["k2to10_seed42"]):
        k, init = expected["k"], tuple(place - 1 for place in expected["init"])
        method = _choice.Method(name="tsclust", restarts=10, seed=0, init=init)
        (trial,) = _choice.try_all(found.matrix, ks=[k], method=method, workers=1)
        np.testing.assert_array_equal(trial.found.labels + 1, expected["cluster"])
        np.testing.assert_array_equal(trial.found.medoids + 1, expected["medoids"])
        assert trial.found.iterations == expected["iter"]
        for name, value in expected["cvi"].items():
            assert trial.indices[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name
