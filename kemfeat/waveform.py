"""Parts, channels and rates of recorded sound; the only file that uses soxr."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kemfeat.errors import MediaError
from kemfeat.records import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

ChannelPolicy = Literal["first", "mean", "loudest"] | int
"""Which channel is used: the first, the mean of all, the one with most power, or a number, 1 for the first."""

QUIET_CHANNEL = 10.0
"""By how many dB the first channel may be softer than another; if by more, the sound is that of another microphone."""

SEGMENT_TOLERANCE = 0.25
"""Seconds by which an utterance may end after the recording that it is cut from: rounding of times."""


def segment(start: float, end: float, *, sampling_rate: float, frames: int) -> tuple[int, int]:
    """The samples of a part of a recording.

    Parameters
    ----------
    start, end : float [s]
        Times from the beginning of the recording.
    sampling_rate : float [Hz]
        Samples per second.
    frames : int
        Samples of the recording.

    Returns
    -------
    tuple of (int, int)
        First sample and the one after the last. A part that ends up to :data:`SEGMENT_TOLERANCE` after the recording
        ends with it; both are 0 when the part begins after the recording or ends later still.

    Examples
    --------
    >>> segment(0.5, 1.1, sampling_rate=100, frames=100)
    (50, 100)
    """
    first, last = round(start * sampling_rate), round(end * sampling_rate)
    if first >= frames or last > frames + SEGMENT_TOLERANCE * sampling_rate:
        return 0, 0
    return first, min(last, frames)


def cut(signal: Signal, start: float, end: float, *, name: str) -> Signal:
    """A part of a recording.

    Parameters
    ----------
    signal : Signal
        Every channel of the recording.
    start, end : float [s]
        Times from the beginning of the recording.
    name : str
        The recording, for the message.

    Returns
    -------
    Signal
        Every channel of the part.

    Raises
    ------
    MediaError
        The part is not within the recording, or contains no sample.
    """
    frames = len(signal.values)
    first, last = segment(start, end, sampling_rate=signal.sampling_rate, frames=frames)
    if first >= last:
        raise MediaError(
            f"{name}: the utterance is at {start:g} to {end:g} s, the recording lasts "
            f"{frames / signal.sampling_rate:g} s; expected times within the recording; correct start and end"
        )
    return Signal(signal.values[first:last], signal.sampling_rate, signal.unit)


def channel_count(signal: Signal) -> int:
    """How many channels a signal has.

    Parameters
    ----------
    signal : Signal
        Shape (n,) or (n, channels).

    Returns
    -------
    int
        1 for shape (n,).
    """
    return 1 if signal.values.ndim == 1 else int(signal.values.shape[1])


def channel_levels(signal: Signal) -> NDArray[np.float64]:
    """The level of every channel.

    Parameters
    ----------
    signal : Signal
        Shape (n,) or (n, channels), n >= 1.

    Returns
    -------
    ndarray, shape (channels,), float64 [dB]
        Power of the deviation from the mean against that of a square wave of full scale; a constant offset is not
        sound. -inf for a channel of equal samples.

    Examples
    --------
    >>> import numpy as np
    >>> channel_levels(Signal(np.array([[0.1, 0.0], [-0.1, 0.0]]), 16000, "1")).round(3).tolist()
    [-20.0, -inf]
    """
    values = signal.values.reshape(len(signal.values), -1)
    powers = np.array([_power(channel) for channel in values.T])
    with np.errstate(divide="ignore"):
        levels: NDArray[np.float64] = 10 * np.log10(powers)
    return levels


def _power(channel: NDArray[Any]) -> float:
    """Variance of the samples; exactly 0 where all are equal."""
    return 0.0 if np.all(channel == channel[0]) else float(np.var(channel, dtype=np.float64))


def to_mono(signal: Signal, *, policy: ChannelPolicy) -> Signal:
    """One channel of a signal.

    Parameters
    ----------
    signal : Signal
        Shape (n,) or (n, channels).
    policy : {"first", "mean", "loudest"} or int, >= 1
        The first channel, the mean of all, the one with most power (the first of several), or the number of a channel.

    Returns
    -------
    Signal
        Shape (n,), float32.

    Raises
    ------
    MediaError
        The signal has fewer channels than the number.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = Signal(np.array([[0.0, 0.5], [0.0, -0.25]]), 16000, "1")
    >>> to_mono(stereo, policy="mean").values.tolist(), to_mono(stereo, policy=2).values.tolist()
    ([0.25, -0.125], [0.5, -0.25])
    """
    values = signal.values
    if isinstance(policy, int) and not 1 <= policy <= channel_count(signal):
        raise MediaError(f"found {channel_count(signal)} channels, expected a channel {policy}; choose another channel")
    if values.ndim == 1:
        return signal
    if policy == "mean":
        mono = values.mean(axis=1, dtype=np.float64)
    elif policy == "loudest":
        mono = values[:, int(np.argmax(channel_levels(signal)))]
    else:
        mono = values[:, 0 if policy == "first" else policy - 1]
    return Signal(np.ascontiguousarray(mono, dtype=np.float32), signal.sampling_rate, signal.unit)


def resample(signal: Signal, *, target: int) -> Signal:
    """Resample a signal of one channel with soxr, quality HQ.

    Parameters
    ----------
    signal : Signal
        Shape (n,).
    target : int [Hz]
        The new sampling rate.

    Returns
    -------
    Signal
        A clip shorter than one sample of the new rate becomes empty.
    """
    if signal.sampling_rate == target:
        return signal
    import soxr

    values: NDArray[Any] = soxr.resample(signal.values, signal.sampling_rate, target, quality="HQ")
    return Signal(values, target, signal.unit)


def is_silent(signal: Signal) -> bool:
    """Whether no channel changes: digital silence, or a constant offset of it.

    Parameters
    ----------
    signal : Signal
        Any shape.

    Returns
    -------
    bool
        True where all samples of a channel are equal, for every channel.
    """
    return bool(np.all(signal.values == signal.values[:1]))


def wav_bytes(signal: Signal) -> bytes:
    """A signal as a wav file of 16 bits, which every browser plays.

    Parameters
    ----------
    signal : Signal
        Shape (n,) or (n, channels), full scale [-1, 1]; what is above it is clipped.

    Returns
    -------
    bytes
        The file.

    Examples
    --------
    >>> import numpy as np
    >>> wav_bytes(Signal(np.zeros(8, np.float32), 16000, "1"))[:4]
    b'RIFF'
    """
    whole = np.clip(np.round(np.asarray(signal.values, dtype=np.float64) * 32768), -32768, 32767).astype("<i2")
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channel_count(signal))
        file.setsampwidth(2)
        file.setframerate(round(signal.sampling_rate))
        file.writeframes(whole.tobytes())
    return made.getvalue()
