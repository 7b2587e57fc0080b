"""The frozen records that the packages of kemfeat exchange.

Durations are seconds, rates are Hz. Samples and frames are counted only inside ``features/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Severity = Literal["error", "warning", "info"]
Scalar = bool | int | float | str | None

AT = "@"
"""What separates the name of a feature, an array or a column from the tag of the instance that it belongs to."""


def tagged(name: str, tag: str) -> str:
    """The name in an instance of the feature, such as ``mel_lengths@narrow``; the same name for an empty tag.

    Parameters
    ----------
    name : str
        Name of a feature, an array or a column.
    tag : str
        Tag of the instance.

    Returns
    -------
    str
        The name, ``@`` and the tag.

    Examples
    --------
    >>> tagged("mel_lengths", "narrow"), tagged("mel", "")
    ('mel_lengths@narrow', 'mel')
    """
    return f"{name}{AT}{tag}" if tag else name


def stem(name: str) -> str:
    """The name without the tag of an instance.

    Parameters
    ----------
    name : str
        Name of a feature, an array or a column.

    Returns
    -------
    str
        What is in front of ``@``.

    Examples
    --------
    >>> stem("mel_lengths@narrow"), stem("mel")
    ('mel_lengths', 'mel')
    """
    return name.partition(AT)[0]


def underscored(name: str) -> str:
    """The name as a store has it: people write ``eda-components``, and a tag may have a hyphen of its own.

    Parameters
    ----------
    name : str
        Name of a feature, an array or a column.

    Returns
    -------
    str
        The name with ``_`` for every ``-`` in front of ``@``.

    Examples
    --------
    >>> underscored("eda-components.tonic_mean@half-minute")
    'eda_components.tonic_mean@half-minute'
    """
    return tagged(stem(name).replace("-", "_"), tag_of(name))


def tag_of(name: str) -> str:
    """The tag of the instance that a feature, an array or a column belongs to.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    str
        What is after ``@``; empty where there is none.

    Examples
    --------
    >>> tag_of("mel_lengths@narrow"), tag_of("mel")
    ('narrow', '')
    """
    return name.partition(AT)[2]


def beside(name: str, suffix: str) -> str:
    """The name of what belongs to an array, in the same instance: its lengths or its mask.

    Parameters
    ----------
    name : str
        Name of an array or a column.
    suffix : str
        What is appended to its stem.

    Returns
    -------
    str
        Name of the other array or column.

    Examples
    --------
    >>> beside("mel", "_lengths"), beside("mel@narrow", "_lengths")
    ('mel_lengths', 'mel_lengths@narrow')
    """
    return tagged(stem(name) + suffix, tag_of(name))


@dataclass(frozen=True, slots=True)
class Signal:
    """Uniform samples.

    Parameters
    ----------
    values : ndarray, shape (n,), float
        Samples in ``unit``; audio is in [-1, 1].
    sampling_rate : float, > 0 [Hz]
        Samples per second.
    unit : {"1", "uS", "degC", "mV"}
        ``"1"`` for audio, ``"uS"`` for microsiemens, ``"degC"`` for degrees Celsius, ``"mV"`` for millivolts.
    times : ndarray, shape (n,), datetime64[ms], optional
        Clock time of every sample; None where there is no clock (audio). Across a gap in the recording, two
        neighbouring samples are more than one period apart.

    Examples
    --------
    >>> import numpy as np
    >>> signal = Signal(np.array([0.31, 0.32, 0.35, 0.34]), 4.0, "uS")
    >>> len(signal.values) / signal.sampling_rate  # seconds
    1.0
    """

    values: NDArray[Any]
    sampling_rate: float
    unit: str
    times: NDArray[np.datetime64] | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """Values at irregular times, such as heart beats; there is no rate.

    Parameters
    ----------
    times : ndarray, shape (n,), float64 [s]
        Seconds since the physiology of the utterance began, ascending; negative for an event before that.
    values : ndarray, shape (n,), float64
        Values in ``unit``.
    unit : str
        ``"s"`` for inter-beat intervals.

    Examples
    --------
    >>> import numpy as np
    >>> beats = Events(times=np.array([0.2, 1.0, 1.9]), values=np.array([0.8, 0.8, 0.9]), unit="s")
    >>> round(float(60 / beats.values.mean()), 1)  # beats per minute
    72.0
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """One array of a feature, as each of its rows is stored.

    Parameters
    ----------
    name : str
        Name of the array, unique in a store (``mel``, ``eda_mask``).
    dims : tuple of str
        Names of the axes after the row axis, e.g. ``("frame", "mel_bin")``.
    shape : tuple of int
        Sizes of those axes; the first is the padded length where the array is ragged.
    dtype : str
        Name of the NumPy dtype on disk.
    pad : float, int or bool
        Value written after the last real element of a row, and in every element of a missing row.
    fill : float, int or bool
        Value that a reader sees where nothing was ever written (a defect); NaN for floats.
    unit : str
        Unit of the values, ``"1"`` for none.
    description : str
        One line.
    frame_rate : float [Hz], optional
        Elements of the first axis per second; None where it is not an axis of time.
    time_origin : float [s], optional
        Time of element 0 of the first axis since the row began; None where the row has no such time. Element i is
        ``i / frame_rate`` later. A store has these times as a coordinate.
    frequencies : tuple of float [Hz], optional
        Frequency of every element of the last axis, ascending; empty where it is not an axis of frequency. A store
        has them as a coordinate.

    Examples
    --------
    >>> spec = FeatureSpec(
    ...     name="mel", dims=("frame", "mel_bin"), shape=(1000, 128), dtype="float32", pad=-80.0, fill=float("nan"),
    ...     unit="dB", description="mel spectrogram", frame_rate=100.0,
    ... )
    >>> spec.shape[0] / spec.frame_rate  # seconds that a row can contain
    10.0
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    pad: float | int | bool
    fill: float | int | bool
    unit: str
    description: str
    frame_rate: float | None = None
    time_origin: float | None = None
    frequencies: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FeatureArray:
    """What one extractor makes of one utterance.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Unpadded values by the name of the array. The first axis may have any length: the writer cuts one that is
        longer than that of the spec and pads one that is shorter. On a row axis other than ``utterance``, one more
        axis precedes it, the rows of the utterance, and every row is complete: ``(rows, *spec.shape)``.
    columns : mapping of str to scalar or sequence
        By the name of the column, one scalar for the ``utterances`` table; on another row axis, one value per row.

    Examples
    --------
    >>> import numpy as np
    >>> made = FeatureArray({"eda": np.array([0.31, 0.32])}, columns={"eda_length": 2})
    >>> made.columns["eda_length"]
    2
    """

    arrays: Mapping[str, NDArray[Any]]
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """Which pictures of a film a feature takes for one utterance, and what it keeps of each.

    Parameters
    ----------
    times : ndarray, shape (n,), float64 [s]
        When, since the film began.
    cut : callable
        Takes a whole picture, shape (height, width, 3), uint8, and gives what is kept of it, always of one shape.
    side : {"left", "right", "whole"}
        The part of the picture that shows the speaker.
    """

    times: NDArray[np.float64]
    cut: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """The pictures of one utterance.

    Parameters
    ----------
    pictures : ndarray, shape (n, rows, columns, 3), uint8
        What was kept of the frames, in the order in which they were asked for; zeros where there is none.
    times : ndarray, shape (n,), float64 [s]
        When each frame is shown, since the film began; NaN where there is none.
    side : {"left", "right", "whole"}
        The part of the picture that shows the speaker.
    missing : str
        Why pictures are missing; empty where none is.
    """

    pictures: NDArray[np.uint8]
    times: NDArray[np.float64]
    side: str
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a sensor recorded in the conversation that an utterance belongs to, or between conversations beside it.

    Parameters
    ----------
    times : ndarray, shape (n,), float64 [s]
        Seconds since the physiology of the utterance began, ascending.
    values : ndarray, shape (n,), float64
        Samples, or values of events, in ``unit``.
    own : ndarray, shape (n,), bool
        Which of them the corpus puts in the utterance.
    length : float [s]
        Length of the utterance; NaN where the corpus does not say.
    unit : {"uS", "s"}
        Microsiemens of skin conductance, seconds of inter-beat intervals.
    sampling_rate : float, > 0 [Hz], optional
        Samples per second; None for events.

    Examples
    --------
    >>> import numpy as np
    >>> beats = Recording(
    ...     times=np.array([-0.7, 0.2, 1.0]), values=np.array([0.9, 0.9, 0.8]), own=np.array([False, True, True]),
    ...     length=1.5, unit="s",
    ... )
    >>> beats.values[beats.own].tolist()
    [0.9, 0.8]
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    own: NDArray[np.bool_]
    length: float
    unit: str
    sampling_rate: float | None = None


Medium = Signal | Events | FeatureArray | Footage | Recording | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a store inherits from its corpus. Facts, not legal advice.

    Parameters
    ----------
    title : str
        Full name of the corpus.
    licence : str
        Terms under which the corpus is distributed, and what they mean for a store.
    citation : str
        How its publishers want to be cited.
    collection : str
        Who was recorded, and what they did.
    annotation : str
        Who labelled the recordings, and with what.
    restricted : bool
        Whether the corpus is given only to those who sign an agreement; tests then need a synthetic one.
    """

    title: str
    licence: str
    citation: str
    collection: str
    annotation: str
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that validation noticed.

    Parameters
    ----------
    rule : str
        Stable code such as ``missing-wav``; documented in ``docs/validation.md``.
    severity : {"error", "warning", "info"}
        ``error`` would stop a build, ``warning`` is repaired or marked by kemfeat, ``info`` is for information only.
    count : int
        Number of utterances, files or rows concerned.
    examples : tuple of str
        Up to five places, each as ``path: what was found``.
    action : str
        What kemfeat does about it, and what the user can do.

    Examples
    --------
    >>> found = Finding("missing-wav", "error", 1, ("wav/a.wav: is missing",), "copy the corpus again")
    >>> found.rule, found.count
    ('missing-wav', 1)
    """

    rule: str
    severity: Severity
    count: int
    examples: tuple[str, ...]
    action: str
