"""What lenses find in a store, for the table of the page."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kemfeat import plugins
from kemfeat.browse.views import Finds
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.findings import printable
from kemfeat.lenses import Context, Lens
from kemfeat.validate import validate_corpus

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

_FINDING = ("rule", "severity", "count", "examples", "action")


def installed() -> dict[str, Lens]:
    """The lenses of kemfeat and of other packages.

    Returns
    -------
    dict of str to Lens
        By name.

    Examples
    --------
    >>> "longest" in installed()
    True
    """
    return {name: plugins.find("lenses", name) for name in plugins.names("lenses")}


class Lenses:
    """The lenses for one store; each looks once.

    Parameters
    ----------
    store : Store
        A finished store.
    known : mapping of str to Lens
        By name.
    predictions : DataFrame or None
        As of :func:`~kemfeat.browse.overlays.predictions_of`.
    root : Path or None
        Folder of the corpus.
    """

    def __init__(
        self, store: Store, known: Mapping[str, Lens], *, predictions: pd.DataFrame | None, root: Path | None
    ) -> None:
        self.known, self.found = known, dict[str, Finds]()
        self._context = Context(store, predictions=predictions, root=root)
        self._looking = threading.Lock()

    def listed(self) -> list[dict[str, str]]:
        """The lenses for the page.

        Returns
        -------
        list of dict of str to str
            Of each its name, title, help and unit, and what it needs; that is empty where it can look.
        """
        context = self._context
        if context.root is not None and context.findings is None:
            context = replace(context, findings=pd.DataFrame(columns=list(_FINDING)))  # what validation will fill
        return [
            {
                "name": name,
                "title": lens.title,
                "help": lens.help,
                "unit": lens.unit,
                "needs": printable(lens.needs(context)),
            }
            for name, lens in self.known.items()
        ]

    def finds_of(self, row: int) -> list[tuple[str, str]]:
        """What the lenses that have looked say of an utterance.

        Parameters
        ----------
        row : int
            Its number.

        Returns
        -------
        list of tuple of (str, str)
            Title of the lens, and why.
        """
        return [(self.known[name].title, finds.whys[row]) for name, finds in self.found.items() if row in finds.whys]

    def look(self, name: str) -> Finds:
        """What one lens finds. The corpus is validated for those that need what validation says.

        Parameters
        ----------
        name : str
            Name of the lens.

        Returns
        -------
        Finds
            Scores and reasons by row.

        Raises
        ------
        ConfigError
            There is no such lens, or it lacks something.
        KemfeatError
            It cannot read what it looks at.
        """
        if name not in self.known:
            raise ConfigError(f"no lens {name!r}{suggest(name, self.known)}")
        with self._looking:
            if name not in self.found:
                self.found[name] = self._look(self.known[name])
        return self.found[name]

    def _look(self, lens: Lens) -> Finds:
        context = self._context
        if lens.needs(context) and context.root is not None and context.findings is None:
            context = self._context = replace(context, findings=_validated(context.store, context.root))
        if lacking := lens.needs(context):
            raise ConfigError(f"{lens.title}: {lacking}")
        return _by_row(lens.find(context), context.store.utterances["id"], unit=lens.unit)


def _validated(store: Store, root: Path) -> pd.DataFrame:
    """What validation finds in the corpus, one row each."""
    found = validate_corpus(store.dataset, root=root).findings
    return pd.DataFrame([[getattr(each, name) for name in _FINDING] for each in found], columns=list(_FINDING))


def _by_row(table: pd.DataFrame, ids: pd.Series[str], *, unit: str) -> Finds:
    """What a lens found, by the numbers of the rows; of an utterance that it found twice the higher score."""
    table = table.drop_duplicates("id").set_index("id")
    scores = table["score"].reindex(ids).to_numpy(float)
    rows = np.flatnonzero(~np.isnan(scores)).tolist()
    whys = table["why"].reindex(ids.iloc[rows]).tolist()
    return Finds(scores=scores, whys=dict(zip(rows, whys, strict=True)), unit=unit)
