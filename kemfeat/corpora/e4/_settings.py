"""``e4.toml``: how sessions are cut where a table of windows does not say so, and who wore the wristband."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from kemfeat.config import FrozenConfig, validated
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.toml_settings import read_toml

FILE = "e4.toml"


class TagWindows(FrozenConfig):
    """A window around every press of the button.

    Parameters
    ----------
    before : float, >= 0 [s]
        How long before the press it begins.
    after : float, > 0 [s]
        How long after the press it ends.
    """

    before: float = Field(default=0.0, ge=0, le=86_400)
    after: float = Field(gt=0, le=86_400)


class FixedWindows(FrozenConfig):
    """Windows of one length, from the beginning of a session as long as it lasts.

    Parameters
    ----------
    length : float, >= 1 [s]
        Length of a window.
    step : float, >= 1 [s]
        From the beginning of one to that of the next; by default the length.
    """

    length: float = Field(ge=1, le=86_400)
    step: float | None = Field(default=None, ge=1, le=86_400)


class Settings(FrozenConfig):
    """Content of ``e4.toml``.

    Parameters
    ----------
    participants : {"table", "folder"}
        Where it says who wore the wristband: in the column ``participant`` of the table of windows, or, where there is
        none, in the name of the folder or archive directly below the root.
    time_zone : str
        Name of the time zone of times that are written without an offset, such as ``Asia/Seoul``; empty where such
        times are refused.
    tags : TagWindows or None
        Windows around every press of the button.
    fixed : FixedWindows or None
        Windows of one length.
    """

    participants: Literal["table", "folder"] = "table"
    time_zone: str = ""
    tags: TagWindows | None = None
    fixed: FixedWindows | None = None

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone; None where none is set."""
        return ZoneInfo(self.time_zone) if self.time_zone else None


def read_settings(path: Path) -> Settings:
    """Read ``e4.toml``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Settings
        Its content.

    Raises
    ------
    CorpusError
        It is no TOML, or has an unknown key, a wrong value, an unknown time zone, or two ways to cut.
    """
    try:
        settings = validated(Settings, read_toml(path), where=FILE)
        _ = settings.zone
    except ConfigError as error:
        raise CorpusError(f"{error}; correct {path}") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CorpusError(
            f"{FILE}: time_zone: found {settings.time_zone[:40]!r}, expected a name such as Asia/Seoul or UTC; "
            f"correct {path}, or pip install tzdata where the system knows no time zones"
        ) from None
    if settings.tags and settings.fixed:
        raise CorpusError(f"{FILE}: found [tags] and [fixed], expected one way to cut; remove one from {path}")
    return settings
