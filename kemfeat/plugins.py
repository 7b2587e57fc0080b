"""The directory is the registry: a public file of a room is a plug-in of its name.

``kemdy20.py`` in ``corpora`` is found as ``KEMDy20`` (case and punctuation do not matter) and must define ``READER``;
a feature file defines ``EXTRACTOR``, a synthetic corpus ``SYNTH``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, Literal

from kemfeat.config import suggest
from kemfeat.errors import UnknownPluginError

Room = Literal["corpora", "features", "synth"]
_OBJECTS: dict[Room, str] = {"corpora": "READER", "features": "EXTRACTOR", "synth": "SYNTH"}


@cache
def names(room: Room) -> tuple[str, ...]:
    """Names of the plug-ins of a room: its public modules, sorted, ``_`` written ``-``."""
    package = importlib.import_module(f"kemfeat.{room}")
    modules = pkgutil.iter_modules(package.__path__)
    return tuple(sorted(module.name.replace("_", "-") for module in modules if not module.name.startswith("_")))


def find(room: Room, name: str) -> Any:
    """The plug-in object of that name.

    Raises
    ------
    UnknownPluginError
        No such plug-in; the message lists the known ones.
    """
    wanted = name.lower().replace("_", "-")
    if wanted not in names(room):
        raise UnknownPluginError(f"no {room} plug-in {name!r}{suggest(wanted, names(room))}")
    module = importlib.import_module(f"kemfeat.{room}.{wanted.replace('-', '_')}")
    return getattr(module, _OBJECTS[room])
