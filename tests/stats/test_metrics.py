"""Metrics against scikit-learn, the published confusion of system 1, the textbook's formulas, and their own laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from kemfeat.errors import ConfigError
from kemfeat.stats.metrics import CONFIDENCE, RESAMPLES, classification, difference, regression

CLASSES = ("neutral", "sad", "happy", "surprise", "angry")
PUBLISHED = np.array([[2198, 2, 12, 11, 7], [26, 6, 0, 0, 0], [141, 2, 76, 2, 2], [25, 0, 2, 3, 0], [26, 0, 0, 1, 2]])
"""Printed in the notebook of system 1: rows true, columns predicted."""

quick = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)


def utterances(confusion):
    """Truth and predictions that have this confusion."""
    true, said = (np.repeat(index.ravel(), confusion.ravel()) for index in np.indices(confusion.shape))
    return [CLASSES[at] for at in true], [CLASSES[at] for at in said]


def drawn_classes(seed, *, classes=CLASSES, speakers=6, n=120, right=0.5):
    rng = np.random.default_rng(seed)
    true = rng.choice(classes, n)
    said = np.where(rng.random(n) < right, true, rng.choice(classes, n))
    return true, said, rng.integers(speakers, size=n)


def drawn_numbers(seed, *, speakers=6, n=120):
    rng = np.random.default_rng(seed)
    true = rng.uniform(1, 5, n)
    return true, 0.6 * true + rng.normal(1, 0.5, n), rng.integers(speakers, size=n)


def values(result):
    return {name: score.value for name, score in result.scores.items()}


class TestPublishedConfusion:
    true, said = utterances(PUBLISHED)

    def test_has_the_recomputed_numbers(self):
        found = classification(self.true, self.said, classes=CLASSES, speakers=np.arange(2544) % 16)
        assert found.confusion.tolist() == PUBLISHED.tolist()
        assert values(found) == pytest.approx(
            {"accuracy": 0.8982, "weighted_f1": 0.8782, "macro_f1": 0.389, "uar": 0.337, "mcc": 0.4249}, abs=5e-4
        )
        assert found.per_class["recall"].to_numpy() == pytest.approx([0.986, 0.188, 0.341, 0.100, 0.069], abs=5.1e-4)
        assert found.scores["accuracy"].n == 2544

    def test_slides_called_precision_accuracy(self):
        per_class = classification(self.true, self.said, classes=CLASSES, speakers=["one"] * 2544).per_class
        precision = per_class.set_index("class")["precision"]
        assert precision[["neutral", "happy", "sad"]].tolist() == pytest.approx([0.9098, 0.8444, 0.6], abs=5e-5)

    def test_its_majority_baseline(self):
        found = values(classification(self.true, ["neutral"] * 2544, classes=CLASSES, speakers=["one"] * 2544))
        assert (found["accuracy"], found["weighted_f1"]) == pytest.approx((0.8766, 0.8189), abs=5e-5)
        assert found["uar"] == pytest.approx(1 / 5)


@pytest.mark.parametrize("seed", range(4))
def test_classification_is_scikit_learns(seed):
    true, said, who = drawn_classes(seed)
    found = classification(true, said, classes=CLASSES, speakers=who)
    assert values(found) == pytest.approx(
        {
            "accuracy": oracle.accuracy_score(true, said),
            "uar": oracle.balanced_accuracy_score(true, said),
            "macro_f1": oracle.f1_score(true, said, average="macro"),
            "weighted_f1": oracle.f1_score(true, said, average="weighted"),
            "mcc": oracle.matthews_corrcoef(true, said),
        }
    )
    assert values(found)["accuracy"] == pytest.approx(oracle.f1_score(true, said, average="micro"))
    assert found.confusion.tolist() == oracle.confusion_matrix(true, said, labels=CLASSES).tolist()
    rates = oracle.precision_recall_fscore_support(true, said, labels=CLASSES)
    for name, expected in zip(("precision", "recall", "f1", "support"), rates, strict=True):
        assert found.per_class[name].to_numpy() == pytest.approx(expected)


def test_absent_and_unsaid_classes_are_not_defined_and_count_for_no_mean():
    true, said = ["sad"] * 3 + ["happy"], ["sad", "sad", "angry", "sad"]
    found = classification(true, said, classes=CLASSES, speakers=list("aabb"))
    table = found.per_class.set_index("class")
    assert table["support"].tolist() == [0, 3, 1, 0, 0]
    assert table["recall"].isna().tolist() == table["f1"].isna().tolist() == [True, False, False, True, True]
    assert table["precision"].isna().tolist() == [True, False, True, True, False]
    assert values(found)["uar"] == pytest.approx((2 / 3 + 0) / 2)
    assert values(found)["macro_f1"] == pytest.approx(
        oracle.f1_score(true, said, labels=["sad", "happy"], average="macro", zero_division=0)
    )
    assert found.remarks[1].startswith(
        "no utterance is truly neutral, surprise, angry: UAR and macro F1 are means over"
    )


@pytest.mark.parametrize("seed", range(4))
def test_regression_is_the_textbooks(seed):
    x, y, who = drawn_numbers(seed)
    lin = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert values(regression(x, y, speakers=who)) == pytest.approx(
        {
            "ccc": lin,
            "rmse": oracle.root_mean_squared_error(x, y),
            "mae": oracle.mean_absolute_error(x, y),
            "pearson": np.corrcoef(x, y)[0, 1],
        }
    )


def test_concordance_of_a_worked_example():
    """By hand: means 3 and 4, variances 2 and 2, covariance 2: 2 * 2 / (2 + 2 + 1)."""
    assert values(regression([1, 2, 3, 4, 5], [2, 3, 4, 5, 6], speakers=list("aabbb")))["ccc"] == pytest.approx(0.8)


def test_constants():
    constant = values(regression([1.1, 2.2, 3.3], [2.2, 2.2, 2.2], speakers=list("abc")))
    assert constant["ccc"] == 0
    assert np.isnan(constant["pearson"])
    same = values(regression([0.3] * 3, [0.3] * 3, speakers=list("abc")))
    assert np.isnan(same["ccc"])
    assert same["rmse"] == 0


class TestLaws:
    @quick
    @given(seeds)
    def test_order_of_utterances_does_not_matter(self, seed):
        true, said, who = drawn_classes(seed)
        x, y, _ = drawn_numbers(seed)
        order = np.random.default_rng(seed).permutation(len(true))
        one = classification(true, said, classes=CLASSES, speakers=who, resamples=50)
        other = classification(true[order], said[order], classes=CLASSES, speakers=who[order], resamples=50)
        pd.testing.assert_frame_equal(one.per_class, other.per_class)
        assert one.scores["uar"].interval == other.scores["uar"].interval
        assert values(regression(x, y, speakers=who, resamples=50)) == pytest.approx(
            values(regression(x[order], y[order], speakers=who[order], resamples=50))
        )

    @quick
    @given(seeds, st.permutations(CLASSES))
    def test_order_of_classes_does_not_matter(self, seed, classes):
        true, said, who = drawn_classes(seed)
        one = classification(true, said, classes=CLASSES, speakers=who, resamples=50)
        other = classification(true, said, classes=classes, speakers=who, resamples=50)
        assert values(one) == pytest.approx(values(other))
        table = other.per_class.set_index("class").loc[list(CLASSES)].reset_index()
        pd.testing.assert_frame_equal(one.per_class, table)

    @quick
    @given(seeds, st.floats(0, 1))
    def test_rates_are_shares(self, seed, right):
        found = classification(*drawn_classes(seed, right=right)[:2], classes=CLASSES, speakers=np.arange(120) % 5)
        for name, score in found.scores.items():
            low, high = score.interval
            least = -1 if name == "mcc" else 0
            assert least <= low <= high <= 1
            assert least <= score.value <= 1

    @quick
    @given(seeds)
    def test_a_perfect_prediction_is_perfect(self, seed):
        true, _, who = drawn_classes(seed)
        x, _, _ = drawn_numbers(seed)
        found = classification(true, true, classes=CLASSES, speakers=who)
        assert {score.interval for score in found.scores.values()} == {(1.0, 1.0)}
        assert values(regression(x, x, speakers=who)) == pytest.approx({"ccc": 1, "rmse": 0, "mae": 0, "pearson": 1})

    @quick
    @given(seeds, st.floats(-100, 100), st.floats(0.1, 10))
    def test_concordance_is_symmetric_and_has_no_unit(self, seed, shift, scale):
        x, y, who = drawn_numbers(seed)
        here, there = (values(regression(*pair, speakers=who, resamples=2)) for pair in ((x, y), (y, x)))
        assert here == pytest.approx(there)
        moved = values(regression(scale * x + shift, scale * y + shift, speakers=who, resamples=2))
        assert moved["ccc"] == pytest.approx(here["ccc"])
        assert moved["rmse"] == pytest.approx(scale * here["rmse"])
        assert abs(here["ccc"]) <= abs(here["pearson"]) + 1e-12

    @quick
    @given(seeds)
    def test_the_interval_holds_the_number(self, seed):
        true, said, who = drawn_classes(seed)
        x, y, _ = drawn_numbers(seed)
        for result in (classification(true, said, classes=CLASSES, speakers=who), regression(x, y, speakers=who)):
            for score in result.scores.values():
                low, high = score.interval
                assert low <= score.value <= high


class TestBootstrap:
    def test_is_that_of_resampled_rows(self):
        """The sums per speaker stand for the rows: the same draws of speakers give the same numbers."""
        true, said, who = drawn_classes(3, speakers=4)
        x, y, _ = drawn_numbers(3)
        uar = classification(true, said, classes=CLASSES, speakers=who, resamples=20, seed=7).scores["uar"].drawn
        ccc = regression(x, y, speakers=who, resamples=20, seed=7).scores["ccc"].drawn
        times = np.random.default_rng(7).multinomial(4, [0.25] * 4, size=20)
        for sample, some_uar, some_ccc in zip(times, uar, ccc, strict=True):
            rows = np.repeat(np.arange(len(true)), sample[who])
            assert some_uar == pytest.approx(oracle.balanced_accuracy_score(true[rows], said[rows]))
            assert some_ccc == pytest.approx(values(regression(x[rows], y[rows], speakers=who[rows]))["ccc"])

    def test_one_seed_one_interval(self):
        x, y, who = drawn_numbers(0)
        first, again, other = (regression(x, y, speakers=who, seed=seed).scores["ccc"].interval for seed in (1, 1, 2))
        assert first == again != other

    def test_speakers_that_differ_widen_it(self):
        true = np.tile(CLASSES, 40)
        who = np.repeat(np.arange(20), 10)
        wrong = np.where(true == "sad", "happy", "sad")
        said = {"alike": np.where(np.arange(200) % 2, true, wrong), "unlike": np.where(who % 2, true, wrong)}
        width = {}
        for name, column in said.items():
            score = classification(true, column, classes=CLASSES, speakers=who).scores["accuracy"]
            assert score.value == 0.5
            width[name] = np.diff(score.interval)[0]
        assert width["alike"] == 0
        assert width["unlike"] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 20), rel=0.15)  # the normal approximation

    def test_one_speaker_has_no_interval_and_few_have_a_warning(self):
        x, y, who = drawn_numbers(0)
        one = regression(x, y, speakers=["F01"] * len(x))
        assert np.isnan(one.scores["rmse"].interval).all()
        assert one.remarks == ("one speaker: no interval, since one says nothing about how speakers differ",)
        assert one.scores["rmse"].speakers == 1
        assert "6 speakers: intervals" in regression(x, y, speakers=who).remarks[0]
        assert regression(x, y, speakers=np.arange(len(x))).remarks == ()

    @pytest.mark.parametrize(("speakers", "kept"), [(12, True), (2, False)])
    def test_resamples_without_a_class_say_nothing_about_its_mean(self, speakers, kept):
        true = np.repeat(["sad", "happy"], [30, 2])
        who = np.concatenate([np.arange(30) % speakers, [0, 0]])
        extra = ["angry"] if not kept else []  # a second class that only one speaker has
        true, who = np.concatenate([true, extra]), np.concatenate([who, [1] * len(extra)])
        found = classification(true, true, classes=CLASSES, speakers=who)
        share = 1 - (1 - 1 / speakers) ** speakers if kept else 0.5
        assert found.scores["uar"].defined == pytest.approx(share, abs=0.04)
        assert found.scores["accuracy"].defined == 1
        assert f"only 1 of {speakers} speakers are ever happy" in found.remarks[-1]
        if kept:
            assert found.scores["uar"].interval == (1.0, 1.0)

    def test_there_are_as_many_samples_as_documented(self):
        x, y, who = drawn_numbers(0)
        assert regression(x, y, speakers=who).scores["rmse"].drawn.shape == (RESAMPLES,)
        assert CONFIDENCE == 0.95


@pytest.mark.parametrize(("speakers", "least", "most"), [(4, 0.75, 0.88), (16, 0.88, 0.95)])
def test_coverage_of_the_interval(speakers, least, most):
    """Of speakers whose skill differs about 0.5: how often the interval of the UAR holds 0.5."""
    rng, held, samples = np.random.default_rng(0), 0, 200
    for seed in range(samples):
        who = np.repeat(np.arange(speakers), 50)
        true = rng.choice(5, len(who), p=[0.5, 0.1, 0.2, 0.1, 0.1])
        skill = np.clip(rng.normal(0.5, 0.15, speakers), 0, 1)[who]
        said = np.where(rng.random(len(who)) < skill, true, (true + rng.integers(1, 5, len(who))) % 5)
        named = (np.array(CLASSES)[column] for column in (true, said))
        low, high = (
            classification(*named, classes=CLASSES, speakers=who, resamples=300, seed=seed).scores["uar"].interval
        )
        held += low <= 0.5 <= high
    assert least <= held / samples <= most


class TestDifference:
    def test_of_a_prediction_from_itself_is_nothing(self):
        true, said, who = drawn_classes(0)
        score = classification(true, said, classes=CLASSES, speakers=who).scores["uar"]
        assert (difference(score, score).value, difference(score, score).interval) == (0, (0, 0))

    def test_is_paired(self):
        """What makes speakers hard for both cancels: the interval is narrower than the two alone allow."""
        rng = np.random.default_rng(0)
        x, who = rng.uniform(1, 5, 400), np.repeat(np.arange(20), 20)
        hard = rng.uniform(0.1, 2, 20)[who]
        scores = [
            regression(x, x + step + hard * rng.choice([-1, 1], 400), speakers=who).scores["rmse"] for step in (0, 0.1)
        ]
        gap = difference(scores[1], scores[0])
        assert gap.value == pytest.approx(scores[1].value - scores[0].value)
        assert np.diff(gap.interval)[0] < 0.5 * max(np.diff(score.interval)[0] for score in scores)

    def test_needs_the_same_utterances(self):
        x, y, who = drawn_numbers(0)
        scores = [regression(x[:end], y[:end], speakers=who[:end]).scores["ccc"] for end in (120, 119)]
        with pytest.raises(ConfigError, match="compare predictions for the same utterances"):
            difference(*scores)


class TestRefusals:
    def test_what_is_no_class(self):
        with pytest.raises(ConfigError, match=r"predicted contains 'joy'; expected one of neutral, sad"):
            classification(["sad"], ["joy"], classes=CLASSES, speakers=["a"])
        with pytest.raises(ConfigError, match="truth contains None"):
            classification([None], ["sad"], classes=CLASSES, speakers=["a"])
        with pytest.raises(ConfigError, match="expected each once"):
            classification(["sad"], ["sad"], classes=["sad", "sad"], speakers=["a"])

    def test_what_is_no_finite_number(self):
        with pytest.raises(ConfigError, match="missing or infinite"):
            regression([1.0, np.nan], [1.0, 2.0], speakers=["a", "b"])

    def test_nothing_and_unequal_lengths_and_nobody(self):
        with pytest.raises(ConfigError, match="no utterance"):
            regression([], [], speakers=[])
        with pytest.raises(ConfigError, match="2 truth, 1 predicted"):
            regression([1, 2], [1], speakers=["a", "b"])
        with pytest.raises(ConfigError, match="found 1 speakers for 2 utterances"):
            regression([1, 2], [1, 2], speakers=["a", None])
