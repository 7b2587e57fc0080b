"""The frozen nouns that travel between rooms.

Durations are seconds, rates are Hz. Samples and frames are counted only inside ``features/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Severity = Literal["error", "warning", "info"]
Scalar = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Signal:
    """Uniform samples.

    Parameters
    ----------
    values : float array [shape=(n,)], in ``unit``; audio is in [-1, 1].
    sampling_rate : samples per second, Hz.
    unit : ``"1"`` for audio, ``"uS"`` microsiemens, ``"degC"`` degrees Celsius, ``"mV"`` millivolts.
    times : datetime64[ms] array [shape=(n,)], the clock of every sample, or None where there is none (audio). A
        recording with a gap has more than a period between two of them.
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
    times : float64 array [shape=(n,)], seconds since the utterance's physiology began (may be negative or unsorted
        only if the corpus is; the reader sorts).
    values : float64 array [shape=(n,)], in ``unit`` (``"s"`` for inter-beat intervals).
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """One array of a feature, as every row of it is stored.

    Parameters
    ----------
    name : array name, unique in a store (``mel``, ``eda_mask``).
    dims : names of the axes behind the row axis, e.g. ``("frame", "mel_bin")``.
    shape : their sizes; the first is the padded length where the array is ragged.
    dtype : NumPy dtype name on disk.
    pad : value written behind the last real element of a row, and over a whole missing row.
    fill : value that a reader sees where nothing was ever written (a defect); NaN for floats.
    unit : unit of the values, ``"1"`` for none.
    frame_rate : elements of the first axis per second [Hz], or None.
    description : one line.
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


@dataclass(frozen=True, slots=True)
class FeatureArray:
    """What one extractor makes of one utterance.

    Parameters
    ----------
    arrays : per array name the unpadded values; the first axis may be any length, a longer one than the spec's is
        cut by the writer, a shorter one padded. On an axis other than ``utterance`` there is one more axis before it,
        the utterance's rows, and every row is whole: ``(rows, *spec.shape)``.
    columns : per column name one scalar for the ``utterances`` table; on another axis a sequence, one for each row.
    """

    arrays: Mapping[str, NDArray[Any]]
    columns: Mapping[str, Any] = field(default_factory=dict)


Medium = Signal | Events | FeatureArray | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a store inherits from its corpus. Facts, not legal advice.

    Parameters
    ----------
    title : str
        Full name of the corpus.
    licence : str
        Under which terms the corpus is distributed, and what they mean for a store.
    citation : str
        How its publishers want to be cited.
    collection : str
        Who was recorded doing what.
    annotation : str
        Who labelled what.
    restricted : bool
        Whether the corpus is given only to those who sign for it; tests then need a synthetic twin.
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
    rule : stable code such as ``missing-wav``; documented in ``docs/validation.md``.
    severity : ``error`` (a build would stop), ``warning`` (kemfeat repairs or marks it) or ``info``.
    count : how many utterances, files or rows it concerns.
    examples : up to five places, as ``path: what was found``.
    action : what kemfeat does about it, and what the user may do.
    """

    rule: str
    severity: Severity
    count: int
    examples: tuple[str, ...]
    action: str
