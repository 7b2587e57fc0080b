import hashlib
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.labels import EMOTIONS, FIVE_CLASSES, count_votes, join_emotions, majority, parse_emotions
from kemfeat.manifest import RATINGS, READ_COLUMNS, SIGNALS, Manifest

quick = settings(deadline=None, max_examples=30)
labels = st.one_of(
    st.none(), st.lists(st.sampled_from(EMOTIONS), min_size=1, max_size=3, unique=True).map(join_emotions)
)
corpora = st.lists(st.tuples(labels, st.lists(labels, max_size=4)), max_size=6)


def manifest(rows):
    """A manifest of utterances with a final label and their raters' labels."""
    names = [f"Sess01_script01_User001F_{number:03d}" for number, _ in enumerate(rows, start=1)]
    utterances = pd.DataFrame({name: [None] * len(rows) for name in READ_COLUMNS.names}, dtype=object)
    utterances = utterances.assign(
        id=names,
        text=[f"안녕 {name}" for name in names],
        start=np.arange(len(rows)) / 3,
        valence=[math.nan if number % 2 else 3.4 for number in range(len(rows))],
        emotion=pd.Series([label for label, _ in rows], dtype=object),
    )
    ratings = [
        (name, f"Eval{rater:02d}", "F", label, 3.0, 1 / 3)
        for name, (_, votes) in zip(names, rows, strict=True)
        for rater, label in enumerate(votes, start=1)
    ]
    return Manifest("KEMDy20", utterances, pd.DataFrame(ratings, columns=RATINGS.names))


@quick
@given(corpora, st.dictionaries(st.sampled_from(EMOTIONS), st.sampled_from([*EMOTIONS, "calm", "긴장"])))
def test_renaming_moves_every_label_and_vote_and_loses_none(rows, words):
    before, after = manifest(rows), manifest(rows).renamed({word.upper(): name for word, name in words.items()})
    assert after.vocabulary == (*EMOTIONS, *sorted(set(words.values()) - set(EMOTIONS)))
    for old, new in ((before.utterances, after.utterances), (before.ratings, after.ratings)):
        assert old.drop(columns="emotion").equals(new.drop(columns="emotion"))
        for label, renamed in zip(old["emotion"], new["emotion"], strict=True):
            expected = {words.get(part, part) for part in label.split(";")} if isinstance(label, str) else set()
            assert (set(renamed.split(";")) if isinstance(renamed, str) else set()) == expected
    assert manifest(rows).renamed({}).fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"ang": "angry"}, r"labels\.map: found 'ang', not an emotion of KEMDy20; did you mean 'angry'"),
        ({"sad": " "}, r"labels\.map\.sad: found '', expected one emotion"),
        ({"sad": "sad;fear"}, "expected one emotion"),
    ],
)
def test_a_map_that_cannot_be_followed_is_refused(words, sentence):
    with pytest.raises(ConfigError, match=sentence):
        manifest(SMALL).renamed(words)


SMALL = [("neutral", ["neutral", "sad"]), ("happy;sad", ["happy"]), (None, [])]


@quick
@given(corpora)
def test_labels_are_derived_as_the_label_laws_say(rows):
    table = manifest(rows).labelled("annotated").utterances
    assert len(table) == len(rows)
    for (label, votes), row in zip(rows, table.itertuples(), strict=True):
        counts = count_votes(parse_emotions(vote) for vote in votes if vote)
        named = parse_emotions(label) if label else ()
        assert {emotion: getattr(row, f"votes_{emotion}") for emotion in EMOTIONS} == counts
        assert tuple(row.majority) == majority(counts)
        assert row.emotion_annotated == row.emotion or (pd.isna(row.emotion) and pd.isna(row.emotion_annotated))
        assert row.emotion_first == named[0] if named else pd.isna(row.emotion_first)
        assert row.is_tie == (len(named) > 1)
        assert row.in_5class == (label in FIVE_CLASSES)


@quick
@given(corpora)
def test_by_votes_the_label_is_the_majority(rows):
    table = manifest(rows).labelled("votes").utterances
    for row in table.itertuples():
        assert join_emotions(row.majority) == ("" if pd.isna(row.emotion) else row.emotion)


@quick
@given(corpora)
def test_rules_follow_each_other_without_loss(rows):
    once = manifest(rows).labelled("annotated")
    again = manifest(rows).labelled("votes").labelled("annotated")
    assert again.fingerprint == once.fingerprint


def test_a_manifest_is_left_alone():
    source = manifest(SMALL)
    before = source.fingerprint
    source.labelled("votes")
    assert source.fingerprint == before
    assert "majority" not in source.utterances


def test_ratings_of_nobody_count_for_nobody():
    source = manifest(SMALL)
    stray = source.ratings.assign(id="Sess01_script01_User001F_999")
    both = Manifest("KEMDy20", source.utterances, pd.concat([source.ratings, stray]))
    assert both.labelled("votes").utterances.equals(source.labelled("votes").utterances)


