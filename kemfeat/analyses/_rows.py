"""Walk over the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Its rows as named tuples: sentences are written from tables, one row at a time."""
    return iter(table.itertuples(index=False))
