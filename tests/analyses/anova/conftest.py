"""A store whose utterances are replaced."""

from __future__ import annotations

import pandas as pd
import pytest

from kemfeat.store.reader import Store, open_store


@pytest.fixture
def holding(store: Store):
    """A store that holds these utterances."""

    def made(utterances: pd.DataFrame) -> Store:
        fresh = open_store(store.path)
        fresh.utterances = utterances
        return fresh

    return made
