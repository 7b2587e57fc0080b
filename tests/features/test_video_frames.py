"""Which frames a clip has, of whom, and what is said where there are none."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import validated
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Scene
from kemfeat.features.mel import MelConfig
from kemfeat.features.stft_image import StftImageConfig
from kemfeat.features.video_frames import EXTRACTOR, VideoFramesConfig, frame_times, shots
from kemfeat.records import Footage, Signal
from kemfeat.video import Frame, shoot
from tests.film_kit import number_of, picture, side_of

FAITHFUL = VideoFramesConfig(preset="faithful")


def audio(seconds):
    return Signal(np.zeros(round(seconds * 16000), dtype=np.float32), 16000, "1")


def scene(**changes):
    values = {"film": "Ses01F_impro01", "side": "left", "sex": "F", "start": 2.0, "duration": 3.0, "frame_rate": 10.0}
    return Scene(**{**values, **changes})


def extract(config, place, *, frames=200):
    """The feature of an utterance in a film of numbered frames."""
    asked = shots(config, place)
    film = (Frame(number / place.frame_rate, lambda number=number: picture(number)) for number in range(frames))
    [(pictures, times)] = shoot(film, [asked], frame_rate=place.frame_rate)
    pictures = np.zeros((len(times), 1, 1, 3), dtype=np.uint8) if pictures is None else pictures
    why = "ends early"
    footage = Footage(pictures=pictures, times=times, side=asked.side, missing=why)
    return EXTRACTOR.open(config, None)({"audio": audio(place.duration), "video": footage})


@settings(deadline=None)
@given(st.floats(0, 500), st.floats(0.1, 40), st.sampled_from([10.0, 25.0, 29.97, 30.0]))
def test_frames_are_spread_evenly_and_never_leave_the_clip(start, length, rate):
    times = frame_times(start, start + length, config=VideoFramesConfig(), frame_rate=rate)
    assert len(times) == 20
    assert (times > start).all()
    assert (times < start + length).all()
    np.testing.assert_allclose(np.diff(times), length / 20)
    assert times.mean() == pytest.approx(start + length / 2)


@settings(deadline=None)
@given(st.integers(0, 9000), st.integers(1, 400))
def test_published_frames_are_every_nineteenth_part(first, count):
    times = frame_times(first / 30, (first + count) / 30, config=FAITHFUL, frame_rate=30.0)
    interval = count // 19
    expected = [min(first + place * interval, first + count - 1) for place in range(20)]
    assert np.rint(times * 30).astype(int).tolist() == expected


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 5), st.floats(0.3, 9.5), st.sampled_from([10.0, 12.5]))
def test_a_clip_has_the_frames_of_its_own_time(start, duration, rate):
    made = extract(VideoFramesConfig(), scene(start=start, duration=duration, frame_rate=rate))
    frames, times = made.arrays["video_frames"], made.arrays["video_frames_times"]
    assert len(frames) == max(1, int(duration / 3 + 1e-9))
    for clip, (row, shown, length) in enumerate(
        zip(frames, times, made.arrays["video_frames_lengths"].tolist(), strict=True)
    ):
        numbers = [number_of(frame) for frame in row[:length]]
        assert np.abs(shown[:length] * rate - numbers).max() < 0.01
        shown = shown - start - 3 * clip
        assert len(set(numbers)) == length, "a frame is there once"
        assert (-0.51 / rate <= shown[:length]).all()
        assert (shown[:length] <= min(duration - 3 * clip if clip else duration, 3.0) + 0.51 / rate).all()
        assert not row[length:].any()
        assert np.isnan(shown[length:]).all()
    assert made.columns["video_frames_missing"] == [""] * len(frames)


def test_a_clip_of_few_frames_is_short_and_published_repeats_one():
    made = extract(VideoFramesConfig(), scene(duration=1.2))
    assert made.arrays["video_frames_lengths"].tolist() == [13], "from the one at its start to the one at its end"
    assert made.arrays["video_frames_mask"].sum() == 13
    assert [number_of(frame) for frame in made.arrays["video_frames"][0, :13]] == list(range(20, 33))
    published = extract(VideoFramesConfig(frames="interval"), scene(duration=1.2))
    assert published.arrays["video_frames_lengths"].tolist() == [20]
    assert {number_of(frame) for frame in published.arrays["video_frames"][0]} == {20}


def test_frames_after_the_end_of_the_film_are_masked_with_the_reason():
    made = extract(VideoFramesConfig(), scene(start=0.0, duration=9.0), frames=45)
    assert made.arrays["video_frames_lengths"].tolist() == [20, 10, 0]
    np.testing.assert_array_equal(made.arrays["video_frames_mask"].sum(axis=1), [20, 10, 0])
    assert made.columns["video_frames_missing"] == ["", "ends early", "ends early"]
    assert not made.arrays["video_frames"][2].any()


@pytest.mark.parametrize("preset", EXTRACTOR.config.PRESETS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_half_of_the_speaker_is_kept(preset, side):
    made = extract(VideoFramesConfig(preset=preset), scene(side=side))
    assert made.columns["video_frames_side"] == [side]
    assert {side_of(frame) for frame in made.arrays["video_frames"][0]} == {side}


@pytest.mark.parametrize(
    ("left", "sex", "side", "expected"),
    [
        ({"Ses01F_impro01": "F"}, "F", "right", "left"),
        ({"Ses01F_impro01": "M"}, "F", "left", "right"),
        ({"Ses01F_impro01": "M"}, "M", "right", "left"),
        ({"Ses01F_impro02": "M"}, "F", "left", "left"),
        ({"Ses01F_impro01": "M"}, "F", "whole", "whole"),
    ],
)
def test_who_is_on_the_left_may_be_set_per_film(left, sex, side, expected):
    config = validated(VideoFramesConfig, {"left": left}, where="video_frames")
    assert shots(config, scene(sex=sex, side=side)).side == expected
    assert set(EXTRACTOR.filming.films(config)) == set(left)


def test_who_is_on_the_left_may_come_from_a_table(tmp_path):
    table = tmp_path / "sides.csv"
    table.write_text("film,left\nSes01F_impro01,M\n\nSes01M_impro01 , F\n", encoding="utf-8-sig")
    config = VideoFramesConfig(left_table=str(table), left={"Ses01M_impro01": "M"}, region="published")
    ready = EXTRACTOR.prepare(config, root=tmp_path, tokenizer="").config
    assert dict(ready.left) == {"Ses01F_impro01": "M", "Ses01M_impro01": "M"}
    assert (ready.left_table, ready.region) == ("", "published")
    same = VideoFramesConfig(left=dict(ready.left), region="published")
    assert ready.model_dump_json() == same.model_dump_json(), "a table and settings are one identity"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "begins with nothing; expected the columns film,left"),
        (b"dialog;left\n", "begins with 'dialog;left'"),
        (b"film,left\nSes01F_impro01,left\n", "row 2 of .* is 'Ses01F_impro01,left'; expected .* F or M"),
        (b"film,left\nSes01F_impro01\n", "row 2"),
        (b"film,left\nSes01F_impro01,F\nSes01F_impro01,M\n", "row 3 .* once"),
        (b"film,left\n\xff\xfe,F\n", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, content, said):
    table = tmp_path / "sides.csv"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"video_frames\.left_table: .*{said}"):
        EXTRACTOR.prepare(VideoFramesConfig(left_table=str(table)), root=tmp_path, tokenizer="")


@pytest.mark.parametrize(
    "values", [{"left": {"Ses01F_impro01": "left"}}, {"length": 0.01}, {"frames": "all"}, {"denoise": True}]
)
def test_bad_settings_are_refused(values):
    with pytest.raises(ConfigError, match="video_frames"):
        validated(VideoFramesConfig, values, where="video_frames")


def test_an_utterance_without_a_film_is_masked_and_one_without_sound_fails():
    made = EXTRACTOR.open(VideoFramesConfig(), None)({"audio": audio(7.0), "video": None})
    assert made.arrays["video_frames_lengths"].tolist() == [0, 0]
    assert not made.arrays["video_frames_mask"].any()
    assert made.columns["video_frames_missing"] == ["the utterance has no video"] * 2
    with pytest.raises(ExtractionError, match="video_frames: the utterance has no audio"):
        EXTRACTOR.open(VideoFramesConfig(), None)({"audio": None, "video": None})
    with pytest.raises(ExtractionError, match="found str, expected footage"):
        EXTRACTOR.open(VideoFramesConfig(), None)({"audio": audio(1.0), "video": "film.avi"})


def test_an_utterance_whose_place_is_not_known_asks_for_nothing():
    for config in (VideoFramesConfig(), FAITHFUL):
        assert np.isnan(shots(config, scene(start=float("nan"))).times).all()
        assert np.isnan(shots(config, scene(duration=float("nan"))).times).all()


def test_clips_have_the_length_of_features_before():
    before = {"mel": MelConfig(), "stft_image": StftImageConfig(preset="whole")}
    assert EXTRACTOR.follow(VideoFramesConfig(), before).length == "whole"
    with pytest.raises(ConfigError, match=r"length: found 3\.0, but stft_image\.length is whole"):
        EXTRACTOR.follow(VideoFramesConfig(length=3.0), before)


def test_without_pyav_a_build_ends_before_it_begins(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"video_frames: needs PyAV.*pip install 'kemfeat\[video\]'"):
        EXTRACTOR.prepare(VideoFramesConfig(), root=tmp_path, tokenizer="")
