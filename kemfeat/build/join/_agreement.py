"""The features that stores have in common, and the first difference between the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kemfeat.build._settings import Resolved
from kemfeat.build.join._corpora import Source
from kemfeat.config import BuildConfig, SettingsTable, digest, thawed
from kemfeat.corpora import JOIN
from kemfeat.errors import ConfigError, StoreCorruptError
from kemfeat.features.instances import find_feature
from kemfeat.labels import EACH, OF
from kemfeat.store import disk, schema, valid_lengths
from kemfeat.store.reader import Store

LENGTHS = ("max_frames", "max_length", "max_beats")
"""Settings that only say how long the rows of an array may be."""

_BLOCK = 1024
"""Rows whose ends are looked at together."""


def agree(sources: Sequence[Source], *, common: bool) -> tuple[Resolved, dict[str, str]]:
    """The configuration of the joined store.

    Parameters
    ----------
    sources : sequence of Source
        The stores.
    common : bool
        Whether to leave out the features that are not alike in all.

    Returns
    -------
    resolved : Resolved
        The configuration: the features that all have in common, with the longest rows.
    left_out : dict of str to str
        For each other feature, what is not alike.

    Raises
    ------
    ConfigError
        A feature is not alike, and not to be left out; or none is.
    """
    settings: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(name for source in sources for name in source.store.header.config.features):
        why = _unlike(name, sources, left_out)
        if why is None:
            settings[name] = _longest(name, sources)
        else:
            left_out[name] = why
    if left_out and not common:
        first, why = next(iter(left_out.items()))
        kept = f", or pass --common to join only what is alike: {', '.join(settings)}" if settings else ""
        raise ConfigError(f"join: {first}: {why}; build them alike{kept}")
    if not settings:
        raise ConfigError(f"join: no feature is alike in all stores: {_listed(left_out)}; build them alike")
    return _resolved(sources, settings), left_out


def _unlike(name: str, sources: Sequence[Source], left_out: Mapping[str, str]) -> str | None:
    """What keeps a feature from being joined; None where nothing does."""
    having = [source for source in sources if name in source.store.header.features]
    if len(having) < len(sources):
        lacking = next(source for source in sources if source not in having)
        return f"{having[0]} has it, and {lacking} has not"
    if made_of := sorted(set(find_feature(name).media) & set(left_out)):
        return f"is made of {made_of[0]}, which is not alike"
    first, *others = sources
    for other in others:
        if why := _difference(name, first, other):
            return why
    for source in sources:
        if why := _cut(name, source, _longest(name, sources)):
            return why
    return None


def _difference(name: str, one: Source, other: Source) -> str | None:
    """The first setting or resource of a feature that differs between two stores, other than the length of rows."""
    here, there = (thawed(source.store.header.config.settings[name]) for source in (one, other))
    for key in sorted({*here, *there} - set(LENGTHS)):
        if here.get(key) != there.get(key):
            return f"{key} is {here.get(key)!r} in {one} and {there.get(key)!r} in {other}"
    if _resources(one.store, name) != _resources(other.store, name):
        return f"its resources in {one} and in {other} differ"
    return None


def _longest(name: str, sources: Sequence[Source]) -> dict[str, Any]:
    """The settings of a feature, with the greatest length of a row that any store has."""
    tables = [thawed(source.store.header.config.settings[name]) for source in sources]
    return {**tables[0], **{key: max(table[key] for table in tables) for key in LENGTHS if key in tables[0]}}


def _cut(name: str, source: Source, joined: Mapping[str, Any]) -> str | None:
    """Why the shorter rows of a store may not be padded: some of them may have been cut."""
    own = thawed(source.store.header.config.settings[name])
    short = next((key for key in LENGTHS if own.get(key) != joined.get(key)), None)
    if short is None:
        return None
    mend = f"build it with --set {name}.{short}={joined[short]}"
    for array, info in source.store.header.arrays.items():
        if info.feature != name or len(info.shape) == 1:
            continue
        mark = valid_lengths.marks(source.store.header, array)
        full = None if mark is None else _full_rows(source.store, mark, info.shape[1])
        if full != 0:
            how = "nothing marks" if full is None else f"{full:,} rows fill them and may be cut, nothing marks"
            return f"rows of {source} have {short} = {own[short]}, and {how} where they end; {mend}"
    return None


def _full_rows(store: Store, mark: str, length: int) -> int:
    """How many rows are as long as they may be."""
    array = store.array(mark)
    blocks = (np.asarray(array[start : start + _BLOCK]) for start in range(0, array.shape[0], _BLOCK))
    return sum(int((valid_lengths.ends(block) >= length).sum()) for block in blocks)


def _resources(store: Store, feature: str) -> dict[str, schema.FileReceipt]:
    folder = f"{schema.RESOURCES}/{feature}/"
    return {
        name.removeprefix(folder): receipt for name, receipt in store.header.tables.items() if name.startswith(folder)
    }


def _resolved(sources: Sequence[Source], settings: Mapping[str, Mapping[str, Any]]) -> Resolved:
    store = sources[0].store
    config = BuildConfig(
        dataset=JOIN.join(source.store.dataset for source in sources),
        labels=_label_rule(sources),
        features=tuple(settings),
        rows_per_shard=store.header.config.rows_per_shard,
        settings=SettingsTable(settings),
    )
    files = {
        name: {file: _content(store, f"{schema.RESOURCES}/{name}/{file}", receipt) for file, receipt in found.items()}
        for name in settings
        if (found := _resources(store, name))
    }
    made_from = [[source.corpus, source.store.digest] for source in sources]
    identity = digest({"joined": made_from, "config": config.model_dump(mode="json")})
    return Resolved(config, {name: find_feature(name) for name in settings}, files, identity)


def _content(store: Store, name: str, receipt: schema.FileReceipt) -> bytes:
    content = disk.read_bytes(store.local(name))
    if not receipt.fits(content):
        raise StoreCorruptError(f"{store.path}/{name}: is not what was written; run `kemfeat verify`")
    return content


def _label_rule(sources: Sequence[Source]) -> str:
    """The rule of all corpora, or that of each where they differ."""
    rules = {source.corpus: source.store.header.label_rule for source in sources}
    if len(set(rules.values())) == 1:
        return next(iter(rules.values()))
    return EACH.join(f"{corpus}{OF}{rule}" for corpus, rule in rules.items())


def _listed(left_out: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in left_out.items())
