"""A fold is audited before anything is trained, and a refusal says what works with this store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest

from kemfeat.errors import ConfigError
from kemfeat.learn.training.audited_fold import audit_fold
from kemfeat.learn.training.training_data import training_data_of
from kemfeat.splits import PARTS, Split, make_split
from kemfeat.store.reader import Store
from tests.learn.training import kit


@dataclass
class Merged:
    """A store whose sessions are merged into a few."""

    store: Store
    sessions: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def __len__(self) -> int:
        return len(self.store)

    @property
    def utterances(self) -> pd.DataFrame:
        table = self.store.utterances
        numbers = table["session"].rank(method="dense").astype("int64") % self.sessions
        return table.assign(session=numbers.map("Session{:02}".format))


class SharedSpeakers(Merged):
    """A store in whose sessions the same people speak."""

    @property
    def utterances(self) -> pd.DataFrame:
        table = self.store.utterances
        return table.assign(speaker=table["speaker"].iloc[:3].tolist() * (len(table) // 3) + ["S"] * (len(table) % 3))


def split_of(store: Any, **options: Any) -> Split:
    return make_split(store.utterances, **{"store": store.digest, **options})


def test_a_leaking_fold_is_refused_with_a_way_that_works(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"fold 1: .* make one with `kemfeat split --scheme session`"):
        audit_fold(store, kit.session_split(store, scheme="kfold", folds=3), fold=1)


def test_a_split_by_session_that_shares_speakers_is_not_advised_to_be_one(store: Store) -> None:
    """As in MELD, whose speakers occur in many sessions."""
    mixed: Any = SharedSpeakers(store, 4)
    with pytest.raises(
        ConfigError, match=r"speakers of this store occur in several sessions.* --allow-leakage"
    ) as said:
        audit_fold(mixed, split_of(mixed, scheme="session", folds=3))
    assert "--scheme" not in str(said.value)


def test_a_split_by_session_that_leaks_something_else_leads_to_the_audit(store: Store) -> None:
    made = split_of(store, scheme="session", folds=3)
    moved = made.rows.copy()
    moved.loc[(moved["fold"] == 0).idxmax(), "part"] = "test"
    with pytest.raises(ConfigError, match=r"; take a closer look with `kemfeat audit`, or pass --allow-leakage"):
        audit_fold(store, replace(made, rows=moved))


@pytest.mark.parametrize("sessions", [1, 2])
def test_too_few_sessions_are_said_before_training(store: Store, sessions: int) -> None:
    merged: Any = Merged(store, sessions)
    with pytest.raises(
        ConfigError, match=rf"has {sessions} sessions?, too few .*`kemfeat split --scheme speaker"
    ) as caught:
        audit_fold(merged, split_of(merged, scheme="kfold", folds=3))
    assert "--scheme session" not in str(caught.value)
    speakers = split_of(merged, scheme="speaker", folds=2)
    with pytest.raises(ConfigError, match=r"no split of it does better: .*; pass --allow-leakage"):
        audit_fold(merged, speakers)
    leakage = audit_fold(merged, speakers, allow_leakage=True).leakage
    assert leakage.counts["session"] > 0
    assert "speaker" not in leakage.counts
    assert leakage.warning.startswith("LEAKING SPLIT")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"scheme": 3}, r"split file: scheme: .*found 3"),
        ({"scheme": "a\x1b[31m"}, r"split file: scheme: .*cannot be printed"),
        ({"labels": ["5class"]}, r"labels is .*'5class'.*; expected the name of a label rule"),
        ({"labels": "no-rule"}, "no-rule"),
    ],
)
def test_a_split_file_that_says_nonsense_of_itself_is_a_sentence(
    store: Store, facts: dict[str, Any], said: str
) -> None:
    made = kit.session_split(store)
    with pytest.raises(ConfigError, match=said):
        audit_fold(store, Split(made.rows, type(made.facts)({**made.facts, **facts})))


def test_what_is_excluded_is_not_trained_on_and_still_tested(store: Store) -> None:
    split = kit.session_split(store)
    gone = [split.ids(part)[0] for part in PARTS]
    data = audit_fold(store, split, excluded=[*gone, gone[0]])
    found = training_data_of(kit.audio_recipe(), data)
    assert found.truth("test")["id"].tolist() == split.ids("test")
    assert found.truth("train")["id"].tolist() == split.ids("train")[1:]
    assert found.truth("valid")["id"].tolist() == split.ids("valid")[1:]
    assert found.left_out == {"excluded": 2}
    assert (data.excluded, data.split_facts().digest) == (tuple(sorted(gone)), split.digest)


def test_a_leak_that_is_excluded_is_none(store: Store) -> None:
    """The one utterance of its session that is trained on elsewhere."""
    split = kit.session_split(store)
    moved = split.ids("test")[0]
    rows = split.rows.copy()
    rows.loc[(rows["fold"] == 0) & (rows["id"] == moved), "part"] = "train"
    leaking = Split(rows, split.facts)
    with pytest.raises(ConfigError, match="share what they must not"):
        audit_fold(store, leaking)
    assert audit_fold(store, leaking, excluded=[moved]).leakage.verdict == "clean"


def test_an_utterance_that_is_not_there_cannot_be_excluded(store: Store) -> None:
    with pytest.raises(ConfigError, match="exclude: 1 of 1 ids are not in this store, such as 'nobody'"):
        audit_fold(store, kit.session_split(store), excluded=["nobody"])
