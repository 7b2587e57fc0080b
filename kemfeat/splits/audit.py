"""The leakage audit: what a later part of a fold shares with an earlier one.

Everything that must not be shared is a key per utterance: equal keys in two parts are an overlap. ``docs/splits.md``
lists the kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kemfeat.plural import many
from kemfeat.splits.split import PARTS, Split

if TYPE_CHECKING:
    import pandas as pd

AuditSeverity = Literal["leak", "note"]
Codes = NDArray[np.int64]

SHORT = 20
"""Letters and digits below which an identical transcript is a note: people repeat "네" and "그렇게 생각합니다"."""

KINDS: Mapping[str, AuditSeverity] = {
    "utterance": "leak",
    "speaker": "leak",
    "session": "leak",
    "conversation": "leak",
    "overlapping context": "leak",
    "corpus": "note",
    "identical audio": "leak",
    "near-identical audio": "leak",
    "near-identical short audio": "note",
    "identical transcript": "leak",
    "identical short transcript": "note",
    "scripted transcript": "note",
}
"""Every kind, with what it means for the verdict."""

_PAIRS = tuple(combinations(PARTS, 2))
_EXAMPLES = 3
_CONTEXT = "overlapping context"
_UNNAMED = ("utterance", _CONTEXT, "near-identical audio", "near-identical short audio")
"""Kinds whose key tells a reader nothing new."""

WINDOW = ("owner", "begin", "end")
"""Columns of the time from which an utterance's features are made."""

