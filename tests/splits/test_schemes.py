"""What every scheme promises."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.splits import PARTS, SCHEMES, make_split, utterances_digest
from tests.splits.tables import FIVE, columns_of, like_kemdy20, of_two_corpora, utterances

COVERING = ("session", "speaker", "loso", "corpus", "kfold")
GROUPED = {"session": "session", "speaker": "speaker", "loso": "session", "corpus": "session"}


@st.composite
def tables(draw):
    """Sessions in each of which every class occurs, so that no assignment can starve a train part."""
    sessions = draw(st.integers(4, 9))
    sizes = draw(st.lists(st.integers(5, 30), min_size=sessions, max_size=sessions))
    where = np.repeat(np.arange(sessions), sizes)
    labels = [FIVE[row % 5] if row % 7 else None for row in range(len(where))]
    labels += list(FIVE) * (2 * sessions)
    where = np.concatenate([where, np.repeat(np.arange(sessions), 10)])
    return of_two_corpora(utterances(labels, where.tolist(), seed=draw(st.integers(0, 99))))


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=8)
@given(table=tables(), seed=st.integers(0, 1000))
def test_parts_are_disjoint_and_cover_what_has_a_label(scheme, table, seed):
    table = table.assign(part=[PARTS[row % 3] for row in range(len(table))])
    seed = None if scheme in ("official", "kor-2022") else seed
    split = make_split(table, scheme=scheme, seed=seed, **folds_of(scheme))
    kept = set(table.loc[table["emotion"].notna(), "id"])
    assert split.facts["dropped"] == len(table) - len(kept) > 0
    for fold in range(split.folds):
        parts = [split.ids(part, fold=fold) for part in PARTS]
        assert all(parts)
        assert sorted(itertools.chain(*parts)) == sorted(kept)


@pytest.mark.parametrize("scheme", COVERING)
@settings(deadline=None, max_examples=8)
@given(table=tables(), seed=st.integers(0, 1000))
def test_tests_of_the_folds_hold_every_row_once(scheme, table, seed):
    split = make_split(table, scheme=scheme, seed=seed, **folds_of(scheme))
    tested = [name for fold in range(split.folds) for name in split.ids("test", fold=fold)]
    assert sorted(tested) == sorted(table.loc[table["emotion"].notna(), "id"])


@pytest.mark.parametrize(("scheme", "group"), GROUPED.items())
@settings(deadline=None, max_examples=8)
@given(table=tables(), seed=st.integers(0, 1000))
def test_groups_never_straddle_parts(scheme, group, table, seed):
    rows = columns_of(make_split(table, scheme=scheme, seed=seed, **folds_of(scheme)), table)
    assert (rows.groupby(["fold", group])["part"].nunique() == 1).all()
    if group == "session":
        assert (rows.groupby(["fold", "speaker"])["part"].nunique() == 1).all()


@pytest.mark.parametrize("scheme", COVERING)
@settings(deadline=None, max_examples=5)
@given(table=tables(), seed=st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(scheme, table, seed):
    one = make_split(table, scheme=scheme, seed=seed, **folds_of(scheme))
    shuffled = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    other = make_split(shuffled, scheme=scheme, seed=seed, **folds_of(scheme))
    pd.testing.assert_frame_equal(one.rows, other.rows)
    assert one.digest == other.digest


def folds_of(scheme: str) -> dict[str, int]:
    return {"folds": 3} if scheme in ("session", "speaker", "kfold") else {}


def test_every_corpus_is_tested_by_a_model_that_has_not_seen_it():
    table = of_two_corpora(like_kemdy20(rows=300, sessions=6))
    rows = columns_of(make_split(table, scheme="corpus"), table)
    assert rows[rows["part"] == "test"].groupby("fold")["corpus"].unique().map(list).tolist() == [["A"], ["B"]]
    assert rows[rows["part"] != "test"].groupby("fold")["corpus"].unique().map(list).tolist() == [["B"], ["A"]]


def test_one_corpus_cannot_be_left_out_of_itself():
    with pytest.raises(AnalysisError, match="kemfeat join"):
        make_split(like_kemdy20(rows=300, sessions=6), scheme="corpus")


@pytest.mark.parametrize("scheme", ["session", "speaker", "kfold"])
def test_another_seed_is_another_split(scheme):
    table = like_kemdy20()
    assert make_split(table, scheme=scheme, seed=1).digest != make_split(table, scheme=scheme, seed=2).digest


def test_loso_leaves_each_session_out_once():
    table = like_kemdy20(sessions=6)
    rows = columns_of(make_split(table, scheme="loso"), table)
    assert [set(part["session"]) for _, part in rows[rows["part"] == "test"].groupby("fold")] == [
        {f"s{session:02}"} for session in range(6)
    ]


def worst(rows: pd.DataFrame) -> float:
    """Largest departure of a fold's test from its share, in rows of any class."""
    counts = rows[rows["part"] == "test"].groupby(["fold", "emotion"]).size().unstack(fill_value=0)
    return float((counts - counts.sum() / len(counts)).abs().max(axis=None))


