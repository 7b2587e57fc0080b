"""Ratings in a long table: one row for each utterance and rater."""

import random

import pytest

from kemfeat.corpora import open_reader
from kemfeat.errors import CorpusError
from tests.corpora.folder.kit import build, read

SAID = [
    ("u1", "r1", "happy", "4", "2"),
    ("u1", "r2", "sad;기쁨", "3.5", ""),
    ("u2", "r1", "neutral", "", ""),
    ("u2", "r2", "", "", ""),
    ("u3", "r1", "", "1", "1"),
]


def write_ratings(root, rows=SAID, header="utterance,rater,emotion,valence,arousal"):
    (root / "ratings.csv").write_text("\n".join([header, *map(",".join, rows)]) + "\n")


def test_a_rating_is_a_row(private):
    write_ratings(private)
    manifest, found = read(private)
    ratings = manifest.ratings
    assert list(zip(ratings["id"], ratings["rater"], strict=True)) == [
        ("u1", "r1"),
        ("u1", "r2"),
        ("u2", "r1"),
        ("u3", "r1"),
    ]
    assert ratings["emotion"].tolist()[:3] == ["happy", "happy;sad", "neutral"]
    assert ratings["valence"].tolist()[::3] == [4.0, 1.0]
    votes = manifest.labelled("votes").utterances
    assert votes["emotion"].tolist()[:2] == ["happy", "neutral"]
    assert votes["votes_happy"].tolist() == [2, 0, 0]
    assert "lost-row" not in found


def test_a_long_table_says_what_columns_of_raters_say(private):
    write_ratings(private)
    long, _ = read(private)
    (private / "ratings.csv").unlink()
    text = (private / "utterances.csv").read_text().splitlines()
    wide = {name: {rater: said for each, rater, *said in SAID if each == name} for name in ("u1", "u2", "u3")}
    heads = [f"rater{rater}_{what}" for rater in ("r1", "r2") for what in ("emotion", "valence", "arousal")]
    lines = [",".join([text[0], *heads])]
    for line in text[1:]:
        own = wide[line.partition(",")[0]]
        lines.append(",".join([line, *own.get("r1", ["", "", ""]), *own.get("r2", ["", "", ""])]))
    (private / "utterances.csv").write_text("\n".join(lines) + "\n")
    assert read(private)[0].ratings.equals(long.ratings)


def test_the_order_of_the_rows_of_utterances_does_not_matter(private):
    write_ratings(private)
    one, _ = read(private)
    shuffled = SAID.copy()
    random.Random(1).shuffle(shuffled)
    write_ratings(private, sorted(shuffled, key=lambda row: row[1]))
    assert read(private)[0].ratings.equals(one.ratings)


def test_a_store_is_built_again_when_a_rating_changes(private, tmp_path):
    write_ratings(private)
    assert "ratings.csv" in open_reader("folder", root=private).sources(private)["annotation"]
    first = build(private, tmp_path / "store").store.digest
    write_ratings(private, [("u1", "r1", "angry", "4", "2"), *SAID[1:]])
    assert build(private, tmp_path / "store").store.digest != first


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (("u9", "r1", "sad", "", ""), "unknown-utterance"),
        (("", "r1", "sad", "", ""), "unknown-utterance"),
        (("u1", "r1", "sad", "", ""), "duplicate-rating"),
        (("u3", "", "sad", "", ""), "malformed-name"),
        (("u3", "r2", "sad", "high", ""), "bad-number"),
        (("u3", "r2", "s@d", "", ""), "unknown-label"),
        (("u3", "r2", "sad"), "malformed-row"),
    ],
)
def test_a_wrong_row_is_refused_or_left_out_by_name(private, row, rule):
    write_ratings(private, [*SAID, row])
    with pytest.raises(CorpusError, match=rf"ratings.csv:7.*{rule}"):
        read(private)
    manifest, found = read(private, on_error="skip")
    assert found[rule] == 1
    assert any("ratings.csv:7" in fault for fault in manifest.faults)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("who,rater,emotion,valence,arousal", "expected 'utterance', 'rater' and some of"),
        ("id,worker,emotion,valence,arousal", "found the columns 'id', 'worker'"),
        ("id,rater,mood,pleasure,energy", "name them so, or rename the file"),
        ("id,rater,emotion,valance,arousal", "found the column 'valance'; did you mean 'valence'"),
        ("", "found the columns"),
    ],
)
def test_a_table_of_something_else_is_refused(private, header, sentence):
    write_ratings(private, header=header)
    with pytest.raises(CorpusError, match=rf"ratings.csv:1: .*{sentence}"):
        read(private)


def test_columns_of_raters_and_a_long_table_are_one_too_many(private):
    write_ratings(private)
    text = (private / "utterances.csv").read_text().splitlines()
    lines = [f"{text[0]},rater1_emotion", *(f"{line},sad" for line in text[1:])]
    (private / "utterances.csv").write_text("\n".join(lines))
    with pytest.raises(CorpusError, match="keep one of them"):
        read(private)


def test_a_link_out_of_the_folder_is_not_followed(private, tmp_path):
    (tmp_path / "outside.csv").write_text("utterance,rater,emotion\nu1,r1,sad\n")
    (private / "ratings.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(CorpusError, match="leads by a link to"):
        read(private)
