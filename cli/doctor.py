"""``kemfeat doctor``."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from . import _completion, _options
from ._console import new_console, print_table
from ._json import print_json
from ._names import usable

if TYPE_CHECKING:
    from kemfeat.corpora import CorpusReader

_LIBRARIES = ("numpy", "pandas", "zarr", "numcodecs", "soxr", "soundfile", "librosa", "dask")
_FOR_DEVELOPERS = ("bench", "dev", "docs")
_SMALL = 2e9
"""Bytes below which a disk is called small: the features of a corpus of 10,000 utterances have about as many."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What was looked at, what was found, and what to do about it."""

    what: str
    state: Literal["ok", "absent", "broken"] = "ok"
    found: str
    todo: str = ""


def doctor(
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            autocompletion=_completion.datasets,
            help="Check that this corpus and its tokenizer are found.",
            show_default=False,
        ),
    ] = None,
    root: _options.Root = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="tcp://HOST:PORT",
            help="Check that the workers of this Dask scheduler can be used.",
            show_default=False,
        ),
    ] = None,
    as_json: _options.Json = False,
) -> None:
    """Check this machine: libraries, fonts, disk, plug-ins, GPU, corpora; exit 1 where one is broken."""
    lines = [*_machine(), *_extras(), *_plugins(), *_gpu(), *_corpora(dataset, root), *_cluster(scheduler)]
    if as_json:
        print_json([asdict(line) for line in lines])
    else:
        _print(lines)
    if any(line.state == "broken" for line in lines):
        raise typer.Exit(1)


def _print(lines: list[Line]) -> None:
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "absent": "yellow", "broken": "red"}
    table = Table(box=None, show_header=False)
    for line in lines:
        told = f"{line.found}; {line.todo}" if line.todo else line.found
        table.add_row(f"[{colours[line.state]}]{line.state}[/]", escape(line.what), escape(told))
    print_table(new_console(), table)


def _machine() -> Iterator[Line]:
    from kemfeat import parallel
    from kemfeat._version import VERSION
    from kemfeat.build.disk_space import free_bytes
    from kemfeat.figures.style import KOREAN_FONTS, korean_font

    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Line(what="kemfeat", found=f"{VERSION}, {python}")
    yield Line(what="libraries", found=", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES))
    yield Line(what="cores", found=f"{parallel.default_workers()}, which --workers takes by default")
    free = free_bytes(Path())
    little = {"state": "absent", "todo": "kemfeat plan says what a build needs"} if free < _SMALL else {}
    yield Line(what="disk", found=f"{free / 1e9:,.1f} GB free in this folder", **little)  # type: ignore[arg-type]
    font = korean_font()
    if font is not None:
        yield Line(what="font", found=f"{font}, for Korean text in figures")
    else:
        todo = f"install one (Debian: fonts-nanum or fonts-noto-cjk), such as {KOREAN_FONTS[0]}"
        yield Line(what="font", state="absent", found="none with Hangul: figures show Korean text as boxes", todo=todo)


def _extras() -> Iterator[Line]:
    """A line for each extra of the package: what it needs, and whether it is installed."""
    needs: dict[str, list[str]] = {}
    for requirement in metadata.requires("kemfeat") or ():
        found = re.match(r"([\w.-]+).*extra == ['\"]([\w-]+)['\"]", requirement)
        if found and found[2] not in _FOR_DEVELOPERS:
            needs.setdefault(found[2], []).append(found[1])
    for extra, names in sorted(needs.items()):
        installed = {name: _version(name) for name in names}
        missing = [name for name, version in installed.items() if version is None]
        if missing:
            todo = f"pip install 'kemfeat[{extra}]' where you need it"
            yield Line(what=f"extra {extra}", state="absent", found=f"{', '.join(missing)} not installed", todo=todo)
        else:
            yield Line(what=f"extra {extra}", found=", ".join(f"{name} {one}" for name, one in installed.items()))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _plugins() -> Iterator[Line]:
    """A line for each plug-in that another package brings."""
    from kemfeat import plugins
    from kemfeat.errors import PluginError

    for room in get_args(plugins.Room):
        for name, package in plugins.others(room).items():
            try:
                plugins.find(room, name)
            except PluginError as error:
                yield Line(what=f"plug-in {room}.{name}", state="broken", found=str(error))
            else:
                yield Line(what=f"plug-in {room}.{name}", found=package)


def _gpu() -> Iterator[Line]:
    if find_spec("torch") is not None:
        from kemfeat.learn.training.runtime import device

        if device("auto").type == "cuda":
            yield Line(what="GPU", found="PyTorch can use it")
        else:
            todo = "train works without; for one, install the PyTorch of your CUDA from pytorch.org"
            yield Line(what="GPU", state="absent", found="PyTorch finds none", todo=todo)


def _corpora(dataset: str | None, root: Path | None) -> Iterator[Line]:
    """The corpus that was named and its tokenizer, or all that are found where commands look."""
    from kemfeat import plugins
    from kemfeat.data_home import find_root
    from kemfeat.errors import ConfigError, CorpusLayoutError

    if dataset is None and root is not None:
        raise ConfigError(f"--root {root}: pass --dataset too, the corpus that it contains")
    if dataset is not None:
        yield from _corpus(plugins.find("corpora", dataset), root)
        return
    found = {}
    for name in (reader.name for module, reader in usable("corpora").plugins.items() if module != "folder"):
        try:
            found[name] = find_root(name)
        except CorpusLayoutError:
            continue
    for name, folder in found.items():
        yield Line(what=name, found=str(folder))
    if not found:
        todo = "pass --root to the commands, or set $KEMFEAT_DATA to the folder that contains your corpora"
        yield Line(what="corpora", state="absent", found="none in $KEMFEAT_DATA, data or here", todo=todo)


def _corpus(reader: CorpusReader, root: Path | None) -> Iterator[Line]:
    from kemfeat.data_home import find_root
    from kemfeat.errors import KemfeatError
    from kemfeat.features._tokenizers import resolve

    try:
        folder = find_root(reader.name, root=root)
    except KemfeatError as error:
        yield Line(what=reader.name, state="broken", found=str(error))
        return
    yield Line(what=reader.name, found=str(folder))
    try:
        resolve("", root=folder, default=reader.tokenizer)
        yield Line(what="tokenizer", found=f"of {reader.name}, on this machine")
    except KemfeatError as error:
        yield Line(what="tokenizer", state="absent", found=str(error))


def _cluster(scheduler: str | None) -> Iterator[Line]:
    if scheduler is None:
        return
    from kemfeat.cluster import Cluster
    from kemfeat.errors import KemfeatError

    try:
        Cluster(scheduler).close()
    except KemfeatError as error:
        yield Line(what="scheduler", state="broken", found=str(error))
    else:
        yield Line(what="scheduler", found=f"{scheduler} has workers with the libraries of this machine")
