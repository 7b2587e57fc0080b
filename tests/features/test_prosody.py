"""kemfeat.features.prosody, beside Praat's own commands and librosa."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from kemfeat.features.prosody import EXTRACTOR, ProsodyConfig, functionals
from kemfeat.media import read_audio
from kemfeat.records import Signal
from kemfeat.store.columns import describe

RATE = 16000
parselmouth = pytest.importorskip("parselmouth", reason="praat-parselmouth: pip install 'kemfeat[prosody]'")


def prosody(samples: Any, rate: int = RATE, **settings: Any) -> dict[str, Any]:
    signal = Signal(np.asarray(samples, dtype=np.float32), float(rate), "1")
    columns = EXTRACTOR.open(ProsodyConfig(**settings), Path())({"audio": signal}).columns
    return {name.removeprefix("prosody."): value for name, value in columns.items()}


def voice(f0: float, seconds: float = 1.0, *, jitter: float = 0.0) -> np.ndarray:
    """Pulses through two resonances: a vowel of that pitch."""
    rng = np.random.default_rng(0)
    periods = 1 / f0 * (1 + jitter * rng.standard_normal(int(seconds * f0)))
    pulses = np.zeros(int(RATE * seconds))
    at = np.cumsum(periods)
    pulses[(at[at < seconds - 0.001] * RATE).astype(int)] = 1.0
    for centre, width in ((700.0, 130.0), (1220.0, 170.0)):
        radius = np.exp(-np.pi * width / RATE)
        pulses = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], pulses)
    return 0.3 * pulses / np.abs(pulses).max()


@pytest.mark.parametrize("f0", [90.0, 140.0, 220.0, 400.0])
def test_a_vowel_has_its_pitch(f0: float) -> None:
    found = prosody(voice(f0))
    assert found["f0_mean"] == pytest.approx(f0, rel=0.01)
    assert found["f0_sd"] < 0.01 * f0
    assert found["voiced_share"] > 0.9
    assert found["jitter_local"] < 0.01
    assert found["hnr_mean"] > 15


def test_a_rougher_voice_has_more_jitter_and_a_lower_hnr() -> None:
    smooth, rough = prosody(voice(140.0)), prosody(voice(140.0, jitter=0.02))
    assert rough["jitter_local"] > 3 * smooth["jitter_local"]
    assert rough["hnr_mean"] < smooth["hnr_mean"]


def test_half_the_amplitude_is_6_db_less_and_nothing_else() -> None:
    loud, soft = prosody(voice(140.0)), prosody(voice(140.0) / 2)
    assert loud["intensity_mean"] - soft["intensity_mean"] == pytest.approx(20 * np.log10(2), abs=1e-3)
    for name in ("f0_mean", "centroid_mean", "rolloff_p50", "flux_mean", "jitter_local", "shimmer_local"):
        assert loud[name] == pytest.approx(soft[name], rel=1e-3)


def test_syllables_are_counted_and_pauses_measured() -> None:
    syllable, pause = voice(140.0, 0.15), np.zeros(int(0.1 * RATE))
    found = prosody(np.concatenate([pause, *[np.concatenate([syllable, pause])] * 8]))
    assert found["nuclei_per_s"] == pytest.approx(8 / 2.1, rel=0.15)
    assert found["voiced_runs_per_s"] == pytest.approx(8 / 2.1, rel=0.15)
    assert 0.08 < found["unvoiced_run_mean"] < 0.2


def test_digital_silence_is_0_db() -> None:
    """As in cleaned clips, such as those of RAVDESS, of which Praat has frames of -300 dB."""
    speech = voice(140.0)
    found = prosody(np.concatenate([np.zeros(RATE), speech]))
    assert found["intensity_p10"] == 0
    assert found["intensity_mean"] == pytest.approx(prosody(speech)["intensity_mean"] / 2, rel=0.03)


def test_what_is_silent_short_or_noise_has_no_pitch() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    for samples in (np.zeros(RATE), np.zeros(300), noise, np.ones(RATE)):
        found = prosody(samples)
        assert found["voiced_frames"] < 5
        assert found["f0_mean"] is None or found["voiced_frames"]
        assert all(value is None or np.isfinite(value) for value in found.values())


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=50), st.floats(-10, 10), st.floats(0.1, 10))
def test_functionals_shift_and_scale(values: list[float], shift: float, scale: float) -> None:
    times, track = np.arange(len(values)) * 0.01, np.array(values)
    one, other = functionals(times, track), functionals(times, scale * track + shift)
    for how in ("mean", "p10", "p50", "p90"):
        assert other[how] == pytest.approx(scale * one[how] + shift, abs=1e-6)
    for how in ("sd", "slope"):
        assert other[how] == pytest.approx(scale * one[how], rel=1e-6, abs=1e-4)
    assert one["slope"] == pytest.approx(np.polyfit(times, track, 1)[0], rel=1e-6, abs=1e-4)


def test_real_speech_agrees_with_praat_and_librosa(shared: Path) -> None:
    """Numbers of Praat's own commands; F0 of librosa's pyin, which differs in its voicing, within a semitone."""
    import librosa
    from parselmouth.praat import call

    clips = sorted((shared / "data" / "kemdy20_real_media").rglob("*.wav"))[:6]
    semitones = []
    for clip in clips:
        signal = read_audio(clip)
        found = prosody(signal.values, rate=int(signal.sampling_rate))
        sound = call(parselmouth.Sound(signal.values.astype(float), signal.sampling_rate), "Convert to mono")
        pitch = call(sound, "To Pitch (ac)", 0.01, 75, 15, False, 0.03, 0.45, 0.01, 0.35, 0.14, 600)
        assert found["f0_mean"] == pytest.approx(call(pitch, "Get mean", 0, 0, "Hertz"), rel=1e-6)
        assert found["f0_sd"] == pytest.approx(call(pitch, "Get standard deviation", 0, 0, "Hertz"), rel=1e-6)
        assert found["voiced_frames"] == call(pitch, "Count voiced frames")
        harmonicity = call(sound, "To Harmonicity (ac)", 0.01, 75, 0.1, 4.5)
        assert found["hnr_mean"] == pytest.approx(call(harmonicity, "Get mean", 0, 0), rel=1e-6)
        pulses = call(sound, "To PointProcess (periodic, cc)", 75, 600)
        assert found["jitter_rap"] == pytest.approx(call(pulses, "Get jitter (rap)", 0, 0, 1e-4, 0.02, 1.3), rel=1e-6)
        f0, voiced, _ = librosa.pyin(signal.values.astype(np.float32), fmin=75, fmax=600, sr=signal.sampling_rate)
        if voiced.sum() > 20:
            semitones.append(12 * abs(np.log2(np.median(f0[voiced]) / found["f0_p50"])))
    assert len(semitones) >= 3
    assert np.median(semitones) < 1


def test_every_column_has_a_meaning() -> None:
    assert all(describe(name, {}) for name in EXTRACTOR.columns)
    assert len(EXTRACTOR.columns) == 46


@pytest.mark.parametrize("settings", [{"f0_min": 300.0, "f0_max": 200.0}, {"f0_min": 1.0}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="f0_min"):
        ProsodyConfig(**settings)