def test_equal_sessions_are_dealt_exactly():
    labels = [*["neutral"] * 12, *["sad"] * 2, *["happy"] * 3, "surprise", "angry"] * 10
    table = utterances(labels, np.repeat(np.arange(10), 19).tolist())
    assert worst(columns_of(make_split(table, folds=5), table)) == 0


def test_a_class_that_few_sessions_have_reaches_every_fold():
    labels, where = [], []
    for session in range(10):
        rare = ["sad", "angry", "surprise", "happy"] if session < 5 else []
        labels += ["neutral"] * 20 + rare
        where += [session] * (20 + len(rare))
    table = utterances(labels, where)
    assert worst(columns_of(make_split(table, folds=5), table)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_stratification_is_no_worse_than_that_of_scikit_learn(seed):
    table = like_kemdy20(rows=3000, sessions=20, seed=seed)
    kept = table[table["emotion"].notna()].reset_index(drop=True)
    peer = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(kept, kept["emotion"], kept["session"])
    tests = pd.concat([kept.loc[test].assign(fold=fold, part="test") for fold, (_, test) in enumerate(peer)])
    ours = columns_of(make_split(table, folds=5, seed=seed), table)
    assert distance(ours) <= distance(tests)


def distance(rows: pd.DataFrame) -> float:
    counts = rows[rows["part"] == "test"].groupby(["fold", "emotion"]).size().unstack(fill_value=0)
    share = counts.sum() / len(counts)
    return float(((counts - share) ** 2 / share).sum(axis=None))


def test_kfold_is_within_one_row_of_its_share():
    table = like_kemdy20()
    assert worst(columns_of(make_split(table, scheme="kfold"), table)) < 1


@settings(deadline=None, max_examples=8)
@given(rows=st.integers(100, 4000), seed=st.integers(0, 99))
def test_kor_2022_is_what_scikit_learn_does(rows, seed):
    labels = np.random.default_rng(seed).choice(["neutral", "happy", "fear", "neutral;sad"], rows)
    table = utterances(labels.tolist(), [0] * rows)
    split = make_split(table, scheme="kor-2022")
    kept = table.loc[table["emotion"].isin(FIVE), "id"].tolist()
    rest, test = train_test_split(kept, test_size=0.2, random_state=1)
    train, valid = train_test_split(rest, test_size=0.1, random_state=1)
    assert [split.ids(part) for part in PARTS] == [train, valid, test]


@settings(deadline=None, max_examples=3)
@given(dropped=st.integers(0, 3000), seed=st.integers(0, 99))
def test_12724_rows_give_the_published_counts(dropped, seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation([*rng.choice(FIVE, 12724), *["neutral;happy"] * dropped])
    table = utterances(labels.tolist(), [0] * len(labels))
    split = make_split(table, scheme="kor-2022")
    assert [len(split.ids(part)) for part in PARTS] == [9161, 1018, 2545]
    assert split.facts["dropped"] == dropped
    assert (split.facts["seed"], split.facts["folds"], split.facts["labels"]) == (1, 1, "5class")


def test_a_tie_counts_as_its_first_emotion():
    table = utterances(["neutral", "sad", "neutral;sad", "sad"] * 10, np.repeat(np.arange(8), 5).tolist())
    split = make_split(table, labels="annotated", folds=4)
    assert split.facts["dropped"] == 0
    assert len(split.ids("test")) + len(split.ids("train")) + len(split.ids("valid")) == 40


def test_kor_2022_needs_the_labels_of_the_corpus():
    table = like_kemdy20().assign(emotion_annotated="neutral")
    with pytest.raises(ConfigError, match="corpus' own labels"):
        make_split(table, scheme="kor-2022")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheme": "sesion"}, "did you mean 'session'"),
        ({"labels": "6class"}, "label rule '6class'"),
        ({"folds": 13}, "13 folds of 12 sessions; expected 2 to 12"),
        ({"folds": 1}, "1 folds of 12 sessions"),
        ({"scheme": "kfold", "folds": 1}, "1 folds of 1140 utterances"),
        ({"scheme": "loso", "folds": 4}, "loso sets folds itself"),
        ({"scheme": "official", "folds": 2}, "official sets folds itself"),
        ({"scheme": "official", "seed": 1}, "official sets seed itself"),
        ({"scheme": "corpus", "folds": 2}, "corpus sets folds itself"),
        ({"scheme": "kor-2022", "seed": 1}, "kor-2022 sets seed itself"),
        ({"scheme": "kor-2022", "labels": "7class"}, "kor-2022 sets labels itself"),
        ({"seed": -1}, "seed -1; expected 0 or more"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_split(like_kemdy20(), **settings)


@pytest.mark.parametrize(("column", "scheme"), [("session", "session"), ("speaker", "speaker"), ("session", "loso")])
@pytest.mark.parametrize("nothing", [None, ""])
def test_rows_without_a_group_are_named(column, scheme, nothing):
    table = like_kemdy20()
    row = int(table["emotion"].notna().argmax())
    table.loc[row, column] = nothing
    with pytest.raises(AnalysisError, match=f"1 utterances have no {column}, such as '{table.loc[row, 'id']}'"):
        make_split(table, scheme=scheme)


def test_a_row_without_group_or_label_is_not_asked_for_a_group():
    table = like_kemdy20()
    table.loc[table["emotion"].isna(), "session"] = None
    assert make_split(table).folds == 5


@pytest.mark.parametrize("scheme", ["session", "speaker", "loso", "kfold"])
def test_a_class_of_one_row_is_absent_where_it_is_tested_and_the_facts_say_so(scheme):
    table = utterances(["neutral"] * 39 + ["sad"], np.repeat(np.arange(8), 5).tolist())
    split = make_split(table, scheme=scheme)
    name = table["id"].iloc[-1]
    held_out = {fold for fold in range(split.folds) if name not in split.ids("train", fold=fold)}
    assert set(split.facts["absent"]) == {(fold, "sad") for fold in held_out}
    assert held_out


@pytest.mark.parametrize("scheme", ["session", "speaker", "loso", "kfold"])
@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_two_sessions_is_in_every_train_part(scheme, seed):
    labels = ["neutral"] * 40
    labels[0] = labels[-1] = "sad"
    table = utterances(labels, np.repeat(np.arange(8), 5).tolist())
    assert make_split(table, scheme=scheme, seed=seed).facts["absent"] == ()


def test_a_class_that_train_could_have_but_never_gets_is_refused():
    table = utterances(["neutral", "sad", "angry", "happy"], range(4))
    table = pd.concat([table, table.assign(id=table["id"] + "b", session=[f"s{(row + 1) % 4:02}" for row in range(4)])])
    with pytest.raises(AnalysisError, match=r"class '\w+' \(2 of 8 rows\) has no row in train of some fold"):
        make_split(table, folds=2)


@pytest.mark.parametrize("sessions", [1, 2, 3])
def test_too_few_sessions_for_three_parts(sessions):
    table = utterances(["neutral", "sad"] * 12, [row % sessions for row in range(24)])
    with pytest.raises((AnalysisError, ConfigError), match=r"so at least 3|leaves 1 for train and valid"):
        make_split(table, folds=2)


def test_nothing_labelled_is_refused():
    with pytest.raises(AnalysisError, match="no utterance has a label"):
        make_split(utterances([None] * 4, [0, 1, 2, 3]))


@pytest.mark.parametrize("scheme", ["session", "loso"])
def test_two_sessions_are_refused_with_a_way_that_works(scheme):
    table = utterances(list(FIVE) * 40, [0] * 100 + [1] * 100)
    with pytest.raises(AnalysisError, match=r"come from 2 sessions, .* `--scheme speaker --folds 2`.*--allow-leakage"):
        make_split(table, scheme=scheme)
    made = make_split(table, scheme="speaker", folds=2)
    speakers = table.set_index("id")["speaker"]
    for fold in range(2):
        parts = [set(speakers[made.ids(part, fold=fold)]) for part in PARTS]
        assert all(parts)
        assert sum(map(len, parts)) == len(set.union(*parts))


def test_the_label_rule_follows_the_corpus():
    table = like_kemdy20()
    assert make_split(table).facts["labels"] == "5class"
    excited = table.assign(votes_excited=0, votes_angry=0)
    assert make_split(excited).facts["labels"] == "4class"


def published(parts: list[str | None]) -> pd.DataFrame:
    """Rows whose corpus says in which part each is."""
    labels = [FIVE[row % 5] for row in range(len(parts))]
    return utterances(labels, [row // 4 for row in range(len(parts))]).assign(part=parts)


@given(st.lists(st.sampled_from(PARTS), min_size=12, max_size=60))
@settings(deadline=None, max_examples=20)
def test_official_parts_are_those_of_the_corpus_row_for_row(parts):
    table = published([*("train",) * 10, "test", *parts])
    split = make_split(table, scheme="official")
    expected = dict(zip(table["id"], table["part"], strict=True))
    assert dict(zip(split.rows["id"], split.rows["part"], strict=True)) == expected
    assert split.folds == 1
    backwards = make_split(table[::-1].reset_index(drop=True), scheme="official")
    assert backwards.digest == split.digest


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (like_kemdy20(), "this corpus has no official parts.*choose another --scheme"),
        (published(["train"] * 20), "no labelled utterance is in the official part 'test'"),
        (published(["test"] * 20), "no labelled utterance is in the official part 'train'"),
        (published(["train"] * 20 + ["dev", "test"]), "is in the part 'dev', expected one of train, valid, test"),
        (published(["train"] * 20 + [None, "test"]), "expected one of train, valid, test"),
    ],
)
def test_official_parts_that_cannot_be(table, message):
    with pytest.raises(AnalysisError, match=message):
        make_split(table, scheme="official")


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=8)
@given(table=tables(), data=st.data())
def test_what_is_excluded_is_in_no_part_and_is_recorded(scheme, table, data):
    table = table.assign(part=[PARTS[row % 3] for row in range(len(table))])
    gone = data.draw(st.lists(st.sampled_from(table["id"].tolist()), min_size=1, max_size=5))
    split = make_split(table, scheme=scheme, exclude=gone, **folds_of(scheme))
    rest = table[~table["id"].isin(gone)]
    assert set(split.rows["id"]) == set(rest.loc[rest["emotion"].notna(), "id"])
    assert split.facts["excluded"] == tuple(sorted(set(gone)))
    assert split.facts["dropped"] == int(rest["emotion"].isna().sum())
    assert split.facts["utterances"] == utterances_digest(table)  # it is a split of the same store


def test_what_cannot_be_excluded_is_refused():
    table = like_kemdy20(rows=200)
    with pytest.raises(ConfigError, match="split: exclude: 1 of 2 ids are not in this store, such as 'u9'"):
        make_split(table, exclude=["u9", table["id"][0]])
    with pytest.raises(AnalysisError, match="no utterance that is not excluded has a label"):
        make_split(table, exclude=table["id"].tolist())
