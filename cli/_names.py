"""Names that options take, with one line each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from kemfeat.plugins import Room


class Kind(StrEnum):
    """What names are listed of."""

    DATASETS = "datasets"
    FEATURES = "features"
    PRESETS = "presets"
    LABELS = "labels"
    RECIPES = "recipes"
    ANALYSES = "analyses"
    EXPORTS = "exports"
    MODELS = "models"
    LENSES = "lenses"


_ROOMS: dict[Kind, Room] = {
    Kind.DATASETS: "corpora",
    Kind.FEATURES: "features",
    Kind.ANALYSES: "analyses",
    Kind.EXPORTS: "export",
    Kind.MODELS: "learn.models",
    Kind.LENSES: "lenses",
}


class Entries(NamedTuple):
    """Per name one line, and a sentence for each plug-in of another package that cannot be used."""

    lines: dict[str, str]
    broken: Sequence[str] = ()


def entries(kind: Kind) -> Entries:
    """The names of a kind."""
    if kind in _ROOMS:
        from kemfeat import plugins

        room = _ROOMS[kind]
        found = usable(room)
        return Entries({plugin.name: plugins.about(room, name) for name, plugin in found.plugins.items()}, found.broken)
    if kind is Kind.LABELS:
        from kemfeat.labels import RULES

        return Entries(RULES)
    return Entries(_recipes()) if kind is Kind.RECIPES else _presets()


class Usable(NamedTuple):
    """The plug-ins of a room by name, and a sentence for each that cannot be used."""

    plugins: dict[str, Any]
    broken: list[str]


def usable(room: Room) -> Usable:
    """The plug-ins of a room; those of other packages as far as they can be used."""
    from kemfeat import plugins
    from kemfeat.errors import PluginError

    found: dict[str, Any] = {}
    broken: dict[str, None] = {}
    for name in plugins.names(room):
        try:
            found[name] = plugins.find(room, name)
        except PluginError as error:
            broken[str(error)] = None
    return Usable(found, list(broken))


def _recipes() -> dict[str, str]:
    from kemfeat.learn.training.recipe import recipe_names, recipe_title

    return {name: recipe_title(name) for name in recipe_names()}


def _presets() -> Entries:
    owners: dict[str, list[str]] = {}
    features = usable("features")
    for extractor in features.plugins.values():
        for preset in extractor.config.PRESETS:
            owners.setdefault(preset, []).append(extractor.name)
    about = {preset: f"settings of {', '.join(named)}" for preset, named in sorted(owners.items())}
    return Entries(about, features.broken)
