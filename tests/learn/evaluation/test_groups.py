"""kemfeat.learn.evaluation.groups, and runs that differ in their seed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import recall_score

from kemfeat.learn.evaluation.compare import adjusted, differences, over_seeds
from kemfeat.learn.evaluation.evaluate import measure
from kemfeat.learn.evaluation.groups import by_group as grouped
from tests.learn.kit import facts, predictions


def by_group(one, group):
    return grouped(one.rows, group, targets=tuple(one.targets), classes=one.facts.emotions)


def measured(*, seed: int = 0, fold: int = 0, **values: object):
    config = {"model": {"layers": 4}, "train": {"seed": seed}}
    table = predictions(seed=seed, fold=fold, **values)
    return measure(table.assign(sex=table["speaker"].str[-1]), facts(fold=fold, config=config), name=f"run-{seed}")


def test_every_group_has_the_score_of_its_own_utterances() -> None:
    one = measured()
    for group in ("speaker", "sex", "session"):
        table = by_group(one, group)
        emotion = table[table["target"] == "emotion"]
        assert set(emotion[group]) == set(one.rows[group])
        assert emotion["value"].is_monotonic_increasing
        for row in emotion.to_dict("records"):
            some = one.rows[one.rows[group] == row[group]]
            expected = recall_score(some["emotion_true"], some["emotion_pred"], average="macro")
            assert row["value"] == pytest.approx(expected)
            assert row["n"] == len(some)


def test_few_speakers_have_no_interval() -> None:
    one = measured()
    assert by_group(one, "speaker")[["low", "high"]].isna().all(axis=None)
    assert by_group(one, "session")[["low", "high"]].isna().all(axis=None)  # two speakers each
    sexes = by_group(one, "sex")
    assert ((sexes["low"] <= sexes["value"]) & (sexes["value"] <= sexes["high"])).all()


def test_what_the_predictions_do_not_say_is_left_out() -> None:
    one = measure(predictions(), facts(), name="run")
    assert set(one.groups()) == {"speaker", "session"}
    assert set(measured().content()["groups"]) == {"speaker", "sex", "session"}


def test_seeds_are_summarised_and_other_runs_are_not() -> None:
    runs = [measured(seed=seed) for seed in (1, 2, 3)]
    table = over_seeds([*runs, measured(seed=4, fold=1)]).set_index(["target", "score"])
    values = [one.targets["emotion"].result.scores["uar"].value for one in runs]
    row = table.loc[("emotion", "uar")]
    assert row["runs"] == 3
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (row["low"], row["high"]) == (min(values), max(values))
    assert over_seeds(runs[:1]).empty
    assert over_seeds([runs[0], runs[0]]).empty


def test_p_of_a_difference_is_small_where_its_interval_excludes_zero() -> None:
    good, bad = (measure(predictions(skill=skill), facts(), name=str(skill)) for skill in (0.9, 0.3))
    gap = differences(good, bad)
    clear = (gap["low"] > 0) | (gap["high"] < 0)
    assert clear.any()
    assert (gap.loc[clear, "p"] <= 0.05 + 1e-9).all()
    assert (differences(good, good)["p"] == 1).all()
    assert gap["p"].min() >= 2 / 2001


def test_p_values_are_adjusted_over_the_runs_compared() -> None:
    base = measure(predictions(), facts(), name="base")
    gaps = [differences(measured(skill=skill), base) for skill in (0.62, 0.7, 0.8)]
    found = adjusted(gaps)
    assert adjusted([]) == []
    for before, after in zip(gaps, found, strict=True):
        assert after["p"].tolist() == before["p"].tolist()
        assert (after["p_holm"] >= after["p"]).all()
    smallest = min(gap.set_index("score").loc["uar", "p"] for gap in gaps)
    assert min(gap.set_index("score").loc["uar", "p_holm"] for gap in found) == pytest.approx(min(1, 3 * smallest))
