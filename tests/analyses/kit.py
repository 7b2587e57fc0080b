"""A small store that every test of an analysis reads, built once per test process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from kemfeat.build import build_store
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH

SETTINGS = {"mel": {"n_mels": 16, "max_frames": 400}, "delta": {"max_frames": 400}}
"""Some twenty rows of audio are longer than that."""


@cache
def build(folder: Path) -> Store:
    """240 utterances of 8 speakers in 4 sessions below ``folder``, some without physiology, some with a tie."""
    SYNTH.write(folder / "KEMDy20", utterances=240, sessions=4, seed=1)
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=SETTINGS).store
