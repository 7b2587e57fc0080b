"""One fold of a split of a store, audited for what its parts share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from kemfeat.config import thawed, validated
from kemfeat.errors import ConfigError
from kemfeat.features.instances import find_feature
from kemfeat.id_files import chosen
from kemfeat.leakage import audit_split
from kemfeat.learn.run_facts import DataFacts, Leakage, SplitFacts, StoreFacts
from kemfeat.plural import many
from kemfeat.splits import PARTS, utterances_digest

if TYPE_CHECKING:
    from kemfeat.splits import Audit, Split
    from kemfeat.store.reader import Store

_LABELS = "7class"
"""The label rule of a split that does not give its own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditedFold:
    """One fold of a split of a store, and whether it leaks.

    Parameters
    ----------
    store : Store
        The store.
    split : Split
        The split.
    fold : int, >= 0
        The fold.
    leakage : Leakage
        What the audit found in this fold.
    excluded : tuple of str
        Ids of utterances that are neither trained on nor validated with. What is tested does not change, so that
        scores with and without them can be compared.
    """

    store: Store
    split: Split
    fold: int
    leakage: Leakage
    excluded: tuple[str, ...] = ()

    @cached_property
    def used(self) -> Split:
        """The split without what is excluded."""
        return self.split.without_in_training(self.excluded)

    @property
    def labels(self) -> str:
        """Label rule of the split."""
        rule = self.split.facts["labels"] or _LABELS
        if not isinstance(rule, str):
            raise ConfigError(f"split file: labels is {rule!r}; expected the name of a label rule")
        return rule

    def split_facts(self) -> SplitFacts:
        """The split, for ``run.json``.

        Returns
        -------
        SplitFacts
            Scheme, digest and the rest.
        """
        said = {name: value for name, value in self.split.facts.items() if name not in ("store", "utterances")}
        values = {"scheme": self.split.facts["scheme"], "digest": self.split.digest, "facts": said}
        return validated(SplitFacts, values, where="split file")

    def store_facts(self) -> StoreFacts:
        """The store, for ``run.json``.

        Returns
        -------
        StoreFacts
            Digest and corpus.
        """
        return StoreFacts(digest=self.store.digest, dataset=self.store.dataset)

    def data_facts(self, features: Iterable[str]) -> DataFacts:
        """What a model that reads some features depends on, for ``run.json``.

        Parameters
        ----------
        features : iterable of str
            Names of features.

        Returns
        -------
        DataFacts
            Digests of the utterances and of the features, and the settings of the features.
        """
        names = tuple(features)
        settings = self.store.header.config.settings
        return DataFacts(
            utterances=self._utterances,
            features=self.store.feature_digests(names),
            settings={name: thawed(settings[name]) for name in self._made_from(names)},
        )

    def _made_from(self, names: Iterable[str]) -> tuple[str, ...]:
        """Features and those that they are made from, in the order of the build."""
        needed, order = set(names), self.store.header.config.features
        for name in reversed(order):
            if name in needed:
                needed |= set(find_feature(name).media)
        return tuple(name for name in order if name in needed)

    @cached_property
    def _utterances(self) -> str:
        """Digest of the utterances, which every trial of a sweep and every run that a fusion loads is compared by."""
        return utterances_digest(self.store.utterances)

    def leaking(self, kind: str, count: int) -> AuditedFold:
        """Add a leak, such as 80 of the kind ``speaker``.

        Parameters
        ----------
        kind, count : str, int
            What leaks, and how much of it.

        Returns
        -------
        AuditedFold
            The same utterances, with one more leak.
        """
        counts = {**self.leakage.counts, kind: count}
        return replace(self, leakage=Leakage(verdict="leaking", counts=counts))


def audit_fold(
    store: Store,
    split: Split,
    *,
    fold: int = 0,
    allow_leakage: bool = False,
    excluded: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AuditedFold:
    """Audit one fold of a split for what its parts share.

    Parameters
    ----------
    store : Store
        The store.
    split : Split
        Split of that store.
    fold : int, >= 0
        Which fold.
    allow_leakage : bool
        Accept a fold that leaks.
    excluded : collection of str
        Ids of utterances to leave out of its parts ``train`` and ``valid``.
    progress : callable
        ``(done, total)``, called as utterances are compared.

    Returns
    -------
    AuditedFold
        The fold and its verdict.

    Raises
    ------
    ConfigError
        The split leaks in this fold and that is not allowed, was made for another store, or has no such fold; or an
        utterance to exclude does not exist.
    """
    gone = chosen(excluded, known=store.utterances["id"].tolist(), where="exclude")
    found = AuditedFold(store=store, split=split, fold=fold, leakage=Leakage(verdict="clean"), excluded=gone)
    found.split_facts()  # a file from elsewhere may say anything of itself
    store.labels(found.labels)
    split.ids("test", fold=fold)
    leakage = _leakage(audit_split(store, found.used, progress=progress), fold)
    if leakage.verdict == "leaking" and not allow_leakage:
        counts = ", ".join(f"{kind} {count:,}" for kind, count in leakage.counts.items())
        raise ConfigError(
            f"split {split.facts['scheme']}, fold {fold}: train, valid and test share what they must not ({counts}), "
            f"so a score on it says nothing about new speakers; {_way_out(store, split)}"
        )
    return replace(found, leakage=leakage)


def _way_out(store: Store, split: Split) -> str:
    """What to do about a leaking split; a split by session needs a session for each part."""
    sessions, allowed = store.utterances["session"].nunique(), "--allow-leakage, and every number and figure says so"
    if sessions >= len(PARTS):
        look, speakers = "take a closer look with `kemfeat audit`", store.utterances.groupby("speaker")["session"]
        if speakers.nunique().max() > 1:
            return (
                "speakers of this store occur in several sessions, so that a split by session has them on both sides "
                f"and one by speaker their conversations: {look}, or pass {allowed}"
            )
        made = "" if split.facts["scheme"] == "session" else "make one with `kemfeat split --scheme session`, "
        return f"{made}{look}, or pass {allowed}"
    few = f"this store has {many(sessions, 'session')}, too few for a split by session"
    if split.facts["scheme"] == "speaker":
        return f"{few}, and no split of it does better: speakers are apart, their conversations are not; pass {allowed}"
    return (
        f"{few}: make one with `kemfeat split --scheme speaker --folds 2`, which at least keeps speakers apart, and "
        f"train on that with {allowed}"
    )


def _leakage(audit: Audit, fold: int) -> Leakage:
    counts: dict[str, int] = {}
    for overlap in (leak for leak in audit.leaks if leak.fold == fold):
        counts[overlap.kind] = counts.get(overlap.kind, 0) + overlap.count
    return Leakage(verdict="leaking" if counts else "clean", counts=counts)
