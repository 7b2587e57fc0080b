"""Resolves what the user asked for into a self-contained configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kemfeat import plugins
from kemfeat.config import BuildConfig, FeatureConfig, canonical, digest, suggest, validated
from kemfeat.corpora import CorpusReader
from kemfeat.corpora.text import is_missing
from kemfeat.errors import ConfigError
from kemfeat.features import AnyExtractor, Prepared
from kemfeat.features.instances import find_feature
from kemfeat.manifest import RECORDINGS, UNITS
from kemfeat.records import stem, underscored
from kemfeat.store.schema import FORMAT_VERSION

DEFAULT_FEATURES = ("mel", "delta", "text", "tokens", "eda", "temp", "ibi", "ecg")
"""Default features: the preprocessing of system 1, and all physiology that the corpus has."""

_CHANNEL_KEYS = ("channel", "channels")
_NO_TOKENS = (
    "tokens are left out, as there is no tokenizer for this corpus: pass --tokenizer a folder or a Hugging Face name, "
    "or choose with --features"
)
_LABEL_KEYS = {"rule": "labels", "map": "label_map"}
_OWN_KEYS = ("dataset", "preset", "labels", "features", "rows_per_shard", "audio")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A self-contained configuration, its extractors in order, the resources that they need, and notes for the user.

    ``local`` has the settings of features that only this run needs and that are kept nowhere; more processes than
    ``most_workers`` are of no use to some feature.
    """

    config: BuildConfig
    extractors: Mapping[str, AnyExtractor]
    resources: Mapping[str, Mapping[str, bytes]]
    digest: str
    notes: tuple[str, ...] = ()
    local: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    most_workers: int | None = None

    @property
    def media(self) -> frozenset[str]:
        """The media that the features read."""
        return frozenset(medium for extractor in self.extractors.values() for medium in extractor.media)

    def settings(self, feature: str) -> Any:
        """The typed configuration of a feature."""
        return self.extractors[feature].config.model_validate_json(canonical(dict(self.config.settings[feature])))

    def for_workers(self, feature: str) -> str:
        """The configuration of a feature for this run, as JSON text."""
        return canonical({**self.config.settings[feature], **self.local.get(feature, {})})

    def rows_per_shard(self, feature: str) -> int:
        """Rows of a partition of a feature."""
        return self.config.rows_per_shard * self.extractors[feature].rows_factor

    def with_sources(self, features: Collection[str]) -> list[str]:
        """Features and all those that they are made from, in order."""
        needed = set(features)
        for name in reversed(list(self.extractors)):
            if name in needed:
                needed |= set(self.extractors[name].media)
        return [name for name in self.extractors if name in needed]


def resolve(raw: Mapping[str, Any], *, reader: CorpusReader, root: Path) -> Resolved:
    """Check every key, fill in defaults and presets, and replace external files by the digest of their content.

    Parameters
    ----------
    raw : mapping
        Content of a TOML file and of ``--set``: ``preset``, ``labels``, ``features``, ``rows_per_shard``, ``audio`` and
        one table per feature.
    reader : CorpusReader
        The corpus; features that need media which it lacks are left out of the default list.
    root : Path
        Folder of the corpus, which may contain a tokenizer.

    Returns
    -------
    Resolved
        The configuration.

    Raises
    ------
    ConfigError
        A key is unknown, a value is invalid, or a feature lacks what it is made from.
    """
    known = plugins.names("features")
    if raw.get("dataset", reader.name) != reader.name:
        raise ConfigError(
            f"configuration: dataset is {raw['dataset']!r}, but this is a build of {reader.name}; correct one of them"
        )
    raw = {underscored(key): value for key, value in raw.items()}
    for key in raw:
        if key not in _OWN_KEYS and stem(key) not in known:
            raise ConfigError(f"configuration: unknown key {key!r}{suggest(key, (*_OWN_KEYS, *known))}")
    wanted = [find_feature(name) for name in _names(raw, reader, root)]
    extractors: dict[str, AnyExtractor] = {extractor.name: extractor for extractor in wanted}
    names = tuple(extractor.name for extractor in wanted)
    _check_media(extractors, reader)
    prepared = _prepared(extractors, with_preset(raw, extractors, reader), reader=reader, root=root)
    own: dict[str, Any] = {key: raw[key] for key in ("labels", "rows_per_shard") if key in raw} | _label_table(raw)
    settings = {name: ready.config.model_dump(mode="json") for name, ready in prepared.items()}
    config = validated(
        BuildConfig, {**own, "dataset": reader.name, "features": names, "settings": settings}, where="configuration"
    )
    resources = {name: ready.files for name, ready in prepared.items() if ready.files}
    left_out = (_NO_TOKENS,) if "features" not in raw and "text" in names and "tokens" not in names else ()
    local = {name: ready.local for name, ready in prepared.items() if ready.local}
    most = min((ready.most_workers for ready in prepared.values() if ready.most_workers), default=None)
    return Resolved(config, extractors, resources, identity_of(config, extractors, reader), left_out, local, most)


