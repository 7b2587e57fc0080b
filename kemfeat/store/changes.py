"""What changed from one version of a store to the next, in words, from their headers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kemfeat.store import schema


def changes(before: schema.Header, after: schema.Header) -> tuple[str, ...]:
    """Say what a build changed.

    Parameters
    ----------
    before, after : Header
        Headers of two versions.

    Returns
    -------
    tuple of str
        One phrase each: settings, features, numbers of rows, annotation, and partitions that were made again.
    """
    return (
        *_format(before, after),
        *_settings(before, after),
        *_counts("rows of", {n: a.rows for n, a in before.axes.items()}, {n: a.rows for n, a in after.axes.items()}),
        *_annotation(before, after),
        *_partitions(before, after),
        *_sessions(before, after),
        *_libraries(before, after),
    )


def setting_changes(before: schema.Header, after: schema.Header) -> list[str]:
    """The settings that differ.

    Parameters
    ----------
    before, after : Header
        Headers of two stores or versions.

    Returns
    -------
    list of str
        ``feature.key: before -> after`` for each.
    """
    one, other = (_flat(header.config.model_dump(mode="json")) for header in (before, after))
    return [
        f"{key}: {one.get(key, '(none)')} -> {other.get(key, '(none)')}"
        for key in dict.fromkeys((*one, *other))
        if one.get(key) != other.get(key)
    ]


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{prefix}{key}".removeprefix("settings.")
        flat |= _flat(item, f"{name}.") if isinstance(item, dict) else {name: item}
    return flat


def _format(before: schema.Header, after: schema.Header) -> Iterator[str]:
    if before.format_version != after.format_version:
        yield f"format {before.format_version} -> {after.format_version}"


def _settings(before: schema.Header, after: schema.Header) -> Iterator[str]:
    new, gone = ({*one.features} - {*other.features} for one, other in ((after, before), (before, after)))
    yield from (f"feature {name} added" for name in after.features if name in new)
    yield from (f"feature {name} removed" for name in before.features if name in gone)
    told = tuple(f"{name}." for name in new | gone)
    yield from (line for line in setting_changes(before, after) if not line.startswith(("features: ", *told)))


def _counts(what: str, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, 0) != after.get(name, 0):
            yield f"{what} {name}: {before.get(name, 0):,} -> {after.get(name, 0):,}"


def _annotation(before: schema.Header, after: schema.Header) -> Iterator[str]:
    if before.manifest_fingerprint != after.manifest_fingerprint:
        yield "annotation or transcripts changed"


def _partitions(before: schema.Header, after: schema.Header) -> Iterator[str]:
    known = {(part.feature, part.partition, part.key) for part in before.parts}
    for feature in after.features:
        parts = [part for part in after.parts if part.feature == feature]
        made = sum((part.feature, part.partition, part.key) not in known for part in parts)
        if made and feature in before.features:
            yield f"{feature}: {made:,} of {len(parts):,} partitions made again"


def _sessions(before: schema.Header, after: schema.Header) -> Iterator[str]:
    changed = [name for name, session in after.sessions.items() if before.sessions.get(name) != session]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        yield f"physiology of {', '.join(changed[:5])}{more} changed"


def _libraries(before: schema.Header, after: schema.Header) -> Iterator[str]:
    for name, version in after.versions.items():
        if before.versions.get(name) != version:
            yield f"{name} {before.versions.get(name, '(none)')} -> {version}"
