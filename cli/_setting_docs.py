"""What the settings of a build and of kemfeat.toml do, from the docstrings of their classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

_PARAMETERS = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\S[^\n]*?) : ([^\n]*)\n((?: +[^\n]*\n?|\n)+)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?([^`]*)`")
_WHOLE: dict[str, tuple[str, Any, str]] = {
    "features": ("list of names", None, "What is built, in order; without it all that the corpus has."),
    "labels.map": ("table", {}, "Other names for emotions of the corpus, such as angry for ANG."),
    "preset": ("a name", None, "A preset for every feature that has it; kemfeat list presets."),
    "audio.channel": (
        '{"first", "mean", "loudest", "refuse"} or int',
        "first",
        "Which of several channels every feature uses that reads audio.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting and what its documentation says."""

    key: str
    type: str
    default: Any
    about: str
    presets: dict[str, Any]


def settings_of(key: str) -> list[Setting]:
    """The setting of that name, or those of a feature."""
    from kemfeat import plugins
    from kemfeat.config import suggest
    from kemfeat.errors import ConfigError
    from kemfeat.records import underscored

    wanted = underscored(key.strip())
    stem, _, name = wanted.partition(".")
    if stem in plugins.names("features"):
        config = plugins.find("features", stem).config
        own = {each.key: each for each in _settings(config, f"{stem}.", config.PRESETS)}
        if name and wanted not in own:
            raise ConfigError(f"config explain {key}: unknown setting{suggest(wanted, own)}")
        return [own[wanted]] if name else list(own.values())
    known = _of_a_build()
    if wanted not in known:
        raise ConfigError(f"config explain {key}: unknown{suggest(wanted, (*known, *plugins.names('features')))}")
    return [known[wanted]]


def settings_named(stem: str) -> list[str]:
    """Settings of a feature; of the whole build and of kemfeat.toml without one."""
    from kemfeat import plugins

    if not stem:
        return list(_of_a_build())
    return [each.key for each in settings_of(stem)] if stem in plugins.names("features") else []


def _of_a_build() -> dict[str, Setting]:
    from kemfeat.config import BuildConfig
    from kemfeat.user_settings import UserSettings

    made = [each for each in _settings(BuildConfig, "", {}) if each.key in ("labels", "rows_per_shard")]
    made += _settings(UserSettings, "cloud.", {})
    made += [Setting(key=key, type=a, default=b, about=c, presets={}) for key, (a, b, c) in _WHOLE.items()]
    return {each.key: each for each in made}


def _settings(config: type[BaseModel], prefix: str, presets: Any) -> Iterator[Setting]:
    """Every field of a configuration with what the docstring of its class, or of one that this extends, says."""
    from kemfeat.config import thawed

    for name, field in config.model_fields.items():
        told = (_entries(each).get(name, ("", "")) for each in config.__mro__)
        kind, about = next((one for one in told if one[1] and not one[1].startswith("See ")), ("", ""))
        changed = {preset: thawed(values[name]) for preset, values in presets.items() if name in values}
        default = None if field.is_required() else thawed(field.default)
        yield Setting(key=f"{prefix}{name}", type=kind, default=default, about=about, presets=changed)


def _entries(config: type) -> dict[str, tuple[str, str]]:
    """Per parameter of a docstring its type, where it stands alone, and its text."""
    parameters = _PARAMETERS.search(inspect.cleandoc(vars(config).get("__doc__") or ""))
    entries: dict[str, tuple[str, str]] = {}
    for names, kind, text in _ENTRY.findall(parameters[1] + "\n") if parameters else ():
        about = _ROLE.sub(r"\1", " ".join(text.split())).replace("``", "")
        entries |= dict.fromkeys(names.split(", "), (kind if ", " not in names else "", about))
    return entries
