"""A small store that the tests of the torch room read, built once per test process."""

from __future__ import annotations

import pytest

from kemfeat.build import build_store
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH

SETTINGS = {"rows_per_shard": 8, "mel": {"n_mels": 16, "max_frames": 300}, "delta": {"max_frames": 300}}
"""Fifteen shards; some rows of audio are longer than that."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """120 utterances of 8 speakers in 4 sessions; not to be changed."""
    folder = tmp_path_factory.mktemp("learn")
    SYNTH.write(folder / "KEMDy20", utterances=120, sessions=4, seed=1)
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=SETTINGS).store
