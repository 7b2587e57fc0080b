"""The analyses of a store: one file each, found by its name.

A file of this room holds a frozen configuration, a pure ``run`` from a store to a result, and ends in ``ANALYSIS``.
Sentences are generated from the tables they speak of, never written beside them. Nothing here writes a file:
:func:`kemfeat.analyses.output.write` does, the same way for every analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kemfeat.config import FrozenConfig
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

C = TypeVar("C", bound=FrozenConfig)

Draw = Callable[[Path], None]
"""Draws one figure into ``<stem>.svg`` and ``<stem>.png``, given the stem, by a function of ``kemfeat.figures``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisResult:
    """What an analysis found.

    Parameters
    ----------
    summary : sentences for people, the verdict first, each generated from ``tables``.
    tables : tidy tables by name; column names carry units where they have any.
    figures : what to draw, by name.
    values : single numbers and short lists by name, as JSON has them (NaN is None).
    warnings : what a reader must know to trust the result: rows left out, groups without a test, conflicts.
    """

    summary: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, Draw] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis(Generic[C]):
    """An analysis.

    Parameters
    ----------
    name : the file's name; also the command ``kemfeat analyze <name>``.
    title : what it is called in a report.
    config : type of its configuration, which names its seed where it draws at random.
    run : from a store and a configuration to a result; raises
        :class:`~kemfeat.errors.AnalysisError` when the store does not have what it needs.
    """

    name: str
    title: str
    config: type[C]
    run: Callable[[Store, C], AnalysisResult]


AnyAnalysis = Analysis[Any]