_Partners = Callable[[Codes, Codes], Codes]
"""For each row of the second group one of the first that it shares something with, -1 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What two parts of one fold share.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    severity : {"leak", "note"}
        Whether it spoils a score.
    fold : int, >= 0
        Number of the fold.
    seen, unseen : str
        The two parts; what is in ``unseen`` should be new to a model that has seen ``seen``.
    count : int
        Rows of ``unseen`` that share something with ``seen``.
    rows : int
        Rows of ``unseen``.
    examples : tuple of str
        Up to three such rows, each with the row of ``seen`` it matches and what they share.
    """

    kind: str
    severity: AuditSeverity
    fold: int
    seen: str
    unseen: str
    count: int
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    split : str
        Digest of the split.
    folds : int
        How many were compared.
    overlaps : tuple of Overlap
        By kind in the order of :data:`KINDS`, then by fold; empty where nothing is shared.
    unchecked : mapping of str to str
        Kinds that could not be checked, each with the reason.
    """

    split: str
    folds: int
    overlaps: tuple[Overlap, ...]
    unchecked: Mapping[str, str]

    @property
    def leaks(self) -> tuple[Overlap, ...]:
        """The overlaps that make a score on unseen rows too good."""
        return tuple(overlap for overlap in self.overlaps if overlap.severity == "leak")

    @property
    def verdict(self) -> Literal["clean", "leaking"]:
        """``leaking`` as soon as there is one leak."""
        return "leaking" if self.leaks else "clean"

    def sentences(self) -> list[str]:
        """The verdict, then one sentence for each kind that was found or not checked.

        Returns
        -------
        list of str
            Without line breaks.
        """
        kinds = list(dict.fromkeys(overlap.kind for overlap in self.leaks))
        head = f"leaking: {', '.join(kinds)}" if kinds else f"clean: nothing leaks in {many(self.folds, 'fold')}"
        found = [self._sentence(kind) for kind in KINDS if any(overlap.kind == kind for overlap in self.overlaps)]
        return [head, *found, *(f"{kind}: not checked, {why}" for kind, why in self.unchecked.items())]

    def to_json(self) -> dict[str, Any]:
        """The audit as JSON.

        Returns
        -------
        dict
            ``verdict``, ``split``, ``folds``, ``overlaps`` and ``unchecked``.
        """
        overlaps = [{**asdict(overlap), "examples": list(overlap.examples)} for overlap in self.overlaps]
        return {
            "verdict": self.verdict,
            "split": self.split,
            "folds": self.folds,
            "overlaps": overlaps,
            "unchecked": dict(self.unchecked),
        }

    def _sentence(self, kind: str) -> str:
        own = [overlap for overlap in self.overlaps if overlap.kind == kind]
        places = []
        for seen, unseen in _PAIRS:
            pair = [overlap for overlap in own if (overlap.seen, overlap.unseen) == (seen, unseen)]
            if pair:
                count, rows = sum(overlap.count for overlap in pair), sum(overlap.rows for overlap in pair)
                places.append(f"{count:,} of {rows:,} rows of {unseen} with {seen}")
        folds = len({overlap.fold for overlap in own})
        return f"{kind} ({KINDS[kind]}) in {folds} of {many(self.folds, 'fold')}: {'; '.join(places)}"


def audit(
    split: Split,
    *,
    keys: pd.DataFrame,
    windows: pd.DataFrame | None = None,
    unchecked: Mapping[str, str] | None = None,
) -> Audit:
    """Compare train with valid and test, and valid with test, in every fold.

    Parameters
    ----------
    split : Split
        What to compare.
    keys : DataFrame, one row per utterance, indexed by its id
        One column for each kind of :data:`KINDS` that is checked: equal where two utterances are alike, None where
        there is nothing to compare. Every id of the split must be in the index.
    windows : DataFrame, one row per utterance in the order of ``keys``, or None
        The time from which features are made: ``owner``, and ``begin`` and ``end`` [s]. Windows of one owner that
        overlap or touch are shared; None where no feature reads beyond its utterance.
    unchecked : mapping of str to str or None
        Kinds that cannot be checked, each with the reason.

    Returns
    -------
    Audit
        What the parts share.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.splits import make_split
    >>> table = kemfeat.open_store("stores/KEMDy20").utterances
    >>> found = audit(make_split(table, scheme="kfold", folds=2), keys=utterance_keys(table))
    >>> "speaker" in {overlap.kind for overlap in found.leaks}
    True
    """
    import pandas as pd

    places = np.asarray(pd.Series(np.arange(len(keys)), index=keys.index).loc[split.rows["id"]], np.int64)
    parts = [
        {part: places[((split.rows["fold"] == fold) & (split.rows["part"] == part)).to_numpy()] for part in PARTS}
        for fold in range(split.folds)
    ]
    ways = {kind: _of_key(_codes(keys[kind])) for kind in KINDS if kind in keys.columns}
    if windows is not None:
        ways[_CONTEXT] = _of_windows(windows)
    overlaps = [
        overlap
        for kind in (kind for kind in KINDS if kind in ways)
        for fold, members in enumerate(parts)
        for overlap in _overlaps(kind, fold, members, ways[kind], keys)
    ]
    return Audit(split=split.digest, folds=split.folds, overlaps=tuple(overlaps), unchecked=dict(unchecked or {}))


def _overlaps(
    kind: str, fold: int, members: Mapping[str, Codes], partners: _Partners, keys: pd.DataFrame
) -> Iterator[Overlap]:
    """What the parts of a fold share of one kind."""
    for seen, unseen in _PAIRS:
        found = partners(members[seen], members[unseen])
        if (found >= 0).any():
            yield Overlap(
                kind=kind,
                severity=KINDS[kind],
                fold=fold,
                seen=seen,
                unseen=unseen,
                count=int(np.count_nonzero(found >= 0)),
                rows=len(members[unseen]),
                examples=_examples(keys, kind, members[unseen][found >= 0], found[found >= 0]),
            )


def utterance_keys(utterances: pd.DataFrame) -> pd.DataFrame:
    """The keys for :func:`audit` in a store's table of utterances; a column that it lacks gives no key.

    Parameters
    ----------
    utterances : DataFrame
        Table with ``id``, and ``speaker``, ``session``, ``script``, ``corpus``, ``text_clean`` and ``scripted``
        (whether the words were given) as far as it has them.

    Returns
    -------
    DataFrame
        One row per utterance, indexed by its id; one column per kind.
    """
    import pandas as pd

    table = utterances.set_index("id", drop=False).astype(object)
    keys = pd.DataFrame({"utterance": table["id"]}, index=table.index)
    for column in ("speaker", "session"):
        keys[column] = _known(table[column]) if column in table else None
    scripts = _known(table["script"]) if "script" in table else [None] * len(table)
    keys["conversation"] = [
        f"{session} {script}" if isinstance(session, str) and isinstance(script, str) else None
        for session, script in zip(keys["session"], scripts, strict=True)
    ]
    if "corpus" in table:
        keys["corpus"] = _known(table["corpus"])
    spoken = [_letters(text) for text in table["text_clean"]] if "text_clean" in table else [""] * len(table)
    given = table["scripted"].eq(True).tolist() if "scripted" in table else [False] * len(table)
    for kind in ("identical transcript", "identical short transcript", "scripted transcript"):
        keys[kind] = [text if _kind(text, given=own) == kind else None for text, own in zip(spoken, given, strict=True)]
    return keys


def _kind(text: str, *, given: bool) -> str | None:
    """The kind of overlap of a transcript that occurs twice."""
    if not text:
        return None
    if given:
        return "scripted transcript"
    return "identical transcript" if len(text) >= SHORT else "identical short transcript"


def _letters(text: Any) -> str:
    """Letters and digits alone: spacing and punctuation differ between transcribers."""
    return re.sub(r"[\W_]+", "", text) if isinstance(text, str) else ""


def _known(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.where(column.notna() & (column != ""), None)


def _codes(keys: pd.Series[Any]) -> Codes:
    """Equal numbers for equal keys, -1 for none."""
    import pandas as pd

    codes: Codes = pd.factorize(keys)[0].astype(np.int64)
    return codes


def _of_key(codes: Codes) -> _Partners:
    """Rows of one key share it."""

    def partners(seen: Codes, unseen: Codes) -> Codes:
        first = np.full(codes.max(initial=0) + 2, -1)
        first[codes[seen][::-1]] = seen[::-1]
        first[-1] = -1  # where -1, no key, leads
        return first[codes[unseen]]

    return partners


def _of_windows(windows: pd.DataFrame) -> _Partners:
    """Windows of one owner share the time that is in both."""
    owners = _codes(windows["owner"])
    begins, ends = (windows[name].to_numpy(np.float64) for name in WINDOW[1:])

    def partners(seen: Codes, unseen: Codes) -> Codes:
        found = np.full(len(unseen), -1)
        for owner in np.intersect1d(owners[seen], owners[unseen][owners[unseen] >= 0]):
            own = seen[owners[seen] == owner]
            own = own[np.argsort(begins[own], kind="stable")]
            lasts = own[_latest(ends[own])]
            mine = np.flatnonzero(owners[unseen] == owner)
            before = np.searchsorted(begins[own], ends[unseen[mine]], side="right") - 1
            last = lasts[np.maximum(before, 0)]
            shared = (before >= 0) & (ends[last] >= begins[unseen[mine]])
            found[mine[shared]] = last[shared]
        return found

    return partners


def _latest(ends: NDArray[np.float64]) -> Codes:
    """For each place that of the latest end up to it."""
    places = np.where(ends >= np.maximum.accumulate(ends), np.arange(len(ends)), 0)
    latest: Codes = np.maximum.accumulate(places)
    return latest


def _examples(keys: pd.DataFrame, kind: str, shared: Codes, partners: Codes) -> tuple[str, ...]:
    examples = []
    for row, partner in list(zip(shared, partners, strict=True))[:_EXAMPLES]:
        what = "" if kind in _UNNAMED else f": {str(keys[kind].iloc[row])[:60]}"
        examples.append(f"{keys.index[row]} with {keys.index[partner]}{what}")
    return tuple(examples)
