"""The analyses of a store: one file or folder each, found by its name.

Each has a frozen configuration, a pure ``run`` from a store to a result, and an object ``ANALYSIS``. Its command
``kemfeat analyze NAME`` is made from the configuration. Summary sentences are generated from the tables that they
describe. Nothing here writes a file: :func:`kemfeat.analyses.output.write` does that for every analysis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import Field

from kemfeat.analyses.brief import Brief
from kemfeat.config import FrozenConfig
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

C = TypeVar("C", bound=FrozenConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """What the command line cannot infer from the type of a field; put it into ``Annotated``.

    Parameters
    ----------
    metavar : str
        What the help calls a value, such as ``SECONDS``.
    separator : str
        Separates the whole numbers of a tuple that is given as one text, such as ``:`` in ``2:10``. Empty for a
        tuple whose option is repeated.
    short : str
        A second name of the option, such as ``-j``.
    default : str
        How the help describes a default that is not a plain value.
    is_out : bool
        Whether the field takes the folder of ``--out`` and has no option of its own.

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

Seed = Annotated[int, Field(ge=0, description="Seed of the random numbers."), Spelling(metavar="N")]
"""Seed of an analysis that uses random numbers."""

Draw = Callable[..., object]
"""Draws one figure with a function of ``kemfeat.figures`` and returns it; given a stem, it also writes ``<stem>.svg``
and ``<stem>.png``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One finding in short, for the first screen of a report.

    Parameters
    ----------
    sentence : str
        What was found.
    effect : str
        What ``value`` is, such as ``Krippendorff's alpha``.
    value : float
        Size of the effect.
    low, high : float
        Its 95 % interval; NaN where it has none.
    n : str
        How much it is based on, such as ``600 utterances, 16 speakers``.
    meaning : str
        What follows from it, and what does not.

    Examples
    --------
    >>> Verdict(
    ...     sentence="Single ratings of valence are unreliable.",
    ...     effect="Krippendorff's alpha",
    ...     value=0.29,
    ...     low=0.26,
    ...     high=0.33,
    ...     n="600 utterances, 10 raters",
    ...     meaning="Use the mean of the raters.",
    ... ).value
    0.29
    """

    sentence: str
    effect: str
    value: float
    low: float = math.nan
    high: float = math.nan
    n: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisResult:
    """What an analysis found.

    Parameters
    ----------
    summary : tuple of str
        Sentences for people, the verdict first, each generated from ``tables``.
    tables : mapping of str to DataFrame
        Tidy tables by name; column names include units where there are any.
    figures : mapping of str to callable
        Functions that draw the figures, by name.
    captions : mapping of str to str
        By name of a figure, one sentence that says what is to be seen.
    briefs : mapping of str to Brief
        By name of a table, which of its columns a reader sees first, and under which headings; the main table first.
    lines : mapping of str to tuple of str
        By name of a table, its tests as lines that can be pasted into a paper, made with :mod:`kemfeat.analyses.apa`.
    verdicts : tuple of Verdict
        The findings in short, the main one first.
    values : mapping of str to object
        Single numbers and short lists by name. NaN is written to JSON as null.
    warnings : tuple of str
        What a reader must know to trust the result: rows left out, groups that were not tested, conflicts.
    """

    summary: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, Draw] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    briefs: Mapping[str, Brief] = field(default_factory=dict)
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis(Generic[C]):
    """An analysis.

    Parameters
    ----------
    name : str
        Name of the file or folder, and of the command ``kemfeat analyze NAME``, whose help is the first paragraph
        of the module docstring.
    title : str
        Heading in a report.
    config : type of FrozenConfig
        Its configuration, with a seed where random numbers are used. Each field is an option of the command.
    run : callable
        Takes a store and a configuration and returns a result; raises :class:`~kemfeat.errors.AnalysisError` when
        the store lacks what it needs.
    """

    name: str
    title: str
    config: type[C]
    run: Callable[[Store, C], AnalysisResult]


AnyAnalysis = Analysis[Any]


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Iterate over the rows of a table as named tuples, from which sentences are written.

    Parameters
    ----------
    table : DataFrame
        Any table; its column names must be Python identifiers.

    Returns
    -------
    iterator of namedtuple
        One per row, without the index.

    Examples
    --------
    >>> import pandas as pd
    >>> [row.n for row in rows(pd.DataFrame({"n": [3, 4]}))]
    [3, 4]
    """
    return iter(table.itertuples(index=False))
