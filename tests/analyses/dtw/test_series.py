from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.analyses.dtw._series import energy, read
from kemfeat.store.reader import Store
from tests.analyses.dtw.kit import plant, shapes

SIGNALS = ("temp", "eda", "ibi", "mel-energy")


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_is_read_as_the_store_has_it(store: Store, signal: str):
    cohort = read(store, signal=signal, labels="5class", workers=2)
    assert cohort.rate == 4
    assert cohort.unit == {"temp": "degC", "eda": "uS", "ibi": "s", "mel-energy": "dB"}[signal]
    rows = store.utterances.set_index("id")
    for name, samples, values in zip(cohort.table["id"], cohort.table["samples"], cohort.series, strict=True):
        row = rows.index.get_loc(name)
        assert samples == len(values) > 0
        if signal == "mel-energy":
            assert samples == 1 + math.floor((min(rows["mel_frames"].iloc[row], 400) - 1) * 4 / 31.25)
        else:
            mask = store.array(f"{signal}_mask")[row]
            np.testing.assert_array_equal(values, store.array(signal)[row][mask].astype(float))


def test_gaps_are_closed_up_and_counted(copied: Store):
    series: list[Any] = shapes([0] * len(copied))
    series[3] = [30.0, np.nan, 30.2, 30.3]
    series[4] = [np.nan, 30.0, 31.0]
    series[5] = None
    cohort = read(plant(copied, series, ["sad"] * len(copied)), signal="temp", labels="5class", workers=1)
    np.testing.assert_allclose(cohort.series[3], [30.0, 30.2, 30.3], rtol=1e-6)
    assert (cohort.gapped, cohort.silent, len(cohort.series)) == (2, 1, 239)


@settings(deadline=None, max_examples=30)
@given(frames=st.integers(0, 120), rate=st.sampled_from([31.25, 62.5, 100.0, 2.0]), level=st.floats(-80, 0))
def test_energy_of_a_constant_spectrogram_is_its_level(frames: int, rate: float, level: float):
    found = energy(np.full((frames, 5), level, "f4"), rate=rate)
    assert len(found) == (1 + math.floor((frames - 1) * 4 / rate) if rate > 4 and frames else frames)
    np.testing.assert_allclose(found, np.float32(level), rtol=1e-6, atol=1e-6)


def test_energy_is_the_mean_power_of_each_quarter_of_a_second():
    mel = np.random.default_rng(0).uniform(-60, 0, (20, 3))
    power = 10 ** (mel / 10)
    expected = [power[0:8].mean(), power[8:16].mean(), power[16:20].mean()]
    np.testing.assert_allclose(energy(mel, rate=32.0), 10 * np.log10(expected))
