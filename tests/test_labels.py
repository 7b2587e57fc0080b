import itertools
import re
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, CorpusError
from kemfeat.labels import (
    ALIASES,
    EMOTIONS,
    FIVE_CLASSES,
    apply_rule,
    count_votes,
    join_emotions,
    majority,
    parse_emotions,
)

some_emotions = st.lists(st.sampled_from(EMOTIONS), min_size=1, max_size=7, unique=True)
many_votes = st.lists(some_emotions, max_size=12)


@given(some_emotions)
def test_parse_undoes_join(emotions):
    assert set(parse_emotions(join_emotions(emotions))) == set(emotions)


@given(some_emotions, st.randoms(use_true_random=False))
def test_join_has_one_spelling_per_set(emotions, random):
    shuffled = emotions + emotions[:1]
    random.shuffle(shuffled)
    assert join_emotions(shuffled) == join_emotions(emotions)
    assert join_emotions(parse_emotions(join_emotions(shuffled))) == join_emotions(emotions)


@given(some_emotions)
def test_parsed_emotions_stand_in_the_corpus_order(emotions):
    places = [EMOTIONS.index(emotion) for emotion in parse_emotions(";".join(emotions))]
    assert places == sorted(places)


def test_every_tie_of_the_corpus_is_spelt_canonically():
    ties = """happy;neutral angry;neutral neutral;sad surprise;neutral neutral;disqust neutral;fear happy;surprise
        angry;disqust happy;fear angry;neutral;disqust neutral;disqust;sad angry;neutral;disqust;fear;sad happy;sad
        happy;surprise;neutral happy;angry;neutral happy;neutral;disqust happy;neutral;fear"""
    for tie in ties.split():
        assert join_emotions(parse_emotions(tie)) == tie.replace("disqust", "disgust")


def test_case_spaces_and_the_misspelling_are_read():
    assert parse_emotions(" Disqust ;NEUTRAL") == ("neutral", "disgust")
    assert set(ALIASES.values()) <= set(EMOTIONS)
    assert set(FIVE_CLASSES) < set(EMOTIONS)


@pytest.mark.parametrize("label", ["joy", "", "neutral;", "neutral,sad", "7", "neutral;joy"])
def test_an_unknown_label_is_refused_by_name(label):
    with pytest.raises(CorpusError, match="expected some of happy, surprise") as refusal:
        parse_emotions(label)
    assert repr(label) in str(refusal.value)


def test_nothing_joins_to_nothing_and_the_unknown_not_at_all():
    assert join_emotions(()) == ""
    with pytest.raises(CorpusError, match="'joy'"):
        join_emotions(["neutral", "joy"])


@given(many_votes)
def test_counts_are_the_votes(votes):
    counts = count_votes(votes)
    assert tuple(counts) == EMOTIONS
    assert Counter(itertools.chain(*votes)) == Counter({name: count for name, count in counts.items() if count})


@given(many_votes, st.randoms(use_true_random=False))
def test_the_majority_knows_no_order_of_raters(votes, random):
    shuffled = list(votes)
    random.shuffle(shuffled)
    assert majority(count_votes(shuffled)) == majority(count_votes(votes))


@given(many_votes)
def test_no_emotion_beats_the_majority(votes):
    counts = count_votes(votes)
    most = majority(counts)
    assert bool(most) == bool(votes)
    assert all(counts[name] < counts[most[0]] for name in EMOTIONS if most and name not in most)
    assert len({counts[name] for name in most}) <= 1


@given(st.dictionaries(st.sampled_from(EMOTIONS), st.integers(0, 10)))
def test_a_majority_needs_no_complete_count(counts):
    assert majority(counts) == majority({**dict.fromkeys(EMOTIONS, 0), **counts})


TABLE = pd.DataFrame(
    {
        "emotion_annotated": ["neutral", "happy;sad", "fear", None],
        "emotion": ["neutral", "happy;sad", "fear", None],
        "emotion_first": ["neutral", "happy", "fear", None],
        "majority": [["sad"], ["happy", "sad"], ["fear"], []],
    }
)


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ("annotated", ["neutral", "happy;sad", "fear", None]),
        ("first", ["neutral", "happy", "fear", None]),
        ("7class", ["neutral", None, "fear", None]),
        ("5class", ["neutral", None, None, None]),
        ("votes", ["sad", None, "fear", None]),
    ],
)
def test_a_rule_gives_one_label_or_none_and_says_how_many_it_dropped(rule, labels):
    made = apply_rule(TABLE, rule=rule)
    assert made.tolist() == labels
    assert made.name == "emotion"
    assert made.attrs == {"rule": rule, "dropped": labels.count(None)}


def test_annotated_is_the_corpus_word_whatever_the_store_was_built_with():
    by_votes = TABLE.assign(emotion=["sad", "happy;sad", "fear", None])
    assert apply_rule(by_votes, rule="annotated").tolist() == ["neutral", "happy;sad", "fear", None]


def test_an_unknown_rule_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'votes'"):
        apply_rule(TABLE, rule="vote")


JOINED = pd.DataFrame(
    {
        "corpus": ["A", "B", "A", "B"],
        "emotion": ["excited", "excited", "fear", "sad"],
        "emotion_annotated": ["excited", "excited", "fear", "sad"],
        "emotion_first": ["excited", "excited", "fear", "sad"],
        "emotion_face": ["happy", None, "sad", "sad;happy"],
        "majority": [["happy"], ["sad"], ["fear"], ["sad"]],
    }
)


def test_each_corpus_may_have_a_rule_of_its_own():
    labels = apply_rule(JOINED, rule="A=4class,B=votes")
    assert labels.tolist() == ["happy", "sad", None, "sad"]
    assert labels.attrs == {"rule": "A=4class,B=votes", "dropped": 1}


@pytest.mark.parametrize("rule", ["annotated", "4class", "votes", "emotion_face"])
def test_one_rule_for_all_is_the_same_rule_for_each(rule):
    one, each = apply_rule(JOINED, rule=rule), apply_rule(JOINED, rule=f"B={rule}, A={rule}")
    assert one.tolist() == each.tolist()


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("A=4class", "the corpora of this store are A, B; pass one rule for each: A=RULE,B=RULE"),
        ("A=4class,B=votes,C=votes", "the corpora of this store are A, B"),
        ("A=4class,A=votes,B=votes", "the corpora of this store are A, B"),
        ("A=4class,B=vote", "label rule 'vote'; did you mean 'votes'"),
        ("A=4class,B=A=votes", "label rule 'A=votes'"),
    ],
)
def test_rules_of_other_corpora_are_refused(rule, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        apply_rule(JOINED, rule=rule)


def test_a_store_of_one_corpus_has_one_rule():
    with pytest.raises(ConfigError, match="this store is of one corpus; pass one rule"):
        apply_rule(JOINED.drop(columns="corpus"), rule="A=4class")


def test_a_further_column_of_labels_is_a_rule_where_there_is_one():
    assert apply_rule(JOINED, rule="emotion_face").tolist() == ["happy", None, "sad", "sad;happy"]
    with pytest.raises(ConfigError, match=r"'emotion_fac'; did you mean 'emotion_face'"):
        apply_rule(JOINED, rule="emotion_fac")
    with pytest.raises(ConfigError, match="label rule 'emotion_text'"):
        apply_rule(JOINED, rule="emotion_text")
