"""What embeddings of frozen encoders share: their settings, the layers that are taken, and how frames are pooled."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from kemfeat.config import FeatureConfig
from kemfeat.errors import ConfigError, ExtractionError, MediaError
from kemfeat.features import Media, Outcome
from kemfeat.features._windows import lengths_spec
from kemfeat.features.pretrained.folder import Wanted
from kemfeat.records import FeatureArray, FeatureSpec

if TYPE_CHECKING:
    from kemfeat.features.pretrained.frozen import Frozen

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

_MEAN = re.compile(r"mean-last-([1-9]\d{0,2})")
_EXPECTED = "expected last, mean-last-4, the number of a layer, 0 for what the first layer gets, or a list of them"


def _known(layer: object) -> object:
    """Check a setting here, because pydantic complains once for each kind of value."""
    numbers = layer if isinstance(layer, list | tuple) and layer else [layer]
    if layer == "last" or (isinstance(layer, str) and _MEAN.fullmatch(layer)):
        return layer
    if all(type(number) is int for number in numbers):
        return tuple(numbers) if isinstance(layer, list | tuple) else layer
    raise ValueError(_EXPECTED)


class EmbeddingConfig(FeatureConfig):
    """Settings of an embedding.

    Parameters
    ----------
    encoder : str
        Folder or Hugging Face name of the model. Empty again in a prepared configuration.
    layer : {"last"}, "mean-last-N", int or tuple of int
        What is taken: the output of the encoder; the mean of its last N hidden states; or hidden states by number,
        0 for what the first layer gets, -1 for the last.
    pooling : {"mean", "cls", "frames"}
        The mean over frames; the first token of a text; or all frames.
    dtype : {"float32", "float16"}
        Type on disk; computed in float32.
    device : str
        ``auto`` takes a GPU where there is one; or ``cpu``, ``cuda``. No part of what is recorded.
    sha256 : str
        Digest of the model. Filled in when a build begins; given, it pins the model.
    model_type : str
        What ``transformers`` calls its kind. Filled in when a build begins.
    width, depth : int
        Numbers of a hidden state, and layers of the model. Filled in when a build begins.
    """

    encoder: str = ""
    layer: Annotated[int | tuple[int, ...] | str, BeforeValidator(_known)] = "last"
    pooling: Literal["mean", "cls", "frames"] = "mean"
    dtype: Literal["float32", "float16"] = "float32"
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    model_type: str = ""
    width: int = Field(default=768, ge=1)
    depth: int = Field(default=12, ge=1)

    @property
    def layers(self) -> tuple[int, ...]:
        """Numbers of the hidden states that are taken, from 0; empty for the output."""
        states = self.depth + 1
        if self.layer == "last":
            return ()
        if isinstance(self.layer, str):
            return tuple(range(states - self._mean_of, states))
        numbers = self.layer if isinstance(self.layer, tuple) else (self.layer,)
        return tuple(number % states for number in numbers)

    @property
    def is_mean(self) -> bool:
        """Whether the mean of the hidden states is taken."""
        return self._mean_of > 0

    @property
    def _mean_of(self) -> int:
        found = _MEAN.fullmatch(self.layer) if isinstance(self.layer, str) else None
        return int(found[1]) if found else 0

    @property
    def kept(self) -> int:
        """Hidden states of a row."""
        return 1 if self.is_mean else max(len(self.layers), 1)


class EmbeddingExtract(ABC, Generic[T]):
    """Embeds several utterances together; called, a single one.

    Parameters
    ----------
    feature : str
        Name of the feature.
    config : EmbeddingConfig
        Its settings.
    encoder : Frozen
        Gives the hidden states of what :meth:`read` takes of an utterance.
    frames : int
        Frames of a row, where they are kept.
    """

    def __init__(self, feature: str, config: EmbeddingConfig, encoder: Frozen[T], *, frames: int) -> None:
        self._feature = feature
        self._embedding = config
        self._encoder = encoder
        self._frames = frames

    @abstractmethod
    def read(self, media: Media) -> tuple[T, int]:
        """What the encoder reads of an utterance, and the frames that there would be if nothing were cut.

        Raises
        ------
        ExtractionError, MediaError
            It cannot be read.
        """

    def __call__(self, media: Media) -> FeatureArray:
        """Embed an utterance.

        Raises
        ------
        ExtractionError, MediaError
            It cannot be embedded.
        """
        [outcome] = self.many([media])
        if not isinstance(outcome, FeatureArray):
            raise outcome
        return outcome

    def many(self, utterances: Sequence[Media]) -> list[Outcome]:
        """Embed utterances."""
        found = [self._tried(self.read, media) for media in utterances]
        states = iter(self._encoder.states([each[0] for each in found if isinstance(each, tuple)]))
        return [self._tried(self._row, next(states), each[1]) if isinstance(each, tuple) else each for each in found]

    def _row(self, states: NDArray[np.float32], total: int) -> FeatureArray:
        return embedded(self._feature, self._embedding, states, total=total, frames=self._frames)

    @staticmethod
    def _tried(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R | ExtractionError | MediaError:
        try:
            return function(*arguments, **named)
        except (ExtractionError, MediaError) as error:
            return error


def wanted_by(config: EmbeddingConfig, *, feature: str, such_as: str) -> Wanted:
    """The encoder that a feature was told to use.

    Parameters
    ----------
    config : EmbeddingConfig
        Its settings.
    feature : str
        Its name.
    such_as : str
        What is expected.

    Returns
    -------
    Wanted
        The encoder.

    Raises
    ------
    ConfigError
        None was named, or torch is not installed.
    """
    if find_spec("torch") is None:
        raise ConfigError(
            f"{feature}: needs torch, which is not installed; pip install 'kemfeat[encoders]', or leave {feature} out "
            "of the features"
        )
    if not config.encoder:
        pinned = f" with the digest {config.sha256[:16]}..." if config.sha256 else ""
        raise ConfigError(
            f"{feature}: no encoder{pinned} is named; pass --set {feature}.encoder=DIR or a Hugging Face name, "
            f"{such_as}"
        )
    return Wanted(config.encoder, role=feature, setting=f"{feature}.encoder", such_as=such_as)


def check_layers(config: EmbeddingConfig, *, feature: str) -> None:
    """Refuse layers that the model does not have, and what has no meaning together.

    Parameters
    ----------
    config : EmbeddingConfig
        Settings with the depth of the model.
    feature : str
        Name of the feature.

    Raises
    ------
    ConfigError
        There are none such, or several layers are asked for of every frame.
    """
    numbers = config.layer if isinstance(config.layer, tuple) else (config.layer,)
    if config.is_mean and len(config.layers) > config.depth:
        numbers = (len(config.layers),)
    if any(isinstance(number, int) and not -config.depth <= number <= config.depth for number in numbers):
        raise ConfigError(
            f"{feature}.layer: found {config.layer!r}, but the encoder has {config.depth} layers; {_EXPECTED}, of at "
            f"most {config.depth}"
        )
    if config.pooling == "frames" and config.kept > 1:
        raise ConfigError(
            f"{feature}: found {config.kept} layers of all frames; expected one layer, or pooling mean; build one "
            f"instance for each layer, such as {feature}@6"
        )


def refuse_another(config: EmbeddingConfig, found: str, *, feature: str) -> None:
    """Refuse an encoder that is not the one that was pinned.

    Parameters
    ----------
    config : EmbeddingConfig
        Settings with the digest that is expected, or none.
    found : str
        Digest of the encoder.
    feature : str
        Name of the feature.

    Raises
    ------
    ConfigError
        It is another one.
    """
    if config.sha256 not in {"", found}:
        raise ConfigError(
            f"{feature}.sha256: found {config.sha256[:16]}..., but the encoder {config.encoder} has {found[:16]}...; "
            "pass the encoder that is meant, or leave the key out"
        )


def embedding_specs(
    feature: str, config: EmbeddingConfig, *, frames: int, frame_rate: float | None, what: str
) -> tuple[FeatureSpec, ...]:
    """The arrays of an embedding.

    Parameters
    ----------
    feature : str
        Name of the feature, and of the array.
    config : EmbeddingConfig
        Its settings.
    frames : int
        Frames of a row, where they are kept.
    frame_rate : float [Hz] or None
        Frames per second; None for tokens.
    what : str
        What a frame is.

    Returns
    -------
    tuple of FeatureSpec
        Shape (layers, width) of a pooled embedding; or (frames, width), and the lengths.
    """
    whole = config.pooling != "frames"
    values = FeatureSpec(
        name=feature,
        dims=("encoder_layer" if whole else f"{feature}_{what}", "hidden"),
        shape=(config.kept if whole else frames, config.width),
        dtype=config.dtype,
        pad=float("nan"),
        fill=float("nan"),
        unit="1",
        frame_rate=None if whole else frame_rate,
        time_origin=None if whole or frame_rate is None else 0.0,
        description=f"hidden states of a frozen {config.model_type or 'encoder'}, layer {_shown(config.layer)}, "
        + (f"{config.pooling} over {what}s" if whole else f"one for each {what}"),
    )
    return (values,) if whole else (values, lengths_spec(feature))


def _shown(layer: object) -> str:
    return ", ".join(map(str, layer)) if isinstance(layer, tuple) else str(layer)


def embedded(
    feature: str, config: EmbeddingConfig, states: NDArray[np.float32], *, total: int, frames: int
) -> FeatureArray:
    """The row of an utterance.

    Parameters
    ----------
    feature : str
        Name of the feature.
    config : EmbeddingConfig
        Its settings.
    states : ndarray, shape (t, layers, width), float32
        Hidden states.
    total : int
        Frames that there would be if nothing were cut.
    frames : int
        Frames of a row, where they are kept.

    Returns
    -------
    FeatureArray
        As :func:`embedding_specs` has it, with the columns ``_length`` and ``_length_total``.
    """
    counts = {f"{feature}_length": min(len(states), frames), f"{feature}_length_total": total}
    if config.pooling == "frames":
        kept = _stored(feature, states[:frames, 0], config)
        return FeatureArray({feature: kept, f"{feature}_lengths": np.array(len(kept), dtype=np.int32)}, counts)
    pooled = states[0] if config.pooling == "cls" else states.mean(axis=0, dtype=np.float64)
    return FeatureArray({feature: _stored(feature, pooled, config)}, counts)


def _stored(feature: str, values: NDArray[Any], config: EmbeddingConfig) -> NDArray[Any]:
    """The values as they are stored, all of them numbers."""
    with np.errstate(over="ignore"):
        stored = values.astype(config.dtype)
    if not np.isfinite(stored).all():
        raise ExtractionError(
            f"{feature}: the encoder gives values that {config.dtype} cannot store; expected finite numbers; set "
            f"{feature}.dtype to float32, or leave the utterance out"
        )
    return stored


def local_settings(config: EmbeddingConfig, folder: Path) -> Mapping[str, Any]:
    """What only this run needs to know: where the model is, and on which device it runs.

    Parameters
    ----------
    config : EmbeddingConfig
        Settings as the user gave them.
    folder : Path
        Folder of the model.

    Returns
    -------
    mapping of str to object
        Settings that are given to workers and kept nowhere.
    """
    return {"encoder": str(folder.resolve()), "device": config.device}
