"""Properties of utterances, each with the rows that have it and how many they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Rows = NDArray[np.bool_]


class Facet(Protocol):
    """What a table is narrowed by."""

    @property
    def title(self) -> str:
        """Its heading."""
        ...

    def chosen(self, values: Collection[str]) -> Rows:
        """The rows that have one of some values.

        Parameters
        ----------
        values : collection of str
            Names of values; an unknown one has no rows.

        Returns
        -------
        ndarray, shape (n,), bool
            True for these rows.
        """
        ...

    def counts(self, among: Rows) -> dict[str, int]:
        """How many of some rows have each value.

        Parameters
        ----------
        among : ndarray, shape (n,), bool
            The rows.

        Returns
        -------
        dict of str to int
            In the order of the page.
        """
        ...


class OneOf:
    """A property of which each row has one value or none.

    Parameters
    ----------
    title : str
        Its heading.
    values : pyarrow.Array of string, shape (n,)
        Null where a row has none.
    absent : str
        What no value is called.
    """

    def __init__(self, title: str, values: Any, *, absent: str) -> None:
        encoded = pc.fill_null(values, absent).dictionary_encode()
        names = encoded.dictionary.to_pylist()
        order = sorted(range(len(names)), key=lambda place: (names[place] == absent, names[place]))
        self.title = title
        self._names = [names[place] for place in order]
        self._codes = np.argsort(order)[encoded.indices.to_numpy(zero_copy_only=False)].astype(np.int32)

    def chosen(self, values: Collection[str]) -> Rows:
        """The rows that have one of some values, as :meth:`Facet.chosen`."""
        found: Rows = np.array([name in values for name in self._names], dtype=bool)[self._codes]
        return found

    def counts(self, among: Rows) -> dict[str, int]:
        """How many of some rows have each value, as :meth:`Facet.counts`."""
        found = np.bincount(self._codes[among], minlength=len(self._names))
        return dict(zip(self._names, found.tolist(), strict=True))


class AnyOf:
    """A property of which a row may have several values.

    Parameters
    ----------
    title : str
        Its heading.
    flags : mapping of str to ndarray, shape (n,), bool
        By value the rows that have it.
    """

    def __init__(self, title: str, flags: Mapping[str, Rows]) -> None:
        self.title = title
        self._flags = {**flags, "none": ~np.any(list(flags.values()), axis=0)}

    def chosen(self, values: Collection[str]) -> Rows:
        """The rows that have one of some values, as :meth:`Facet.chosen`."""
        found = np.zeros(len(self._flags["none"]), dtype=bool)
        for name in self._flags.keys() & set(values):
            found |= self._flags[name]
        return found

    def counts(self, among: Rows) -> dict[str, int]:
        """How many of some rows have each value, as :meth:`Facet.counts`."""
        return {name: int(np.count_nonzero(flags & among)) for name, flags in self._flags.items()}


def joined(flags: Mapping[str, Rows], *, rows: int) -> Any:
    """The values of each row as one text.

    Parameters
    ----------
    flags : mapping of str to ndarray, shape (n,), bool
        By value the rows that have it; at most 62.
    rows : int
        n.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        Values separated by commas; null where there is none.

    Examples
    --------
    >>> joined({"a": np.array([True, False]), "b": np.array([True, False])}, rows=2).to_pylist()
    ['a, b', None]
    """
    names = list(flags)
    bits = np.zeros(rows, dtype=np.int64)
    for place, name in enumerate(names):
        bits |= flags[name].astype(np.int64) << place
    kinds, codes = np.unique(bits, return_inverse=True)
    texts = [", ".join(name for place, name in enumerate(names) if kind >> place & 1) or None for kind in kinds]
    return pa.array(texts, type=pa.string()).take(pa.array(codes))
