"""Typed settings: frozen models, suggestions of the nearest name, and a digest that identifies a configuration."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from kemfeat.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


class SettingsTable(Mapping[str, Any]):
    """An immutable mapping that can be hashed and pickled and equals a dict.

    Parameters
    ----------
    cells : mapping of str to object
        Content; mappings within it become tables too, and lists become tuples.
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self._cells = {key: _frozen(value) for key, value in cells.items()}

    def __getitem__(self, key: str) -> Any:
        return self._cells[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __hash__(self) -> int:
        return hash(frozenset(self._cells.items()))

    def __repr__(self) -> str:
        return f"Table({self._cells!r})"


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SettingsTable(value)
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def thawed(value: Any) -> Any:
    """A copy in which every mapping, at any depth, is a dict.

    Parameters
    ----------
    value : object
        A frozen table, a tuple, or a single value.

    Returns
    -------
    object
        Plain dicts and tuples of the same content.
    """
    if isinstance(value, Mapping):
        return {key: thawed(cell) for key, cell in value.items()}
    return tuple(map(thawed, value)) if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    """A copy with tuples, as the models have them, where TOML and JSON have lists."""
    return thawed(_frozen(value))


class FrozenConfig(BaseModel):
    """Base of every configuration: immutable, with strict types, finite numbers and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FeatureConfig(FrozenConfig):
    """Base of a feature's configuration.

    Parameters
    ----------
    preset : str
        Name of a row of :attr:`PRESETS`, which replaces the defaults; a value given explicitly takes precedence.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}}

    preset: str = "default"

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        preset = values.get("preset", cls.model_fields["preset"].default)
        if not isinstance(preset, str):
            return values
        if preset not in cls.PRESETS:
            raise ValueError(f"unknown preset {preset!r}{suggest(preset, cls.PRESETS)}")
        # After this validator, pydantic no longer knows that the values came from JSON, and would refuse its lists.
        return _tupled({**cls.PRESETS[preset], **values})


_LABEL_RULE = re.compile(r"annotated|votes|emotion_[a-z]+|[\w-]+=\w+(,[\w-]+=\w+)*", re.ASCII)


def _label_rule(text: str) -> str:
    if not _LABEL_RULE.fullmatch(text):
        raise ValueError("expected 'annotated' or 'votes', or a column of further labels such as 'emotion_speech'")
    return text


