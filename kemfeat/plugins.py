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
_OBJECTS: dict[Room, str] = {
    "analyses": "ANALYSIS",
    "corpora": "READER",
    "export": "EXPORTER",
    "features": "EXTRACTOR",
    "learn.models": "MODEL",
    "lenses": "LENS",
    "synth": "SYNTH",
}
_NOUNS: dict[Room, str] = {
    "analyses": "analysis",
    "corpora": "dataset",
    "export": "export format",
    "features": "feature",
    "learn.models": "model",
    "lenses": "lens",
    "synth": "synthetic dataset",
}
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
    package = importlib.import_module(f"kemfeat.{room}")
    found = (
        module.name
        for folder in package.__path__
        for module in pkgutil.iter_modules([folder])
        if not module.name.startswith("_") and _defines(Path(folder), module, _OBJECTS[room])
    )
    return tuple(sorted({*found, *_entries(room)}))


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
    found = getattr(module, _OBJECTS[room], None)
    if found is None or _plain(getattr(found, "name", name)) != _plain(name):
        raise PluginError(
            f"{module.__name__}: expected {_OBJECTS[room]}, called {name!r} like its entry point; correct the package "
            "that it belongs to, or uninstall it"
        )
    return found


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
    known = {_plain(module): module for module in names(room)}
    if _plain(name) not in known:
        raise UnknownPluginError(f"unknown {_NOUNS[room]} {name!r}{suggest(name, names(room))}")
    module, entry = known[_plain(name)], _entries(room).get(known[_plain(name)])
    if entry is None:
        return importlib.import_module(f"kemfeat.{room}.{module}")
    where = f"{entry.group}: {entry.name} = {entry.value}"
    if importlib.util.find_spec(f"kemfeat.{room}.{module}") is not None:
        raise PluginError(f"{where}: kemfeat has a {_NOUNS[room]} of that name; rename the entry point")
    try:
        return importlib.import_module(entry.value)
    except Exception as error:
        raise PluginError(f"{where}: cannot be imported ({error}); correct the package, or uninstall it") from error


@cache
def _entries(room: Room) -> dict[str, EntryPoint]:
    """The plug-ins of a room that other packages bring, by name."""
    return {entry.name: entry for entry in entry_points(group=f"kemfeat.{room}")}


def _defines(folder: Path, module: pkgutil.ModuleInfo, wanted: str) -> bool:
    """Whether a module's source assigns or imports the name at its top level."""
    path = folder / module.name / "__init__.py" if module.ispkg else folder / f"{module.name}.py"
    # No syntax tree: building them in several threads at once fails in CPython 3.11 (gh-106905).
    assigned, imported = rf"{wanted}[ ]*[:=]", rf"from[ ].+[ ]import[ ]+(?:\([^)]*|.*)\b{wanted}\b"
    return re.search(rf"^(?:{assigned}|{imported})", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def _plain(name: str) -> str:
    return name.casefold().translate(_IGNORED)
