"""A damaged store is found, and whatever is read of it is what was written or a sentence.

``python -m tests.bench.tools.damages`` tries thousands; these are a few, the same in every run.
"""

from __future__ import annotations

import random
import shutil

import numpy as np
import pandas as pd
import zarr

from kemfeat.store.reader import open_store
from tests.bench.tools import damages
from tests.store.kit import vouch


def test_damaged_stores_are_found_or_read_as_they_were_written(finished, tmp_path):
    sound = damages.contents(open_store(finished.out))
    ends = []
    for seed in range(200_000, 200_040):
        copy = shutil.copytree(finished.out, tmp_path / f"copy{seed}", symlinks=True)
        kind, done = damages.damage(copy, random.Random(seed))
        ends.append((kind, damages.judge(copy, sound)))
        assert ends[-1][1] in {"found", "harmless"}, f"seed {seed}: {done}: {ends[-1][1]}"
    assert {kind for kind, _ in ends} == {each.__name__.strip("_").replace("_", " ") for each in damages.DAMAGES}
    assert sum(end == "found" for _, end in ends) >= 36


def test_other_values_with_their_receipts_made_right_would_be_seen(finished, tmp_path):
    """What the judge says where receipts cannot help: the values are compared, not only the receipts."""
    sound = damages.contents(open_store(finished.out))
    assert all(isinstance(value, np.ndarray | pd.DataFrame) for value in sound.values())
    copy = shutil.copytree(finished.out, tmp_path / "copy", symlinks=True)
    mel = zarr.open_array(copy / "features.zarr/mel/mel", mode="r+")
    mel[0] = mel[0] + 1
    vouch(copy)
    assert damages.judge(copy, sound) == "mel has other values"