class BuildConfig(FrozenConfig):
    """What a build makes; its resolved form is kept in the store.

    Parameters
    ----------
    dataset : str
        Name of a corpus reader.
    labels : str
        ``annotated`` takes the corpus' own final label, ``votes`` the raters' majority, ``emotion_speech`` and
        the like that column. A joined store has one rule, or one for each corpus, ``A=annotated,B=votes``.
    label_map : mapping of str to str
        Other names for emotions of the corpus, such as ``angry`` for ``ang``: the ``map`` of ``labels`` in settings.
    features : tuple of str
        Names of the features to build, in order; each one once.
    rows_per_shard : int, 1 to 65536
        Rows of one shard, which is the unit in which a build commits and resumes.
    settings : mapping of str to mapping
        Resolved configuration of each feature.
    """

    dataset: str
    labels: Annotated[str, AfterValidator(_label_rule)] = "annotated"
    label_map: Annotated[Mapping[str, str], AfterValidator(SettingsTable), PlainSerializer(thawed)] = SettingsTable({})
    features: tuple[str, ...]
    rows_per_shard: int = Field(default=128, ge=1, le=65536)
    settings: Annotated[Mapping[str, Mapping[str, Any]], AfterValidator(SettingsTable), PlainSerializer(thawed)] = (
        SettingsTable({})
    )

    @model_serializer(mode="wrap")
    def _without_empty_map(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields; an empty map is left out, so that a configuration without one keeps its digest."""
        return {name: value for name, value in handler(self).items() if name != "label_map" or value}

    @field_validator("features")
    @classmethod
    def _each_once(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        for place, name in enumerate(features):
            if name in features[:place]:
                raise ValueError(f"{name!r} is named twice; name each feature only once")
        return features


def check_integer(name: str, value: object, *, least: int) -> None:
    """Refuse anything but a whole number of at least ``least``.

    Parameters
    ----------
    name : str
        What the number is, for the error message.
    value : object
        What was given.
    least : int
        Smallest number allowed.

    Raises
    ------
    ConfigError
        It is something else.
    """
    whole = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if whole is None or whole < least:
        raise ConfigError(f"{name} is {value!r}; expected a whole number from {least} on")


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one in any case, and all of them.

    Parameters
    ----------
    name : str
        Unknown name.
    known : iterable of str
        Names that are valid.

    Returns
    -------
    str
        ``"; did you mean 'x'? (known: ...)"``; empty where there are no known names.

    Examples
    --------
    >>> suggest("mell", ["mel", "text"])
    "; did you mean 'mel'? (known: mel, text)"
    """
    names = {word.casefold(): word for word in sorted(known)}
    if not names:
        return ""
    near = difflib.get_close_matches(name.casefold(), names, n=1)
    hint = f"; did you mean {names[near[0]]!r}?" if near else ""
    return f"{hint} (known: {', '.join(names.values())})"


def validated(model: type[M], values: Mapping[str, Any], *, where: str) -> M:
    """Build a model from values; the message of an error gives each key, its value and what is valid.

    Parameters
    ----------
    model : type
        A pydantic model.
    values : mapping of str to object
        Values by field; lists become tuples.
    where : str
        What the values are, for messages.

    Returns
    -------
    object
        An instance of ``model``.

    Raises
    ------
    ConfigError
        ``values`` is not a table, a key is unknown, or a value has the wrong type or range.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected a table of settings, found {values!r}")
    try:
        return model.model_validate(_tupled(values))
    except ValidationError as error:
        raise ConfigError("; ".join(_complaint(problem, model, where) for problem in error.errors())) from None


def _complaint(problem: Any, model: type[BaseModel], where: str) -> str:
    path = tuple(map(str, problem["loc"]))
    place = ": ".join((where, ".".join(path))) if path else where
    if problem["type"] == "extra_forbidden":
        *tables, key = path
        return f"{'.'.join((where, *tables))}: unknown key {key!r}{suggest(key, _fields(model, tables))}"
    if problem["type"] == "missing":
        return f"{place}: is required"
    return f"{place}: {expectation(problem)}" + (f", found {problem['input']!r}" if path else "")


def expectation(problem: Mapping[str, Any]) -> str:
    """What a value should have been, in the words of kemfeat and not of pydantic.

    Parameters
    ----------
    problem : mapping
        One of ``ValidationError.errors()``.

    Returns
    -------
    str
        Part of a sentence.

    Examples
    --------
    >>> expectation({"type": "greater_than", "msg": "Input should be greater than 0"})
    'expected greater than 0'
    """
    if problem["type"] == "value_error" and "error" in problem.get("ctx", {}):
        return str(problem["ctx"]["error"])
    if problem["type"] == "missing":
        return "is required"
    if problem["type"] == "extra_forbidden":
        return "is not a known key"
    text = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = re.sub(r"^\w+ should (?:be|have|match) ", "expected ", text).replace(" after validation", "")
    return re.sub(r"^Invalid JSON", "is not JSON", text)


def _fields(model: type[BaseModel], tables: Iterable[str]) -> Iterable[str]:
    """Names of the fields of the model at this path below ``model``; empty where there is no model."""
    for name in tables:
        field = model.model_fields.get(name)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return ()
        model = field.annotation
    return model.model_fields


def canonical(value: Any) -> str:
    """JSON text that depends on the content alone: keys are sorted, and there are no spaces.

    Parameters
    ----------
    value : object
        Whatever JSON can express, a model, or a mapping or sequence of these.

    Returns
    -------
    str
        JSON text.

    Raises
    ------
    TypeError
        JSON cannot express a value.
    ValueError
        A number is NaN or infinite.

    Examples
    --------
    >>> canonical({"b": (1, 2), "a": None})
    '{"a":null,"b":[1,2]}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_jsonable
    )


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no place in a configuration")


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON text of a value.

    Parameters
    ----------
    value : object
        As for :func:`canonical`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> digest({"a": 1})[:12]
    '015abd7f5cc5'
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()
