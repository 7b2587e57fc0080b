"""Frames of the speaker's face, of clips or of whole utterances.

``video_frames`` (20, 60, 100, 3) uint8 along ``video_frame``, ``video_row``, ``video_column`` and ``colour`` (red,
green, blue), on the row axis ``clip``; ``video_frames_lengths``, the number of real frames, which come first;
``video_frames_mask`` (20,), True for those; ``video_frames_times`` (20,), when each is shown, in seconds since the film
began. Columns: ``video_frames_side``, the part of the picture that shows the speaker, and ``video_frames_missing``,
why frames are missing. Clips are those of ``stft_image`` and ``clip_audio``. It comes with
``pip install 'kemfeat[video]'``.

- **Frames**: those nearest to the middles of 20 equal parts of the clip, each once: a clip with fewer frames than 20
  has a shorter row, not copies.
- **Side**: a film that shows two people side by side is cut into halves, and the corpus says which half shows the
  speaker. ``left`` and ``left_table`` say who is on the left in films where that is wrong.
- **Region**: of the half, 360 by 480 pixels, columns 95 to 295 and rows 125 to 245. It contains both windows in which
  users of IEMOCAP look for faces, has the proportions of the result, and is resized by exactly one half.
- **Preset ``faithful``**: as published, frames 0, k, 2k ... 19k of the n frames of a clip, k = n // 19: up to 18
  frames at the end are never seen, and a clip of fewer than 19 frames has 20 copies of the first. Of the half, rows 120
  to 360, and of those columns 110 to 300 and rows 30 to 140: rows 150 to 260 of the half. What is above row 150 of a
  face is lost, and faces are squeezed by 4 %. The published program then used no video at all: it cut the same box,
  twenty times, from a spectrogram of 90 rows, beyond its height. That is not offered.

A missing, unreadable or damaged film, or one that ends early, does not stop a build: frames are masked and
``video_frames_missing`` says why.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, PlainSerializer

from kemfeat.config import SettingsTable, thawed
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import Extract, Extractor, Filming, Media, Prepared, Scene
from kemfeat.features._audio import audio_of
from kemfeat.features._clips import ROWS_FACTOR, ClipLengthConfig, bounds, clip_rows, follow_length
from kemfeat.features._pictures import Box, cut, half
from kemfeat.features._windows import lengths_spec
from kemfeat.records import FeatureArray, FeatureSpec, Footage, Shots
from kemfeat.video import pyav

_FRAMES, _ROWS, _COLUMNS = 20, 60, 100
_FACE = Box(95, 125, 295, 245)
_PUBLISHED = Box(110, 150, 300, 260)
_OTHER = {"left": "right", "right": "left"}
_HEADER = ("film", "left")


class VideoFramesConfig(ClipLengthConfig):
    """Settings of ``video_frames``.

    Parameters
    ----------
    length : "whole" or float [s]
        Whole utterances, or clips of this length.
    frames : {"spread", "interval"}
        ``spread`` takes the middles of 20 equal parts of the clip, ``interval`` every (n // 19)th of its n frames.
    region : {"face", "published"}
        Which part of the speaker's half is kept.
    left : mapping of str to {"F", "M"}
        Sex of the actor in the left half, by the name of the film, where the corpus' rule is wrong.
    left_table : str
        CSV file with the columns film and left, which say the same. Empty again in a prepared configuration.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "clips": {},
        "whole": {"length": "whole"},
        "faithful": {"frames": "interval", "region": "published"},
    }

    preset: str = "clips"
    frames: Literal["spread", "interval"] = "spread"
    region: Literal["face", "published"] = "face"
    left: Annotated[Mapping[str, Literal["F", "M"]], AfterValidator(SettingsTable), PlainSerializer(thawed)] = (
        SettingsTable({})
    )
    left_table: str = ""


