"""A small store, and one whose every text is as bad as a text can be, served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kemfeat.browse import Browser
from kemfeat.store.reader import Store, open_store
from tests.browse.kit import EVIL, HANGUL, Served, served
from tests.build.kit import Bench


@pytest.fixture(scope="session")
def page(finished: Bench) -> Iterator[Served]:
    """The page of a small store that can be heard."""
    with served(Browser(open_store(finished.out), root=finished.corpus.root)) as running:
        yield running


def spoilt(store: Store) -> Store:
    """The same store with markup in every text of its tables."""
    for column in ("id", "session", "script", "speaker", "emotion", "emotion_first", "text", "text_clean", "partner"):
        store.utterances[column] = EVIL + HANGUL + store.utterances[column].astype(str)
    for column in ("rater", "rater_sex", "emotion"):
        store.ratings[column] = EVIL + store.ratings[column].astype(str)
    store.ratings["id"] = EVIL + HANGUL + store.ratings["id"]
    return store
