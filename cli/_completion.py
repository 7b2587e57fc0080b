"""What a shell offers as the value of an option; each is called with what was typed of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ._names import Kind, entries, usable
from ._setting_docs import settings_named

MODALITIES = ("audio", "text", "eda", "temp", "ibi", "video")
"""What recipes read."""


def datasets(incomplete: str) -> list[str]:
    """Names of corpora, as far as typed in the case that was typed."""
    return _listed(Kind.DATASETS, incomplete)


def synthetic_datasets(incomplete: str) -> list[str]:
    """Names of corpora of which there is a synthetic one."""
    return _begun((corpus.name for corpus in usable("synth").plugins.values()), incomplete)


def features(incomplete: str) -> list[str]:
    """Lists of features that go on with one that is not in them."""
    from kemfeat import plugins

    given, comma, last = incomplete.rpartition(",")
    free = [name for name in plugins.names("features") if name not in given.split(",")]
    return [f"{given}{comma}{name}" for name in _begun(free, last)]


def presets(incomplete: str) -> list[str]:
    """Names of presets."""
    return _listed(Kind.PRESETS, incomplete)


def labels(incomplete: str) -> list[str]:
    """Label rules."""
    return _listed(Kind.LABELS, incomplete)


def schemes(incomplete: str) -> list[str]:
    """Schemes of splits."""
    from kemfeat.splits import SCHEMES

    return _begun(SCHEMES, incomplete)


def modalities(incomplete: str) -> list[str]:
    """What a model may read, as train --ablate names it."""
    return _begun(MODALITIES, incomplete)


def settings(incomplete: str) -> list[str]:
    """Settings of a build; those of a feature once its name and the point are there."""
    from kemfeat import plugins

    stem, point, _ = incomplete.partition(".")
    if not point:
        return _begun((*settings_named(""), *(f"{name}." for name in plugins.names("features"))), incomplete)
    return _begun(settings_named(stem) or settings_named(""), incomplete)


def recipes(incomplete: str) -> list[str]:
    """Recipes that come with kemfeat."""
    return _listed(Kind.RECIPES, incomplete)


def exports(incomplete: str) -> list[str]:
    """Formats of exports."""
    return _listed(Kind.EXPORTS, incomplete)


def stores(incomplete: str) -> list[str]:
    """The stores in ``./stores``; where none begins like this, the shell offers files."""
    found = sorted(str(path.parent) for path in Path("stores").glob("*/kemfeat.json"))
    return [store for store in found if store.startswith(incomplete)]


def _listed(kind: Kind, incomplete: str) -> list[str]:
    return _begun(entries(kind).lines, incomplete)


def _begun(names: Iterable[str], begin: str) -> list[str]:
    """The names that go on from what was typed, whose case is kept."""
    return [begin + name[len(begin) :] for name in names if name.casefold().startswith(begin.casefold())]
