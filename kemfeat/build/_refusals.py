"""Stops a build: for files that are missing before any work, and for too many rows that fail during it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kemfeat.build._diff import Plan
from kemfeat.build._settings import Resolved
from kemfeat.errors import ConfigError, CorpusError, TooManyFailuresError
from kemfeat.store.outside import refuse_other_corpus
from kemfeat.store.reader import Store
from kemfeat.store.schema import PartReceipt

if TYPE_CHECKING:
    import pandas as pd


def refuse_loss(old: Store, resolved: Resolved) -> None:
    """Stop where the finished store is of another corpus or has features that this build would silently drop."""
    refuse_other_corpus(old.header, resolved.config.dataset, where=old.path, advice="choose another --out")
    lost = [name for name in old.header.features if name not in resolved.extractors]
    if lost:
        wanted = ",".join(dict.fromkeys((*old.header.features, *resolved.extractors)))
        raise ConfigError(
            f"{old.path}: has {', '.join(lost)}, which this build would drop; pass --features {wanted} to keep all, "
            "choose another --out for a smaller store, or pass --force to begin anew"
        )


def refuse_missing(root: Path, utterances: pd.DataFrame, sources: pd.DataFrame, resolved: Resolved) -> None:
    """Stop before any work where a file that a feature needs is missing or cannot be read."""
    wanted = {medium for extractor in resolved.extractors.values() for medium in extractor.media}
    lost: list[str] = []
    broken: list[str] = []
    if "audio" in wanted:
        lost += [f"{name} has no audio file" for name in utterances["id"][utterances["audio"].isna()]]
        broken += sources["error"][sources["path"].isin(utterances["audio"].dropna())].dropna().tolist()
    if "transcript" in wanted:
        lost += [f"{name} has no transcript" for name in utterances["id"][utterances["text"].isna()]]
    if lost or broken:
        raise CorpusError(
            f"{root}: missing files: {len(lost)}, audio files that cannot be read: {len(broken)}: "
            f"{'; '.join([*lost, *broken][:5])}. See `kemfeat validate` for all; repair the corpus, "
            "or pass --on-error skip to leave those rows missing"
        )


def failures(plan: Plan, receipts: Iterable[PartReceipt]) -> dict[int, str]:
    """The error of each failed utterance; one that failed in several features counts once."""
    return {row: error for receipt in receipts for row, error in plan.owners(receipt).items()}


def failed_in(store: Store) -> int:
    """The number of utterances of a finished store with missing rows, and of faults in the annotation."""
    failed = {(receipt.feature, failure.row) for receipt in store.header.parts for failure in receipt.failures}
    return len({_owner(store, *failure) for failure in failed}) + store.header.annotation_faults


def _owner(store: Store, feature: str, row: int) -> str:
    return str(store.owners(store.header.features[feature]).iloc[row])


def refuse_failures(failed: Mapping[int, str], ids: pd.Series[str], most: float, *, faults: Sequence[str]) -> None:
    """Stop where more than the share ``most`` failed of the utterances ``ids`` and of the faults in the annotation.

    Rows of the annotation that cannot be read are not among the utterances: faults count both as found and as failed,
    so that the share is at most 1.
    """
    share = (len(failed) + len(faults)) / max(len(ids) + len(faults), 1)
    if share > most:
        examples = "; ".join([*faults, *(f"{ids.iloc[row]}: {failed[row]}" for row in sorted(failed))][:5])
        unread = f" and {len(faults)} rows or cells of the annotation cannot be read, a share of {share:.4g}"
        found = f"{len(failed)} of {len(ids)} rows failed{unread if faults else ''}"
        raise TooManyFailuresError(
            f"{found}, more than --max-failures {most:g} allows: {examples}. "
            "Repair the corpus (see `kemfeat validate`) or allow more; what is finished is kept"
        )