def frame_times(start: float, end: float, *, config: VideoFramesConfig, frame_rate: float) -> NDArray[np.float64]:
    """When the frames of a clip are shown.

    Parameters
    ----------
    start, end : float [s]
        The clip, since the film began.
    config : VideoFramesConfig
        Settings.
    frame_rate : float [Hz]
        Frames per second.

    Returns
    -------
    ndarray, shape (20,), float64 [s]
        Ascending; the frame nearest to each is meant. NaN where the clip's place is not known.

    Examples
    --------
    >>> frame_times(1.0, 5.0, config=VideoFramesConfig(), frame_rate=30.0)[:3].tolist()
    [1.1, 1.3, 1.5]
    """
    if math.isnan(start) or math.isnan(end):
        return np.full(_FRAMES, np.nan)
    if config.frames == "spread":
        times: NDArray[np.float64] = start + (np.arange(_FRAMES) + 0.5) * (end - start) / _FRAMES
        return times
    first, last = round(start * frame_rate), round(end * frame_rate)
    numbers = first + np.arange(_FRAMES) * ((last - first) // (_FRAMES - 1))
    return np.minimum(numbers, max(last - 1, first)) / frame_rate


def shots(config: VideoFramesConfig, scene: Scene) -> Shots:
    """The frames of every clip of an utterance, clip by clip.

    Parameters
    ----------
    config : VideoFramesConfig
        Settings.
    scene : Scene
        Where the utterance is.

    Returns
    -------
    Shots
        Twenty for each clip.
    """
    begins, ends = bounds(config, scene.duration)
    times = [
        frame_times(scene.start + begin, scene.start + end, config=config, frame_rate=scene.frame_rate)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    side = _side(config, scene)
    box = _FACE if config.region == "face" else _PUBLISHED
    return Shots(times=np.concatenate(times), cut=partial(_face, side=side, box=box), side=side)


def _side(config: VideoFramesConfig, scene: Scene) -> str:
    on_the_left = config.left.get(scene.film)
    if on_the_left is None or scene.side not in _OTHER:
        return scene.side
    return "left" if scene.sex == on_the_left else "right"


def _face(picture: NDArray[np.uint8], *, side: str, box: Box) -> NDArray[np.uint8]:
    return cut(half(picture, side), box, rows=_ROWS, columns=_COLUMNS)


def _extract(media: Media, *, config: VideoFramesConfig) -> FeatureArray:
    audio = audio_of(media, feature="video_frames")
    begins, _ends = bounds(config, len(audio.values) / audio.sampling_rate)
    footage = media["video"]
    if footage is None:
        return _rows(len(begins), "", "the utterance has no video")
    if not isinstance(footage, Footage):
        raise ExtractionError(f"video_frames: found {type(footage).__name__}, expected footage; correct the reader")
    made = _rows(len(begins), footage.side, footage.missing)
    for clip in range(len(begins)):
        _fill(made, clip, footage, distinct=config.frames == "spread")
    return made


def _rows(clips: int, side: str, missing: str) -> FeatureArray:
    """So many clips without a frame."""
    return FeatureArray(
        {
            "video_frames": np.zeros((clips, _FRAMES, _ROWS, _COLUMNS, 3), dtype=np.uint8),
            "video_frames_lengths": np.zeros(clips, dtype=np.int32),
            "video_frames_mask": np.zeros((clips, _FRAMES), dtype=bool),
            "video_frames_times": np.full((clips, _FRAMES), np.nan, dtype=np.float32),
        },
        {"video_frames_side": [side] * clips, "video_frames_missing": [missing] * clips},
    )


def _fill(made: FeatureArray, clip: int, footage: Footage, *, distinct: bool) -> None:
    """Put the real frames of a clip first; ``distinct`` leaves out those that are the same frame."""
    own = slice(clip * _FRAMES, (clip + 1) * _FRAMES)
    times = footage.times[own]
    real = np.isfinite(times)
    if real.all():
        made.columns["video_frames_missing"][clip] = ""
    if distinct:
        real &= np.diff(times, prepend=-1.0) != 0
    count = int(real.sum())
    made.arrays["video_frames"][clip, :count] = footage.pictures[own][real]
    made.arrays["video_frames_lengths"][clip] = count
    made.arrays["video_frames_mask"][clip, :count] = True
    made.arrays["video_frames_times"][clip, :count] = times[real]


def _specs(config: VideoFramesConfig) -> tuple[FeatureSpec, ...]:
    frames = FeatureSpec(
        name="video_frames",
        dims=("video_frame", "video_row", "video_column", "colour"),
        shape=(_FRAMES, _ROWS, _COLUMNS, 3),
        dtype="uint8",
        pad=0,
        fill=0,
        unit="1",
        description=f"frames of the speaker's {config.region} region, red, green and blue",
    )
    mask = FeatureSpec(
        name="video_frames_mask",
        dims=("video_frame",),
        shape=(_FRAMES,),
        dtype="bool",
        pad=False,
        fill=False,
        unit="1",
        description="True where video_frames has a frame",
    )
    times = FeatureSpec(
        name="video_frames_times",
        dims=("video_frame",),
        shape=(_FRAMES,),
        dtype="float32",
        pad=float("nan"),
        fill=float("nan"),
        unit="s",
        description="when the frame is shown, since the film began",
    )
    return frames, lengths_spec("video_frames"), mask, times


def _films(config: VideoFramesConfig) -> Collection[str]:
    return tuple(config.left)


def _prepare(config: VideoFramesConfig, *, root: Path, tokenizer: str) -> Prepared[VideoFramesConfig]:  # noqa: ARG001 - the shape of a preparation
    pyav(what="video_frames")  # a build without it ends here, not in its workers
    if not config.left_table:
        return Prepared(config)
    left = {**_read_table(Path(config.left_table)), **config.left}
    values = {**config.model_dump(), "left": left, "left_table": ""}
    return Prepared(VideoFramesConfig.model_validate(values))


def _read_table(path: Path) -> dict[str, str]:
    """Who is on the left in each film of a CSV file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [tuple(cell.strip() for cell in row) for row in csv.reader(file) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"video_frames.left_table: {path} cannot be read ({what}); expected a CSV file in UTF-8 with the columns "
            "film and left; correct the path"
        ) from None
    if not rows or rows[0] != _HEADER:
        found = repr(",".join(rows[0])) if rows else "nothing"
        raise ConfigError(
            f"video_frames.left_table: {path} begins with {found}; expected the columns film,left; correct the first "
            "line"
        )
    left: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(_HEADER) or row[1] not in {"F", "M"} or row[0] in left:
            raise ConfigError(
                f"video_frames.left_table: row {number} of {path} is {','.join(row)!r}; expected the name of a film, "
                "once, and F or M, as in Ses01F_impro01,F; correct the row"
            )
        left[row[0]] = row[1]
    return left


def _open(config: VideoFramesConfig, _resources: Path) -> Extract:
    return partial(_extract, config=config)


EXTRACTOR = Extractor(
    name="video_frames",
    version=1,
    config=VideoFramesConfig,
    media=("audio", "video"),
    specs=_specs,
    columns={"video_frames_side": "string", "video_frames_missing": "string"},
    open=_open,
    axis="clip",
    rows=clip_rows,
    rows_factor=ROWS_FACTOR,
    follow=follow_length,
    prepare=_prepare,
    filming=Filming(shots=shots, films=_films),
)
