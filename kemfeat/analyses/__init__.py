"""The analyses of a store: one file each, found by its name.

A file of this room holds a frozen configuration, a pure ``run`` from a store to a result, and ends in ``ANALYSIS``.
Its command ``kemfeat analyze NAME`` is made from the configuration. Sentences are generated from the tables that they
describe, never written by hand. Nothing here writes a file: :func:`kemfeat.analyses.output.write` does, in the same
way for every analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import Field

from kemfeat.config import FrozenConfig
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

C = TypeVar("C", bound=FrozenConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """What the command line cannot read from the type of a field; put it into ``Annotated``.

    Parameters
    ----------
    metavar : str
        What the help calls a value, such as ``SECONDS``.
    separator : str
        Between the whole numbers of a tuple that is one text, such as ``:`` in ``2:10``. Empty for a tuple whose
        option is repeated.
    short : str
        A second name of the option, such as ``-j``.
    default : str
        What the help says of a default that is not a value.
    is_out : bool
        The field takes the folder of ``--out`` and has no option of its own.

    Examples
    --------
    >>> from typing import Annotated
    >>> from kemfeat.config import FrozenConfig
    >>> class PauseConfig(FrozenConfig):
    ...     least: Annotated[float, Spelling(metavar="SECONDS")] = 5.0
    >>> PauseConfig.model_fields["least"].metadata[0].metavar
    'SECONDS'
    """

    metavar: str = ""
    separator: str = ""
    short: str = ""
    default: str = ""
    is_out: bool = False


LabelRule = Annotated[
    str,
    Field(description="annotated, first, 7class, 5class, 4class, 4class-unmerged or votes."),
    Spelling(metavar="RULE"),
]
"""Name of a rule of :func:`kemfeat.labels.apply_rule`."""

Seed = Annotated[int, Field(ge=0, description="Seed of everything that is drawn at random."), Spelling(metavar="N")]
"""Seed of an analysis that draws at random."""

Draw = Callable[[Path], None]
"""Draws one figure into ``<stem>.svg`` and ``<stem>.png``, given the stem, by a function of ``kemfeat.figures``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisResult:
    """What an analysis found.

    Parameters
    ----------
    summary : tuple of str
        Sentences for people, the verdict first, each generated from ``tables``.
    tables : mapping of str to DataFrame
        Tidy tables by name; the names of columns carry units where they have any.
    figures : mapping of str to callable
        What to draw, by name.
    values : mapping of str to object
        Single numbers and short lists by name, as JSON has them (NaN is None).
    warnings : tuple of str
        What a reader must know to trust the result: rows left out, groups without a test, conflicts.
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
    name : str
        The file's name; also the command ``kemfeat analyze NAME``, whose help is the first paragraph of the file.
    title : str
        What it is called in a report.
    config : type of FrozenConfig
        Its configuration, which names its seed where it draws at random. Each field is an option of the command.
    run : callable
        From a store and a configuration to a result; raises :class:`~kemfeat.errors.AnalysisError` when the store
        does not have what it needs.
    """

    name: str
    title: str
    config: type[C]
    run: Callable[[Store, C], AnalysisResult]


AnyAnalysis = Analysis[Any]


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table as named tuples: sentences are written from tables, one row at a time."""
    return iter(table.itertuples(index=False))
