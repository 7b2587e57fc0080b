"""Numbers about a store from its header and utterance table, for the data card and the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kemfeat.labels import EACH, LABEL_COLUMNS, OF
from kemfeat.records import beside, stem, tag_of, tagged
from kemfeat.store import layout, schema

if TYPE_CHECKING:
    import pandas as pd

_LABEL_RULES = {"annotated": "the corpus' own final label", "votes": "the majority of the raters"}
_TOTAL = "_total"
_COVERAGE = "_coverage"
_SPECIAL_TOKENS = 2  # [CLS] and [SEP]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What a fixed length cut off one stored quantity.

    Parameters
    ----------
    what : str
        Column or array that was cut.
    rows : int
        Utterances that lost something.
    amount : int or None
        Frames or samples lost in all; None where they are not counted.
    """

    what: str
    rows: int
    amount: int | None


def label_rule(header: schema.Header) -> str:
    """What the column ``emotion`` contains, in words.

    Parameters
    ----------
    header : Header
        Header of a store.

    Returns
    -------
    str
        Part of a sentence.
    """
    rule = header.label_rule
    if OF in rule:
        each = (pair.partition(OF) for pair in rule.split(EACH))
        return "; ".join(f"for {corpus} {_in_words(own)}" for corpus, _, own in each)
    return _in_words(rule)


def _in_words(rule: str) -> str:
    if rule in LABEL_COLUMNS:
        return f"the column `{rule}`"
    return _LABEL_RULES.get(rule, "given by a rule that the documentation explains")


def media(utterances: pd.DataFrame) -> list[str]:
    """Names of the physiology that utterances may have.

    Parameters
    ----------
    utterances : DataFrame
        Table of the utterances.

    Returns
    -------
    list of str
        Such as ``["eda", "temp"]``.
    """
    return [str(name).removesuffix(_COVERAGE) for name in utterances.columns if str(name).endswith(_COVERAGE)]


def covered(utterances: pd.DataFrame, medium: str) -> tuple[int, float]:
    """How many utterances have any of a medium, and the mean share of their time that it covers.

    Parameters
    ----------
    utterances : DataFrame
        Table of the utterances.
    medium : str
        One of :func:`media`.

    Returns
    -------
    count : int
        Utterances with any of it.
    share : float, 0 to 1
        NaN where the count is 0.
    """
    share = utterances[f"{medium}{_COVERAGE}"]
    return int((share > 0).sum()), float(share[share > 0].mean())


def missing_rows(header: schema.Header) -> dict[str, int]:
    """The number of rows that could not be extracted.

    Parameters
    ----------
    header : Header
        Header of a store.

    Returns
    -------
    dict of str to int
        Missing rows by feature.
    """
    rows = {name: header.axes[axis].rows for name, axis in header.features.items()}
    return {name: layout.read_bitmap(header.complete[name], rows[name]).count(False) for name in rows}


def cuts(header: schema.Header, utterances: pd.DataFrame) -> list[Cut]:
    """What the fixed lengths of a store cut.

    Parameters
    ----------
    header : Header
        Header of a store.
    utterances : DataFrame
        Its table of utterances.

    Returns
    -------
    list of Cut
        One for each quantity with a fixed length, also where nothing was cut.
    """
    found = []
    for what, lost in losses(header, utterances).items():
        amount = int(lost.sum()) if what in utterances.columns else None
        found.append(Cut(what=what, rows=int((lost > 0).sum()), amount=amount))
    return found


def losses(header: schema.Header, utterances: pd.DataFrame) -> dict[str, pd.Series[int]]:
    """What the fixed lengths of a store cut off each utterance.

    Parameters
    ----------
    header : Header
        Header of a store.
    utterances : DataFrame
        Its table of utterances.

    Returns
    -------
    dict of str to Series of int
        For each column, or array of tokens, with a fixed length, the frames, samples or tokens lost.
    """
    names = [str(name) for name in utterances.columns if stem(str(name)).endswith(_TOTAL)]
    stored = [tagged(stem(name).removesuffix(_TOTAL), tag_of(name)) for name in names]
    found = {
        what: (utterances[beside(what, _TOTAL)] - utterances[what]).clip(lower=0)
        for what in stored
        if what in utterances.columns
    }
    for ids in (name for name in header.arrays if stem(name) == "input_ids"):
        pieces = tagged("n_pieces", tag_of(ids))
        if pieces in utterances.columns:
            found[ids] = (utterances[pieces] - (header.arrays[ids].shape[-1] - _SPECIAL_TOKENS)).clip(lower=0)
    return found
