"""System 1's plan on the published counts, sampling weights, and the guard around the train part."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.learn.augment import (
    FrequencyNoise,
    RandomDeletion,
    RandomSwap,
    check_rows,
    kor_2022_augmentations,
    kor_2022_plan,
    sampling_weights,
    weighted_places,
    weighted_plan,
)
from kemfeat.splits import Split

few = settings(deadline=None, max_examples=30)
PUBLISHED = {"surprise": 115, "angry": 98, "sad": 81, "happy": 837, "neutral": 8030}
"""Rare classes of the published training part; the others fill its 9,161 rows."""
emotions = st.lists(st.sampled_from([*PUBLISHED, None]), min_size=1, max_size=50)


def published():
    labels = [name for name, count in PUBLISHED.items() for _ in range(count)]
    return np.random.default_rng(0).permutation(np.array(labels, dtype=object)).tolist()


def test_the_published_rows_grow_as_published():
    labels = published()
    assert len(labels) == 9161
    rows = np.random.default_rng(1).permutation(13462)[:9161]
    plan = kor_2022_plan(rows, labels)
    assert len(plan) == len(plan.rows) == len(plan.copies) == 10_043
    label_of = dict(zip(rows.tolist(), labels, strict=True))
    counts = Counter(label_of[row] for row in plan.rows.tolist())
    assert counts == {"surprise": 460, "angry": 392, "sad": 324, "happy": 837, "neutral": 8030}
    assert np.bincount(plan.copies).tolist() == [9161, 294, 294, 294]


@given(emotions)
@few
def test_originals_come_first_and_every_copy_once(labels):
    rows = np.arange(len(labels))[::-1] + 7
    plan = kor_2022_plan(rows, labels)
    assert plan.rows[: len(rows)].tolist() == rows.tolist()
    assert not plan.copies[: len(rows)].any()
    pairs = Counter(zip(plan.rows.tolist(), plan.copies.tolist(), strict=True))
    rare = {row for row, label in zip(rows.tolist(), labels, strict=True) if label in ("surprise", "angry", "sad")}
    assert pairs == Counter({(row, copy): 1 for row in rows.tolist() for copy in (range(4) if row in rare else [0])})


def test_labels_that_are_missing_are_common():
    assert len(kor_2022_plan([0, 1, 2], pd.Series([None, "sad", pd.NA], dtype="str").tolist())) == 6


def test_the_copies_are_told_apart_by_the_augmentations():
    assert kor_2022_augmentations(("mel", "tokens")) == (
        RandomSwap(copies=(1,)),
        FrequencyNoise(copies=(2, 3)),
        RandomDeletion(copies=(3,)),
    )
    assert kor_2022_augmentations(("mel", "delta"), faithful=True) == (FrequencyNoise(copies=(2, 3), faithful=True),)
    assert kor_2022_augmentations(("tokens",)) == (RandomSwap(copies=(1,)), RandomDeletion(copies=(3,)))


def test_rows_and_emotions_belong_together():
    with pytest.raises(ConfigError, match="found 3 emotions for rows of shape"):
        kor_2022_plan([1, 2], ["sad"] * 3)
    with pytest.raises(ConfigError, match="found 3 emotions for rows of shape"):
        weighted_plan([1, 2], ["sad"] * 3, seed=0, epoch=0)


@given(emotions, st.floats(0, 3))
@few
def test_weights_sum_to_one_and_power_decides(labels, power):
    weights = sampling_weights(labels, power=power)
    np.testing.assert_allclose(weights.sum(), 1)
    counts = Counter(labels)
    share = {name: sum(w for w, label in zip(weights, labels, strict=True) if label == name) for name in counts}
    total = sum(count ** (1 - power) for count in counts.values())
    for name, count in counts.items():
        np.testing.assert_allclose(share[name], count ** (1 - power) / total)


@pytest.mark.parametrize(("labels", "power"), [([], 1.0), (["sad"], -1.0), (["sad"], np.nan), (["sad"], np.inf)])
def test_weights_of_nothing_are_refused(labels, power):
    with pytest.raises(ConfigError, match="expected one row or more and a power from 0 on"):
        sampling_weights(labels, power=power)


def test_drawn_places_are_balanced_and_a_function_of_seed_and_epoch():
    labels = published()
    weights = sampling_weights(labels)
    places = weighted_places(weights, seed=3, epoch=2)
    assert len(places) == len(labels)
    counts = Counter(labels[place] for place in places)
    assert all(abs(count - 9161 / 5) < 5 * (9161 * 0.2 * 0.8) ** 0.5 for count in counts.values())
    assert np.array_equal(places, weighted_places(weights, seed=3, epoch=2))
    for other in ({"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 3}):
        assert not np.array_equal(places, weighted_places(weights, **other))


@pytest.mark.parametrize("wrong", [{"seed": -1, "epoch": 0}, {"seed": 0, "epoch": 1.5}])
def test_seeds_and_epochs_are_whole_numbers(wrong):
    with pytest.raises(ConfigError, match="expected a whole number from 0 on"):
        weighted_places(sampling_weights(["sad"]), **wrong)


@given(emotions, st.integers(0, 9))
@few
def test_a_row_that_is_drawn_again_is_the_next_copy(labels, epoch):
    rows = np.arange(len(labels))[::-1] * 3 + 5
    plan = weighted_plan(rows, labels, seed=1, epoch=epoch)
    places = weighted_places(sampling_weights(labels), seed=1, epoch=epoch)
    assert plan.rows.tolist() == rows[places].tolist()
    seen = Counter()
    for row, copy in zip(plan.rows.tolist(), plan.copies.tolist(), strict=True):
        assert copy == seen[row]
        seen[row] += 1


@pytest.fixture(scope="module")
def split():
    parts = ["train", "train", "valid", "test", "train"]
    rows = pd.DataFrame({"fold": 0, "id": list("abcde"), "part": parts})
    return Split(rows, {"scheme": "own", "folds": 1, "seed": 0, "labels": None})


def test_train_rows_pass_however_often_they_stand_there(split):
    assert check_rows([0, 4, 4, 1], split, ids=list("abcdef")) is None
    assert check_rows([2], split, ids=list("abcdef"), part="valid") is None


@pytest.mark.parametrize(("rows", "said"), [([0, 3], r"3 \(d\)"), ([5], r"5 \(f\)"), ([9, 1], r"9 \(no row")])
def test_rows_outside_of_train_are_refused(split, rows, said):
    with pytest.raises(ConfigError, match=f"1 rows are not in train of fold 0, such as {said}"):
        check_rows(rows, split, ids=list("abcdef"))


def test_balance_and_settings_need_no_torch():
    code = "import sys, kemfeat.learn.augment as a; a.kor_2022_plan; a.SpecAugment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
