"""Intervals of 95 % contain the truth about that often, in simulated data whose truth is known.

``python -m tests.bench.tools.coverage`` simulates more, and other sizes; these are a few data sets of each kind.
"""

from __future__ import annotations

import pytest

from tests.bench.tools import coverage
from tests.bench.tools._coverage import Family

SETS = 60
LEAST = 0.83
"""An interval that is right in 93 of 100 data sets is below this in 1 of 100 runs of so many; the seed is fixed."""


@pytest.mark.slow
@pytest.mark.parametrize("family", coverage.INDEPENDENT + coverage.CLUSTERED, ids=lambda family: family.__name__)
def test_intervals_contain_the_truth(family: Family) -> None:
    size = 12 if family in coverage.CLUSTERED else 10
    shares = coverage.coverage(family, size, sets=SETS)
    poor = {name: share for name, share in shares.items() if share < LEAST and not name.startswith("naive")}
    assert shares
    assert not poor


@pytest.mark.slow
def test_the_simulation_finds_intervals_that_are_too_narrow() -> None:
    shares = coverage.coverage(coverage.emotions, 12, sets=SETS)
    assert shares["naive: Games-Howell, all pairs"] < LEAST