def _label_table(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Rule and map of labels where the settings give them as a table."""
    table = raw.get("labels")
    if not isinstance(table, Mapping):
        return {}
    for key in table:
        if key not in _LABEL_KEYS:
            raise ConfigError(f"labels: unknown key {key!r}{suggest(key, _LABEL_KEYS)}")
    names = table.get("map", {})
    for word, name in names.items() if isinstance(names, Mapping) else ():
        if not isinstance(name, str) or is_missing(name):
            raise ConfigError(
                f"labels.map.{word}: found {name!r}, expected one emotion such as 'angry'; where a word means no "
                "emotion, blank its cells in the table"
            )
    return {"labels": "annotated"} | {_LABEL_KEYS[key]: value for key, value in table.items()}


def _prepared(
    extractors: Mapping[str, AnyExtractor],
    tables: Mapping[str, Mapping[str, Any]],
    *,
    reader: CorpusReader,
    root: Path,
) -> dict[str, Prepared[Any]]:
    configs: dict[str, FeatureConfig] = {}
    prepared: dict[str, Prepared[Any]] = {}
    for name, extractor in extractors.items():
        config = extractor.follow(validated(extractor.config, tables[name], where=name), configs)
        prepared[name] = extractor.prepare(config, root=root, tokenizer=reader.tokenizer)
        configs[name] = prepared[name].config
    return prepared


def _names(raw: Mapping[str, Any], reader: CorpusReader, root: Path) -> tuple[str, ...]:
    names = raw.get("features", _defaults(raw, reader, root))
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"features: found {names!r}; expected a list of names such as ['mel', 'delta']")
    return tuple(names)


def _defaults(raw: Mapping[str, Any], reader: CorpusReader, root: Path) -> tuple[str, ...]:
    """The default features for which the corpus has the media and, for tokens, a tokenizer is known."""
    has_tokenizer = bool(reader.tokenizer or raw.get("tokens")) or (root / "tokenizer").is_dir()
    made: list[str] = []
    for name in DEFAULT_FEATURES:
        possible = set(plugins.find("features", name).media) <= {*reader.media, *made}
        if possible and (has_tokenizer or name != "tokens"):
            made.append(name)
    return tuple(made)


def _check_media(extractors: Mapping[str, AnyExtractor], reader: CorpusReader) -> None:
    had = set(reader.media)
    for name, extractor in extractors.items():
        lacking = sorted({RECORDINGS.get(medium, medium) for medium in extractor.media} - had)
        if lacking:
            if stem(lacking[0]) in plugins.names("features") and lacking[0] not in UNITS:
                remedy = f"before it; add it to `features`, or leave {name} out"
            else:
                remedy = f"and {reader.name} has none; leave {name} out, or choose among what is made from " + (
                    ", ".join(reader.media)
                )
            raise ConfigError(f"features: {name} needs {lacking[0]} {remedy}")
        had.add(name)


def with_preset(
    raw: Mapping[str, Any], extractors: Mapping[str, AnyExtractor], reader: CorpusReader
) -> dict[str, dict[str, Any]]:
    """The settings of the corpus, then the preset and the channel of the build, then the feature's own table."""
    channel, usual = _channel(raw, extractors), _usual_channel(reader)
    tables = {}
    for name, extractor in extractors.items():
        table = _table(raw, name)
        known = "preset" in raw and raw["preset"] in list(extractor.config.PRESETS)
        shared = {"preset": raw["preset"]} if known else {}
        if _reads_audio(extractor) and not set(_CHANNEL_KEYS) & set(table):
            shared |= {**usual, **channel}
        tables[name] = {**reader.settings.get(stem(name), {}), **shared, **table}
    presets = sorted({preset for extractor in extractors.values() for preset in extractor.config.PRESETS})
    if "preset" in raw and raw["preset"] not in presets:
        raise ConfigError(f"configuration: unknown preset {raw['preset']!r}{suggest(str(raw['preset']), presets)}")
    return tables


def _table(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings given for a feature; an instance begins with those of the plain feature."""
    merged: dict[str, Any] = {}
    for key in dict.fromkeys((stem(name), name)):
        table = raw.get(key, {})
        if not isinstance(table, Mapping):
            shown = key if key == stem(key) else f'"{key}"'
            raise ConfigError(f"configuration: {key} = {table!r}; expected a table such as [{shown}]")
        merged |= table
    return merged


def _channel(raw: Mapping[str, Any], extractors: Mapping[str, AnyExtractor]) -> dict[str, Any]:
    """The channel that ``audio.channel`` sets for every feature; empty where it is not set."""
    table = raw.get("audio", {})
    if not isinstance(table, Mapping):
        raise ConfigError(f"configuration: audio = {table!r}; expected a table such as audio.channel = 2")
    for key in table:
        if key != "channel":
            raise ConfigError(f"audio: unknown key {key!r}{suggest(key, ('channel',))}")
    if table and not any(map(_reads_audio, extractors.values())):
        raise ConfigError("audio.channel: no feature of this build reads audio; leave it out, or add such as mel")
    return {"channels": table["channel"]} if table else {}


def _usual_channel(reader: CorpusReader) -> dict[str, Any]:
    """The channel that a corpus asks every feature of its sound to take; empty where it does not."""
    table = reader.settings.get("audio", {})
    return {"channels": table["channel"]} if table else {}


def _reads_audio(extractor: AnyExtractor) -> bool:
    return "channels" in extractor.config.model_fields


def identity_of(config: BuildConfig, extractors: Mapping[str, AnyExtractor], reader: CorpusReader) -> str:
    """Digest of a configuration and of the versions of the reader and the extractors."""
    return digest(
        {
            "format_version": FORMAT_VERSION,
            "config": config.model_dump(mode="json"),
            "reader": [reader.name, reader.version],
            "extractors": {name: extractor.version for name, extractor in extractors.items()},
        }
    )
