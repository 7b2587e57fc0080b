"""Recipes: what to train and how, as TOML.

A recipe has a ``name``, a ``task``, a ``model`` (its name, or a table of its ``name`` and settings) and the table
``[train]``. What differs between variants of a published system is in the tables ``[faithful]`` and
``[corrected]``, which contain the same two tables; a recipe without any has one variant, ``corrected``. The common
values, then the variant's, then the caller's make one :class:`Recipe`.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, create_model, model_validator

from kemfeat import plugins
from kemfeat.config import FrozenConfig, suggest, validated
from kemfeat.errors import ConfigError, UnknownPluginError
from kemfeat.learn.augment.settings import HorizontalFlip
from kemfeat.learn.settings import ModelConfig, Task, TrainConfig
from kemfeat.paths import StrPath, to_path
from kemfeat.toml_settings import read_toml

if TYPE_CHECKING:
    from kemfeat.learn.models import ModelSpec

VARIANTS = ("corrected", "faithful")
_SUFFIX = ".toml"
_LARGEST = 1 << 20


class Recipe(FrozenConfig):
    """A resolved recipe; one subclass per model.

    Parameters
    ----------
    name : str
        Name of the recipe.
    variant : {"corrected", "faithful"}
        ``corrected``, or ``faithful`` to what was published, defects included.
    task : {"arousal", "valence", "emotion"}
        What is predicted.
    model : ModelConfig
        Settings of the model.
    train : TrainConfig
        Settings of training.
    """

    name: str = Field(min_length=1)
    variant: Literal["corrected", "faithful"]
    task: Task
    model: ModelConfig
    train: TrainConfig

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        classifies = self.train.loss == "cross-entropy"
        if classifies != (self.task == "emotion"):
            raise ValueError(
                f"train.loss {self.train.loss!r} does not fit the task {self.task!r}; an emotion needs "
                f"'cross-entropy', a rating 'mse' or 'rmse'"
            )
        return self

    @model_validator(mode="after")
    def _nothing_runs_backwards(self) -> Self:
        if self.variant != "faithful" and any(isinstance(one, HorizontalFlip) for one in self.train.augment):
            raise ValueError(
                "train.augment: 'horizontal-flip' makes speech run backwards (S12), found in the variant "
                f"{self.variant!r}; expected it in 'faithful' alone; use 'image-crop', or set variant=faithful"
            )
        return self


def recipe_names() -> tuple[str, ...]:
    """The names of the recipes that come with kemfeat.

    Returns
    -------
    tuple of str
        Sorted names.
    """
    return tuple(sorted(_shipped()))


def recipe_title(name: str) -> str:
    """What a recipe that comes with kemfeat trains, and after which publication: the sentence at the top of its file.

    Parameters
    ----------
    name : str
        A name of :func:`recipe_names`.

    Returns
    -------
    str
        One line.

    Raises
    ------
    UnknownPluginError
        There is no recipe of that name.

    Examples
    --------
    >>> recipe_title("kor/audio-arousal")
    'Arousal from the mel spectrogram: stage 1 of KOR-Multimodal-Emotion-Recognition (KEMDy20).'
    """
    lines = _found(name).read_text(encoding="utf-8").splitlines()
    last = next((at for at, line in enumerate(lines) if line.endswith(".")), 0)
    return " ".join(line.removeprefix("#").strip() for line in lines[: last + 1])


def load_recipe(name_or_path: StrPath, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe and resolve its variant.

    Parameters
    ----------
    name_or_path : str or PathLike
        A name of :func:`recipe_names`, or a TOML file.
    overrides : mapping or None
        Values that win: tables, or dotted keys such as ``{"variant": "faithful", "model.n_layers": 4}``.

    Returns
    -------
    Recipe
        The resolved recipe of its task.

    Raises
    ------
    UnknownPluginError
        There is no recipe of that name.
    ConfigError
        The file cannot be read, or a key is unknown, missing, of the wrong type or out of range.

    Examples
    --------
    >>> from kemfeat.learn import load_recipe
    >>> recipe = load_recipe("kor/audio-arousal", {"model.n_layers": 4})
    >>> recipe.task, recipe.variant, recipe.model.n_layers
    ('arousal', 'corrected', 4)
    """
    return _resolved(read_toml(_found(name_or_path)), overrides or {}, where=str(name_or_path))


