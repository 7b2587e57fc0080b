"""What lenses find in a store, for the table of the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from kemfeat.browse.views import Finds
from kemfeat.config import suggest
from kemfeat.errors import ConfigError
from kemfeat.findings import printable
from kemfeat.validate import validate_corpus

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

_FINDING = ("rule", "severity", "count", "examples", "action")


class Lens(Protocol):
    """A way to find utterances that somebody should look at."""

    @property
    def title(self) -> str:
        """A few words."""
        ...

    @property
    def help(self) -> str:
        """What it finds, and how."""
        ...

    @property
    def unit(self) -> str:
        """Unit of its scores."""
        ...

    @property
    def needs(self) -> Callable[[Any], str]:
        """Takes a context and says what it lacks; empty where the lens can look."""
        ...

    @property
    def find(self) -> Callable[[Any], pd.DataFrame]:
        """Takes a context and gives ``id``, ``score`` and ``why``, the highest scores first."""
        ...


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
        self.store, self.known, self.predictions, self.root = store, known, predictions, root
        self.found: dict[str, Finds] = {}
        self._findings: pd.DataFrame | None = None
        self._looking = threading.Lock()

    def listed(self) -> list[dict[str, str]]:
        """The lenses for the page.

        Returns
        -------
        list of dict of str to str
            Of each its name, title, help and unit, and what it needs; that is empty where it can look.
        """
        promised = None if self.root is None else pd.DataFrame(columns=list(_FINDING))
        context = self._context(promised)
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
        context = self._context(self._findings)
        if lens.needs(context) and self.root is not None and self._findings is None:
            self._findings = _validated(self.store, self.root)
            context = self._context(self._findings)
        if lacking := lens.needs(context):
            raise ConfigError(f"{lens.title}: {lacking}")
        return _by_row(lens.find(context), self.store.utterances["id"], unit=lens.unit)

    def _context(self, findings: pd.DataFrame | None) -> Any:
        return SimpleNamespace(store=self.store, predictions=self.predictions, findings=findings, root=self.root)


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
