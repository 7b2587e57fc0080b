"""What a file of this room declares: its model, by name, with the settings it is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import nn

from kemfeat import plugins
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.learn.settings import ModelConfig, Task

C = TypeVar("C", bound=ModelConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(Generic[C]):
    """A kind of model; a file of this room ends in ``MODEL``, an object of this class.

    Parameters
    ----------
    name : str
        The name of the file, and what a recipe calls it.
    tasks : tuple of {"arousal", "valence", "emotion"}
        What it can be trained for. For each of them its :class:`Outputs` has a prediction.
    config : type
        Its settings, a subclass of :class:`~kemfeat.learn.settings.ModelConfig` that no other model uses.
    build : callable
        Makes the module of a configuration, on the CPU. Weights are drawn from torch's global generator alone, which
        :func:`build_model` seeds.
    """

    name: str
    tasks: tuple[Task, ...]
    config: type[C]
    build: Callable[[C], nn.Module]


def architecture_of(config: ModelConfig) -> Architecture[ModelConfig]:
    """The architecture that a configuration belongs to.

    Parameters
    ----------
    config : ModelConfig
        Settings of a model.

    Returns
    -------
    Architecture
        The one whose settings these are.

    Raises
    ------
    ConfigError
        It belongs to none.
    """
    for name in plugins.names("learn.models"):
        found: Architecture[ModelConfig] = plugins.find("learn.models", name)
        if found.config is type(config):
            return found
    raise ConfigError(
        f"model: {type(config).__name__} belongs to no model{suggest(type(config).__name__, _configs())}; expected the "
        "configuration of a file in kemfeat/learn/models"
    )


def _configs() -> list[str]:
    return [plugins.find("learn.models", name).config.__name__ for name in plugins.names("learn.models")]