def test_an_empty_corpus_has_labels_too():
    table = manifest([]).labelled("votes").utterances
    assert len(table) == len(manifest([])) == 0
    assert {"majority", "emotion_first", "is_tie", "in_5class", "votes_sad"} <= set(table)


class TestFingerprint:
    def test_it_is_the_same_for_the_same_content(self):
        assert manifest(SMALL).fingerprint == manifest(SMALL).fingerprint
        assert len(manifest(SMALL).fingerprint) == 64

    def test_it_is_known(self):
        """Stores hold it: a change here is a change of the format, to be made knowingly."""
        tables = pd.DataFrame({"id": ["가"], "x": [0.1]}), pd.DataFrame({"id": ["a"], "y": [None], "z": [["b"]]})
        text = '"K"\n["id", ["\\uac00"]]["x", [0.1]]\n["id", ["a"]]["y", [null]]["z", [["b"]]]'
        assert Manifest("K", *tables).fingerprint == hashlib.sha256(text.encode()).hexdigest()

    @pytest.mark.parametrize("labelled", [False, True])
    def test_every_cell_counts(self, labelled):
        source = manifest(SMALL).labelled("annotated") if labelled else manifest(SMALL)
        seen = {source.fingerprint}
        for which in ("utterances", "ratings"):
            table = getattr(source, which)
            for row in range(len(table)):
                for name in table:
                    seen.add(self.with_cell(source, which, row, name).fingerprint)
        assert len(seen) == 1 + sum(table.size for table in (source.utterances, source.ratings))

    @staticmethod
    def with_cell(source, which, row, name):
        table = getattr(source, which).copy()
        cells = table[name].tolist()
        cells[row] = changed(cells[row], number=pd.api.types.is_float_dtype(table[name]))
        table[name] = cells
        tables = {"utterances": source.utterances, "ratings": source.ratings, which: table}
        return Manifest(source.corpus, tables["utterances"], tables["ratings"])

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ([None, "a"], ["", "a"]),
            ([None, "a"], ["None", "a"]),
            ([math.nan, 1.0], [0.0, 1.0]),
            ([0.1], [np.nextafter(0.1, 1)]),
            ([1e300], [np.nextafter(1e300, np.inf)]),
            ([0.0], [-0.0]),
            ([["a", "b"]], [["a;b"]]),
            ([["a"], []], [[], ["a"]]),
            ([[]], [None]),
            (["a", "b"], ["b", "a"]),
            (["1"], [1]),
            ([True], [1]),
            (["é"], ["e\u0301"]),
        ],
    )
    def test_near_is_not_equal(self, one, other):
        assert self.of(one) != self.of(other)

    def test_missing_is_missing(self):
        assert self.of([None, "a"]) == self.of([math.nan, "a"]) == self.of(pd.array([pd.NA, "a"], dtype="string"))
        assert self.of([None, 1.0]) == self.of([math.nan, 1.0])

    def test_names_order_and_borders_of_tables_count(self):
        cells = pd.DataFrame({"a": [1], "b": [2]})
        tables = {
            "as it is": (cells, cells),
            "another name": (cells.rename(columns={"a": "c"}), cells),
            "another order": (cells[["b", "a"]], cells),
            "one column moved over": (cells[["a"]], cells.assign(b2=2)),
            "no ratings": (cells, cells[:0]),
        }
        prints = {Manifest("K", *pair).fingerprint for pair in tables.values()}
        prints.add(Manifest("L", cells, cells).fingerprint)
        assert len(prints) == len(tables) + 1

    def test_the_index_of_pandas_is_no_content(self):
        source = manifest(SMALL)
        moved = Manifest(source.corpus, source.utterances.set_index(pd.Index([7, 8, 9])), source.ratings)
        assert moved.fingerprint == source.fingerprint

    def test_a_trip_through_parquet_changes_nothing(self, tmp_path):
        source = manifest(SMALL).labelled("votes")
        tables = []
        for name in ("utterances", "ratings"):
            getattr(source, name).to_parquet(tmp_path / name)
            tables.append(pd.read_parquet(tmp_path / name))
        assert Manifest(source.corpus, *tables).fingerprint == source.fingerprint

    @staticmethod
    def of(cells):
        return Manifest("K", pd.DataFrame({"x": pd.Series(cells)}), pd.DataFrame({"y": ["z"]})).fingerprint


def changed(cell, *, number):
    """A cell of the same kind with another content."""
    if isinstance(cell, list):
        return [*cell, "x"]
    if isinstance(cell, bool):
        return not cell
    if pd.isna(cell):
        return 0.0 if number else "x"
    return f"{cell} " if isinstance(cell, str) else cell + 1


def test_a_reader_s_columns_and_a_rating_s_have_one_key():
    assert READ_COLUMNS.names[0] == RATINGS.names[0] == SIGNALS.names[0] == "id"
    for schema in (READ_COLUMNS, RATINGS, SIGNALS):
        assert len(set(schema.names)) == len(schema.names)
