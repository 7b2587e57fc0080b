"""Small nested data sets, made from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kemfeat.stats.nested import ClusterRobust, cluster_robust


def unbalanced(seed: int) -> pd.DataFrame:
    """Values of 3 groups in 9 clusters, some of which lack a group; every group spans several clusters."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.5, (9, 3))
    counts[:2] += 1
    cluster, group = (np.repeat(at, counts.ravel()) for at in np.indices(counts.shape).reshape(2, -1))
    y = rng.normal(size=9)[cluster] + rng.normal(scale=0.5, size=(9, 3))[cluster, group] + rng.normal(size=len(group))
    return pd.DataFrame({"y": y, "group": np.array(list("abc"))[group], "id": cluster})


def balanced(seed: int, *, clusters: int = 8, groups: int = 3, repeats: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cluster, group, _ = (axis.ravel() for axis in np.indices((clusters, groups, repeats)))
    y = rng.normal(size=clusters)[cluster] + rng.normal(size=(clusters, groups))[cluster, group]
    return pd.DataFrame({"y": y + rng.normal(size=len(y)), "group": group, "id": cluster})


def robust(data: pd.DataFrame) -> ClusterRobust:
    return cluster_robust(data["y"], data["group"], data["id"])
