from __future__ import annotations

import numpy as np

from kemfeat.analyses.dtw._findings import MOST, barycentre
from kemfeat.stats import dtw
from tests.analyses.dtw.kit import shapes


def test_a_barycentre_is_nearer_to_its_members_than_the_medoid():
    members = [values - values.min() for values in shapes([2] * 12, noise=0.2)]
    found = barycentre(members, medoid=members[0], seed=0)

    def cost(centre: np.ndarray) -> float:
        distances = dtw.block([centre, *members], rows=[0], columns=range(1, 13), config=SQUARED)
        return float((distances**2).sum())

    assert cost(found) < cost(members[0])


SQUARED = dtw.DtwConfig(cost="squared", step="symmetric1")


def test_a_barycentre_of_equal_members_is_that_series_however_many_there_are():
    values = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(barycentre([values] * (MOST + 5), medoid=values, seed=0), values)
