"""``kemfeat config``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from . import _completion, _options
from ._console import new_console, print_table
from ._help import Command, Commands, epilog
from ._json import print_json
from ._setting_docs import Setting, settings_of

app = typer.Typer(cls=Commands, help="Show settings, and explain what they do.")


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
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="A setting such as mel.n_mels, or a feature: all of its.",
            autocompletion=_completion.settings,
        ),
    ],
    as_json: _options.Json = False,
) -> None:
    """Say what a setting does: its type, default, values in presets, and how to set it."""
    found = settings_of(key)
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
