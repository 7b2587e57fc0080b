"""What a file of this room declares: its model, with the settings it is built from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from torch import nn

from kemfeat import plugins
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.learn.run_facts import Choice
from kemfeat.learn.settings import ModelConfig, Task, TrainConfig

C = TypeVar("C", bound=ModelConfig)

Axis = Literal["utterance", "clip", "tick"]
"""What the rows of a batch are."""

ParameterGroups = Callable[[nn.Module, TrainConfig], Sequence[dict[str, Any]]]
"""(model, training settings) -> parameter groups of a torch optimizer, in which every parameter that trains is once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec(Generic[C]):
    """A kind of model; a file of this room ends in ``MODEL``, an object of this class.

    Parameters
    ----------
    tasks : tuple of {"arousal", "valence", "emotion"}
        What it can be trained for. For each of them its :class:`Outputs` has a prediction.
    config : type
        Its settings, a subclass of :class:`~kemfeat.learn.settings.ModelConfig` that no other model uses. The default
        of its field ``name`` is the name of the file.
    build : callable
        Makes the module of a configuration, on the CPU. Weights are drawn from torch's global generator alone, which
        :func:`build_model` seeds.
    axis : {"utterance", "clip", "tick"}
        What the rows of its batches are. Its predictions become one per utterance by ``config.aggregate``.
    unit : {"row", "chunk"}
        ``chunk`` where a batch is made of whole chunks of a temporal graph, whose rows see each other.
    groups : callable or None
        Parameter groups with learning rates or decays of their own; None for one rate, and decay for all but biases
        and norms (:func:`kemfeat.learn.training.optimiser.decayed`).
    fit : callable or None
        ``(model, batches, task=..., speakers=..., train=...)`` fits a model that is not trained step by step; an epoch
        is one call over the train part, of whose utterances ``speakers`` names the speaker.
    choice : callable or None
        What a model that was fitted chose on folds of the train part, for ``run.json``.
    idle : tuple of str
        Dotted names of parameters that train and never get a gradient, each a declared defect of what was published.
    """

    tasks: tuple[Task, ...]
    config: type[C]
    build: Callable[[C], nn.Module]
    axis: Axis = "utterance"
    unit: Literal["row", "chunk"] = "row"
    groups: ParameterGroups | None = None
    fit: Callable[..., None] | None = None
    choice: Callable[[nn.Module], Choice] | None = None
    idle: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file, and what a recipe calls it."""
        return str(self.config.model_fields["name"].default)


def spec_of(config: ModelConfig) -> ModelSpec[ModelConfig]:
    """The model that a configuration belongs to.

    Parameters
    ----------
    config : ModelConfig
        Settings of a model.

    Returns
    -------
    ModelSpec
        The one whose settings these are.

    Raises
    ------
    ConfigError
        It belongs to none.
    """
    for name in plugins.names("learn.models"):
        found: ModelSpec[ModelConfig] = plugins.find("learn.models", name)
        if found.config is type(config):
            return found
    raise ConfigError(
        f"model: {type(config).__name__} belongs to no model{suggest(type(config).__name__, _configs())}; expected the "
        "configuration of a file in kemfeat/learn/models"
    )


def _configs() -> list[str]:
    return [plugins.find("learn.models", name).config.__name__ for name in plugins.names("learn.models")]
