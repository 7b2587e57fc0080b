"""Whether arrays carry information: finds rows that are constant, shared by utterances, or shared by arrays.

A published system fed its video network twenty copies of one spectrogram, and nothing noticed. Rows that are constant
over time, equal for several utterances, or equal in two arrays exist in every corpus, for example in silence. An array
of which most rows are like that carries no modality.

Reading every array takes five times as long as hashing its files, so only :data:`ROWS` rows of an axis are read, in
:data:`RUNS` evenly spread runs. What concerns more than half of an array shows in that many rows.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.manifest import SEGMENT
from kemfeat.records import stem
from kemfeat.store import schema, valid_lengths
from kemfeat.store.reader import Store

RUNS = 16
ROWS = 256

_FEWEST = 4
"""Fewest rows that can make a problem; fewer may be a coincidence."""

_TELLING = 8
"""Different values that a row needs, among :data:`_PROBES` of its values, to be compared with others by its content:
short stretches of temperature or of heart beats coincide by chance."""

_PROBES = 64

STILL = 32
"""Values that a row with one number per step, such as a temperature, needs for its being constant to mean anything."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What was found in the rows of one array.

    Parameters
    ----------
    constant : mapping of int to bool
        For each row with enough real elements over time, whether they are all equal.
    digests : mapping of int to bytes
        For each row with enough different values, the SHA-256 of its real elements.
    """

    constant: Mapping[int, bool]
    digests: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sameness:
    """Rows of an array that carry nothing specific to their utterance.

    Parameters
    ----------
    what : str
        Predicate that follows the number of rows in a sentence.
    rows, of : int
        How many rows are like that, and how many could be judged.
    example : str
        One of them.
    """

    what: str
    rows: int
    of: int
    example: str

    @property
    def is_problem(self) -> bool:
        """Whether it concerns so many rows that the array carries no information."""
        return self.of >= _FEWEST and 2 * self.rows > self.of

    def __str__(self) -> str:
        return f"{self.rows} of {self.of} rows {self.what}, such as {self.example}"


def sameness(store: Store) -> Iterator[tuple[str, Sameness]]:
    """Find rows that carry nothing specific to their utterance; masks, lengths and tokens are not examined.

    Parameters
    ----------
    store : Store
        A finished store.

    Yields
    ------
    tuple of str and Sameness
        Name of the array, and what was found in it.
    """
    for axis, info in store.header.axes.items():
        names = [name for name, array in store.header.arrays.items() if array.axis == axis and _tells(name, array)]
        looks = {name: _look(store, name, _runs(info.rows)) for name in names}
        if looks:
            yield from _findings(store, looks, store.rows(axis)["id"].tolist(), store.owners(axis).tolist())


def _findings(
    store: Store, looks: Mapping[str, Looks], ids: Sequence[str], owners: Sequence[str]
) -> Iterator[tuple[str, Sameness]]:
    for name, look in looks.items():
        info = store.header.arrays[name]
        yield from ((name, found) for found in _constant(look, ids, info))
        yield from ((name, found) for found in _identical(look, ids, _parents(store, info.feature, owners)))
    yield from _equal(looks, ids)


def _parents(store: Store, feature: str, owners: Sequence[str]) -> Sequence[str]:
    """What each row is made of: its utterance, or the stretch of a recording that it shares with another utterance.

    Two people in one room are heard in the same stretch; a feature of it alone has one key for both.
    """
    table = store.utterances
    if not {*SEGMENT} <= {*table}:
        return owners
    stretches = zip(table["audio"], *(table[name] for name in SEGMENT), store.keys[feature], strict=True)
    made_of = {
        name: name if math.isnan(stretch[1]) else repr(stretch)
        for name, stretch in zip(table["id"], stretches, strict=True)
    }
    return [made_of[name] for name in owners]


def _tells(name: str, info: schema.ArrayInfo) -> bool:
    """Whether rows have elements over time that are neither marks nor words: actors speak the same script."""
    return (
        len(info.dims) > 1
        and info.dtype != "bool"
        and not stem(name).endswith(valid_lengths.MASK)
        and valid_lengths.TOKEN not in info.dims
    )


def _runs(rows: int) -> list[slice]:
    """Rows to examine: all of them where they are few, else runs from the first row to the last."""
    if rows <= ROWS:
        return [slice(0, rows)]
    length = ROWS // RUNS
    starts = np.linspace(0, rows - length, RUNS).astype(int) // length * length  # whole chunks, where they are small
    return [slice(start, start + length) for start in starts.tolist()]


def _look(store: Store, name: str, runs: Iterable[slice]) -> Looks:
    array, marked = store.array(name), valid_lengths.marks(store.header, name)
    marks = None if marked is None else store.array(marked)
    complete = store.complete_rows(store.header.arrays[name].feature)
    constant, digests = {}, {}
    for run in runs:
        block, real = np.asarray(array[run]), None if marks is None else np.asarray(marks[run])
        for place, row in enumerate(range(run.start, run.start + len(block))):
            if complete[row]:
                values = block[place] if real is None else _real(block[place], real[place])
                if len(values) >= (2 if values.ndim > 1 else STILL):
                    constant[row] = _is_constant(values)
                if _is_telling(values):
                    digests[row] = hashlib.sha256(repr(values.shape).encode() + values.tobytes()).digest()
    return Looks(constant, digests)


def _real(row: NDArray[Any], marks: NDArray[Any]) -> NDArray[Any]:
    """The elements that a length or a mask vouches for."""
    return row[: max(int(marks), 0)] if marks.ndim == 0 else row[marks.astype(bool)]


def _is_constant(values: NDArray[Any]) -> bool:
    """Whether all are equal; NaN is not equal to itself, so what was never measured is not constant."""
    return bool((values[1] == values[0]).all() and (values[2:] == values[0]).all())


def _is_telling(values: NDArray[Any]) -> bool:
    flat = values.reshape(-1)
    return len(np.unique(flat[:: max(1, len(flat) // _PROBES)])) >= _TELLING


def _constant(looks: Looks, ids: Sequence[str], info: schema.ArrayInfo) -> Iterator[Sameness]:
    still = [row for row, is_constant in looks.constant.items() if is_constant]
    # A temperature may well be constant for some seconds: it is suspicious only if all rows are.
    usual = len(info.dims) == 2 and len(still) < len(looks.constant)
    if still and not usual:
        what = "are constant over time"
        yield Sameness(what=what, rows=len(still), of=len(looks.constant), example=ids[still[0]])


def _identical(looks: Looks, ids: Sequence[str], parents: Sequence[str]) -> Iterator[Sameness]:
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row, digest in looks.digests.items():
        groups[digest].append(row)
    shared = [rows for rows in groups.values() if len({parents[row] for row in rows}) > 1]
    if shared:
        first = shared[0][0]
        other = next(row for row in shared[0] if parents[row] != parents[first])
        count = sum(map(len, shared))
        what, example = "are those of another utterance", f"{ids[first]} and {ids[other]}"
        yield Sameness(what=what, rows=count, of=len(looks.digests), example=example)


def _equal(looks: Mapping[str, Looks], ids: Sequence[str]) -> Iterator[tuple[str, Sameness]]:
    for first, second in combinations(looks, 2):
        one, other = looks[first].digests, looks[second].digests
        both = [row for row in other if row in one]
        equal = [row for row in both if one[row] == other[row]]
        if equal:
            what = f"are equal to those of {first}"
            yield second, Sameness(what=what, rows=len(equal), of=len(both), example=ids[equal[0]])
