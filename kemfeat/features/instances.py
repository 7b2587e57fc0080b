"""Instances of a feature: ``tokens@100`` is made as ``tokens`` is, with settings, arrays and columns of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from kemfeat import plugins
from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError, ExtractionError
from kemfeat.features import AnyExtractor, Extract, Media, Outcome, on_its_own
from kemfeat.records import AT, FeatureArray, FeatureSpec, Medium, stem, tagged

V = TypeVar("V")

_TAG = re.compile(r"[A-Za-z0-9_-]{1,32}")


def find_feature(name: str) -> AnyExtractor:
    """The extractor of a feature or of an instance of one.

    An instance has its tag in its own name and in those of its arrays and columns: ``input_ids@100``. It reads what
    the plain feature reads, except that a feature which takes settings over from another one reads the instance of
    that other one: ``delta@narrow`` is the slope of ``mel@narrow``.

    Parameters
    ----------
    name : str
        Such as ``tokens`` or ``tokens@100``.

    Returns
    -------
    Extractor
        What makes it.

    Raises
    ------
    UnknownPluginError
        There is no such feature.
    ConfigError
        The tag is not a name, or the feature can be in a store only once.

    Examples
    --------
    >>> mel = find_feature("mel@narrow")
    >>> [spec.name for spec in mel.specs(mel.config(fmax=4000))]
    ['mel@narrow', 'mel_lengths@narrow']
    >>> find_feature("delta@narrow").media, find_feature("tokens@100").media
    (('mel@narrow',), ('text',))
    """
    base, at, tag = name.partition(AT)
    extractor: AnyExtractor = plugins.find("features", base)
    if not at:
        return extractor
    if not _TAG.fullmatch(tag):
        raise ConfigError(
            f"features: {name!r} is not the name of an instance; expected {extractor.name}@NAME, where NAME has 1 to "
            "32 letters, digits, - or _"
        )
    if extractor.tables is not None:
        raise ConfigError(
            f"features: {extractor.name} makes tables of the store, which has each of them once, so {name!r} cannot be "
            f"built; take {extractor.name}, or build a second store"
        )
    return _instance(extractor, tag)


def _instance(extractor: AnyExtractor, tag: str) -> AnyExtractor:
    followed = _followed(extractor)
    return replace(
        extractor,
        name=tagged(extractor.name, tag),
        media=tuple(tagged(medium, tag) if medium in followed else medium for medium in extractor.media),
        specs=partial(_specs, extractor=extractor, tag=tag),
        columns=_tagged(extractor.columns, tag),
        open=partial(_open, extractor=extractor, tag=tag),
        many=extractor.many and partial(_many, extractor=extractor, tag=tag),
        follow=partial(_follow, extractor=extractor, tag=tag),
    )


def _followed(extractor: AnyExtractor) -> frozenset[str]:
    """The features that this one takes settings over from and is made of."""
    if extractor.follow is on_its_own:
        return frozenset()
    return frozenset(extractor.media) & frozenset(plugins.names("features"))


def _specs(config: Any, *, extractor: AnyExtractor, tag: str) -> tuple[FeatureSpec, ...]:
    return tuple(replace(spec, name=tagged(spec.name, tag)) for spec in extractor.specs(config))


def _follow(config: Any, before: Mapping[str, FeatureConfig], *, extractor: AnyExtractor, tag: str) -> Any:
    own = {name: before[tagged(name, tag)] for name in _followed(extractor)}
    return extractor.follow(config, {**before, **own})


def _open(config: Any, resources: Path, *, extractor: AnyExtractor, tag: str) -> Extract:
    return partial(_extract, extract=extractor.open(config, resources), extractor=extractor, tag=tag)


def _extract(media: Media, *, extract: Extract, extractor: AnyExtractor, tag: str) -> FeatureArray:
    try:
        return _instance_of(extract(_PlainMedia(media, _followed(extractor), tag)), tag)
    except ExtractionError as error:
        raise _named(error, extractor, tag) from None


def _many(extract: Any, media: Sequence[Media], *, extractor: AnyExtractor, tag: str) -> list[Outcome]:
    """Compute several utterances with what :func:`_open` returned."""
    assert extractor.many is not None  # noqa: S101 - for the type checker
    plain = [_PlainMedia(each, _followed(extractor), tag) for each in media]
    return [
        _instance_of(outcome, tag)
        if isinstance(outcome, FeatureArray)
        else _named(outcome, extractor, tag)
        if isinstance(outcome, ExtractionError)
        else outcome
        for outcome in extractor.many(extract.keywords["extract"], plain)
    ]


def _instance_of(made: FeatureArray, tag: str) -> FeatureArray:
    return FeatureArray(arrays=_tagged(made.arrays, tag), columns=_tagged(made.columns, tag))


def _named(error: ExtractionError, extractor: AnyExtractor, tag: str) -> ExtractionError:
    said = str(error).removeprefix(f"{extractor.name}: ")
    return ExtractionError(f"{tagged(extractor.name, tag)}: {said}")


def _tagged(values: Mapping[str, V], tag: str) -> dict[str, V]:
    return {tagged(name, tag): value for name, value in values.items()}


def _plain(values: Mapping[str, V]) -> dict[str, V]:
    return {stem(name): value for name, value in values.items()}


class _PlainMedia(Mapping[str, "Medium | None"]):
    """What the plain feature reads, where an instance has features of its own tag in place of some."""

    def __init__(self, media: Media, followed: frozenset[str], tag: str) -> None:
        self._media, self._followed, self._tag = media, followed, tag

    def __getitem__(self, name: str) -> Medium | None:
        if name not in self._followed:
            return self._media[name]
        made = self._media[tagged(name, self._tag)]
        if not isinstance(made, FeatureArray):
            return made
        return FeatureArray(arrays=_plain(made.arrays), columns=_plain(made.columns))

    def __iter__(self) -> Iterator[str]:
        return iter(self._media)

    def __len__(self) -> int:
        return len(self._media)
