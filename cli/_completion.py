"""What a shell offers as the value of an option; each is called with what was typed of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def datasets(incomplete: str) -> list[str]:
    """Names of corpora, as far as typed in the case that was typed."""
    from ._names import Kind, entries

    return _begun(entries(Kind.DATASETS), incomplete)


def features(incomplete: str) -> list[str]:
    """Lists of features that go on with one that is not in them."""
    from kemfeat import plugins

    given, comma, last = incomplete.rpartition(",")
    free = [name for name in plugins.names("features") if name not in given.split(",")]
    return [f"{given}{comma}{name}" for name in _begun(free, last)]


def presets(incomplete: str) -> list[str]:
    """Names of presets."""
    from ._names import Kind, entries

    return _begun(entries(Kind.PRESETS), incomplete)


def labels(incomplete: str) -> list[str]:
    """Label rules."""
    from kemfeat.labels import RULES

    return _begun(RULES, incomplete)


def recipes(incomplete: str) -> list[str]:
    """Recipes that come with kemfeat."""
    from kemfeat.learn.training.recipe import recipe_names

    return _begun(recipe_names(), incomplete)


def exports(incomplete: str) -> list[str]:
    """Formats of exports."""
    from ._names import Kind, entries

    return _begun(entries(Kind.EXPORTS), incomplete)


def stores(incomplete: str) -> list[str]:
    """The stores in ``./stores``; where none begins like this, the shell offers files."""
    found = sorted(str(path.parent) for path in Path("stores").glob("*/kemfeat.json"))
    return [store for store in found if store.startswith(incomplete)]


def _begun(names: Iterable[str], begin: str) -> list[str]:
    """The names that go on from what was typed, whose case is kept."""
    return [begin + name[len(begin) :] for name in names if name.casefold().startswith(begin.casefold())]
