"""kemfeat.features.egemaps, beside opensmile itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kemfeat.features.egemaps import EXTRACTOR, NAMES, EgemapsConfig
from kemfeat.media import read_audio
from kemfeat.records import Signal
from kemfeat.store.columns import describe

opensmile = pytest.importorskip("opensmile", reason="opensmile: pip install 'kemfeat[egemaps]'")


def test_real_speech_is_as_opensmile_has_it(shared: Path) -> None:
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    for clip in sorted((shared / "data" / "kemdy20_real_media").rglob("*.wav"))[:3]:
        signal = read_audio(clip)
        columns = EXTRACTOR.open(EgemapsConfig(), Path())({"audio": signal}).columns
        expected = smile.process_file(str(clip)).iloc[0]
        found = [columns[f"egemaps.{name}"] for name in expected.index]
        np.testing.assert_allclose(found, expected.to_numpy(float), rtol=1e-3, atol=1e-3)


def test_what_is_too_short_is_missing() -> None:
    columns = EXTRACTOR.open(EgemapsConfig(), Path())(
        {"audio": Signal(np.zeros(800, np.float32), 16000.0, "1")}
    ).columns
    assert set(columns.values()) == {None}


def test_every_column_has_a_meaning() -> None:
    assert len(NAMES) == len(set(NAMES)) == 88
    assert all(describe(name, {}) for name in EXTRACTOR.columns)
