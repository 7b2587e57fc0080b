"""Names that options take, with one line each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

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
    LENSES = "lenses"


_ROOMS: dict[Kind, Room] = {
    Kind.DATASETS: "corpora",
    Kind.FEATURES: "features",
    Kind.ANALYSES: "analyses",
    Kind.EXPORTS: "export",
    Kind.LENSES: "lenses",
}


def entries(kind: Kind) -> dict[str, str]:
    """Per name one line."""
    from kemfeat import plugins

    if kind in _ROOMS:
        room = _ROOMS[kind]
        return {plugins.find(room, name).name: plugins.about(room, name) for name in plugins.names(room)}
    if kind is Kind.LABELS:
        from kemfeat.labels import RULES

        return RULES
    return _recipes() if kind is Kind.RECIPES else _presets()


def _recipes() -> dict[str, str]:
    from kemfeat.learn.training.recipe import recipe_names, recipe_title

    return {name: recipe_title(name) for name in recipe_names()}


def _presets() -> dict[str, str]:
    from kemfeat import plugins

    owners: dict[str, list[str]] = {}
    for extractor in (plugins.find("features", name) for name in plugins.names("features")):
        for preset in extractor.config.PRESETS:
            owners.setdefault(preset, []).append(extractor.name)
    return {preset: f"settings of {', '.join(features)}" for preset, features in sorted(owners.items())}
