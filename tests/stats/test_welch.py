"""Welch's F from summaries equals pingouin's from data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin as pg
import pytest

from kemfeat.stats.group_tests._samples import moments, split
from kemfeat.stats.welch import welch_f


@pytest.mark.parametrize("sizes", [(5, 9), (4, 12, 7), (30, 6, 11, 8, 5)])
def test_equals_pingouin(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(sizes))
    frame = pd.DataFrame(
        {
            "y": np.concatenate([rng.normal(j / 2, 1 + j, n) for j, n in enumerate(sizes)]),
            "g": np.repeat(range(len(sizes)), sizes),
        }
    )
    summary = moments(split(frame["y"], frame["g"]))
    f, df1, df2 = welch_f(summary.n, summary.mean, variance_of_mean=summary.variance / summary.n)
    row = pg.welch_anova(frame, dv="y", between="g").iloc[0]
    assert (f, df1, df2) == pytest.approx((row["F"], row["ddof1"], row["ddof2"]), rel=1e-12)


def test_many_samples_at_once_equal_one_by_one() -> None:
    rng = np.random.default_rng(3)
    n, mean, squared_se = np.array([4.0, 6.0, 9.0]), rng.normal(size=(5, 3)), rng.uniform(0.1, 2, size=(5, 3))
    together = welch_f(n, mean, variance_of_mean=squared_se)
    for row in range(5):
        alone = welch_f(n, mean[row], variance_of_mean=squared_se[row])
        assert (together[0][row], together[2][row]) == pytest.approx((alone[0], alone[2]))
