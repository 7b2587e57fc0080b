"""Columns that a user names."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest

from kemfeat.analyses._columns import as_stored
from kemfeat.analyses.anova import AnovaConfig
from kemfeat.analyses.correlation import CorrelationConfig


@dataclass
class Table:
    """As much of a store as is read."""

    utterances: pd.DataFrame


STORE = Table(
    pd.DataFrame(columns=["eda_components.tonic_mean", "hrv.rmssd@half-minute", "self-report", "self_report"])
)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("eda-components.tonic_mean", "eda_components.tonic_mean"),
        ("eda_components.tonic_mean", "eda_components.tonic_mean"),
        ("hrv.rmssd@half-minute", "hrv.rmssd@half-minute"),
        ("self-report", "self-report"),
        ("eda-components.other", "eda-components.other"),
    ],
)
def test_a_hyphen_counts_only_where_no_column_has_it(given: str, stored: str) -> None:
    found = as_stored(STORE, CorrelationConfig(column=(given,)), ("column",))  # type: ignore[arg-type]
    assert found.column == (stored,)
    one = as_stored(STORE, AnovaConfig(between=given), ("dv", "between"))  # type: ignore[arg-type]
    assert one.between == stored
    assert "dv" not in one.model_fields_set
