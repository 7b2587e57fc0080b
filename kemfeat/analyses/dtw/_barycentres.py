"""Mean shapes of clusters by DTW barycentre averaging (Petitjean, Ketterlin and Gancarski 2011), from tslearn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST = 200
"""Members that a barycentre is the mean of; more are sampled, as each is aligned anew in every pass."""

Series = NDArray[np.float64]


def barycentre(members: Sequence[Series], *, medoid: Series, seed: int) -> Series:
    """The series with the least sum of squared DTW distances to the members, found from the medoid.

    Costs are squared and diagonal steps count once (tslearn's ``dtw``), unlike the distances that made the cluster.

    Parameters
    ----------
    members : of one cluster, at least one [each shape=(samples,)].
    medoid : where to begin; the barycentre has its length.
    seed : of the sample where members are more than :data:`MOST`.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="h5py not installed")  # tslearn's own files, not used here
        from tslearn.barycenters import dtw_barycenter_averaging
    drawn = np.random.default_rng(seed).choice(len(members), min(len(members), MOST), replace=False)
    found = dtw_barycenter_averaging([members[place] for place in np.sort(drawn)], init_barycenter=medoid[:, None])
    return np.asarray(found, float)[:, 0]
