"""A small store that the tests of the torch room read, built once per test process."""

from __future__ import annotations

import pytest

from kemfeat.build import build_store
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy19 import SYNTH as SYNTH19
from kemfeat.synth.kemdy20 import SYNTH

SETTINGS = {"rows_per_shard": 8, "mel": {"n_mels": 16, "max_frames": 300}, "delta": {"max_frames": 300}}
"""Fifteen shards; some rows of audio are longer than that."""

SETTINGS19 = {
    "rows_per_shard": 8,
    "features": ["text", "tokens", "tokens@100", "log_spectrogram", "mfcc"],
    "tokens": {"max_length": 20},
    "tokens@100": {"max_length": 16},
    "log_spectrogram": {"n_fft": 128, "hop_length": 128, "max_frames": 120},
    "mfcc": {"n_mfcc": 16, "n_mels": 16, "hop_length": 400, "max_frames": 40},
}
"""As many tokens in the instance as cepstra, which the published fusion needs (J5)."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """120 utterances of 8 speakers in 4 sessions; not to be changed."""
    folder = tmp_path_factory.mktemp("learn")
    SYNTH.write(folder / "KEMDy20", utterances=120, sessions=4, seed=1)
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=SETTINGS).store


@pytest.fixture(scope="session")
def kemdy19(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """64 utterances of 8 speakers in 4 sessions, with what the models of system 2 read; not to be changed."""
    folder = tmp_path_factory.mktemp("learn19")
    SYNTH19.write(folder / "KEMDy19", utterances=64, sessions=4, seed=1)
    return build_store("KEMDy19", root=folder / "KEMDy19", out=folder / "store", settings=SETTINGS19).store
