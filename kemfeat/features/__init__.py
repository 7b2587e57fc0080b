"""The features kemfeat extracts: one file each, found by its name.

A file of this room has a frozen configuration, the functions that compute the feature, and ends in ``EXTRACTOR``.
Extraction is pure: the same media and configuration give the same bytes, in any process, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kemfeat.config import FeatureConfig
from kemfeat.errors import ExtractionError, MediaError
from kemfeat.records import FeatureArray, FeatureSpec, Medium, Shots

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

C = TypeVar("C", bound=FeatureConfig)

Media = Mapping[str, Medium | None]
"""What one utterance brings, by name; a medium that the utterance lacks is None."""

Extract = Callable[[Media], FeatureArray]
"""Computes one utterance's feature; raises :class:`~kemfeat.errors.ExtractionError` when it cannot."""

Outcome = FeatureArray | ExtractionError | MediaError
"""What became of one utterance of several."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of an utterance before anything is extracted.

    Parameters
    ----------
    duration : float [s]
        Length of the audio: samples divided by its own rate; NaN where there is none.
    signals : mapping of str to Signal or Events
        Physiology by medium, as far as the feature reads any and the utterance has it.
    """

    duration: float
    signals: Mapping[str, Medium] = field(default_factory=dict)


AxisRows = Mapping[str, "NDArray[Any]"]
"""Columns of the rows that one utterance has on an axis, all of one length; none when it has no row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where an utterance is in a film, which may show several people side by side.

    Parameters
    ----------
    film : str
        Name of the file without its suffix.
    side : {"left", "right", "whole"}
        The part of the picture that shows the speaker, according to the corpus.
    sex : str
        Of the speaker, ``F`` or ``M``; empty where it is not known.
    start : float [s]
        When the utterance begins, since the film began.
    duration : float [s]
        Length of its audio.
    frame_rate : float [Hz]
        Frames per second of the film.
    """

    film: str
    side: str
    sex: str
    start: float
    duration: float
    frame_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Filming(Generic[C]):
    """How a feature reads the medium ``video``: a film is decoded once for all utterances that are seen in it.

    Parameters
    ----------
    shots : callable
        Gives the pictures that it takes of a scene, and how it cuts them.
    films : callable
        Gives the names of the films that its settings mention, each of which a corpus must have.
    """

    shots: Callable[[C, Scene], Shots]
    films: Callable[[C], Collection[str]]


@dataclass(frozen=True, slots=True)
class Prepared(Generic[C]):
    """A configuration made self-contained before any work begins.

    Parameters
    ----------
    config : FeatureConfig
        The configuration, with every outside name replaced by what identifies its content.
    files : mapping of str to bytes
        Named resources that ``open`` finds in its ``resources`` folder (a tokenizer, a table).
    local : mapping of str to object
        Settings that ``open`` gets in place of those of ``config`` and that are kept nowhere, such as the folder of a
        model too large for a store.
    most_workers : int or None
        Processes beyond which a build only takes memory, as each has a model on a GPU; None where there is no limit.
    """

    config: C
    files: Mapping[str, bytes] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=dict)
    most_workers: int | None = None


def _as_given(config: C, *, root: Path, tokenizer: str) -> Prepared[C]:  # noqa: ARG001 - the shape of a preparation
    """Prepare a feature that depends on nothing outside its configuration."""
    return Prepared(config)


def on_its_own(config: C, before: Mapping[str, FeatureConfig]) -> C:  # noqa: ARG001 - the shape of a following
    """Follow for a feature that shares no setting with those it is made from.

    Parameters
    ----------
    config : FeatureConfig
        Settings of the feature.
    before : mapping of str to FeatureConfig
        Settings of the features before it.

    Returns
    -------
    FeatureConfig
        The settings as they are.
    """
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Extractor(Generic[C]):
    """A feature.

    Parameters
    ----------
    name : str
        The file's name; also the group in the store.
    version : int, >= 1
        Raised whenever the same input gives other values; part of every row's key.
    config : type of FeatureConfig
        Its configuration.
    media : tuple of str
        The media it reads: ``audio`` (Signal), ``transcript`` (str), ``eda``, ``temp`` (Signal), ``ibi`` (Events),
        ``video`` (Footage, of the pictures that ``filming`` asks for), ``eda_recording``, ``ibi_recording`` (Recording,
        of what is around the utterance, too), or an earlier feature by its name, whose unpadded
        :class:`~kemfeat.records.FeatureArray` it gets.
    specs : callable
        Gives the arrays that a configuration makes.
    columns : mapping of str to str
        Arrow type name (``int32``, ``float64``, ``string``, ``bool``) per column of ``utterances`` that it fills.
    open : callable
        Binds a configuration and the folder of its resources into the function that extracts.
    many : callable or None
        Computes several utterances at once with what ``open`` returned, where that is faster; gives one outcome for
        each.
    tolerance : float, >= 0
        Largest difference, beside the largest value of a row, by which an array may differ when it is computed again in
        other company or on another device; 0 where the bytes must be equal.
    axis : str, default "utterance"
        Row axis of its arrays: ``utterance``, or one on which an utterance has any number of rows, such as ``clip``.
    rows : callable or None
        Gives the rows that an utterance has on that axis, with at least ``start`` and ``end`` in seconds of its audio;
        all features of a build on one axis must agree. None on the axis ``utterance``.
    rows_factor : int, default 1
        Rows of a shard, in multiples of those of a shard of utterances.
    tables : callable or None
        Makes further tables of a store from the axis' whole table, whose columns are ``id``, ``parent``, ``number``,
        ``speaker`` and ``session``, followed by those of ``rows``.
    follow : callable
        Takes over the settings that must equal those of the features before it, given by name; raises
        :class:`~kemfeat.errors.ConfigError` when another value was asked for.
    prepare : callable
        Makes a configuration self-contained; may read ``root`` (the corpus) and the corpus' default tokenizer.
    filming : Filming or None
        How it reads the medium ``video``; None where it does not.
    notice : str
        What whoever gets its rows must know of the licence of the program that made them: part of the data card.
    """

    name: str
    version: int
    config: type[C]
    media: tuple[str, ...]
    specs: Callable[[C], tuple[FeatureSpec, ...]]
    columns: Mapping[str, str]
    open: Callable[[C, Path], Extract]
    many: Callable[[Any, Sequence[Media]], Sequence[Outcome]] | None = None
    tolerance: float = 0.0
    axis: str = "utterance"
    rows: Callable[[C, Outline], AxisRows] | None = None
    rows_factor: int = 1
    tables: Callable[[C, pd.DataFrame], Mapping[str, pa.Table]] | None = None
    follow: Callable[[C, Mapping[str, FeatureConfig]], C] = on_its_own
    prepare: Callable[..., Prepared[C]] = _as_given
    filming: Filming[C] | None = None
    notice: str = ""


AnyExtractor = Extractor[Any]
