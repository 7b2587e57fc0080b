"""What the page asks for, as plain values; nothing here knows of HTTP."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat import provenance
from kemfeat.browse import frames
from kemfeat.browse.audio import Sound, sound_of
from kemfeat.browse.columns import NO_LABEL, TIED, columns_of, facets_of
from kemfeat.browse.lenses import Lens, Lenses
from kemfeat.browse.overlays import parts_of, predictions_of, warnings_of
from kemfeat.browse.utterance import shown, utterance
from kemfeat.browse.views import Query, Views
from kemfeat.corpora import terms_of
from kemfeat.corpora.layout import require_folder
from kemfeat.errors import ConfigError
from kemfeat.figures.emotions import group_colours
from kemfeat.labels import TIE
from kemfeat.paths import StrPath, to_path_or_none
from kemfeat.report.front import hex_colour
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

RESTRICTED = "Restricted corpus: nothing leaves this machine. Share what you see only with licensees of the corpus."
_LONGEST_CELL = 300
_MOST_ROWS = 500
_MOST_VALUES = 300
_GREY = "#999999"


class Browser:
    """A store with what runs and a split say of it, for the page.

    Parameters
    ----------
    store : Store
        A finished store.
    root : str, PathLike or None
        Folder of its corpus, to hear the utterances.
    runs : sequence of str or PathLike
        Folders of runs that predict emotions.
    split : str, PathLike or None
        File of a split.
    lenses : mapping of str to Lens
        What the table can be looked at through, by name.

    Raises
    ------
    ConfigError, CorpusLayoutError, RunError, StoreError
        A run, the split or a table of the store cannot be read, are of other utterances, or ``root`` is no folder.
    """

    def __init__(
        self,
        store: Store,
        *,
        root: StrPath | None = None,
        runs: Sequence[StrPath] = (),
        split: StrPath | None = None,
        lenses: Mapping[str, Lens] | None = None,
    ) -> None:
        self.store, self.root = store, to_path_or_none(root)
        if self.root is not None:
            require_folder(self.root, corpus=store.dataset, holds="the audio that the store was built from")
        ids = store.utterances["id"]
        predictions = predictions_of(runs) if runs else None
        self.predictions = None if predictions is None else _of_utterances(predictions, store)
        parts = None if split is None else _of_split(parts_of(split), ids, str(split))
        self.columns = columns_of(store, predictions=self.predictions, parts=parts)
        self.lenses = Lenses(store, lenses or {}, predictions=predictions, root=self.root)
        self.views = Views(self.columns, facets_of(store, self.columns), self.lenses.found)
        self.warnings = warnings_of(runs)
        self.sound = lru_cache(maxsize=4)(self._sound)

    def facts(self) -> dict[str, Any]:
        """What does not depend on a query.

        Returns
        -------
        dict
            For the page: what the store is, banners, columns, facets, colours of the emotions, scale of the ratings.
        """
        return {
            "dataset": shown(self.store.dataset),
            "place": shown(str(self.store.path)),
            "digest": self.store.digest[:12],
            "rows": len(self.store),
            "banners": self._banners(),
            "columns": [
                {"name": name, "title": each.title, "kind": each.kind, "decimals": each.decimals, "rank": each.rank}
                for name, each in self.columns.items()
            ],
            "facets": {name: facet.title for name, facet in self.views.facets.items()},
            "colours": self._colours(),
            "predicts": self.predictions is not None,
            "scale": self._scale(),
        }

    def _scale(self) -> dict[str, int]:
        """Ends of the scales of valence and arousal: 1 to 5, or further where the ratings go."""
        means = self.store.utterances[["valence", "arousal"]].to_numpy(float)
        known = means[np.isfinite(means)]
        return {"low": min(1, math.floor(known.min(initial=1))), "high": max(5, math.ceil(known.max(initial=5)))}

    def _banners(self) -> list[str]:
        restricted = terms_of(self.store.dataset).restricted and not self.store.synthetic
        banners = [provenance.BANNER] if self.store.synthetic else []
        return [*banners, *([RESTRICTED] if restricted else []), *map(shown, self.warnings)]

    def _colours(self) -> dict[str, str]:
        labels = self.store.utterances["emotion_first"].dropna().unique()
        names = {*map(str, labels), *self.store.emotions}
        if self.predictions is not None:
            names |= set(self.predictions["predicted"].dropna())
        colours = {shown(name): hex_colour(colour) for name, colour in group_colours(names).items()}
        return {**colours, NO_LABEL: _GREY, TIED: _GREY, TIE: _GREY}

    def rows(self, query: Query, *, offset: int, limit: int) -> dict[str, Any]:
        """A window of the table.

        Parameters
        ----------
        query : Query
            What is asked for.
        offset, limit : int, >= 0
            First row of the view, and how many at most.

        Returns
        -------
        dict
            ``total``, the rows of the view, and ``rows``: of each its number in the store and its cells.
        """
        if query.lens:
            self.lenses.look(query.lens)
        order = self.views.order(query)
        places = order[offset : offset + min(limit, _MOST_ROWS)]
        cells = [self._cells(name, places) for name in self.columns]
        lens = self.views.finds.get(query.lens)
        if lens is not None:
            cells += [lens.scores[places].tolist(), [shown(lens.whys[int(place)]) for place in places]]
        return {"total": len(order), "rows": [[int(row), *each] for row, *each in zip(places, *cells, strict=True)]}

    def _cells(self, name: str, places: NDArray[np.int64]) -> list[Any]:
        values = self.columns[name].values.take(places).to_pylist()
        return [shown(value[:_LONGEST_CELL]) if isinstance(value, str) else value for value in values]

    def look(self, name: str) -> dict[str, int]:
        """Let a lens look, which may take long.

        Parameters
        ----------
        name : str
            Name of the lens.

        Returns
        -------
        dict
            ``found``, how many utterances.

        Raises
        ------
        KemfeatError
            There is no such lens, or it lacks something or cannot read it.
        """
        return {"found": len(self.lenses.look(name).whys)}

    def facets(self, query: Query) -> dict[str, Any]:
        """How many rows each value of each facet would leave.

        Parameters
        ----------
        query : Query
            What is asked for.

        Returns
        -------
        dict
            By facet ``values`` (name, name as shown, rows) that most rows have, and how many ``others`` there are.
        """
        return {name: _largest(counts) for name, counts in self.views.counts(query).items()}

    def places(self, query: Query) -> bytes:
        """The numbers of all rows of a view.

        Parameters
        ----------
        query : Query
            What is asked for.

        Returns
        -------
        bytes
            In order, as little-endian int32.
        """
        return self.views.order(query).astype("<i4").tobytes()

    def place_of(self, query: Query, row: int) -> int | None:
        """Where in a view a row is.

        Parameters
        ----------
        query : Query
            What is asked for.
        row : int
            Number of an utterance.

        Returns
        -------
        int or None
            None where the view does not have it.
        """
        found = np.flatnonzero(self.views.order(query) == row)
        return int(found[0]) if len(found) else None

    def ids(self, rows: Iterable[int]) -> bytes:
        """The ids of a selection.

        Parameters
        ----------
        rows : iterable of int
            Numbers of utterances.

        Returns
        -------
        bytes
            A CSV file with the one column ``id``, UTF-8.

        Raises
        ------
        ConfigError
            There is no such row.
        """
        names, made = self.store.utterances["id"], io.StringIO()
        writer = csv.writer(made)
        writer.writerow(["id"])
        writer.writerows([names.iloc[self.checked(row)]] for row in rows)
        return made.getvalue().encode("utf-8", "surrogateescape")

    def utterance(self, row: int) -> dict[str, Any]:
        """Everything about one utterance, as :func:`~kemfeat.browse.utterance.utterance` gives it, and its prediction.

        Parameters
        ----------
        row : int
            Its number.

        Returns
        -------
        dict
            For the page; ``sound`` says why it cannot be heard, and is empty where it can.

        Raises
        ------
        ConfigError
            There is no such row.
        """
        about = utterance(self.store, self.checked(row))
        return about | {"prediction": self._prediction(row), "sound": self._hears(row)}

    def _hears(self, row: int) -> str:
        """Why an utterance cannot be heard; empty where it can."""
        try:
            self.sound(row)
        except (ValueError, OSError) as error:
            return str(shown(str(error)))
        return ""

    def _prediction(self, row: int) -> dict[str, Any] | None:
        if self.predictions is None or not isinstance(self.predictions["predicted"].iloc[row], str):
            return None
        about = self.predictions.iloc[row]
        chances = {name: float(about[name]) for name in about.index if name.startswith("p_")}
        named = {name.removeprefix("p_"): chance for name, chance in chances.items()}
        return {name: shown(about[name]) for name in ("emotion", "predicted", "fold", "run")} | {"chances": named}

    def picture(self, row: int, name: str) -> dict[str, Any]:
        """An array of frames, as :func:`~kemfeat.browse.frames.picture` gives it.

        Parameters
        ----------
        row : int
            Number of the utterance.
        name : str
            Name of the array.

        Returns
        -------
        dict
            For the page.

        Raises
        ------
        ConfigError
            There is no such row or array.
        """
        return frames.picture(self.store, name, self.checked(row))

    def _sound(self, row: int) -> Sound:
        return sound_of(self.store, self.checked(row), root=self.root)

    def checked(self, row: int) -> int:
        """Refuse the number of a row that does not exist.

        Parameters
        ----------
        row : int
            Any number.

        Returns
        -------
        int
            The same number.

        Raises
        ------
        ConfigError
            There is no such row.
        """
        if not 0 <= row < len(self.store):
            raise ConfigError(f"no row {row}; expected 0 to {len(self.store) - 1}")
        return row


def _largest(counts: Mapping[str, int]) -> dict[str, Any]:
    kept = {*sorted(counts, key=lambda name: -counts[name])[:_MOST_VALUES]}
    values = [[name, shown(name), count] for name, count in counts.items() if name in kept]
    return {"values": values, "others": len(counts) - len(values)}


def _of_utterances(predictions: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Predictions in the order of a store, with the outcome and the probability of the label."""
    ids = store.utterances["id"]
    _refuse_others(predictions["id"], ids, "the predictions", "the store that the runs were trained on")
    labels = [f"p_{name}" for name in predictions["emotion"].fillna("")]
    chances = [row.get(label, np.nan) for label, row in zip(labels, predictions.to_dict("records"), strict=True)]
    right = predictions["emotion"] == predictions["predicted"]
    outcome = right.map({True: "right", False: "wrong"}).where(predictions["emotion"].notna())
    table = predictions.assign(chance=chances, outcome=outcome).set_index("id", drop=False)
    return table.reindex(ids).reset_index(drop=True)


def _of_split(parts: pd.Series[str], ids: pd.Series[str], split: str) -> pd.Series[str]:
    _refuse_others(parts.index.to_series(), ids, split, "the store that the split was made of")
    return parts.reindex(ids).reset_index(drop=True)


def _refuse_others(found: pd.Series[str], ids: pd.Series[str], what: str, expected: str) -> None:
    others = found[~found.isin(ids)]
    if len(others):
        raise ConfigError(
            f"{what}: {len(others):,} ids are not in this store, such as {others.iloc[0]!r}; open {expected}"
        )
