"""Read, write and resample audio; the only file that knows soundfile and soxr."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kemfeat.errors import MediaError
from kemfeat.records import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

ChannelPolicy = Literal["first", "mean", "refuse"]


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """What a header says: ``frames`` samples per channel at ``sampling_rate`` Hz, ``channels``, and the ``subtype``."""

    frames: int
    sampling_rate: int
    channels: int
    subtype: str


def read_header(content: bytes, *, name: str) -> AudioHeader:
    """Read the header of an audio file held in memory; ``name`` is used in the message.

    Raises
    ------
    MediaError
        The bytes are not an audio file, or the file holds fewer samples than its header announces.
    """
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            return AudioHeader(file.frames, file.samplerate, file.channels, file.subtype)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise MediaError(_unreadable(name, content, str(error))) from None


def read_audio(path: Path, *, sampling_rate: int | None = None, channels: ChannelPolicy = "first") -> Signal:
    """Read one channel of audio at ``sampling_rate`` (None keeps the file's).

    Returns
    -------
    Signal
        float32 in [-1, 1] [shape=(n,)]; ``channels`` is ``first``, ``mean`` of all, or ``refuse`` more than one.

    Raises
    ------
    MediaError
        The file is missing, is not audio, is empty, holds NaN or infinite samples, or has more channels than allowed.
    """
    raise NotImplementedError


def resample(values: NDArray[np.float32], *, rate: int, target: int) -> NDArray[np.float32]:
    """Resample with soxr, quality HQ; float [shape=(n,)] at ``rate`` Hz to ``target`` Hz."""
    import soxr

    return np.asarray(soxr.resample(values, rate, target, quality="HQ"))


def _unreadable(name: str, content: bytes, why: str) -> str:
    if not content:
        return (
            f"{name}: the file is empty (0 bytes); expected audio such as 16-bit PCM wav; copy it from the corpus again"
        )
    return (
        f"{name}: cannot be read as audio ({why.rstrip('.')}); expected PCM or float wav; copy it from the corpus again"
    )
