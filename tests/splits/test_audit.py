"""The audit finds what is shared, and nothing else."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.config import SettingsTable
from kemfeat.splits import PARTS, Split, audit, make_split, utterance_keys
from kemfeat.splits.audit import KINDS, SHORT, WINDOW
from tests.splits.tables import like_kemdy20, of_two_corpora, utterances


def split_of(parts: dict[str, list[str]]) -> Split:
    rows = [(0, name, part) for part in PARTS for name in parts.get(part, [])]
    facts = dict.fromkeys(("seed", "labels", "store", "utterances", "dropped", "absent", "kemfeat"))
    return Split(
        pd.DataFrame(rows, columns=["fold", "id", "part"]), SettingsTable({"scheme": "user", "folds": 1, **facts})
    )


def kinds(found) -> dict[str, int]:
    return {overlap.kind: overlap.count for overlap in found.overlaps}


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000))
def test_sessions_apart_are_clean(seed):
    table = like_kemdy20(seed=seed % 7)
    found = audit(make_split(table, seed=seed, labels="first"), keys=utterance_keys(table))
    assert (found.verdict, found.overlaps, found.folds) == ("clean", (), 5)
    assert found.sentences() == ["clean: nothing leaks in 5 folds"]


def test_speakers_apart_share_their_conversations():
    table = like_kemdy20()
    found = audit(make_split(table, scheme="speaker"), keys=utterance_keys(table))
    assert found.verdict == "leaking"
    assert {overlap.kind for overlap in found.leaks} == {"session", "conversation"}


@pytest.mark.parametrize("scheme", ["kfold", "kor-2022"])
def test_random_splits_leak_speakers(scheme):
    table = like_kemdy20()
    found = audit(make_split(table, scheme=scheme), keys=utterance_keys(table))
    tested = [each for each in found.leaks if (each.kind, each.seen, each.unseen) == ("speaker", "train", "test")]
    assert len(tested) == found.folds
    assert all(each.count == each.rows for each in tested)
    assert found.sentences()[0].startswith("leaking: speaker, session, conversation")


KEYS = {"u1": "x", "u2": "x", "u3": "y", "u4": None, "u5": None}


def keys_with(kind: str, values: dict[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame({kind: pd.Series(values, dtype=object)})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seen", "unseen"), [("train", "valid"), ("train", "test"), ("valid", "test")])
def test_a_shared_key_is_found_between_any_two_parts(kind, seen, unseen):
    found = audit(split_of({seen: ["u1", "u4"], unseen: ["u2", "u3", "u5"]}), keys=keys_with(kind, KEYS))
    (overlap,) = found.overlaps
    assert (overlap.kind, overlap.seen, overlap.unseen, overlap.count, overlap.rows) == (kind, seen, unseen, 1, 3)
    assert overlap.examples[0].startswith("u2 with u1")
    assert found.verdict == ("leaking" if KINDS[kind] == "leak" else "clean")


def test_no_key_is_nothing_shared():
    assert audit(split_of({"train": ["u4"], "test": ["u5"]}), keys=keys_with("identical audio", KEYS)).overlaps == ()


def test_an_id_in_two_parts_shares_everything():
    table = utterances(["neutral"] * 4, [0, 1, 2, 3])
    name = table["id"][0]
    found = audit(
        split_of({"train": [name, table["id"][1]], "test": [name, table["id"][2]]}), keys=utterance_keys(table)
    )
    assert kinds(found) == dict.fromkeys(
        ("utterance", "speaker", "session", "conversation", "identical short transcript"), 1
    )


def test_transcripts_are_compared_by_their_letters_and_short_ones_are_a_note():
    short, long = "네, 그래요", "가" * SHORT
    table = utterances(["neutral"] * 6, range(6)).assign(text_clean=[short, "네 그래요.", long, f" {long}!", "", "?"])
    one, other, first, second, empty, mark = table["id"]
    found = audit(split_of({"train": [one, first, empty], "test": [other, second, mark]}), keys=utterance_keys(table))
    assert kinds(found) == {"identical transcript": 1, "identical short transcript": 1}
    assert [overlap.kind for overlap in found.leaks] == ["identical transcript"]


def test_the_words_of_a_script_are_a_note():
    table = utterances(["neutral"] * 4, range(4)).assign(
        text_clean=["가" * SHORT] * 4, scripted=pd.Series([True, True, False, False])
    )
    one, other, free, again = table["id"]
    keys = utterance_keys(table)
    assert kinds(audit(split_of({"train": [one], "test": [other]}), keys=keys)) == {"scripted transcript": 1}
    assert kinds(audit(split_of({"train": [free], "test": [again]}), keys=keys)) == {"identical transcript": 1}
    assert audit(split_of({"train": [one], "test": [free]}), keys=keys).verdict == "clean"


def test_a_table_without_columns_has_no_keys():
    keys = utterance_keys(pd.DataFrame({"id": ["a", "b"]}))
    found = audit(split_of({"train": ["a"], "test": ["b"]}), keys=keys)
    assert found.verdict == "clean"


def test_the_json_says_what_the_audit_says():
    table = like_kemdy20()
    found = audit(
        make_split(table, scheme="kfold"), keys=utterance_keys(table), unchecked={"near-identical audio": "why"}
    )
    content = json.loads(json.dumps(found.to_json()))
    assert content["verdict"] == "leaking"
    assert len(content["overlaps"]) == len(found.overlaps)
    assert content["overlaps"][0]["examples"] == list(found.overlaps[0].examples)
    assert found.sentences()[-1] == "near-identical audio: not checked, why"


def test_a_shared_corpus_is_a_note_and_never_between_train_and_test_of_the_scheme_of_corpora():
    table = of_two_corpora(like_kemdy20())
    found = audit(make_split(table, scheme="corpus"), keys=utterance_keys(table))
    assert found.verdict == "clean"
    assert {(each.kind, each.seen, each.unseen) for each in found.overlaps} == {("corpus", "train", "valid")}
    by_session = audit(make_split(table), keys=utterance_keys(table))
    assert by_session.verdict == "clean"
    assert {each.unseen for each in by_session.overlaps if each.kind == "corpus"} == {"valid", "test"}


def windows_of(rows: list[tuple[str | None, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(WINDOW), index=[f"u{number}" for number in range(len(rows))])


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 20), st.integers(0, 5)), min_size=2, max_size=12
    ),
    st.data(),
)
def test_windows_that_overlap_are_found_and_no_others(rows, data):
    windows = windows_of([(owner, float(begin), float(begin + length)) for owner, begin, length in rows])
    parts = data.draw(st.lists(st.sampled_from(["train", "test"]), min_size=len(rows), max_size=len(rows)))
    members = {part: [name for name, own in zip(windows.index, parts, strict=True) if own == part] for part in PARTS}
    found = audit(split_of(members), keys=pd.DataFrame(index=windows.index), windows=windows)

    def overlap(one, other):
        return one.owner is not None and one.owner == other.owner and one.begin <= other.end and other.begin <= one.end

    shared = {
        name: [seen for seen in members["train"] if overlap(windows.loc[name], windows.loc[seen])]
        for name in members["test"]
    }
    expected = sum(1 for partners in shared.values() if partners)
    assert kinds(found) == ({"overlapping context": expected} if expected else {})
    for example in (example for each in found.leaks for example in each.examples):
        unseen, _, seen = example.partition(" with ")
        assert seen in shared[unseen]
