"""Statistics of the arrays of a store, over a seeded sample of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.figures.units import shown_unit
from kemfeat.records import beside, stem, tag_of, tagged
from kemfeat.report.tables import NOTHING, Cell, Table, share, table
from kemfeat.store import summary
from kemfeat.store.reader import Store

SAMPLE_ROWS = 200
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledRows:
    """Rows of one array.

    Parameters
    ----------
    values : ndarray, shape (rows, ...)
        Values of these rows.
    real : ndarray, shape (rows, size of the second axis), bool, or None
        False on padding and on what was not measured; None where the array has no padding.
    """

    values: NDArray[Any]
    real: NDArray[np.bool_] | None

    @property
    def padding(self) -> float:
        """Share of the array that has no value."""
        return float("nan") if self.real is None or not self.real.size else float(1 - self.real.mean())

    @property
    def known(self) -> NDArray[Any]:
        """The values that are real and finite, in one dimension."""
        values: NDArray[Any] = self.values if self.real is None else self.values[self.real]
        return np.extract(np.isfinite(values), values)


def features(store: Store) -> tuple[Table, ...]:
    """Make the tables of statistics, of missing rows and functionals, and of rows cut by a fixed length.

    Parameters
    ----------
    store : Store
        A finished store.

    Returns
    -------
    tuple of Table
        Four tables; three where the store has no functionals.
    """
    return _arrays(store), _missing(store), *_functionals(store), _cuts(store)


def sample_rows(store: Store, name: str) -> NDArray[np.int64]:
    """Draw at most :data:`SAMPLE_ROWS` rows of an array with :data:`SEED`.

    Parameters
    ----------
    store : Store
        A finished store.
    name : str
        Name of an array.

    Returns
    -------
    ndarray, shape (rows,), int64
        Row numbers, ascending.
    """
    rows = store.header.arrays[name].shape[0]
    drawn = np.random.default_rng(SEED).choice(rows, size=min(rows, SAMPLE_ROWS), replace=False)
    return np.sort(drawn).astype(np.int64)


def read(store: Store, name: str, rows: NDArray[np.int64]) -> SampledRows:
    """Read rows of an array and its padding, known from its mask, its lengths or the attention mask of its feature.

    Parameters
    ----------
    store : Store
        A finished store.
    name : str
        Name of an array.
    rows : ndarray, shape (rows,), int64
        Row numbers.

    Returns
    -------
    SampledRows
        The values, and which of them are real.
    """
    values = store.take(rows, (name,))[name]
    return SampledRows(values=values, real=_real(store, name, rows, values))


def _real(store: Store, name: str, rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.bool_] | None:
    mask, lengths = beside(name, "_mask"), beside(name, "_lengths")
    if mask in store.arrays:
        return store.take(rows, (mask,))[mask].astype(bool)
    if lengths in store.arrays:
        return np.arange(values.shape[1]) < store.take(rows, (lengths,))[lengths][:, None]
    tokens = tagged("attention_mask", tag_of(name))
    attention = store.header.arrays.get(tokens)
    if attention is not None and attention.feature == store.header.arrays[name].feature and name != tokens:
        return store.take(rows, (tokens,))[tokens].astype(bool)
    return None


def _arrays(store: Store) -> Table:
    rows = []
    for name, info in store.header.arrays.items():
        sample = read(store, name, sample_rows(store, name))
        known = sample.known
        spread = (known.min().item(), float(known.mean(dtype=np.float64)), known.max().item()) if known.size else ()
        shape = Cell(text="\u00a0×\u00a0".join(f"{size:,}" for size in info.shape))
        numbers = tuple(int(number) if isinstance(number, bool) else number for number in spread) or (None,) * 3
        rows.append((name, info.description, shape, info.dtype, shown_unit(info.unit), *numbers, share(sample.padding)))
    head = ("array", "what it is", "shape", "dtype", "unit", "minimum", "mean", "maximum", "padding or gaps")
    note = (
        f"Minimum, mean, maximum and padding over at most {SAMPLE_ROWS} rows per array, drawn with seed {SEED}; "
        "padding and what was not measured are excluded from the first three."
    )
    return table("arrays", "Arrays", head, rows, note=note)


def _missing(store: Store) -> Table:
    rows = [(name, count, share(count, len(store))) for name, count in summary.missing_rows(store.header).items()]
    return table("missing-rows", "Rows that could not be extracted", ("feature", "rows", "share"), rows)


def _functionals(store: Store) -> Iterator[Table]:
    """How many numbers of each functional a row lacks, with the reason as far as the feature gives one."""
    found = [(name, own) for name in store.header.features if (own := _columns_of(store, name))]
    if not found:
        return
    rows = []
    for name, own in found:
        numbers = [column for column in own if store.utterances[column].dtype.kind == "f"]
        reasons = [column for column in own if stem(column).endswith(".reason")]
        lacking = store.utterances[numbers].isna().sum(axis=1)
        reason = store.utterances[reasons[0]].fillna("").astype(str) if reasons else lacking.map(lambda _: "")
        counts = Counter(zip(lacking[lacking > 0], reason[lacking > 0], strict=True))
        rows += [
            (name, f"{count} of {len(numbers)}", why or NOTHING, rows_, share(rows_, len(store)))
            for (count, why), rows_ in counts.most_common()
        ] or [(name, f"0 of {len(numbers)}", NOTHING, len(store), share(1))]
    head = ("feature", "numbers missing", "reason", "rows", "share")
    yield table("functionals", "Functionals without a value", head, rows)


def _columns_of(store: Store, feature: str) -> list[str]:
    """The columns of the utterances that are functionals of a feature, or of an instance of it."""
    begin, tag = f"{stem(feature)}.", tag_of(feature)
    return [name for name in store.utterances.columns if name.startswith(begin) and tag_of(name) == tag]


def _cuts(store: Store) -> Table:
    rows = [
        (cut.what, cut.rows, share(cut.rows, len(store)), cut.amount)
        for cut in summary.cuts(store.header, store.utterances)
    ]
    head = ("what", "utterances cut", "share", "frames or samples lost")
    return table("cuts", "Cut at the stored length", head, rows)
