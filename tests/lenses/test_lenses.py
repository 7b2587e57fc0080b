"""Each lens finds what was put into a corpus for it, and nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.errors import AnalysisError
from kemfeat.lenses import (
    Suspect,
    clipped,
    findings,
    foremost,
    longest,
    near_duplicates,
    predictions_of,
    quietest,
    rater_disagreement,
    rater_outliers,
)
from kemfeat.lenses._clips import clipped_samples, measured
from kemfeat.lenses.rater_disagreement import entropy
from kemfeat.lenses.rater_outliers import distances
from kemfeat.lenses.suspect_labels import LENS as SUSPECTS
from kemfeat.lenses.suspect_labels import confident_classes
from tests.lenses import kit


@pytest.mark.parametrize(
    ("lens", "planted"),
    [
        (clipped, {kit.LOUD}),
        (near_duplicates, {kit.COPY, kit.OF}),
        (rater_disagreement, {kit.DISPUTED, kit.DISSENT}),
        (rater_outliers, {kit.DISSENT}),
        (findings, {kit.LOUD, kit.QUIET, kit.COPY}),
    ],
)
def test_what_was_planted_is_found_and_nothing_else(lens, planted, context):
    assert set(lens.LENS.find(context)["id"]) == planted


@pytest.mark.parametrize(("lens", "planted"), [(longest, kit.LONG), (quietest, kit.QUIET)])
def test_the_most_extreme_comes_first(lens, planted, context):
    found = lens.LENS.find(context)
    assert found["id"].iloc[0] == planted
    assert 0 < len(found) <= 10


def test_only_the_contradicted_label_is_suspect(context):
    found = SUSPECTS.find(context)
    assert found["id"].tolist() == [kit.OF]
    assert found["score"].iloc[0] == pytest.approx(0.7)
    assert "p = 0.80" in found["why"].iloc[0]


def test_near_duplicates_name_each_other(context):
    why = near_duplicates.LENS.find(context).set_index("id")["why"]
    assert kit.OF in why[kit.COPY]
    assert kit.COPY in why[kit.OF]


def test_the_outlier_is_named(context):
    assert rater_outliers.LENS.find(context)["why"].iloc[0] == (
        "r4 rated valence 5, the median of 4 others is 3 (z = 4.0)"
    )


def test_problems_come_before_cautions(context):
    assert findings.LENS.find(context)["score"].tolist() == [3.0, 2.0, 2.0]


def confident_slowly(chances, labels):
    """Northcutt, Jiang and Chuang (2021), one example and class at a time."""
    classes = range(len(chances[0]))
    members = {j: [row[j] for row, label in zip(chances, labels, strict=True) if label == j] for j in classes}
    found = []
    for row in chances:
        above = [j for j in classes if members[j] and row[j] >= np.mean(members[j])]
        found.append(max(above, key=lambda j: row[j]) if above else -1)
    return found


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 40))
def test_confident_classes_are_those_of_the_paper(seed, classes, count):
    rng = np.random.default_rng(seed)
    chances, labels = rng.dirichlet(np.ones(classes), count), rng.integers(0, classes, count)
    assert confident_classes(chances, labels)[0].tolist() == confident_slowly(chances, labels)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda table: table.assign(part=["train", *table["part"][1:]]),
            "of utterances that the model was trained",
        ),
        (lambda table: table.assign(id=["elsewhere", *table["id"][1:]]), "does not have 1 .* 'elsewhere'"),
        (lambda table: table.assign(p_sad=np.nan), "sum to 1"),
        (lambda table: table.assign(p_sad=2.0), "sum to 1"),
        (lambda table: table.drop(columns=["p_happy", "p_sad", "p_angry"]), "a probability for each class"),
        (lambda table: pd.concat([table, table.assign(emotion="sad")]), "different labels"),
    ],
)
def test_predictions_that_cannot_be_trusted_are_refused(change, said, context):
    changed = replace(context, predictions=change(context.predictions))
    with pytest.raises(AnalysisError, match=said):
        SUSPECTS.find(changed)


def test_the_table_of_a_run_is_read_with_its_part():
    table = pd.DataFrame(
        {"id": ["a"], "part": ["train"], "fold": [0], "session": ["s"], "speaker": ["p"], "emotion_true": ["sad"]}
    ).assign(emotion_pred="happy", p_sad=0.3, p_happy=0.7, logit_sad=0.0)
    made = predictions_of(table, run="runs/a")
    assert list(made) == ["id", "emotion", "predicted", "p_sad", "p_happy", "fold", "part", "run"]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=5))
def test_entropy_is_between_none_and_that_of_equal_votes(counts):
    bits = entropy(np.array([counts], dtype=float))[0]
    if sum(counts) < 2:
        assert np.isnan(bits)
    else:
        assert -1e-12 <= bits <= np.log2(len(counts)) + 1e-12


@given(st.lists(st.integers(1, 5), min_size=4, max_size=9), st.integers(0, 3))
def test_distances_are_those_of_one_rating_at_a_time(ratings, absent):
    row = np.array([*ratings, *[np.nan] * absent], dtype=float)
    found = distances(row[None])[0]
    for place, rating in enumerate(ratings):
        others = sorted(ratings[:place] + ratings[place + 1 :])
        middle = np.median(others)
        spread = max(1.4826 * np.median([abs(each - middle) for each in others]), 0.5)
        assert found[place] == pytest.approx(abs(rating - middle) / spread)
    assert np.isnan(found[len(ratings) :]).all()


@pytest.mark.parametrize(
    ("samples", "count"),
    [
        ([1, 1, 1], 3),
        ([1, 1, 0.5, 1], 0),
        ([1, 1, -1, -1], 0),
        ([0.2, -1, -1, -1, -1, 0.1, 1, 1, 1], 7),
        ([0, 0, 0, 0], 0),
        ([32767 / 32768] * 5, 5),
        ([0.99] * 5, 0),
    ],
)
def test_clipped_samples_are_runs_at_full_scale(samples, count):
    assert clipped_samples(np.array(samples, np.float32)) == count


def test_another_corpus_is_refused(context, tmp_path):
    with pytest.raises(AnalysisError, match="none of the 16 audio files"):
        measured(context.store, tmp_path)
    (tmp_path / "utt00.wav").write_bytes(b"RIFF")
    with pytest.raises(AnalysisError, match=r"utt00\.wav has 4 bytes and had"):
        clipped.LENS.find(replace(context, root=tmp_path))


def test_a_link_out_of_the_corpus_is_not_followed(context, tmp_path):
    for path in context.root.glob("*.wav"):
        (tmp_path / path.name).symlink_to(path)
    with pytest.raises(AnalysisError, match="none of the 16 audio files"):
        measured(context.store, tmp_path)


def test_a_name_that_would_steer_a_terminal_is_escaped(context):
    steering = context.findings.head(1).assign(examples=[(f"{kit.LOUD}.txt: \x1b[2J",)])
    found = findings.LENS.find(replace(context, findings=steering))
    assert len(found) == 1
    assert found["why"].iloc[0].isprintable()


@given(st.lists(st.floats(0, 9), min_size=0, max_size=40))
def test_the_foremost_are_the_largest(scores):
    found = foremost(Suspect(str(place), score, "") for place, score in enumerate(scores))
    above = [score for score in scores if score > np.median(scores)]
    assert [each.score for each in found] == sorted(above, reverse=True)[:10]
