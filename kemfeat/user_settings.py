"""What a user or a team settles once for all commands: ``kemfeat.toml`` in the working folder or one above it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kemfeat.config import FrozenConfig
from kemfeat.errors import ConfigError
from kemfeat.toml_settings import read_toml

NAME = "kemfeat.toml"


class UserSettings(FrozenConfig):
    """The settings.

    Parameters
    ----------
    private : tuple of str
        Addresses, such as ``s3://lab-bucket``, below which only those read who may have a restricted corpus.
    """

    private: tuple[str, ...] = ()


def read_user_settings() -> UserSettings:
    """The settings of the nearest ``kemfeat.toml``.

    Returns
    -------
    UserSettings
        Defaults where there is no such file.

    Raises
    ------
    ConfigError
        The file cannot be read, or contains something else.

    Examples
    --------
    >>> read_user_settings().private
    ()
    """
    here = Path.cwd()
    path = next((each / NAME for each in (here, *here.parents) if (each / NAME).is_file()), None)
    return UserSettings() if path is None else _parsed(path, read_toml(path))


_ADDRESS = re.compile(r"[a-z0-9]+://[^/\s]+(/.*)?")


def _is_address(text: object) -> bool:
    """Whether it names a bucket, rather than all of them."""
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None


def _parsed(path: Path, content: dict[str, Any]) -> UserSettings:
    cloud = content.pop("cloud", {})
    private = cloud.pop("private", []) if isinstance(cloud, dict) else None
    if content or cloud or not isinstance(private, list) or not all(map(_is_address, private)):
        raise ConfigError(
            f'{path}: expected nothing but [cloud] with private = ["s3://BUCKET", ...], the addresses below which only '
            "those read who may have a restricted corpus"
        )
    return UserSettings(private=tuple(private))
