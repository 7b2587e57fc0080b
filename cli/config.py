"""``kemfeat config``."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import _completion, _options
from ._console import new_console, print_table
from ._help import Command, Commands, epilog
from ._json import print_json

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

app = typer.Typer(cls=Commands, help="Show settings, and explain what they do.")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting and what its documentation says."""

    key: str
    type: str
    default: Any
    about: str
    presets: dict[str, Any]


@app.command("show", cls=Command, epilog=epilog("config show", "config show --dataset KEMDy20 --preset kor-2022"))
def show(
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="Show what a build of this corpus would take.",
            show_default=False,
            autocompletion=_completion.datasets,
        ),
    ] = None,
    root: _options.Root = None,
    config: _options.Config = None,
    set_: _options.Set = None,
    preset: _options.Preset = None,
    features: _options.Features = None,
    tokenizer: _options.Tokenizer = None,
) -> None:
    """Show the settings of a build with all defaults, as TOML for --config; without --dataset those of kemfeat.toml."""
    from kemfeat.errors import ConfigError

    settings = _options.settings_of(config, set_ or [], preset, features, tokenizer)
    if dataset is not None:
        _show_build(dataset, root, settings)
    elif settings or root is not None:
        raise ConfigError("config show: these are settings of a build; pass --dataset too, the corpus that is built")
    else:
        _show_user_settings()


def _show_build(dataset: str, root: Path | None, settings: dict[str, Any]) -> None:
    from kemfeat import plugins
    from kemfeat.build import resolve
    from kemfeat.data_home import find_root
    from kemfeat.toml_settings import as_toml

    reader = plugins.find("corpora", dataset)
    resolved = resolve(settings, reader=reader, root=find_root(reader.name, root=root))
    print(as_toml(resolved.config), end="")


def _show_user_settings() -> None:
    from kemfeat.findings import printable
    from kemfeat.user_settings import found_settings

    where, found = found_settings()
    nowhere = "no kemfeat.toml and no [tool.kemfeat] of a pyproject.toml in this folder or above it"
    print(printable(f"# {where or nowhere}"))
    print(printable(f"cloud.private = {json.dumps(list(found.private), ensure_ascii=False)}"))


@app.command("explain", cls=Command, epilog=epilog("config explain", "config explain mel.n_mels"))
def explain(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A setting such as mel.n_mels, or a feature: all of its.")],
    as_json: _options.Json = False,
) -> None:
    """Say what a setting does: its type, default, values in presets, and how to set it."""
    found = _found(key)
    if as_json:
        print_json([asdict(each) for each in found])
    elif len(found) == 1:
        _print_one(found[0])
    else:
        _print_all(found)


def _print_one(setting: Setting) -> None:
    default = "none" if setting.default is None else json.dumps(setting.default, ensure_ascii=False)
    print(f"{setting.key}: {setting.about}")
    print(f"type: {setting.type}" if setting.type else "type: as its default")
    print(f"default: {default}")
    for preset, value in setting.presets.items():
        print(f"preset {preset}: {json.dumps(value, ensure_ascii=False)}")
    if not setting.key.startswith("cloud."):
        print(f"set it: --set {setting.key}=VALUE, or {setting.key} = VALUE in the file of --config")
    else:
        print("set it: in kemfeat.toml, or below [tool.kemfeat] of pyproject.toml")


def _print_all(found: list[Setting]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("setting", "default", "what it does", box=None, header_style="bold")
    for each in found:
        table.add_row(*map(escape, (each.key, json.dumps(each.default, ensure_ascii=False), each.about)))
    print_table(new_console(), table)


def _found(key: str) -> list[Setting]:
    """The setting of that name, or those of a feature."""
    from kemfeat import plugins
    from kemfeat.config import suggest
    from kemfeat.errors import ConfigError
    from kemfeat.records import underscored

    stem, _, name = underscored(key.strip()).partition(".")
    if stem in plugins.names("features"):
        config = plugins.find("features", stem).config
        own = {each.key: each for each in _settings(config, f"{stem}.", config.PRESETS)}
        if name and key not in own:
            raise ConfigError(f"config explain {key}: unknown setting{suggest(key, own)}")
        return [own[key]] if name else list(own.values())
    known = _of_a_build()
    if key not in known:
        raise ConfigError(f"config explain {key}: unknown{suggest(key, (*known, *plugins.names('features')))}")
    return [known[key]]


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
