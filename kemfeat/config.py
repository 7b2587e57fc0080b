"""Typed settings: frozen models, nearest-name suggestions, a digest that is the identity of a configuration."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kemfeat.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


class FrozenConfig(BaseModel):
    """Base of every configuration: immutable, strict types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FeatureConfig(FrozenConfig):
    """Base of a feature's configuration.

    ``preset`` names a row of :attr:`PRESETS`, a table of values that stand in for the defaults; a value given
    explicitly wins over the preset.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}}

    preset: str = "default"

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        preset = values.get("preset", cls.model_fields["preset"].default)
        if preset not in cls.PRESETS:
            raise ValueError(f"unknown preset {preset!r}{suggest(str(preset), cls.PRESETS)}")
        return {**cls.PRESETS[preset], **values}


class BuildConfig(FrozenConfig):
    """What a build makes; the resolved form is kept in the store.

    Parameters
    ----------
    dataset : name of a corpus reader.
    labels : ``annotated`` takes the corpus' own final label, ``votes`` the raters' majority.
    features : names of the features to build, in order.
    rows_per_shard : rows of one shard, which is the unit of commit and of resume.
    settings : per feature its resolved configuration.
    """

    dataset: str
    labels: Literal["annotated", "votes"] = "annotated"
    features: tuple[str, ...]
    rows_per_shard: int = Field(default=128, ge=1)
    settings: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def replaced(self, **changes: Any) -> Self:
        """A validated copy with some values replaced."""
        return type(self)(**{**dict(self), **changes})


def suggest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'? (known: ...)"`` for the name nearest to an unknown one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (known: {', '.join(names)})"


def validated(model: type[M], values: Mapping[str, Any], *, where: str) -> M:
    """Build ``model`` from ``values``; every complaint names the key, the value and what would do.

    Raises
    ------
    ConfigError
        A key is unknown, or a value has the wrong type or range.
    """
    try:
        return model(**{key: _untupled(value) for key, value in values.items()})
    except ValidationError as error:
        raise ConfigError("; ".join(_complaint(problem, model, where) for problem in error.errors())) from None


def _untupled(value: Any) -> Any:
    """TOML and JSON have lists where the models have tuples."""
    return tuple(value) if isinstance(value, list) else value


def _complaint(problem: Any, model: type[BaseModel], where: str) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key {key!r}{suggest(key, model.model_fields)}"
    found = "" if problem["type"] in {"missing", "value_error"} and not key else f", found {problem['input']!r}"
    return f"{where}: {key or 'value'}: {problem['msg']}{found}"


def canonical(value: Any) -> str:
    """JSON text that depends on the content alone: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value, as 64 hexadecimal digits."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        The file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); pass a TOML file to --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from None


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Apply ``key=value`` texts such as ``mel.n_mels=64``; the value is TOML, or a bare word taken as text.

    Raises
    ------
    ConfigError
        A text has no ``=`` or an empty key.
    """
    merged = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {override}: expected KEY=VALUE, for example --set mel.n_mels=64")
        *tables, last = key.strip().split(".")
        target = merged
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise ConfigError(f"--set {override}: {table!r} is a value, not a table")
        target[last] = _toml_value(text.strip())
    return merged


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
