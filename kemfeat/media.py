"""Read and resample audio; the only file that knows soundfile and soxr.

Reading is stricter than libsndfile, which shortens a truncated file without a word: a file that does not hold what
its header announces is refused.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kemfeat.errors import MediaError
from kemfeat.records import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

ChannelPolicy = Literal["first", "mean"]

_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
_EXPECTED = "expected a RIFF/WAVE file of PCM or float samples"
_COPY_AGAIN = "copy it from the corpus again"
_RATES = (1_000, 1_000_000)
"""Slowest and fastest sampling rate believed, Hz; beyond lies a damaged header, and a resampler fed with it."""

SEGMENT_TOLERANCE = 0.25
"""Seconds by which an utterance may end after the recording that it is cut from: rounding of times."""


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """What a header says: ``frames`` samples per channel at ``sampling_rate`` Hz, ``channels``, and the ``subtype``."""

    frames: int
    sampling_rate: int
    channels: int
    subtype: str


def read_header(content: bytes, *, name: str) -> AudioHeader:
    """Read the header of a wav file held in memory; ``name`` is used in the message.

    Raises
    ------
    MediaError
        The bytes are not a PCM or float wav file, hold no sample, or fewer than the header announces.
    """
    with _opened(content, name) as file:
        return AudioHeader(file.frames, file.samplerate, file.channels, file.subtype)


def scan_header(path: Path) -> AudioHeader:
    """Read the header of a wav file without its samples; unlike :func:`read_header` it does not notice a cut file.

    Raises
    ------
    MediaError
        The file cannot be opened, is not a PCM or float wav file, or holds no sample.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            _check_samples(file, str(path))
            return AudioHeader(file.frames, file.samplerate, file.channels, file.subtype)
    except soundfile.LibsndfileError as error:
        raise _not_audio(str(path), error) from None


def read_audio(path: Path) -> Signal:
    """Read a wav file as it is: every channel, at the file's own rate.

    Returns
    -------
    Signal
        float32, full scale is [-1, 1] (float files may exceed it) [shape=(n,) for one channel, else (n, channels)].

    Raises
    ------
    MediaError
        The file is missing or not readable, is not a PCM or float wav file, holds no sample or fewer than its header
        announces, or holds NaN or infinite samples.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MediaError(f"{path}: cannot be opened ({error.strerror}); expected a wav file; {_COPY_AGAIN}") from None
    with _opened(content, str(path)) as file:
        values = file.read(dtype="float32")
        sampling_rate = file.samplerate
    finite = np.isfinite(values)
    if not finite.all():
        raise MediaError(
            f"{path}: {np.size(finite) - np.count_nonzero(finite)} of {np.size(finite)} samples are NaN or infinite; "
            f"expected finite samples; repair the file or leave the utterance out"
        )
    return Signal(values, sampling_rate, "1")


def segment(start: float, end: float, *, sampling_rate: float, frames: int) -> tuple[int, int]:
    """First sample of a stretch of a recording and the one after its last, by times from its beginning [s].

    A stretch that ends up to :data:`SEGMENT_TOLERANCE` after the recording ends with it; both are equal when nothing
    of it lies inside, or it ends later still.
    """
    first, last = round(start * sampling_rate), round(end * sampling_rate)
    if first >= frames or last > frames + SEGMENT_TOLERANCE * sampling_rate:
        return 0, 0
    return first, min(last, frames)


def cut(signal: Signal, start: float, end: float, *, name: str) -> Signal:
    """A stretch of a recording.

    Parameters
    ----------
    signal : every channel of the recording.
    start, end : where the stretch begins and ends, s from the beginning of the recording.
    name : the recording, for the message.

    Raises
    ------
    MediaError
        The stretch does not lie within the recording, or holds no sample.
    """
    frames = len(signal.values)
    first, last = segment(start, end, sampling_rate=signal.sampling_rate, frames=frames)
    if first >= last:
        raise MediaError(
            f"{name}: the utterance is at {start:g} to {end:g} s, the recording lasts "
            f"{frames / signal.sampling_rate:g} s; expected times within the recording; correct start and end"
        )
    return Signal(signal.values[first:last], signal.sampling_rate, signal.unit)


def to_mono(signal: Signal, *, policy: ChannelPolicy) -> Signal:
    """One channel of a signal: the ``first``, or the ``mean`` of all, float32 [shape=(n,)]."""
    values = signal.values
    if values.ndim == 1:
        return signal
    mono = values[:, 0] if policy == "first" else values.mean(axis=1, dtype=np.float64)
    return Signal(np.ascontiguousarray(mono, dtype=np.float32), signal.sampling_rate, signal.unit)


def resample(signal: Signal, *, target: int) -> Signal:
    """Bring a signal of one channel [shape=(n,)] to ``target`` Hz with soxr, quality HQ.

    A clip shorter than one sample of the target rate becomes empty.
    """
    if signal.sampling_rate == target:
        return signal
    import soxr

    values: NDArray[Any] = soxr.resample(signal.values, signal.sampling_rate, target, quality="HQ")
    return Signal(values, target, signal.unit)


def is_silent(signal: Signal) -> bool:
    """Whether every sample of every channel is exactly zero."""
    return not np.any(signal.values)


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Any]:
    """The open ``soundfile.SoundFile`` over ``content``, once nothing speaks against it."""
    import soundfile

    _check_chunks(content, name)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _check_samples(file, name)
            yield file
    except soundfile.LibsndfileError as error:
        raise _not_audio(name, error) from None


def _not_audio(name: str, error: Any) -> MediaError:
    why = error.error_string.rstrip(".")
    return MediaError(f"{name}: cannot be read as audio ({why}); {_EXPECTED}; {_COPY_AGAIN}")


def _check_chunks(content: bytes, name: str) -> None:
    if not content:
        raise MediaError(f"{name}: the file is empty (0 bytes); {_EXPECTED}; {_COPY_AGAIN}")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise MediaError(
            f"{name}: not a RIFF/WAVE file (begins with {content[:12]!r}); {_EXPECTED}; convert it to 16-bit PCM wav"
        )
    announced, held = _data_bytes(content)
    if announced > held:
        raise MediaError(
            f"{name}: truncated: the header announces {announced} bytes of samples, the file holds {held}; "
            f"{_COPY_AGAIN}"
        )


def _data_bytes(content: bytes) -> tuple[int, int]:
    """Bytes of samples that the ``data`` chunk announces, and those that follow it; (0, 0) without such a chunk.

    Layout: IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991), RIFF: 12 bytes,
    then chunks of a 4-byte id, a 32-bit size and a body padded to an even length.
    """
    position = 12
    while position + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, position)
        position += 8
        if kind == b"data":
            return size, len(content) - position
        position += size + size % 2
    return 0, 0


def _check_samples(file: Any, name: str) -> None:
    if file.subtype not in _SUBTYPES:
        raise MediaError(
            f"{name}: samples of kind {file.subtype} are not supported; expected one of {', '.join(_SUBTYPES)}; "
            f"convert the file to 16-bit PCM wav"
        )
    if not _RATES[0] <= file.samplerate <= _RATES[1]:
        raise MediaError(
            f"{name}: the header says {file.samplerate} samples per second, expected {_RATES[0]} to {_RATES[1]}; "
            f"{_COPY_AGAIN}"
        )
    if file.frames == 0:
        raise MediaError(f"{name}: holds no sample; expected at least one; {_COPY_AGAIN} or leave the utterance out")
