"""Runs side by side, folds pooled, two runs on the same utterances; and the command that shows them."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from kemfeat_cli.app import app
from sklearn import metrics as oracle
from typer.testing import CliRunner

from kemfeat.errors import ConfigError, RunError
from kemfeat.learn.evaluation import compare
from kemfeat.learn.evaluation.evaluate import evaluate, measure
from tests.e2e.command import kemfeat, sentence
from tests.learn.kit import facts, predictions, write

LEAKING = {"verdict": "leaking", "counts": {"speaker": 80, "<b>|": 1}}


def judged(*, fold=0, name=None, seed=0, skill=0.6, targets=("emotion", "arousal"), **changes):
    table = predictions(fold=fold, seed=seed, skill=skill, targets=targets)
    return measure(table, facts(fold=fold, **changes), name=name or f"run{fold}")


class TestPooling:
    def test_is_of_all_predictions_one_behind_the_other(self):
        folds = [judged(fold=fold) for fold in (2, 0, 1)]
        (one,) = compare.pooled(folds)
        rows = pd.concat([fold.rows for fold in folds])
        score = one.targets["emotion"].result.scores["uar"]
        assert score.value == pytest.approx(oracle.balanced_accuracy_score(rows["emotion_true"], rows["emotion_pred"]))
        assert (score.n, score.speakers) == (3 * 144, 36)
        assert (one.folds, one.name) == ((0, 1, 2), "run0 ... run2 pooled")

    def test_every_fold_keeps_its_own_baseline(self):
        (one,) = compare.pooled([judged(fold=fold) for fold in (0, 1)])
        rows = pd.concat([judged(fold=fold).rows for fold in (0, 1)])
        assert sorted(rows["arousal_base"].unique()) == [3.0, 3.1]
        assert one.targets["arousal"].baseline.scores["mae"].value == pytest.approx(
            oracle.mean_absolute_error(rows["arousal_true"], rows["arousal_base"])
        )

    @pytest.mark.parametrize(
        "other",
        [
            {"split": {"scheme": "session", "digest": "6" * 64}},
            {"store": {"digest": "b" * 64, "dataset": "KEMDy20"}},
            {"config": {"model": {"layers": 5}}},
            {"variant": "faithful"},
            {"recipe": "kor/other"},
        ],
    )
    def test_is_not_of_what_differs(self, other):
        assert compare.pooled([judged(fold=0), judged(fold=1, **other)]) == []

    def test_is_not_of_one_fold_alone_or_twice(self):
        assert compare.pooled([judged(fold=0)]) == []
        assert compare.pooled([judged(fold=0), judged(fold=1), judged(fold=1, seed=1)]) == []

    def test_refuses_what_was_tested_twice(self):
        one, other = judged(fold=0), judged(fold=1)
        other.rows["id"] = one.rows["id"]
        with pytest.raises(RunError, match="'test_0_0' is tested in several folds"):
            compare.pooled([one, other])

    def test_one_leaking_fold_leaks(self):
        (one,) = compare.pooled([judged(fold=0), judged(fold=1, leakage=LEAKING)])
        assert one.warning.startswith("LEAKING SPLIT")
        assert one.content()["leakage"]["verdict"] == "leaking"


class TestTable:
    def test_has_a_row_per_run_and_says_what_leaks(self):
        runs = [judged(), judged(name="kor", leakage=LEAKING), judged(name="audio", targets=("arousal",))]
        table = compare.table(runs)
        assert table["run"].tolist() == ["run0", "kor", "audio"]
        assert table["leakage"].tolist() == ["clean", "leaking", "clean"]
        assert [bool(text) for text in table["warning"]] == [False, True, False]
        low, high = runs[0].targets["emotion"].result.scores["uar"].interval
        first = table.iloc[0]
        assert (first["emotion_uar_low"], first["emotion_uar_high"], first["emotion_n"]) == (low, high, 144)
        assert first["emotion_baseline_uar"] == pytest.approx(0.2)
        assert table["emotion_uar"].isna().tolist() == [False, False, True]
        assert table.columns[-1] == "warning"

    def test_is_written_for_programs_and_for_people(self, tmp_path):
        runs = [judged(), judged(name="a|b<i>", leakage=LEAKING)]
        compare.write_table(tmp_path / "runs.csv", runs)
        read = pd.read_csv(tmp_path / "runs.csv", keep_default_na=False, na_values=[""])
        assert read["emotion_uar"].tolist() == compare.table(runs)["emotion_uar"].tolist()
        compare.write_table(tmp_path / "runs.md", runs)
        page = (tmp_path / "runs.md").read_text()
        assert "session LEAKING" in page
        assert r"a\|b&lt;i&gt;" in page
        assert "LEAKING SPLIT: train and test share" in page
        assert "<" not in page
        assert re.search(r"0\.\d{3} \\\[0\.\d{3}, 0\.\d{3}\\\] \(0\.200\)", page)

    @pytest.mark.parametrize("name", ["runs.csv", "runs.md"])
    def test_replaces_its_like_and_no_other_file(self, tmp_path, name):
        compare.write_table(tmp_path / name, [judged()])
        first = (tmp_path / name).read_bytes()
        compare.write_table(tmp_path / name, [judged()])
        assert (tmp_path / name).read_bytes() == first
        (tmp_path / name).write_text("id,notes\n")
        with pytest.raises(ConfigError, match="exists and was not made by kemfeat evaluate"):
            compare.write_table(tmp_path / name, [judged()])
        assert (tmp_path / name).read_text() == "id,notes\n"

    def test_has_no_other_format(self, tmp_path):
        with pytest.raises(ConfigError, match=r"expected \.csv or \.md"):
            compare.write_table(tmp_path / "runs.xlsx", [judged()])


class TestDifferences:
    def test_of_two_runs(self):
        mine, other = judged(skill=0.9), judged(skill=0.3, name="other")
        other.rows["emotion_true"] = mine.rows["emotion_true"]
        gap = compare.differences(mine, other).set_index(["target", "score"])
        row = gap.loc[("emotion", "uar")]
        assert row["difference"] == pytest.approx(row["mine"] - row["other"])
        assert 0 < row["low"] <= row["difference"] <= row["high"]
        assert len(gap) == 9

    def test_order_of_rows_does_not_matter(self):
        table = predictions()
        one, other = (measure(rows, facts(), name="run") for rows in (table, table.sample(frac=1, random_state=0)))
        gap = compare.differences(one, other)
        assert gap[["difference", "low", "high"]].dropna().abs().to_numpy().max() < 1e-12

    def test_needs_the_same_utterances_and_labels(self):
        with pytest.raises(RunError, match="of 144 and 144 utterances, 0 are the same with the same emotion"):
            compare.differences(judged(fold=0), judged(fold=1))
        mine, other = judged(), judged()
        other.rows.loc[0, "arousal_true"] += 1
        with pytest.raises(RunError, match="of 144 and 144 utterances, 143 are the same with the same arousal"):
            compare.differences(mine, other)
        with pytest.raises(RunError, match="predict no common label"):
            compare.differences(judged(targets=("emotion",)), judged(targets=("arousal",)))


@pytest.mark.slow  # each runs the installed command
class TestCommand:
    def test_of_one_run_prints_what_it_wrote(self, tmp_path):
        write(tmp_path / "run")
        said = kemfeat("evaluate", "run", cwd=tmp_path)
        assert (said.code, said.err) == (0, "")
        score = json.loads((tmp_path / "run/metrics.json").read_text())["targets"]["emotion"]["scores"]["uar"]
        assert f"UAR          {score['value']:.3f} [{score['ci_low']:.3f}, {score['ci_high']:.3f}]  0.200" in said.out

    def test_of_folds_pools_them_and_names_leaks(self, tmp_path):
        for fold in (0, 1):
            write(tmp_path / f"[red]{fold}", fold=fold)
        write(tmp_path / "kor", said=facts(leakage=LEAKING, split={"scheme": "kor-2022", "digest": "6" * 64}))
        runs = ["[red]0", "[red]1", "kor"]
        said = kemfeat("evaluate", *runs, "--out", "t.csv", cwd=tmp_path, COLUMNS="300")
        assert "[red]0 ... [red]1 pooled" in said.out
        assert "kor-2022 LEAKING" in said.out
        assert "kor: LEAKING SPLIT: train and test share what they must not (speaker 80, <b>| 1)" in said.out
        assert len(pd.read_csv(tmp_path / "t.csv")) == 4
        told = kemfeat("evaluate", *runs, "--json", cwd=tmp_path).json
        assert [run["folds"] for run in told["runs"]] == [[0], [1], [0], [0, 1]]
        assert told["differences"] == []

    def test_against_another(self, tmp_path):
        write(tmp_path / "a", table=predictions(skill=0.8))
        write(tmp_path / "b")
        assert "emotion UAR" in kemfeat("evaluate", "a", "--against", "b", cwd=tmp_path).out
        (told,) = kemfeat("evaluate", "a", "--against", "b", "--json", cwd=tmp_path).json["differences"]
        assert told["run"] == "a"
        assert told["scores"][1]["score"] == "uar"

    def test_refuses_in_a_sentence(self, tmp_path):
        write(tmp_path / "a")
        (tmp_path / "b").mkdir()
        assert "b: found no run.json" in sentence("evaluate", "a", "b", code=3, cwd=tmp_path)
        assert "nowhere: is not a folder" in sentence("evaluate", "nowhere", code=3, cwd=tmp_path)
        assert "expected .csv or .md" in sentence("evaluate", "a", "--out", "t.txt", code=2, cwd=tmp_path)

    def test_says_what_a_metric_is_not(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        write(tmp_path / "a", table=predictions(speakers=1, per_speaker=30, targets=("arousal",)))
        done = CliRunner().invoke(app, ["evaluate", "a"])
        assert done.exit_code == 0, done.output
        assert "not defined" in done.output
        assert "arousal: one speaker: no interval" in done.output


def test_the_same_folder_is_one_run(tmp_path):
    run = write(tmp_path / "a")
    assert evaluate(run).name == "a"
    assert len(kemfeat("evaluate", "a", "a/", "--json", cwd=tmp_path).json["runs"]) == 1
