"""Lenses: each finds the utterances of a store that deserve a second look, and says why; one file each.

A file of this room ends in ``LENS``. A lens says in a sentence what it needs and does not have, reads and never
writes, and gives the same rows for the same store whatever the order of its tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from kemfeat.errors import AnalysisError
from kemfeat.lenses._clips import Clip, measured
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Context", "Lens", "Suspect", "foremost", "predictions_of"]

_SHARE = 0.01
_FEWEST = 10


@dataclass(frozen=True, eq=False)
class Context:
    """What a lens may look at.

    Parameters
    ----------
    store : Store
        The store.
    predictions : DataFrame or None
        Predictions by models that were not trained on the utterances, one row for each, or several of several runs:
        ``id``, ``emotion`` (the label), ``predicted``, one ``p_<emotion>`` per class, ``fold`` and ``run``; perhaps
        ``part``. :func:`predictions_of` makes it.
    findings : DataFrame or None
        What ``kemfeat validate`` found: the fields of :class:`~kemfeat.records.Finding` as columns.
    root : Path or None
        Folder of the corpus that the store was built from.
    """

    store: Store
    _: KW_ONLY
    predictions: pd.DataFrame | None = None
    findings: pd.DataFrame | None = None
    root: Path | None = None

    @cached_property
    def clips(self) -> tuple[Clip, ...]:
        """Level and clipping of every utterance whose audio is below ``root``; all audio is read, once."""
        return () if self.root is None else measured(self.store, self.root)


class Suspect(NamedTuple):
    """An utterance that a lens found.

    Parameters
    ----------
    id : str
        Id of the utterance.
    score : float
        In the unit of the lens; larger is more suspicious.
    why : str
        A short sentence with numbers.
    """

    id: str
    score: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """A lens.

    Parameters
    ----------
    name : str
        Name of its file.
    title : str
        A few words.
    unit : str
        Unit of the score, empty where it has none.
    help : str
        One sentence: what it finds, how, and the source.
    needs : callable
        Takes a context and returns what it lacks and what to do, in a sentence; empty where the lens can look.
    look : callable
        Takes a context that lacks nothing and returns what was found, in any order.
    """

    name: str
    title: str
    unit: str
    help: str
    needs: Callable[[Context], str]
    look: Callable[[Context], Iterable[Suspect]]

    def find(self, context: Context) -> pd.DataFrame:
        """Look.

        Parameters
        ----------
        context : Context
            What to look at.

        Returns
        -------
        DataFrame
            One row for each utterance that was found: ``id`` (str), ``score`` (float64), ``why`` (str); the most
            suspicious first, equal ones by id.

        Raises
        ------
        AnalysisError
            The context lacks what the lens needs.

        Examples
        --------
        >>> import kemfeat
        >>> from kemfeat.lenses.longest import LENS
        >>> found = LENS.find(Context(kemfeat.open_store("stores/KEMDy20")))
        >>> bool(found["score"].is_monotonic_decreasing)
        True
        """
        import pandas as pd

        if lacking := self.needs(context):
            raise AnalysisError(f"{context.store.path}: {self.name} {lacking}")
        table = pd.DataFrame(list(self.look(context)), columns=list(Suspect._fields))
        typed = table.astype({"id": "str", "score": "float64", "why": "str"})
        return typed.sort_values(["score", "id"], ascending=[False, True], ignore_index=True)


def foremost(suspects: Iterable[Suspect]) -> Sequence[Suspect]:
    """The largest hundredth, or ten if that is more, that are above the median: for lenses that measure all utterances.

    Parameters
    ----------
    suspects : iterable of Suspect
        Every utterance that was measured.

    Returns
    -------
    sequence of Suspect
        The foremost, largest first; none where all are equal.

    Examples
    --------
    >>> len(foremost(Suspect(f"u{n}", n, "is long") for n in range(2_000)))
    20
    """
    ordered = sorted(suspects, key=lambda each: (-each.score, each.id))
    usual = median(each.score for each in ordered) if ordered else 0.0
    most = max(_FEWEST, math.ceil(_SHARE * len(ordered)))
    return [each for each in ordered[:most] if each.score > usual]


def predictions_of(table: pd.DataFrame, *, run: str) -> pd.DataFrame:
    """The predictions of a run as a lens reads them.

    Parameters
    ----------
    table : DataFrame
        ``predictions.parquet`` of a run.
    run : str
        What to call the run.

    Returns
    -------
    DataFrame
        See :class:`Context`.
    """
    chances = [str(name) for name in table if str(name).startswith("p_")]
    renamed = table.rename(columns={"emotion_true": "emotion", "emotion_pred": "predicted"})
    wanted = ["id", "emotion", "predicted", *chances, "fold", "part"]
    return renamed[[name for name in wanted if name in renamed]].assign(run=run)
