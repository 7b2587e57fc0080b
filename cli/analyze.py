"""``kemfeat analyze``: one command per analysis, made from the frozen configuration of that analysis.

Each field is an option of the same name, with the type, default, bounds and choices of the field and its description as
help; :class:`kemfeat.analyses.Spelling` adds what a type cannot express. An analysis is imported when its command is
asked for, not before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import typer

from kemfeat.errors import PluginError
from kemfeat.plural import many

from . import _completion, _options
from ._console import linked, new_console, say_next
from ._help import MARKUP, Command, Commands, epilog
from ._json import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

    from kemfeat.analyses import AnyAnalysis, Spelling
    from kemfeat.store.reader import Store

_StorePath = Annotated[
    str | None,
    typer.Argument(
        metavar="[STORE]",
        help=_options.STORE_HELP,
        parser=_options.as_shown,
        autocompletion=_completion.stores,
        show_default="the one in ./stores",
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for the result: absent, empty, or an earlier result, which is replaced.",
        show_default="STORE/analyses/NAME",
    ),
]


class Analyses(Commands):
    """The commands of all analyses, each made when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        """Names of all analyses."""
        from kemfeat import plugins

        return [*plugins.names("analyses")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of one analysis; None where no analysis has that name."""
        return command(cmd_name) if cmd_name in self.list_commands(ctx) else None

    @property  # type: ignore[override]
    def commands(self) -> dict[str, Any]:
        """Every command by its name."""
        return {name: command(name) for name in self.list_commands(None)}

    @commands.setter
    def commands(self, _given: Any) -> None:
        """Ignored: the commands follow from the analyses."""


app = typer.Typer(
    cls=Analyses, help="Analyse a store: tables, figures and one JSON per analysis.", no_args_is_help=True
)


def command(name: str) -> Any:
    """The command of one analysis."""
    from kemfeat import plugins

    try:
        analysis: AnyAnalysis = plugins.find("analyses", name)
    except PluginError as error:
        return _unusable(name, error)
    alone = typer.Typer(add_completion=False, rich_markup_mode=MARKUP, pretty_exceptions_enable=False)
    alone.command(
        name,
        cls=Command,
        epilog=epilog(f"analyze {name}", f"analyze {name} stores/KEMDy20"),
        help=plugins.about("analyses", name),
    )(_callback(analysis))
    return typer.main.get_command(alone)


def _unusable(name: str, error: PluginError) -> Any:
    """The command of an analysis of another package that cannot be used: it says so, and the others are there."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=MARKUP, pretty_exceptions_enable=False)

    @alone.command(name, cls=Command, help="Cannot be used; kemfeat doctor says why.")
    def refuse() -> None:
        raise error

    return typer.main.get_command(alone)


def _callback(analysis: AnyAnalysis) -> Callable[..., None]:
    """A function with one parameter per field, from which Typer makes the options."""

    def run(**given: Any) -> None:
        _run(analysis, given, **{name: given.pop(name) for name in ("store", "cache", "out", "as_json")})

    parameters = [
        _parameter("store", _StorePath, None),
        *_parameters(analysis),
        _parameter("cache", _options.Cache, None),
        _parameter("out", _Out, None),
        _parameter("as_json", _options.Json, False),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameters(analysis: AnyAnalysis) -> Iterator[inspect.Parameter]:
    for name, field in analysis.config.model_fields.items():
        spelling = _spelling(field)
        if not spelling.is_out:
            kind, default = _kind(field, spelling)
            yield _parameter(name, Annotated[kind, _option(name, field, spelling)], default)


def _spelling(field: FieldInfo) -> Spelling:
    from kemfeat.analyses import Spelling

    return next((each for each in field.metadata if isinstance(each, Spelling)), Spelling())


def _kind(field: FieldInfo, spelling: Spelling) -> tuple[Any, Any]:
    """Type and default of an option; a tuple is a repeated option, or one text with a separator."""
    kind = _without_none(field.annotation)
    if get_origin(kind) is tuple:
        return ((str if spelling.separator else list[get_args(kind)[0]]) | None, None)  # type: ignore[misc]
    return (kind, field.default) if field.default is not None else (kind | None, None)


def _without_none(kind: Any) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    (only,) = (each for each in get_args(kind) if each is not type(None))
    return only


def _option(name: str, field: FieldInfo, spelling: Spelling) -> Any:
    flag = f"--{name.replace('_', '-')}"
    is_flag = field.annotation is bool
    names = [f"{flag}/--no-{flag[2:]}" if is_flag else flag, *([spelling.short] if spelling.short else [])]
    return typer.Option(
        *names,
        help=field.description,
        metavar=spelling.metavar or None,
        min=_bound(field, "ge"),
        max=_bound(field, "le"),
        show_default=spelling.default or True,
        autocompletion=_completion.labels if name == "labels" else None,
    )


def _bound(field: FieldInfo, name: str) -> Any:
    return next((getattr(each, name) for each in field.metadata if hasattr(each, name)), None)


def _run(
    analysis: AnyAnalysis,
    given: Mapping[str, Any],
    *,
    store: str | None,
    cache: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run one analysis, write its result, and print a few lines about it."""
    from kemfeat.analyses.output import default_folder, prepare, write
    from kemfeat.config import validated

    config = validated(analysis.config, _settings(analysis, given, out=out), where=analysis.name)
    opened = open_one(store, cache=cache)
    folder = out or default_folder(opened, analysis)
    prepare(folder, store=opened)
    content = write(analysis, analysis.run(opened, config), store=opened, config=config, out=folder)
    if as_json:
        print_json(content)
    else:
        _print_summary(content, folder)
        say_next("report", store or opened.path)


def _settings(analysis: AnyAnalysis, given: Mapping[str, Any], *, out: Path | None) -> dict[str, Any]:
    """The options that were given, as the configuration expects them; all others keep their defaults."""
    fields = analysis.config.model_fields
    settings = {
        name: _numbers(value, _spelling(fields[name]).separator, name) if _spelling(fields[name]).separator else value
        for name, value in given.items()
        if value is not None and value != []
    }
    if {"workers", "scheduler"} <= set(fields):
        settings["workers"] = _options.worker_count(given["workers"], given["scheduler"])
    return settings | {name: out for name, field in fields.items() if _spelling(field).is_out}


def _numbers(text: str, separator: str, name: str) -> tuple[int, ...]:
    from kemfeat.corpora.text import number
    from kemfeat.errors import ConfigError

    found = [number(part) for part in text.split(separator)]
    if not all(one.is_integer() for one in found):
        option = f"--{name.replace('_', '-')}"
        example = separator.join(("2", "10"))
        raise ConfigError(f"{option} {text}: expected whole numbers, for example {option} {example}")
    return tuple(map(int, found))


def open_one(store: str | None, *, cache: Path | None = None) -> Store:
    """The store of that folder or address, or the only one in ``./stores``."""
    from kemfeat.errors import ConfigError
    from kemfeat.store.reader import open_store
    from kemfeat.store.swap import finish_interrupted

    if store is not None:
        if "://" not in store:
            finish_interrupted(Path(store))
        return open_store(store, cache=cache)
    found = sorted(path.parent for path in Path("stores").glob("*/kemfeat.json"))
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        raise ConfigError(
            f"stores: found {many(len(found), 'store')} ({names}), expected one; pass the folder of the STORE"
        )
    return open_store(found[0])


def _print_summary(content: dict[str, Any], folder: Path) -> None:
    from rich.markup import escape

    from kemfeat.provenance import BANNER

    console = new_console()
    first, *rest = content["summary"] or ["nothing to say"]
    console.print(f"[bold]{escape(first)}[/bold]")
    for sentence in rest:
        console.print(escape(sentence))
    if content["store"]["synthetic"]:
        console.print(f"[yellow]{BANNER}[/yellow]", soft_wrap=True)
    for warning in content["warnings"]:
        console.print(f"[yellow]{escape(warning)}[/yellow]")
    print(f"{many(len(content['tables']), 'table')} and {many(len(content['figures']), 'figure')} in {linked(folder)}")
