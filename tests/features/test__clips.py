import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Outline
from kemfeat.features._clips import ClipConfig, clip_rows, clips_of, filled, follow_length
from kemfeat.features.delta import DeltaConfig
from kemfeat.records import Signal

NOISE = (0.1 * np.random.default_rng(0).normal(size=170_000)).astype(np.float32)


def rows(duration, **config):
    made = clip_rows(ClipConfig(**config), Outline(duration))
    return list(zip(made["start"].tolist(), made["end"].tolist(), strict=True))


def clips(values, *, rate=16000, **config):
    return clips_of({"audio": Signal(values, rate, "1")}, config=ClipConfig(**config), feature="x")


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0.4, [(0, 0.4)]),
        (3.0, [(0, 3)]),
        (3.005, [(0, 3)]),
        (3.02, [(0, 3)]),
        (5.99, [(0, 3)]),
        (6.0, [(0, 3), (3, 6)]),
        (8.9, [(0, 3), (3, 6)]),
    ],
)
def test_clips_of_three_seconds(duration, expected):
    assert rows(duration) == expected


def test_whole_utterances_are_one_row():
    assert rows(7.25, preset="whole") == [(0, 7.25)]


@pytest.mark.parametrize("preset", ["clips", "whole"])
def test_an_utterance_of_unknown_length_has_one_row_without_an_end(preset):
    ((start, end),) = rows(float("nan"), preset=preset)
    assert start == 0
    assert math.isnan(end)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 10**6), st.floats(0.05, 30))
def test_clips_follow_each_other_and_stay_inside(samples, length):
    made = rows(samples / 16000, length=length)
    assert len(made) == max(1, int(samples / 16000 / length + 1e-9))
    assert made[0][0] == 0
    for (start, end), (following, _) in pairwise(made):
        assert end == pytest.approx(following)
        assert end - start == pytest.approx(length)
    assert made[-1][1] <= samples / 16000 + 1e-6


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30))
def test_a_multiple_of_the_length_loses_no_clip(count):
    assert len(rows(count * 1600 / 16000, length=0.1)) == count


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 170_000), st.sampled_from(["whole", 0.7, 3.0]))
def test_sound_is_cut_where_the_rows_say(samples, length):
    made = clips(NOISE[:samples], length=length)
    places = rows(samples / 16000, length=length)
    assert len(made) == len(places)
    for clip, (start, end) in zip(made, places, strict=True):
        np.testing.assert_array_equal(clip, NOISE[:samples][round(start * 16000) : round(end * 16000)])


def test_a_resampled_utterance_has_the_clips_of_its_own_duration():
    assert [len(clip) for clip in clips(NOISE[:132_300], rate=22050)] == [48_000, 48_000]


def test_short_clips_are_filled_with_zeros_or_noise():
    config = ClipConfig()
    made = filled(NOISE[:1000], config=config)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, np.pad(NOISE[:1000], (0, 47_000)))
    noisy = filled(NOISE[:1000], config=ClipConfig(remainder="noise", noise_level=-40.0))
    np.testing.assert_array_equal(noisy[:1000], NOISE[:1000])
    assert 20 * np.log10(noisy[1000:].std()) == pytest.approx(-40, abs=0.1)
    np.testing.assert_array_equal(noisy, filled(NOISE[:1000], config=ClipConfig(remainder="noise", noise_level=-40.0)))
    assert len(filled(NOISE[:1000], config=ClipConfig(length="whole"))) == 1000
    assert len(filled(NOISE[:48_000], config=config)) == 48_000


def test_a_band_pass_keeps_its_band_and_delays_nothing():
    seconds = np.arange(48_000) / 16000
    inside, below, above = (np.sin(2 * np.pi * hertz * seconds).astype(np.float32) for hertz in (1000, 50, 6000))
    (made,) = clips(0.3 * (inside + below + above), band=(300.0, 3400.0))
    np.testing.assert_allclose(made[4000:-4000], 0.3 * inside[4000:-4000], atol=0.003)


def test_a_band_is_limited_by_half_the_sampling_rate():
    config = ClipConfig(band=(1.0, 30_000.0))
    assert config.band_limit == 7920
    assert config.sound == "1 to 7920 Hz"
    seconds = np.arange(48_000) / 16000
    tone = np.sin(2 * np.pi * 1000 * seconds).astype(np.float32)
    (made,) = clips(tone, band=(1.0, 30_000.0))
    np.testing.assert_allclose(made, tone, atol=0.06)
    np.testing.assert_allclose(made[8000:-8000], tone[8000:-8000], atol=0.01)


def test_a_band_pass_knows_no_direction():
    (there,), (back,) = clips(NOISE[:20_000], band=(20.0, 3400.0)), clips(NOISE[:20_000][::-1], band=(20.0, 3400.0))
    np.testing.assert_allclose(there, back[::-1], atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 26, 27, 28])
def test_clips_shorter_than_the_filter_are_filtered_too(samples):
    (made,) = clips(NOISE[:samples], band=(300.0, 3400.0))
    assert np.isfinite(made).all()


def test_cleaned_sound_is_quieter_where_there_is_only_noise():
    faint = 0.01 * NOISE[:48_000]
    (kept,), (gone,) = clips(faint), clips(faint, denoise=True)
    assert gone.std() < 0.3 * kept.std()
    assert ClipConfig(denoise=True, band=(20.0, 4000.0)).sound == "noise gated, 20 to 4000 Hz"
    assert ClipConfig().sound == "sound as recorded"


def test_the_four_sets_are_a_product():
    made = {name: ClipConfig(preset=name) for name in ClipConfig.PRESETS}
    assert {name: (config.length, config.denoise) for name, config in made.items()} == {
        "clips": (3.0, False),
        "clips-denoised": (3.0, True),
        "clips-denoised-faithful": (3.0, "published"),
        "whole": ("whole", False),
        "whole-denoised": ("whole", True),
        "whole-denoised-faithful": ("whole", "published"),
    }


def test_a_later_feature_takes_the_length_of_an_earlier_one():
    whole = ClipConfig(length="whole")
    assert follow_length(ClipConfig(), {"delta": DeltaConfig(), "clip_audio": whole}).length == "whole"
    assert follow_length(whole, {"delta": DeltaConfig()}).length == "whole"
    assert follow_length(ClipConfig(length=3.0), {"clip_audio": ClipConfig()}).length == 3.0
    for asked in (ClipConfig(length=2.0), ClipConfig(preset="whole-denoised")):
        with pytest.raises(ConfigError, match=r"clip_audio\.length is 3.0; a store has one table"):
            follow_length(asked, {"clip_audio": ClipConfig()})


def test_missing_audio_is_refused():
    with pytest.raises(ExtractionError, match="x: the utterance has no audio"):
        clips_of({"audio": None}, config=ClipConfig(), feature="x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"length": 0.01}, "0.05 to 3600"),
        ({"length": "half"}, "length"),
        ({"denoise": True, "remainder": "noise"}, "cleaned clips are filled with zeros"),
        ({"band": [3400.0, 300.0]}, "band: found 3400 to 300 Hz; expected a lower edge of at least 1"),
        ({"band": [0.0, 300.0]}, "band"),
        ({"band": [7950.0, 9000.0]}, "below 7920 Hz"),
        ({"preset": "DSI"}, "unknown preset 'DSI'"),
        ({"noise_level": 3.0}, "noise_level"),
    ],
)
def test_bad_settings_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        validated(ClipConfig, values, where="clips")
