from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kemfeat.figures import clusters
from kemfeat.figures.clusters import Shape

RNG = np.random.default_rng(0)
LABELS = np.repeat([1, 2, 3], [50, 900, 1])
POINTS = RNG.normal(size=(len(LABELS), 1)) + 5 * LABELS[:, None]
INDICES = pd.DataFrame({"k": [2, 3, 4, 5], "Sil": [0.4, 0.5, 0.1, 0.2], "DB": [1.0, np.inf, 0.8, np.nan]})
SHAPES = [Shape(title=f"cluster {k}", medoid=RNG.random(9), members=[RNG.random(n) for n in (1, 12)]) for k in (1, 2)]


def with_barycentres(shapes: list[Shape]) -> list[Shape]:
    return [Shape(title=s.title, medoid=s.medoid, members=s.members, barycentre=s.medoid / 2) for s in shapes]


DRAWN: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "indices": (
        lambda stem: clusters.indices_by_k(INDICES, stem, chosen=3),
        ("number of clusters k", "mean silhouette [-1 to 1]", "Davies-Bouldin index", "k = 3 is taken"),
    ),
    "silhouettes": (
        lambda stem: clusters.silhouettes(np.linspace(-0.3, 0.9, len(LABELS)), stem, labels=LABELS),
        ("silhouette width [-1 to 1]", "cluster 1, n = 50", "cluster 2, n = 900", "cluster 3, n = 1", "mean 0.30"),
    ),
    "medoids": (
        lambda stem: clusters.medoids(SHAPES, stem, rate=4.0, label="skin temperature [°C]"),
        ("time [s]", "skin temperature [°C]", "cluster 1", "cluster 2"),
    ),
    "barycentres": (
        lambda stem: clusters.medoids(with_barycentres(SHAPES), stem, rate=4.0, label="energy [dB]"),
        ("energy [dB]", "medoid", "barycentre"),
    ),
    "distances": (
        lambda stem: clusters.distances(np.abs(POINTS - POINTS.T), stem, labels=LABELS, label="DTW distance [°C]"),
        ("DTW distance [°C]", "cluster (400 of 951 series)"),
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_axes_are_named_with_their_units_and_the_same_input_gives_the_same_file(name: str, tmp_path: Path):
    draw, texts = DRAWN[name]
    draw(tmp_path / "a" / name)
    draw(tmp_path / "b" / name)
    written = (tmp_path / "a" / f"{name}.svg").read_text(encoding="utf-8")
    assert [text for text in texts if text not in written] == []
    assert (tmp_path / "a" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a/{name}.{suffix}").read_bytes() == (tmp_path / f"b/{name}.{suffix}").read_bytes()


def test_a_barycentre_is_named_only_where_there_is_one(tmp_path: Path):
    clusters.medoids(SHAPES, tmp_path / "medoids", rate=4.0, label="energy [dB]")
    assert "barycentre" not in (tmp_path / "medoids.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("k", [1, 3, 4, pytest.param(20, marks=pytest.mark.slow)])
def test_every_cluster_is_drawn_however_many_there_are(k: int, tmp_path: Path):
    shapes = [Shape(title=f"cluster {place + 1}, n = 1", medoid=np.ones(3), members=[]) for place in range(k)]
    clusters.medoids(shapes, tmp_path / "medoids", rate=4.0, label="energy [dB]")
    labels = np.arange(1, k + 1)
    clusters.silhouettes(np.zeros(k), tmp_path / "silhouettes", labels=labels)
    clusters.distances(np.zeros((k, k)), tmp_path / "distances", labels=labels, label="DTW distance [dB]")
    for name in ("medoids", "silhouettes"):
        svg = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        assert [place for place in labels if f"cluster {place}, n = 1" not in svg] == []
    assert "cluster (" in (tmp_path / "distances.svg").read_text(encoding="utf-8")


def test_names_beside_small_clusters_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    places = []
    annotate = __import__("matplotlib.axes").axes.Axes.annotate

    def spy(axes, text, xy, xytext, **options):
        places.append(xytext[1])
        return annotate(axes, text, xy, xytext, **options)

    monkeypatch.setattr("matplotlib.axes.Axes.annotate", spy)
    labels = np.repeat(np.arange(1, 13), [*([1] * 11), 5000])
    clusters.silhouettes(np.full(len(labels), 0.5), tmp_path / "silhouettes", labels=labels)
    top, gap = len(labels) + 12 * 100, 100
    assert np.diff(places).min() >= 0.9 * (top + gap) / 24
    assert max(places) < top
