"""Who trains, who validates, who is tested: group-disjoint folds, system 1's random split, and the leakage audit.

Nothing here reads a store: tables in, a :class:`Split` out. ``docs/splits.md`` says what each scheme guarantees.
"""

from __future__ import annotations

from kemfeat.splits.audit import Audit, Overlap, audit, utterance_keys
from kemfeat.splits.files import read_split, write_split
from kemfeat.splits.schemes import SCHEMES, make_split
from kemfeat.splits.split import PARTS, Split, require_utterances, utterances_digest

__all__ = [
    "PARTS",
    "SCHEMES",
    "Audit",
    "Overlap",
    "Split",
    "audit",
    "make_split",
    "read_split",
    "require_utterances",
    "utterance_keys",
    "utterances_digest",
    "write_split",
]
