"""The benchmark: kemfeat beside what a user would pick instead. The directory is the registry.

A public module here is a comparison of its name and defines ``COMPARISON``. It runs kemfeat and its peers in the same
process class (all in one process, or each in a fresh one), taking turns, for several rounds, and gives rows: ratios of
medians with the smallest and largest ratio of a round, or figures of kemfeat alone. ``peers`` holds what runs in a
process of its own, ``tools`` what is no comparison. ``_targets.py`` says what each row should reach.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kemfeat.config import suggest
from kemfeat.errors import UnknownPluginError

if TYPE_CHECKING:
    from ._context import Context
    from ._record import Row

_ROOMS = ("peers", "tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One comparison.

    Parameters
    ----------
    measure : yields its rows; the key of each begins with the comparison's name and a dot.
    libraries : distributions whose versions matter to it, beside kemfeat's own.
    """

    measure: Callable[[Context], Iterator[Row]]
    libraries: tuple[str, ...] = ()


def names() -> tuple[str, ...]:
    """Names of all comparisons, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in modules if not name.startswith("_") and name not in _ROOMS))


def find(name: str) -> Comparison:
    """The comparison of that name.

    Raises
    ------
    UnknownPluginError
        There is none; the message lists the known ones.
    """
    if name not in names():
        raise UnknownPluginError(f"no comparison {name!r}{suggest(name, names())}")
    comparison: Comparison = importlib.import_module(f".{name}", __name__).COMPARISON
    return comparison
