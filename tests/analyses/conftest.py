"""The small store, and a copy of it to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kemfeat.store.reader import Store, open_store
from tests.analyses import kit as small_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """240 utterances of 8 speakers in 4 sessions; not to be changed."""
    return small_store.build(tmp_path_factory.getbasetemp() / "small")


@pytest.fixture
def copied(store: Store, tmp_path: Path) -> Store:
    """A copy that a test may change."""
    shutil.copytree(store.folder, tmp_path / "store")
    return open_store(tmp_path / "store")
