"""What a header and an utterance table say about a store, as numbers: for the data card and the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kemfeat.store import schema

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
    what : the column or array that was cut.
    rows : utterances that lost something.
    amount : frames or samples lost in all; None where it is not counted.
    """

    what: str
    rows: int
    amount: int | None


def label_rule(header: schema.Header) -> str:
    """What the column ``emotion`` holds, in words."""
    return _LABEL_RULES.get(header.label_rule, "given by a rule that the documentation explains")


def media(utterances: pd.DataFrame) -> list[str]:
    """Physiology that the utterances may have, such as ``eda``."""
    return [str(name).removesuffix(_COVERAGE) for name in utterances.columns if str(name).endswith(_COVERAGE)]


def covered(utterances: pd.DataFrame, medium: str) -> tuple[int, float]:
    """How many utterances have any of a medium, and the mean share of their time that it covers (NaN for none)."""
    share = utterances[f"{medium}{_COVERAGE}"]
    return int((share > 0).sum()), float(share[share > 0].mean())


def missing_rows(header: schema.Header) -> dict[str, int]:
    """Rows that could not be extracted, by feature."""
    rows = {name: header.axes[axis].rows for name, axis in header.features.items()}
    return {name: schema.read_bitmap(header.complete[name], rows[name]).count(False) for name in rows}


def cuts(header: schema.Header, utterances: pd.DataFrame) -> list[Cut]:
    """What the fixed lengths of a store cut, whether it cut something or not."""
    stored = [str(name).removesuffix(_TOTAL) for name in utterances.columns if str(name).endswith(_TOTAL)]
    found = []
    for what in (name for name in stored if name in utterances.columns):
        lost = (utterances[f"{what}{_TOTAL}"] - utterances[what]).clip(lower=0)
        found.append(Cut(what=what, rows=int((lost > 0).sum()), amount=int(lost.sum())))
    if "n_pieces" in utterances.columns and "input_ids" in header.arrays:
        room = header.arrays["input_ids"].shape[-1] - _SPECIAL_TOKENS
        found.append(Cut(what="input_ids", rows=int((utterances["n_pieces"] > room).sum()), amount=None))
    return found
