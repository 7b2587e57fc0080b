"""A split: which utterance is in which part of which fold, and how that came about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.config import digest, suggest
from kemfeat.errors import ConfigError
from kemfeat.labels import LABEL_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("train", "valid", "test")

_IDENTITY = ("scheme", "folds", "seed", "labels")
"""The facts that the digest covers; the same utterances split the same way in two stores are the same split."""


@dataclass(frozen=True, eq=False)
class Split:
    """Folds of a store's utterances.

    Parameters
    ----------
    rows : DataFrame
        One row per fold and utterance in it, folds and parts in order: ``fold`` (int64, from 0), ``id`` (str),
        ``part`` (``train``, ``valid`` or ``test``). Utterances that the label rule drops are absent.
    facts : mapping
        ``scheme``, ``folds``, ``seed``, ``labels`` (the label rule), ``store`` (digest of the store), ``utterances``
        (:func:`utterances_digest` of its table), ``dropped`` (utterances without a label), ``excluded`` (ids that
        somebody left out), ``absent`` (folds whose train part lacks a class, each with the class),
        ``kemfeat`` (version); None where a file does not say.
    """

    rows: pd.DataFrame
    facts: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<kemfeat.Split {self.facts['scheme']}: {self.folds} folds; {self.digest[:12]}>"

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return int(self.rows["fold"].max()) + 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 over scheme, settings and rows, as 64 hexadecimal digits."""
        settings = {name: self.facts[name] for name in _IDENTITY}
        return digest([settings, *(self.rows[name].tolist() for name in ("fold", "id", "part"))])

    def ids(self, part: str, *, fold: int = 0) -> list[str]:
        """Utterances of one part, in the split's order.

        Parameters
        ----------
        part : {"train", "valid", "test"}
            Which part.
        fold : int, >= 0
            Number of the fold.

        Returns
        -------
        list of str
            Their ids.

        Raises
        ------
        ConfigError
            There is no such part or fold.
        """
        if part not in PARTS:
            raise ConfigError(f"split: no part {part!r}{suggest(part, PARTS)}")
        if not 0 <= fold < self.folds:
            raise ConfigError(f"split: no fold {fold}; it has {self.folds}, counted from 0")
        chosen = (self.rows["fold"] == fold) & (self.rows["part"] == part)
        names: list[str] = self.rows.loc[chosen, "id"].tolist()
        return names

    def without_in_training(self, excluded: Collection[str]) -> Split:
        """The split without some utterances in its parts ``train`` and ``valid``; what is tested stays.

        Parameters
        ----------
        excluded : collection of str
            Their ids.

        Returns
        -------
        Split
            With the same facts.
        """
        gone = self.rows["id"].isin(excluded) & (self.rows["part"] != "test")
        return Split(self.rows[~gone].reset_index(drop=True), self.facts)

    def indices(self, store_ids: Sequence[str], part: str, *, fold: int = 0) -> NDArray[np.int64]:
        """Rows of a store that belong to one part, in the split's order.

        Parameters
        ----------
        store_ids : sequence of str
            Column ``id`` of the store's ``utterances``.
        part : {"train", "valid", "test"}
            Which part.
        fold : int, >= 0
            Number of the fold.

        Returns
        -------
        ndarray, shape (n,), int64
            Row numbers.

        Raises
        ------
        ConfigError
            There is no such part or fold, or the store lacks an id.
        """
        wanted = self.ids(part, fold=fold)
        rows = {name: row for row, name in enumerate(store_ids)}
        _require_ids(wanted, rows)
        return np.array([rows[name] for name in wanted], np.int64)


def utterances_digest(utterances: pd.DataFrame) -> str:
    """What a split depends on in a store: who said what when, with which label; never which features there are.

    Parameters
    ----------
    utterances : DataFrame
        A store's table.

    Returns
    -------
    str
        SHA-256 over ids, sessions, speakers, labels, votes and mean ratings, in the order of the ids; 64 hexadecimal
        digits.

    Examples
    --------
    >>> import kemfeat
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> utterances_digest(store.utterances) == utterances_digest(store.utterances[::-1])
    True
    """
    votes = sorted(name for name in map(str, utterances.columns) if name.startswith(_VOTES))
    table = utterances.sort_values("id")[[*(name for name in _BOUND if name in utterances), *votes]].astype(object)
    return digest([[name, *column.where(column.notna(), None)] for name, column in table.items()])


_VOTES = "votes_"
_BOUND = ("id", "session", "speaker", "emotion", *LABEL_COLUMNS, "valence", "arousal")


def require_utterances(split: Split, utterances: pd.DataFrame) -> None:
    """Refuse a split that was not made for these utterances.

    Parameters
    ----------
    split : Split
        A split that does not say for which utterances it was made, such as a user's table, must fit by its ids alone.
    utterances : DataFrame
        A store's table.

    Raises
    ------
    ConfigError
        The split was made for other sessions, speakers or labels, or an id is missing.
    """
    _require_ids(split.rows["id"].unique(), set(utterances["id"]))
    made_for = split.facts["utterances"]
    if made_for is not None and made_for != (here := utterances_digest(utterances)):
        raise ConfigError(
            f"split: was made for other utterances ({str(made_for)[:12]}) than this store's ({here[:12]}): sessions, "
            "speakers or labels of some differ; make it again with `kemfeat split`, the same options and this store"
        )


def _require_ids(wanted: Sequence[str] | NDArray[Any], known: Mapping[str, int] | set[str]) -> None:
    if unknown := [name for name in wanted if name not in known]:
        raise ConfigError(
            f"split: names {len(unknown):,} utterances that the store does not have, such as {unknown[0]!r}; "
            "use the store that the split was made for, or make the split again"
        )