def _resolved(values: dict[str, Any], overrides: Mapping[str, Any], *, where: str) -> Recipe:
    """The common values, then the variant's, then the caller's."""
    tables = {variant: values.pop(variant) for variant in VARIANTS if variant in values}
    given = _nested(overrides, where)
    variant = given.get("variant", values.get("variant", VARIANTS[0]))
    if variant not in VARIANTS:
        raise ConfigError(f"{where}: variant: unknown variant {variant!r}{suggest(str(variant), VARIANTS)}")
    missing = variant not in tables and (tables or variant != VARIANTS[0])
    if missing or not isinstance(tables.get(variant, {}), Mapping):
        raise ConfigError(f"{where}: has no table [{variant}]; add it, or choose another one with --set variant=NAME")
    layers = ({**values, "variant": variant}, tables.get(variant, {}), given)
    return recipe_from(reduce(_merged, map(_with_model_table, layers), {}), where=where)


def _with_model_table(values: Mapping[str, Any]) -> dict[str, Any]:
    """``model = "spell"`` as a table with that name alone."""
    model = values.get("model")
    return {**values, "model": {"name": model}} if isinstance(model, str) else dict(values)


def recipe_from(values: Mapping[str, Any], *, where: str) -> Recipe:
    """Check resolved values, such as those in ``run.json``.

    Parameters
    ----------
    values : mapping
        Tables of a recipe, its variant resolved.
    where : str
        Where the values come from, for error messages.

    Returns
    -------
    Recipe
        The recipe of its task.

    Raises
    ------
    ConfigError
        A key is unknown, missing, of the wrong type or out of range.
    """
    tables = _with_model_table(values)
    spec = _spec(tables.get("model"), where=where)
    recipe = validated(_recipe_of(spec), {**tables, "model": {**tables["model"], "name": spec.name}}, where=where)
    if recipe.task not in spec.tasks:
        raise ConfigError(
            f"{where}: task: found {recipe.task!r}, but the model {spec.name!r} is for {', '.join(spec.tasks)}; "
            "correct one of the two"
        )
    return recipe


def _spec(model: Any, *, where: str) -> ModelSpec[ModelConfig]:
    known = plugins.names("learn.models")
    if not isinstance(model, Mapping) or "name" not in model:
        raise ConfigError(
            f'{where}: model: does not say which model; expected model = "NAME", or a table [model] with name = '
            f'"NAME" (known: {", ".join(known)})'
        )
    try:
        found: ModelSpec[ModelConfig] = plugins.find("learn.models", str(model["name"]))
    except UnknownPluginError:
        raise UnknownPluginError(
            f"{where}: model.name: no model {model['name']!r}{suggest(str(model['name']), known)}"
        ) from None
    return found


@cache
def _recipe_of(spec: ModelSpec[ModelConfig]) -> type[Recipe]:
    """The recipe of a model; the same class each time, as recipes of two classes are never equal."""
    defaults = spec.config.model_validate({})
    return create_model(f"{spec.config.__name__}Recipe", __base__=Recipe, model=(spec.config, defaults))


def _found(name_or_path: StrPath) -> Path:
    if not isinstance(name_or_path, str) or name_or_path.endswith(_SUFFIX):
        return _own_file(to_path(name_or_path))
    shipped = _shipped()
    if name_or_path not in shipped:
        raise UnknownPluginError(
            f"unknown recipe {name_or_path!r}{suggest(name_or_path, shipped)}; or pass a file that ends in {_SUFFIX}"
        )
    return shipped[name_or_path]


def _own_file(path: Path) -> Path:
    """Neither a pipe, which would block, nor a file too large for a recipe."""
    if not path.is_file():
        raise ConfigError(f"{path}: is not a file; pass a TOML file, or one of {', '.join(recipe_names())}")
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"{path}: is larger than 1 MiB; expected a recipe, a TOML file of a few lines")
    return path


def _shipped() -> dict[str, Path]:
    return dict(_under(importlib.resources.files("kemfeat.learn") / "recipes", ""))


def _under(folder: Traversable, prefix: str) -> Iterator[tuple[str, Path]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _under(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), Path(str(entry))


def _nested(overrides: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Dotted keys as tables."""
    nested: dict[str, Any] = {}
    for key, value in overrides.items():
        *tables, last = key.split(".")
        branch = {last: _nested(value, where) if isinstance(value, Mapping) else value}
        for table in reversed(tables):
            branch = {table: branch}
        nested = _merged(nested, branch)
    return nested


def _merged(base: Mapping[str, Any], over: Any) -> dict[str, Any]:
    """Table by table; a value of ``over`` wins."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
