"""The directory is the registry: a public file or folder of a room that defines the object of the room is a plug-in.

``kemdy20`` in ``corpora`` is found as ``KEMDy20`` (case, spaces, ``-`` and ``_`` do not matter) and defines ``READER``;
a feature defines ``EXTRACTOR``, an analysis ``ANALYSIS``, a model ``MODEL``, a synthetic corpus ``SYNTH``, an export
format ``EXPORTER``, a lens ``LENS``. A public module that does not define that object is shared API of its room and not
a plug-in.

Plug-ins of other packages are modules too. An entry point of the group ``kemfeat.ROOM``, such as ``kemfeat.features``,
gives the name of the plug-in and the module that defines its object.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from kemfeat.config import suggest
from kemfeat.errors import PluginError, UnknownPluginError

Room = Literal["analyses", "corpora", "export", "features", "learn.models", "lenses", "synth"]
OBJECTS: dict[Room, str] = {
    "analyses": "ANALYSIS",
    "corpora": "READER",
    "export": "EXPORTER",
    "features": "EXTRACTOR",
    "learn.models": "MODEL",
    "lenses": "LENS",
    "synth": "SYNTH",
}
"""Per room the name of the object that a module of it defines."""
_NOUNS: dict[Room, str] = {
    "analyses": "analysis",
    "corpora": "dataset",
    "export": "export format",
    "features": "feature",
    "learn.models": "model",
    "lenses": "lens",
    "synth": "synthetic dataset",
}
_REMEDY = "correct the package, or uninstall it"
_IGNORED = str.maketrans("", "", " -_")


@cache
def names(room: Room) -> tuple[str, ...]:
    """Names of the plug-ins of a room, of kemfeat and of other packages, sorted. Nothing is imported.

    Parameters
    ----------
    room : {"analyses", "corpora", "export", "features", "learn.models", "lenses", "synth"}
        Package below ``kemfeat``.

    Returns
    -------
    tuple of str
        Names of modules.

    Examples
    --------
    >>> "kemdy20" in names("corpora")
    True
    """
    return tuple(sorted({*_own(room), *(entries[0].name for entries in _entries(room).values())}))


def find(room: Room, name: str) -> Any:
    """The plug-in object of that name.

    Parameters
    ----------
    room : {"analyses", "corpora", "export", "features", "learn.models", "lenses", "synth"}
        Package below ``kemfeat``.
    name : str
        Name of the plug-in; case, spaces, ``-`` and ``_`` do not matter.

    Returns
    -------
    object
        The ``READER``, ``EXTRACTOR``, ``ANALYSIS``, ``EXPORTER``, ``MODEL``, ``LENS`` or ``SYNTH`` of its module.

    Raises
    ------
    UnknownPluginError
        There is no such plug-in; the message lists the known ones.
    PluginError
        It is one of another package that cannot be imported, or is not what its entry point says.

    Examples
    --------
    >>> find("corpora", "KEMDy20").name
    'KEMDy20'
    """
    module = _module(room, name)
    found = getattr(module, OBJECTS[room], None)
    if found is None or _plain(getattr(found, "name", name)) != _plain(name):
        where = _where(room, name) or module.__name__
        raise PluginError(f"{where}: expected {OBJECTS[room]}, called {name!r} like its entry point; {_REMEDY}")
    return found


def others(room: Room) -> dict[str, str]:
    """The plug-ins of a room that other packages bring, and which package it is. Nothing is imported.

    Parameters
    ----------
    room : {"analyses", "corpora", "export", "features", "learn.models", "synth"}
        Package below ``kemfeat``.

    Returns
    -------
    dict of str to str
        By name of the plug-in the name and version of its package; several of them with commas between.

    Examples
    --------
    >>> others("synth")
    {}
    """
    return {entries[0].name: ", ".join(map(_package, entries)) for entries in _entries(room).values()}


def about(room: Room, name: str) -> str:
    """What a plug-in is: the first paragraph of its module's docstring.

    Parameters
    ----------
    room : {"analyses", "corpora", "export", "features", "learn.models", "lenses", "synth"}
        Package below ``kemfeat``.
    name : str
        Name of the plug-in; case, spaces, ``-`` and ``_`` do not matter.

    Returns
    -------
    str
        One line.

    Raises
    ------
    UnknownPluginError
        There is no such plug-in; the message lists the known ones.

    Examples
    --------
    >>> about("features", "eda")
    'Electrodermal activity: skin conductance as measured, in microsiemens.'
    """
    text = _module(room, name).__doc__ or ""
    return " ".join(text.strip().partition("\n\n")[0].replace("``", "").split())


def _module(room: Room, name: str) -> ModuleType:
    own, entries = {_plain(each): each for each in _own(room)}, _entries(room).get(_plain(name), [])
    if not entries and _plain(name) in own:
        return importlib.import_module(f"kemfeat.{room}.{own[_plain(name)]}")
    if not entries:
        raise UnknownPluginError(f"unknown {_NOUNS[room]} {name!r}{suggest(name, names(room))}")
    where = _where(room, name)
    if _plain(name) in own:
        raise PluginError(f"{where}: kemfeat has a {_NOUNS[room]} of that name; rename the entry point")
    if len(entries) > 1:
        raise PluginError(f"{where}: two of one name; uninstall one of the packages")
    try:
        return importlib.import_module(entries[0].value)
    except (Exception, SystemExit) as error:
        told = str(error) or type(error).__name__
        raise PluginError(f"{where}: cannot be imported ({told}); {_REMEDY}") from error


@cache
def _own(room: Room) -> tuple[str, ...]:
    """The plug-ins of a room that are kemfeat's."""
    package = importlib.import_module(f"kemfeat.{room}")
    return tuple(
        module.name
        for folder in package.__path__
        for module in pkgutil.iter_modules([folder])
        if not module.name.startswith("_") and _defines(Path(folder), module, OBJECTS[room])
    )


@cache
def _entries(room: Room) -> dict[str, list[EntryPoint]]:
    """The entry points of a room that other packages bring, by plain name; one of each if all is well."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=f"kemfeat.{room}"), key=lambda entry: (entry.name, entry.value)):
        found.setdefault(_plain(entry.name), []).append(entry)
    return found


def _where(room: Room, name: str) -> str:
    """The packages and entry points of a plug-in; empty where it is one of kemfeat."""
    entries = _entries(room).get(_plain(name), ())
    return " and ".join(f"{_package(each)}, {each.group}: {each.name} = {each.value}" for each in entries)


def _package(entry: EntryPoint) -> str:
    return "a package" if entry.dist is None else f"package {entry.dist.name} {entry.dist.version}"


def _defines(folder: Path, module: pkgutil.ModuleInfo, wanted: str) -> bool:
    """Whether a module's source assigns or imports the name at its top level."""
    path = folder / module.name / "__init__.py" if module.ispkg else folder / f"{module.name}.py"
    # No syntax tree: building them in several threads at once fails in CPython 3.11 (gh-106905).
    assigned, imported = rf"{wanted}[ ]*[:=]", rf"from[ ].+[ ]import[ ]+(?:\([^)]*|.*)\b{wanted}\b"
    return re.search(rf"^(?:{assigned}|{imported})", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def _plain(name: str) -> str:
    return name.casefold().translate(_IGNORED)
