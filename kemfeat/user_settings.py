"""What a user or a team settles once for all commands, in the working folder or one above it.

The settings are those of ``kemfeat.toml``, or of the table ``[tool.kemfeat]`` of a project's ``pyproject.toml``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kemfeat.config import FrozenConfig
from kemfeat.errors import ConfigError
from kemfeat.toml_settings import read_toml

NAME = "kemfeat.toml"
PROJECT = "pyproject.toml"


class UserSettings(FrozenConfig):
    """The settings.

    Parameters
    ----------
    private : tuple of str
        Addresses, such as ``s3://lab-bucket``, below which only those read who may have a restricted corpus.
    """

    private: tuple[str, ...] = ()


def read_user_settings() -> UserSettings:
    """The settings of the nearest file that has some.

    Returns
    -------
    UserSettings
        Defaults where there is no such file.

    Raises
    ------
    ConfigError
        A file cannot be read, or contains something else, or both files of a folder have settings.

    Examples
    --------
    >>> read_user_settings().private
    ()
    """
    return found_settings()[1]


def found_settings() -> tuple[str | None, UserSettings]:
    """The settings of the nearest file that has some, and where they are.

    Returns
    -------
    str or None
        The file, and the table in it; None where no file has settings.
    UserSettings
        As of :func:`read_user_settings`.

    Raises
    ------
    ConfigError
        As of :func:`read_user_settings`.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        own, project = folder / NAME, folder / PROJECT
        table = _table(project) if project.is_file() else None
        if own.is_file() and table is not None:
            raise ConfigError(f"{own}: {PROJECT} beside it has settings too, in [tool.kemfeat]; keep one of the two")
        if own.is_file():
            return str(own), _parsed(str(own), read_toml(own))
        if table is not None:
            where = f"{project} [tool.kemfeat]"
            return where, _parsed(where, table)
    return None, UserSettings()


def _table(project: Path) -> dict[str, Any] | None:
    """The table ``[tool.kemfeat]`` of a project, or None."""
    tool = read_toml(project).get("tool", {})
    table = tool.get("kemfeat") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(
            f"{project}: tool.kemfeat = {table!r}; expected a table, [tool.kemfeat.cloud] and its settings"
        )
    return table


_ADDRESS = re.compile(r"[a-z0-9]+://[^/\s]+(/.*)?")


def _is_address(text: object) -> bool:
    """Whether it names a bucket, rather than all of them."""
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None


def _parsed(where: str, content: dict[str, Any]) -> UserSettings:
    cloud = content.pop("cloud", {})
    private = cloud.pop("private", []) if isinstance(cloud, dict) else None
    if content or cloud or not isinstance(private, list) or not all(map(_is_address, private)):
        raise ConfigError(
            f'{where}: expected nothing but [cloud] with private = ["s3://BUCKET", ...], the addresses below which '
            "only those read who may have a restricted corpus"
        )
    return UserSettings(private=tuple(private))
