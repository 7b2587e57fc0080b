"""How pingouin is called."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pingouin as pg


@contextmanager
def exact() -> Iterator[None]:
    """Pingouin's tables without rounding, and without the warnings that it earns from pandas.

    Its options round intervals to two digits, and pingouin 0.7 passes keywords that pandas 3.1 announces to drop.
    """
    before = dict(pg.options)
    pg.options["round.column.CI95"] = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        pg.options.update(before)
