"""Settings as TOML: files of ``--config`` and values of ``--set``."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kemfeat.config import BuildConfig, thawed
from kemfeat.errors import ConfigError

_DEEPEST = 32
"""Levels of tables and lists in a configuration; kemfeat's own has four."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
        A file in UTF-8, with or without a byte order mark.

    Returns
    -------
    dict of str to object
        Content of the file.

    Raises
    ------
    ConfigError
        The file is missing or is not TOML, or its tables or lists are nested too deeply.
    """
    try:
        return _parsed(path.read_text(encoding="utf-8-sig"), where=str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); pass a TOML file to --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from None


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Apply texts such as ``mel.n_mels=64`` to settings.

    Parameters
    ----------
    values : mapping of str to object
        Settings; not changed.
    overrides : iterable of str
        ``KEY=VALUE`` each, where the key may have parts joined by dots; a value that is not TOML is taken as text.

    Returns
    -------
    dict of str to object
        The settings with all overrides.

    Raises
    ------
    ConfigError
        A text has no ``=`` or an empty key, its key treats a value as a table, or is nested too deeply.

    Examples
    --------
    >>> with_overrides({"mel": {"n_mels": 128}}, ["mel.n_mels=64", "labels=votes"])
    {'mel': {'n_mels': 64}, 'labels': 'votes'}
    """
    merged: dict[str, Any] = thawed(values)
    for override in overrides:
        key, equals, text = override.partition("=")
        *tables, last = (part.strip() for part in key.split("."))
        if not equals or not all((*tables, last)):
            raise ConfigError(f"--set {override}: expected KEY=VALUE, for example --set mel.n_mels=64")
        if len(tables) > _DEEPEST:
            raise _too_deep(f"--set {tables[0]}")
        target = merged
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise ConfigError(f"--set {override}: {table!r} is a value, not a table")
        target[last] = _toml_value(text.strip(), where=f"--set {key}")
    return merged


def as_toml(config: BuildConfig) -> str:
    """Write the configuration of a build as settings that give it again.

    Parameters
    ----------
    config : BuildConfig
        A resolved configuration.

    Returns
    -------
    str
        TOML for ``--config``, a line for each setting. A setting without a value has that of its preset.

    Examples
    --------
    >>> print(as_toml(BuildConfig(dataset="KEMDy20", features=("mel",), settings={"mel": {"n_mels": 64}})), end="")
    dataset = "KEMDy20"
    features = ["mel"]
    mel.n_mels = 64
    labels = "annotated"
    rows_per_shard = 128
    """
    values: dict[str, Any] = {"dataset": config.dataset, "features": list(config.features)}
    for feature, settings in thawed(config.settings).items():
        values |= {f"{_key(feature)}.{key}": value for key, value in settings.items() if value is not None}
    values["labels.rule" if config.label_map else "labels"] = config.labels
    values |= {f"labels.map.{_written(word)}": name for word, name in config.label_map.items()}
    values["rows_per_shard"] = config.rows_per_shard
    return "".join(f"{key} = {_written(value)}\n" for key, value in values.items())


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _written(name)


def _written(value: Any) -> str:
    """A text, number or list as JSON, which is TOML where no character is escaped as two."""
    escaped = json.dumps(value, ensure_ascii=False)
    return re.sub("[^ -~]", lambda found: f"\\U{ord(found[0]):08x}", escaped)


def _parsed(text: str, *, where: str) -> dict[str, Any]:
    """TOML that is safe to walk by recursion."""
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise _too_deep(where) from None
    level: list[Any] = [content]
    for _ in range(_DEEPEST + 1):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise _too_deep(where)
    return content


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep(where: str) -> ConfigError:
    return ConfigError(
        f"{where}: its tables or lists are nested too deeply, expected at most {_DEEPEST} levels; write them flat"
    )


def _toml_value(text: str, *, where: str) -> Any:
    """The TOML value that a single line consists of; anything else, such as one with a comment, is text."""
    if "\n" in text or "\r" in text:
        return text
    try:
        value, *rest = _parsed(f"value = [{text}, 0]", where=where)["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if rest == [0] else text
