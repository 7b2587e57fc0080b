"""The directory is the registry: a public file of a room is a plug-in of its name.

``kemdy20.py`` in ``corpora`` is found as ``KEMDy20`` (case, spaces, ``-`` and ``_`` do not matter) and must define
``READER``; a feature file defines ``EXTRACTOR``, a synthetic corpus ``SYNTH``, a format of exports ``EXPORTER``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, Literal

from kemfeat.config import suggest
from kemfeat.errors import UnknownPluginError

Room = Literal["analyses", "corpora", "export", "features", "synth"]
_OBJECTS: dict[Room, str] = {
    "analyses": "ANALYSIS",
    "corpora": "READER",
    "export": "EXPORTER",
    "features": "EXTRACTOR",
    "synth": "SYNTH",
}
_IGNORED = str.maketrans("", "", " -_")


@cache
def names(room: Room) -> tuple[str, ...]:
    """Names of the plug-ins of a room: its public modules, sorted."""
    package = importlib.import_module(f"kemfeat.{room}")
    modules = pkgutil.iter_modules(package.__path__)
    return tuple(sorted(module.name for module in modules if not module.name.startswith("_")))


def find(room: Room, name: str) -> Any:
    """The plug-in object of that name.

    Raises
    ------
    UnknownPluginError
        No such plug-in, and the message lists the known ones; or its file does not define it.
    """
    known = {_plain(module): module for module in names(room)}
    if _plain(name) not in known:
        raise UnknownPluginError(f"no {room} plug-in {name!r}{suggest(name, names(room))}")
    module = importlib.import_module(f"kemfeat.{room}.{known[_plain(name)]}")
    if not hasattr(module, _OBJECTS[room]):
        raise UnknownPluginError(f"{module.__file__}: does not define {_OBJECTS[room]}; see docs on adding to {room}")
    return getattr(module, _OBJECTS[room])


def _plain(name: str) -> str:
    return name.casefold().translate(_IGNORED)
