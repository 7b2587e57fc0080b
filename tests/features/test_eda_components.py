"""kemfeat.features.eda_components: what is told of an utterance, and why it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ExtractionError
from kemfeat.features.eda_components import EXTRACTOR, EdaComponentsConfig
from kemfeat.records import FeatureArray, Recording
from kemfeat.store.columns import describe
from tests.features.test__skin_conductance import RATE, Floats, response, skin

pytest.importorskip("clarabel", reason="clarabel: pip install 'kemfeat[eda]'")


def recording(values: Any, begin: float = 24.0, end: float = 28.0, **others: Any) -> Recording:
    """Samples of which those from ``begin`` to ``end`` are the utterance's."""
    values = np.asarray(values, dtype=np.float64)
    times = np.arange(len(values)) / RATE
    own = (times >= begin) & (times < end)
    told = {"length": end - begin, "unit": "uS", "sampling_rate": RATE, **others}
    return Recording(times=times - begin, values=values, own=own, **told)


def made(found: Recording | None, **settings_: Any) -> FeatureArray:
    return EXTRACTOR.open(EdaComponentsConfig(**settings_), Path())({"eda_recording": found})


def told(found: Recording | None, **settings_: Any) -> dict[str, Any]:
    columns = made(found, **settings_).columns
    return {name.removeprefix("eda_components."): value for name, value in columns.items()}


def test_a_response_in_the_utterance_by_hand() -> None:
    found = told(recording(2.0 + response(60, 25.0, 0.4)))
    assert (found["samples"], found["scr_count"], found["reason"]) == (16, 1.0, "")
    assert found["scr_per_min"] == pytest.approx(15.0)
    assert found["scr_amplitude_mean"] == pytest.approx(0.4, rel=0.05)
    assert found["scr_rise_time_mean"] == pytest.approx(1.13, abs=0.4)
    assert found["tonic_mean"] == pytest.approx(2.0, abs=0.03)
    assert found["phasic_max"] == pytest.approx(0.4, rel=0.1)
    assert found["phasic_area"] == pytest.approx(found["phasic_mean"] * 4)
    assert found["fit_error"] < 0.02
    assert found["window"] == pytest.approx(28 + 30 - 0, abs=0.5)


def test_a_response_counts_where_it_begins_even_if_its_peak_is_later() -> None:
    values = 2.0 + response(60, 27.5, 0.4)
    assert told(recording(values))["scr_count"] == 1
    assert told(recording(values))["scr_amplitude_mean"] == pytest.approx(0.4, rel=0.05)
    after = told(recording(values, 28.25, 32.0))
    assert (after["scr_count"], after["scr_amplitude_mean"]) == (0, None)
    assert after["reason"] == "no response of 0.03 uS or more"
    assert after["phasic_mean"] > 0.1


@settings(deadline=None, max_examples=20)
@given(st.floats(-1.5, 20.0), st.integers(0, 99))
def test_only_the_level_knows_the_level(shift: float, seed: int) -> None:
    values = skin(seed=seed)
    one, other = told(recording(values)), told(recording(values + shift))
    assert other["tonic_mean"] == pytest.approx(one["tonic_mean"] + shift, abs=1e-3)
    for name in ("phasic_mean", "phasic_max", "phasic_area", "tonic_slope", "scr_count", "window", "samples"):
        assert other[name] == pytest.approx(one[name], abs=2e-3), name


@settings(deadline=None, max_examples=20)
@given(st.floats(10.0, 25.0), st.floats(0.5, 9.0))
def test_what_is_beyond_the_context_does_not_count(context: float, changed: float) -> None:
    values = skin(120.0)
    other = values.copy()
    times = np.arange(len(values)) / RATE
    other[(times < 44.5 - context) | (times >= 59.5 + context)] += changed  # a fall is left out with 5 s around it
    one, two = (told(recording(v, 50.0, 54.0), context=context) for v in (values, other))
    assert one == two


def broken(at: float, value: float, seconds: float = 0.5) -> Floats:
    values = skin()
    values[round(at * RATE) : round((at + seconds) * RATE)] = value
    return values


@pytest.mark.parametrize("value", [0.0, 0.03, 61.0, 1.2])
def test_loose_electrodes_and_what_is_near_them_are_left_out(value: float) -> None:
    near = told(recording(broken(25.0, value)))
    assert (near["samples"], near["tonic_mean"]) == (0, None)
    assert near["reason"] == "loose electrodes: EDA of no skin within 5 s"
    edge = told(recording(broken(31.0, value)))
    assert 0 < edge["samples"] < 16
    assert edge["tonic_mean"] == pytest.approx(2.16, abs=0.06)
    far = told(recording(broken(45.0, value)))
    assert far["samples"] == 16
    assert far["window"] == pytest.approx(40.0, abs=1.0)


def test_a_low_level_counts_where_it_is_asked_for() -> None:
    values = 0.02 + 0.001 * np.random.default_rng(0).standard_normal(240)
    assert told(recording(values))["samples"] == 0
    assert told(recording(values), min_level=0.0)["tonic_mean"] == pytest.approx(0.02, abs=0.002)


def test_what_a_snippet_cannot_carry_is_missing_with_a_reason() -> None:
    short = told(recording(skin(14.0), 5.0, 9.0))
    assert short["reason"] == "less than 15 s of EDA around the utterance"
    assert short["samples"] == 16
    assert {short[name] for name in ("window", "tonic_mean", "phasic_mean", "scr_count", "scr_per_min")} == {None}
    assert told(recording(skin()), context=0.0)["reason"] == "less than 15 s of EDA around the utterance"
    values = skin()
    values[100:125] = np.nan
    assert told(recording(values, 22.0, 40.0))["reason"] == "a gap of more than 5 s in the utterance"
    assert told(recording(values, 40.0, 44.0))["window"] == pytest.approx(60 - 31.25)
    values = skin()
    values[100:110] = np.nan
    assert told(recording(values, 22.0, 40.0))["window"] == pytest.approx(60.0)
    one = told(recording(skin(), 24.0, 24.25))
    assert (one["samples"], one["tonic_slope"], one["phasic_sd"]) == (1, None, None)
    assert one["reason"].endswith("one sample has no slope and no deviation")


@pytest.mark.parametrize("found", [None, recording(np.full(240, np.nan)), recording(skin(), 90.0, 94.0)])
def test_no_eda_is_no_row(found: Recording | None) -> None:
    assert made(found).arrays["eda_components"].shape == (0, 13)
    assert (told(found)["samples"], told(found)["reason"]) == (0, "no EDA recorded")
    assert told(found)["scr_count"] is None


def test_another_unit_is_refused() -> None:
    with pytest.raises(ExtractionError, match="eda_components: found s, expected samples in uS; correct the corpus"):
        made(recording(skin(), unit="s"))
    with pytest.raises(ExtractionError, match="eda_components: found str, expected samples in uS"):
        EXTRACTOR.open(EdaComponentsConfig(), Path())({"eda_recording": "no"})


def test_a_rate_that_no_wristband_has_is_refused() -> None:
    with pytest.raises(ExtractionError, match=r"has 1e[+]06 samples per second, expected at most 64; leave eda_comp"):
        made(recording(skin(), sampling_rate=1e6))


def test_every_column_has_a_meaning() -> None:
    assert all(describe(name, {}) for name in EXTRACTOR.columns)
