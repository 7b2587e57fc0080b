"""Schemes: from a table of utterances to folds of train, valid and test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kemfeat._version import VERSION
from kemfeat.arrays import Indices
from kemfeat.config import SettingsTable, suggest
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.id_files import chosen as chosen_ids
from kemfeat.labels import TIE, apply_rule, usual_labels
from kemfeat.plural import many
from kemfeat.splits.split import PARTS, Split, utterances_digest
from kemfeat.splits.stratification import class_counts, deal

if TYPE_CHECKING:
    import pandas as pd

Fold = Mapping[str, Indices]
"""Per part the positions of its rows in the table of labelled utterances."""

Seed = tuple[int, int]
"""The caller's seed, and how often it was tried before."""

VALID_SHARE = 1 / 8
"""Share of what is not tested; a tenth of all rows when five folds are made."""

_ATTEMPTS = 20


def make_split(
    utterances: pd.DataFrame,
    *,
    scheme: str = "session",
    folds: int | None = None,
    seed: int | None = None,
    labels: str | None = None,
    store: str | None = None,
    exclude: Collection[str] = (),
) -> Split:
    """Split the labelled utterances of a store.

    Parameters
    ----------
    utterances : DataFrame
        A store's table, in its order.
    scheme : str, default "session"
        One of :data:`SCHEMES`.
    folds : int, >= 2, or None
        5 by default; ``loso`` has one per session, ``corpus`` one per corpus, ``official`` and ``kor-2022`` one.
    seed : int, >= 0, or None
        0 by default; ``official`` needs none, ``kor-2022`` has its own. The same seed gives the same bytes.
    labels : str or None
        Label rule that decides which rows are in and what is stratified, by default the usual one of the corpus,
        ``5class`` for KEMDy; a tie counts as its first emotion. ``kor-2022`` has its own.
    store : str or None
        Digest of the store, kept in the facts.
    exclude : collection of str
        Ids of utterances that are in no part.

    Returns
    -------
    Split
        Every fold, with the facts of how it was made.

    Raises
    ------
    ConfigError
        There is no such scheme or label rule, a setting that the scheme fixes is given, there are more folds than
        groups, or an utterance to exclude does not exist.
    AnalysisError
        No row has a label, rows lack the group's id, a train part lacks a class that it could have, or the corpus has
        no official parts.

    Examples
    --------
    >>> import kemfeat
    >>> split = make_split(kemfeat.open_store("stores/KEMDy20").utterances, scheme="kfold", folds=2)
    >>> split.folds, sorted(split.rows["part"].unique())
    (2, ['test', 'train', 'valid'])
    """
    if scheme not in SCHEMES:
        raise ConfigError(f"split: scheme {scheme!r}{suggest(scheme, SCHEMES)}")
    chosen = SCHEMES[scheme]
    settings = _settings(scheme, chosen, folds=folds, seed=seed, labels=labels)
    settings["labels"] = settings["labels"] or _usual_rule(utterances)
    label = apply_rule(utterances, rule=settings["labels"])
    _refuse_other_labels(scheme, utterances)
    excluded = chosen_ids(exclude, known=utterances["id"].tolist(), where="split: exclude")
    asked = ~utterances["id"].isin(excluded)
    there = label.notna() & asked
    kept = utterances[there].assign(label=label[there].str.split(TIE).str[0])
    if not len(kept):
        besides = " that is not excluded" if excluded else ""
        rule = settings["labels"]
        raise AnalysisError(f"split: no utterance{besides} has a label under the rule {rule!r}; choose another")
    if chosen.sorts:
        kept = kept.sort_values("id")
    made = _folds(kept, chosen, settings["folds"], settings["seed"])
    facts = {**settings, "scheme": scheme, "folds": len(made), "store": store, "kemfeat": VERSION}
    facts |= {
        "utterances": utterances_digest(utterances),
        "dropped": int(asked.sum()) - len(kept),
        "excluded": excluded,
        "absent": _absent(kept, made),
    }
    return Split(_table(kept["id"].to_numpy(), made), SettingsTable(facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one scheme is made.

    Parameters
    ----------
    make : callable
        Gets the labelled utterances, the number of folds, and the seed with the number of the attempt.
    group : str or None
        Column whose groups stay whole; None where none does.
    defaults : mapping
        Settings that apply where the caller gives none.
    fixed : tuple of str
        Settings that the caller may not give.
    sorts : bool
        Whether the utterances are first sorted by id, so that their order does not matter.
    """

    make: Callable[[pd.DataFrame, Any, Seed], Iterator[Fold]]
    group: str | None
    defaults: Mapping[str, Any]
    fixed: tuple[str, ...] = ()
    sorts: bool = True


def _grouped(column: str) -> Callable[[pd.DataFrame, int, Seed], Iterator[Fold]]:
    """Folds whose groups stay whole."""

    def make(kept: pd.DataFrame, folds: int, seed: Seed) -> Iterator[Fold]:
        groups, names = _groups(kept, column)
        _refuse_too_few(kept, column, len(names))
        if not 2 <= folds <= len(names):
            raise ConfigError(
                f"split: {folds} folds of {len(names)} {column}s; expected 2 to {len(names)}; "
                "choose --folds in that range, or another --scheme"
            )
        counts = class_counts(groups, _classes(kept))
        tested = deal(counts, shares=np.full(folds, 1 / folds), rng=np.random.default_rng(seed))
        for fold in range(folds):
            yield _validated(groups, counts, tested == fold, seed=(*seed, fold))

    return make


def _leave_one_out(kept: pd.DataFrame, _: None, seed: Seed) -> Iterator[Fold]:
    """One fold per session, which is its test."""
    groups, names = _groups(kept, "session")
    _refuse_too_few(kept, "session", len(names))
    counts = class_counts(groups, _classes(kept))
    for fold in range(len(names)):
        yield _validated(groups, counts, np.arange(len(names)) == fold, seed=(*seed, fold))


def _leave_one_corpus_out(kept: pd.DataFrame, _: None, seed: Seed) -> Iterator[Fold]:
    """One fold per corpus, which is its test; whole sessions of the others are train and valid."""
    if "corpus" not in kept:
        raise AnalysisError(
            "split: corpus needs a store of several corpora; make one with `kemfeat join`, or choose another --scheme"
        )
    groups, names = _groups(kept, "session")
    counts = class_counts(groups, _classes(kept))
    home = dict(zip(kept["session"], kept["corpus"], strict=True))
    corpora = np.array([home[name] for name in names.tolist()])
    for fold, corpus in enumerate(np.unique(corpora)):
        yield _validated(groups, counts, corpora == corpus, seed=(*seed, fold))


def _refuse_too_few(kept: pd.DataFrame, column: str, groups: int) -> None:
    """Train, valid and test need a group each.

    Raises
    ------
    AnalysisError
        There are fewer; the message says what works with these utterances, and what that leaks.
    """
    if groups >= len(PARTS):
        return
    speakers = kept["speaker"].nunique()
    way = "no scheme keeps speakers apart; take a corpus with more of them"
    if column == "session" and speakers >= len(PARTS):
        folds = min(speakers // 2, _DEFAULTS["folds"]) if speakers > len(PARTS) else speakers
        way = (
            f"make one with `--scheme speaker --folds {folds}`: no speaker is in two parts, but sessions and "
            "conversations are, so `kemfeat train` asks for --allow-leakage and every number says so"
        )
    raise AnalysisError(
        f"split: the labelled utterances come from {many(groups, column)}, and train, valid and test "
        f"need one each, so at least {len(PARTS)}; {way}"
    )


def _validated(
    groups: Indices, counts: NDArray[np.float64], tested: NDArray[np.bool_], *, seed: tuple[int, int, int]
) -> Fold:
    """One fold: ``tested`` groups, and the others dealt to train and valid."""
    others = np.flatnonzero(~tested)
    if len(others) < 2:
        more = "more --folds, or " if len(tested) > 2 else ""
        raise ConfigError(
            f"split: fold {seed[-1]} tests {int(tested.sum())} of {len(tested)} groups, which leaves {len(others)} for "
            f"train and valid; expected one each; choose {more}another --scheme"
        )
    there = counts[others][:, counts[others].any(axis=0)]
    parts = np.full(len(tested), PARTS.index("test"))
    parts[others] = deal(there, shares=(1 - VALID_SHARE, VALID_SHARE), rng=np.random.default_rng(seed))
    return {part: np.flatnonzero(parts[groups] == place) for place, part in enumerate(PARTS)}


def _by_rows(kept: pd.DataFrame, folds: int, seed: Seed) -> Iterator[Fold]:
    """Stratified folds that ignore groups: they leak, which is their purpose."""
    if not 2 <= folds <= len(kept) - 1:
        raise ConfigError(f"split: {folds} folds of {len(kept)} utterances; expected 2 to {len(kept) - 1}")
    rng = np.random.default_rng(seed)
    classes = _classes(kept)
    tested = _dealt(classes, folds, rng)
    for fold in range(folds):
        others = np.flatnonzero(tested != fold)
        valid = _dealt(classes[others], round(1 / VALID_SHARE), rng) == 0
        yield {
            "train": others[~valid],
            "valid": others[valid],
            "test": np.flatnonzero(tested == fold),
        }


def _dealt(classes: Indices, bins: int, rng: np.random.Generator) -> Indices:
    """Deal rows like cards, class after class and shuffled within: counts of bins differ by one at most."""
    order = np.lexsort((rng.permutation(len(classes)), classes))
    dealt = np.empty(len(classes), np.int64)
    dealt[order] = np.arange(len(classes)) % bins
    return dealt


def _official(kept: pd.DataFrame, _: int, __: Seed) -> Iterator[Fold]:
    """The parts that the corpus itself was published with, in its column ``part``.

    Raises
    ------
    AnalysisError
        It has no such column, a row is in no part, or train or test is empty.
    """
    if "part" not in kept:
        raise AnalysisError(
            "split: this corpus has no official parts, which a store has in the column 'part'; choose another --scheme"
        )
    others = kept.loc[~kept["part"].isin(PARTS), ["id", "part"]]
    if len(others):
        raise AnalysisError(
            f"split: {others['id'].iloc[0]} is in the part {others['part'].iloc[0]!r}, expected one of "
            f"{', '.join(PARTS)}; correct the column 'part' of the corpus"
        )
    fold = {part: np.flatnonzero(kept["part"] == part) for part in PARTS}
    if empty := [part for part in ("train", "test") if not len(fold[part])]:
        raise AnalysisError(
            f"split: no labelled utterance is in the official part {empty[0]!r}; build the store with all parts of the "
            "corpus, or choose another --scheme"
        )
    yield fold


def _kor_2022(kept: pd.DataFrame, _: int, seed: Seed) -> Iterator[Fold]:
    """System 1: a fifth for test, then a tenth of the rest for valid, both at random, seeded alike, nothing stratified.

    The same as scikit-learn's ``train_test_split(x, test_size=0.2, random_state=1)`` twice; NumPy has promised never to
    change the numbers of ``RandomState``.
    """
    rest, test = _random_part(np.arange(len(kept)), tenths=2, seed=seed[0])
    train, valid = _random_part(rest, tenths=1, seed=seed[0])
    yield {"train": train, "valid": valid, "test": test}


def _random_part(places: Indices, *, tenths: int, seed: int) -> tuple[Indices, Indices]:
    order = np.random.RandomState(seed).permutation(len(places))
    held_out = -(-tenths * len(places) // 10)
    return places[order[held_out:]], places[order[:held_out]]


_DEFAULTS: Mapping[str, Any] = {"folds": 5, "seed": 0, "labels": None}

SCHEMES: Mapping[str, Scheme] = {
    "session": Scheme(make=_grouped("session"), group="session", defaults=_DEFAULTS),
    "speaker": Scheme(make=_grouped("speaker"), group="speaker", defaults=_DEFAULTS),
    "loso": Scheme(make=_leave_one_out, group="session", defaults={**_DEFAULTS, "folds": None}, fixed=("folds",)),
    "corpus": Scheme(
        make=_leave_one_corpus_out, group="corpus", defaults={**_DEFAULTS, "folds": None}, fixed=("folds",)
    ),
    "kfold": Scheme(make=_by_rows, group="id", defaults=_DEFAULTS),
    "official": Scheme(make=_official, group=None, defaults={**_DEFAULTS, "folds": 1}, fixed=("folds", "seed")),
    "kor-2022": Scheme(
        make=_kor_2022,
        group=None,
        defaults={"folds": 1, "seed": 1, "labels": "5class"},
        fixed=("folds", "seed", "labels"),
        sorts=False,
    ),
}


def _usual_rule(utterances: pd.DataFrame) -> str:
    """The label rule that is usual for the corpus, recognised by the store's columns of votes."""
    votes = "votes_"
    known = [name.removeprefix(votes) for name in map(str, utterances.columns) if name.startswith(votes)]
    return usual_labels(known).rule


def _settings(scheme: str, chosen: Scheme, **given: Any) -> dict[str, Any]:
    named = {name: value for name, value in given.items() if value is not None}
    if clash := sorted(set(named) & set(chosen.fixed)):
        raise ConfigError(f"split: {scheme} sets {clash[0]} itself; leave --{clash[0]} out")
    if named.get("seed", 0) < 0:
        raise ConfigError(f"split: seed {named['seed']}; expected 0 or more")
    return {**chosen.defaults, **named}


def _refuse_other_labels(scheme: str, utterances: pd.DataFrame) -> None:
    """System 1 kept rows by the corpus' own label; where the store has another, its split would be a different one."""
    if scheme == "kor-2022" and not utterances["emotion"].equals(utterances["emotion_annotated"]):
        raise ConfigError(
            "split: kor-2022 uses the corpus' own labels, but this store was built with labels = votes; "
            "use a store built with labels = annotated"
        )


def _groups(kept: pd.DataFrame, column: str) -> tuple[Indices, NDArray[Any]]:
    """The group of every row as a number, and the groups' names, sorted."""
    missing = kept[column].isna() | (kept[column] == "")
    if missing.any():
        raise AnalysisError(
            f"split: {int(missing.sum()):,} utterances have no {column}, such as {kept.loc[missing, 'id'].iloc[0]!r}; "
            f"groups cannot be kept apart; complete the corpus, or choose a --scheme without {column}s"
        )
    names, groups = np.unique(kept[column].to_numpy(dtype=str), return_inverse=True)
    return groups, names


def _classes(kept: pd.DataFrame) -> Indices:
    classes: Indices = np.unique(kept["label"].to_numpy(dtype=str), return_inverse=True)[1]
    return classes


def _folds(kept: pd.DataFrame, chosen: Scheme, folds: Any, seed: int) -> list[Fold]:
    """The first of a few deals that leaves no train part without a class that it could have had."""
    for attempt in range(_ATTEMPTS):
        made = list(chosen.make(kept, folds, (seed, attempt)))
        lacking = {name for _, name in _absent(kept, made)} & _spread(kept, chosen.group)
        if not lacking:
            return made
    name = min(lacking)
    count = int((kept["label"] == name).sum())
    raise AnalysisError(
        f"split: class {name!r} ({count} of {len(kept):,} rows) has no row in train of some fold; "
        "choose fewer --folds, another --seed, or --labels that leave the class out"
    )


def _absent(kept: pd.DataFrame, made: list[Fold]) -> list[tuple[int, str]]:
    """Folds whose train part lacks a class, and the class."""
    labels = kept["label"].to_numpy(dtype=str)
    classes = set(labels.tolist())
    return [(number, name) for number, fold in enumerate(made) for name in sorted(classes - set(labels[fold["train"]]))]


def _spread(kept: pd.DataFrame, group: str | None) -> set[str]:
    """The classes that are in two groups or more, so that testing one leaves another; none where chance decides."""
    if group is None:
        return set()
    groups = kept.groupby("label")[group].nunique()
    return set(groups.index[groups > 1])


def _table(ids: NDArray[Any], folds: list[Fold]) -> pd.DataFrame:
    import pandas as pd

    pieces = [(number, part, ids[fold[part]]) for number, fold in enumerate(folds) for part in PARTS]
    sizes = [len(names) for _, _, names in pieces]
    return pd.DataFrame(
        {
            "fold": np.repeat(np.array([number for number, _, _ in pieces], np.int64), sizes),
            "id": pd.Series(np.concatenate([names for _, _, names in pieces]), dtype="str"),
            "part": pd.Series(np.repeat(np.array([part for _, part, _ in pieces]), sizes), dtype="str"),
        }
    )
