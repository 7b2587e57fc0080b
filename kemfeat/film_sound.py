"""The sound of an mp4 file, decoded with the PyAV of :mod:`kemfeat.video`.

The file is in memory and is decoded as mp4 and nothing else, without references to other files. What can be read in two
ways is refused: a file with several sound tracks, or whose sound ends before it announces.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.errors import MediaError
from kemfeat.file_kinds import foreign_kind
from kemfeat.video import pyav

SUFFIX = ".mp4"
_SHORTEST = 0.1
"""Seconds by which sound may end before its header says: a codec may leave out its last frame or two."""
_COPY_AGAIN = "copy the file from the corpus again"


class FilmSound(NamedTuple):
    """The sound of a film.

    Parameters
    ----------
    values : ndarray, shape (n, channels), float32
        Samples; full scale is [-1, 1].
    sampling_rate : int [Hz]
        Samples per second.
    codec : str
        Name of the codec as FFmpeg has it, such as ``aac``.
    """

    values: NDArray[np.float32]
    sampling_rate: int
    codec: str


def film_sound(content: bytes, *, name: str) -> FilmSound:
    """Decode the sound of an mp4 file.

    Parameters
    ----------
    content : bytes
        All of the file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    FilmSound
        Every channel at the file's own rate.

    Raises
    ------
    MediaError
        The file is not mp4, has no sound track or several, or its sound is damaged or cut off.
    ConfigError
        PyAV is not installed.
    """
    with _opened(content, name) as container:
        tracks = container.streams.audio
        if len(tracks) != 1:
            found = f"has {len(tracks)} sound tracks" if tracks else "has no sound"
            raise MediaError(f"{name}: {found}; expected an mp4 file with one sound track; {_COPY_AGAIN}")
        track = tracks[0]
        blocks = list(_blocks(container, track, name))
        values = np.concatenate(blocks, axis=1).T if blocks else np.empty((0, 1), np.float32)
        announced = float((track.duration or 0) * track.time_base)
        if not len(values) or len(values) / track.rate < announced - _SHORTEST:
            raise MediaError(
                f"{name}: has {len(values) / track.rate:.2f} of the {announced:.2f} s of sound that it announces; "
                f"expected all of it; {_COPY_AGAIN}"
            )
        return FilmSound(np.ascontiguousarray(values, np.float32), track.rate, track.codec_context.name)


def _blocks(container: Any, track: Any, name: str) -> Iterator[NDArray[np.float32]]:
    """The samples, shape (channels, n) each, in order."""
    av = pyav(what=name)
    to_floats = av.AudioResampler(format="fltp")
    seconds = 0.0
    try:
        for frame in container.decode(track):
            for block in to_floats.resample(frame):
                yield block.to_ndarray()
                seconds += block.samples / block.sample_rate
    except av.error.FFmpegError as error:
        raise MediaError(
            f"{name}: its sound is damaged at {seconds:.2f} s ({error.strerror}); expected one that decodes to its "
            f"end; {_COPY_AGAIN}"
        ) from None


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Any]:
    av = pyav(what=name)
    try:
        container = av.open(io.BytesIO(content), mode="r", format="mp4")
    except av.error.FFmpegError as error:
        kind = None if content[4:8] == b"ftyp" else foreign_kind(content)
        found = f"is {kind.partition(';')[0]}" if kind else f"cannot be read as mp4 ({error.strerror})"
        found = found if content else "is empty"
        raise MediaError(f"{name}: {found}; expected an mp4 file; {_COPY_AGAIN}") from None
    with container:
        yield container
