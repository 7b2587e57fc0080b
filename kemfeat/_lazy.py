"""Public names of a package, imported on first use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package (PEP 562).

    Parameters
    ----------
    package : str
        Name of the package.
    homes : mapping of str to str
        For each public name, the module below the package that defines it.

    Returns
    -------
    callable
        Takes a name and gives the object; raises AttributeError for an unknown name.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find


def names(package: str, homes: Mapping[str, str]) -> Callable[[], list[str]]:
    """The ``__dir__`` of a package (PEP 562): an editor completes names that are not imported yet.

    Parameters
    ----------
    package : str
        Name of the package.
    homes : mapping of str to str
        As for :func:`attributes`.

    Returns
    -------
    callable
        Gives the names that the package has and those that it would import.
    """
    return lambda: sorted({*vars(sys.modules[package]), *homes})
