"""Which rows and columns differ between two stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from kemfeat.store.changes import setting_changes
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd


Changed: TypeAlias = list[str] | Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How store B differs from store A.

    Parameters
    ----------
    only_a, only_b : tuple of str
        Ids of utterances that only one of them has, in order.
    columns : mapping of str to list of str, or to "a" or "b"
        For each column of ``utterances`` that differs, the ids whose cells differ, or the only store that has the
        column. The column ``ratings`` stands for the table of ratings.
    features : mapping of str to list of str, or to "a" or "b"
        For each feature that differs, the ids whose rows were made from other bytes or settings, or the only store that
        has the feature.
    settings : tuple of str
        Settings that differ, as ``feature.key: a -> b``.
    """

    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    columns: dict[str, Changed]
    features: dict[str, Changed]
    settings: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether both stores have the same content."""
        return not (self.only_a or self.only_b or self.columns or self.features or self.settings)


def compare(a: Store, b: Store) -> Difference:
    """Compare two stores by the ids of utterances, without reading any array: equal row keys mean equal bytes.

    Parameters
    ----------
    a, b : Store
        Two stores; they may be of different corpora.

    Returns
    -------
    Difference
        How ``b`` differs from ``a``.

    Examples
    --------
    >>> import kemfeat
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> compare(store, store).equal
    True
    """
    rows_a, rows_b = _by_id(a), _by_id(b)
    both = [name for name in rows_a if name in rows_b]
    at_a = np.array([rows_a[name] for name in both], dtype=np.int64)
    at_b = np.array([rows_b[name] for name in both], dtype=np.int64)
    return Difference(
        only_a=tuple(name for name in rows_a if name not in rows_b),
        only_b=tuple(name for name in rows_b if name not in rows_a),
        columns=_table_difference(_labelled(a).iloc[at_a], _labelled(b).iloc[at_b], both),
        features=_table_difference(a.keys.iloc[at_a], b.keys.iloc[at_b], both),
        settings=tuple(setting_changes(a.header, b.header)),
    )


def _by_id(store: Store) -> dict[str, int]:
    return {name: row for row, name in enumerate(store.utterances["id"])}


def _labelled(store: Store) -> pd.DataFrame:
    """The utterances with a column ``ratings``: a tuple of digests of the ratings of each one."""
    import pandas as pd

    ratings = store.ratings
    votes = pd.util.hash_pandas_object(ratings, index=False).groupby(ratings["id"], sort=False).agg(tuple)
    return store.utterances.assign(ratings=store.utterances["id"].map(votes))


def _table_difference(a: Any, b: Any, ids: list[str]) -> dict[str, Changed]:
    differences: dict[str, Changed] = {}
    for column in dict.fromkeys((*a.columns, *b.columns)):
        if column not in a.columns or column not in b.columns:
            differences[column] = "a" if column in a.columns else "b"
            continue
        changed = [name for name, one, other in zip(ids, a[column], b[column], strict=True) if not _same(one, other)]
        if changed:
            differences[column] = changed
    return differences


def _same(one: Any, other: Any) -> bool:
    import pandas as pd

    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other))
    missing = (pd.isna(one), pd.isna(other))
    return all(missing) or (not any(missing) and bool(one == other))
