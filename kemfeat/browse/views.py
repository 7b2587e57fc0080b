"""Which rows a page asks for, and in which order."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from kemfeat.browse.columns import Column
from kemfeat.browse.facets import Facet, Rows
from kemfeat.config import suggest
from kemfeat.errors import ConfigError

Order = NDArray[np.int64]
SCORE = "score"
SEARCHED = ("id", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a page asks for.

    Parameters
    ----------
    search : str
        What the id or the transcript must contain, in upper or lower case; empty for all.
    chosen : tuple of (str, tuple of str)
        By facet the values of which a row must have one.
    sort : str
        Name of a column, :data:`SCORE`, or empty for the order of the store.
    descending : bool
        Whether the largest come first; rows without a value are always last.
    lens : str
        Name of the lens whose finds are shown; empty for all rows.
    """

    search: str = ""
    chosen: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: str = ""
    descending: bool = False
    lens: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finds:
    """What a lens found.

    Parameters
    ----------
    scores : ndarray, shape (n,), float64
        Of each utterance; NaN where it was not found.
    whys : mapping of int to str
        By row one sentence.
    unit : str
        Of the scores.
    """

    scores: NDArray[np.float64]
    whys: Mapping[int, str]
    unit: str = ""


@dataclass(eq=False)
class Views:
    """Answers queries about a table; the last ones are kept.

    Parameters
    ----------
    columns : mapping of str to Column
        Columns of n rows.
    facets : mapping of str to Facet
        What they can be narrowed by.
    finds : mapping of str to Finds
        What lenses found so far, by name; may grow.
    """

    columns: Mapping[str, Column]
    facets: Mapping[str, Facet]
    finds: Mapping[str, Finds] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = len(self.columns["id"].values)
        self.order = lru_cache(maxsize=8)(self._order)
        self._sorted = lru_cache(maxsize=16)(self._sort)
        self._searched = lru_cache(maxsize=4)(self._search)

    def counts(self, query: Query) -> dict[str, dict[str, int]]:
        """How many rows each value of each facet would leave, given everything else that is chosen.

        Parameters
        ----------
        query : Query
            What is asked for.

        Returns
        -------
        dict of str to dict of str to int
            By facet and value.
        """
        found = {}
        for name, facet in self.facets.items():
            others = tuple(each for each in query.chosen if each[0] != name)
            found[name] = facet.counts(self._kept(query, others))
        return found

    def _order(self, query: Query) -> Order:
        """The numbers of the rows that are asked for, in order."""
        kept = self._kept(query, query.chosen)
        if not query.sort:
            return np.flatnonzero(kept)
        if query.sort == SCORE and query.lens:
            sign = -1 if query.descending else 1
            order = np.argsort(sign * self.finds[query.lens].scores, kind="stable")
        else:
            order = self._sorted(query.sort, query.descending)
        return order[kept[order]]

    def _kept(self, query: Query, chosen: tuple[tuple[str, tuple[str, ...]], ...]) -> Rows:
        kept = self._searched(query.search).copy()
        for name, values in chosen:
            kept &= _known(self.facets, name, "facet").chosen(values)
        if query.lens:
            kept &= ~np.isnan(_known(self.finds, query.lens, "lens that was run").scores)
        return kept

    def _search(self, text: str) -> Rows:
        found: Rows = np.full(self.rows, not text)
        for name in SEARCHED if text else ():
            if name in self.columns:
                wanted = unicodedata.normalize("NFC", text)
                matches = pc.match_substring(self.columns[name].values, wanted, ignore_case=True)
                found |= pc.fill_null(matches, False).to_numpy(zero_copy_only=False)
        return found

    def _sort(self, name: str, descending: bool) -> Order:
        values = _known(self.columns, name, "column").values
        way = "descending" if descending else "ascending"
        order: Order = pc.sort_indices(values, sort_keys=[("", way)]).to_numpy().astype(np.int64)
        return order


def _known(among: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in among:
        raise ConfigError(f"no {what} {name!r}{suggest(name, among)}")
    return among[name]
