"""One prediction file, one judgement: numbers against scikit-learn, files, leakage said everywhere, refusals."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as oracle

from kemfeat.errors import RunError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.evaluate import evaluate, measure
from kemfeat.provenance import BANNER
from tests.learn.kit import EMOTIONS, content, facts, predictions, write

LEAKING = {"verdict": "leaking", "counts": {"speaker": 80}}
WRITTEN = {f"{name}{suffix}" for name in (run_folder.CONFUSION, run_folder.CURVES) for suffix in (".svg", ".png")}


def for_test(table):
    return table[table["part"] == "test"]


def texts(path):
    return " ".join(re.findall(r">([^<>]+)</(?:text|tspan)>", path.read_text(encoding="utf-8")))


def test_metrics_are_of_the_test_part_alone(tmp_path):
    table = predictions()
    run = write(tmp_path / "run", table=table)
    evaluate(run)
    said, rows = content(run), for_test(table)
    true, guess = rows["emotion_true"], rows["emotion_pred"]
    emotion = said["targets"]["emotion"]
    assert {name: score["value"] for name, score in emotion["scores"].items()} == pytest.approx(
        {
            "accuracy": oracle.accuracy_score(true, guess),
            "uar": oracle.balanced_accuracy_score(true, guess),
            "macro_f1": oracle.f1_score(true, guess, average="macro"),
            "weighted_f1": oracle.f1_score(true, guess, average="weighted"),
            "mcc": oracle.matthews_corrcoef(true, guess),
        }
    )
    assert emotion["confusion"]["counts"] == oracle.confusion_matrix(true, guess, labels=EMOTIONS).tolist()
    arousal = said["targets"]["arousal"]["scores"]
    assert arousal["rmse"]["value"] == pytest.approx(
        oracle.root_mean_squared_error(rows["arousal_true"], rows["arousal_pred"])
    )
    for target in said["targets"].values():
        for kind in ("scores", "baseline", "gain"):
            assert {(score["n"], score["speakers"]) for score in target[kind].values()} == {(144, 12)}
    assert said["warning"] is None
    assert said["bootstrap"]["resamples"] == 2000


def test_baselines_know_the_train_part_only(tmp_path):
    """The most frequent class of train is not that of test; the mean is that of train."""
    table = predictions()
    table.loc[for_test(table).index[:100], "emotion_true"] = "angry"
    run = write(tmp_path / "run", table=table, said=facts())
    evaluate(run)
    said, rows = content(run)["targets"], for_test(table)
    majority = ["neutral"] * len(rows)
    baseline = {name: score["value"] for name, score in said["emotion"]["baseline"].items()}
    assert baseline["accuracy"] == pytest.approx(oracle.accuracy_score(rows["emotion_true"], majority))
    assert baseline["uar"] == pytest.approx(1 / 5)
    mean = said["arousal"]["baseline"]
    assert mean["rmse"]["value"] == pytest.approx(np.sqrt(((rows["arousal_true"] - 3.0) ** 2).mean()))
    assert mean["ccc"]["value"] == pytest.approx(0)
    assert mean["pearson"]["value"] is None
    gain = said["arousal"]["gain"]
    assert gain["rmse"]["value"] == pytest.approx(mean["rmse"]["value"] - said["arousal"]["scores"]["rmse"]["value"])
    assert gain["ccc"]["value"] == pytest.approx(said["arousal"]["scores"]["ccc"]["value"])


def test_the_first_of_equally_frequent_classes_is_the_majority():
    counts = {"happy": 7, "angry": 7, "sad": 1}
    said = facts(train={"classes": counts, "arousal": 3.0, "valence": 3.0})
    assert set(measure(predictions(), said, name="run").rows["emotion_base"]) == {"happy"}


def test_any_part_can_be_measured():
    table = predictions()
    table.loc[table["part"] == "valid", "emotion_pred"] = table["emotion_true"]
    assert measure(table, facts(), name="run", part="valid").targets["emotion"].result.scores["uar"].value == 1
    assert measure(table, facts(), name="run").targets["emotion"].result.scores["uar"].value < 1


def test_only_what_is_predicted_is_judged(tmp_path):
    run = write(tmp_path / "run", table=predictions(targets=("arousal",)), said=facts(task="arousal"))
    (run / "confusion.svg").write_text("of an older run")
    assert list(evaluate(run).targets) == ["arousal"]
    assert not (run / "confusion.svg").exists()
    assert "arousal CCC 0." in texts(run / "curves.svg")


def test_probabilities_are_compared_with_what_is_right(tmp_path):
    table = predictions()
    for name in EMOTIONS:
        table[f"p_{name}"] = np.where(table["emotion_pred"] == name, 0.6, 0.1)
    table.loc[for_test(table).index[:10], "emotion_true"] = None
    run = write(tmp_path / "run", table=table)
    evaluate(run)
    told, rows = content(run)["targets"]["emotion"]["calibration"], for_test(table).iloc[10:]
    accuracy = (rows["emotion_true"] == rows["emotion_pred"]).mean()
    assert told["ece"]["value"] == pytest.approx(abs(accuracy - 0.6))
    assert [row["n"] for row in told["bins"] if row["n"]] == [134]
    assert f"emotion ECE {told['ece']['value']:.3f} [" in texts(run / "reliability.svg")
    write(run, table=predictions())
    evaluate(run)
    assert "calibration" not in content(run)["targets"]["emotion"]
    assert not list(run.glob("reliability*"))


def test_unlabelled_utterances_are_left_out_and_counted(tmp_path):
    table = predictions(targets=("emotion", "arousal"))
    table.loc[for_test(table).index[:10], "emotion_true"] = None
    table["arousal_true"] = np.nan
    run = write(tmp_path / "run", table=table)
    found = evaluate(run)
    assert list(found.targets) == ["emotion"]
    assert content(run)["targets"]["emotion"]["unlabelled"] == 10
    assert found.targets["emotion"].result.scores["uar"].n == 134
    assert "emotion: 10 utterances have no label and are left out of every score" in found.remarks


def test_figures_name_run_number_and_interval(tmp_path):
    found = evaluate(write(tmp_path / "run"))
    low, high = found.targets["emotion"].result.scores["uar"].interval
    assert {path.name for path in (tmp_path / "run").iterdir()} == WRITTEN | {
        run_folder.RUN, run_folder.HISTORY, run_folder.PREDICTIONS, run_folder.METRICS
    }  # fmt: skip
    for name in ("confusion.svg", "curves.svg"):
        said = texts(tmp_path / "run" / name)
        assert "run: kor/fusion corrected, test part of session, fold 0" in said
        assert f"[{low:.3f}, {high:.3f}]; 144 utterances of 12 speakers" in said
        assert "LEAKING" not in said


def test_everything_made_of_a_leaking_split_says_so(tmp_path):
    run = write(tmp_path / "run", said=facts(leakage=LEAKING))
    found = evaluate(run)
    warning = "LEAKING SPLIT: train and test share what they must not (speaker 80)"
    assert found.warning.startswith(warning)
    assert content(run)["warning"] == found.warning
    assert content(run)["leakage"] == LEAKING
    for name in ("confusion.svg", "curves.svg"):
        assert warning[:30] in texts(run / name)


def test_everything_made_of_synthetic_data_says_so(tmp_path):
    run = write(tmp_path / "run", said=facts(synthetic=True))
    assert evaluate(run).remarks[0] == BANNER
    assert content(run)["remarks"][0] == BANNER
    assert all("SYNTHETIC DATA" in texts(run / name) for name in WRITTEN if name.endswith(".svg"))
    assert BANNER not in evaluate(write(tmp_path / "real")).remarks


def test_the_same_predictions_give_the_same_files(tmp_path):
    run = write(tmp_path / "run")
    evaluate(run)
    before = {name: (run / name).read_bytes() for name in WRITTEN}, content(run)["targets"]
    evaluate(run)
    assert ({name: (run / name).read_bytes() for name in WRITTEN}, content(run)["targets"]) == before


def test_one_speaker_has_no_interval(tmp_path):
    run = write(tmp_path / "run", table=predictions(speakers=1, per_speaker=30))
    found = evaluate(run)
    score = content(run)["targets"]["emotion"]["scores"]["uar"]
    assert (score["ci_low"], score["ci_high"], score["speakers"]) == (None, None, 1)
    assert found.remarks[0].startswith("emotion: one speaker: no interval")


def test_names_of_a_run_are_only_text(tmp_path):
    """Folder, recipe and classes are data: no markup, no formula, no control character gets through."""
    classes = ("<script>", "$x^2$", "happy", "surprise", "angry")
    swap = dict(zip(EMOTIONS, classes, strict=True))
    table = predictions().replace({"emotion_true": swap, "emotion_pred": swap})
    train = {"classes": {"$x^2$": 3}, "arousal": 3.0, "valence": 3.0}
    run = write(tmp_path / "a\x1b[31m$\\frac$<b>", table=table, said=facts(emotions=classes, train=train))
    evaluate(run)
    for name in ("confusion.svg", "curves.svg"):
        svg = (run / name).read_text(encoding="utf-8")
        assert "<script" not in svg
        assert "a?[31m$\\frac$&lt;b&gt;: kor/fusion" in svg
    assert content(run)["run"] == "a?[31m$\\frac$<b>"


def test_links_in_a_run_are_replaced_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    run = write(tmp_path / "run")
    for name in (*WRITTEN, run_folder.METRICS):
        (run / name).symlink_to(outside)
    evaluate(run)
    assert outside.read_text() == "mine"
    assert not any((run / name).is_symlink() for name in (*WRITTEN, run_folder.METRICS))


class TestRefusals:
    @pytest.mark.parametrize("name", [run_folder.RUN, run_folder.HISTORY, run_folder.PREDICTIONS])
    def test_an_unfinished_run(self, tmp_path, name):
        run = write(tmp_path / "run")
        (run / name).unlink()
        with pytest.raises(RunError, match=f"found no {name}"):
            evaluate(run)
        assert not (run / run_folder.METRICS).exists()

    def test_nothing_to_test(self, tmp_path):
        table = predictions()
        run = write(tmp_path / "run", table=table[table["part"] != "test"])
        with pytest.raises(RunError, match="no labelled utterance in the part 'test'"):
            evaluate(run)

    @pytest.mark.parametrize(
        ("train", "lacks"),
        [
            ({"classes": {}, "arousal": 3.0, "valence": 3.0}, "emotion"),
            ({"classes": {"sad": 1}, "arousal": None, "valence": 3.0}, "arousal"),
        ],
    )
    def test_a_train_part_without_labels(self, tmp_path, train, lacks):
        with pytest.raises(RunError, match=f"has no {lacks} of the train part"):
            evaluate(write(tmp_path / "run", said=facts(train=train)))

    def test_a_folder_that_cannot_be_written(self, tmp_path):
        run = write(tmp_path / "run")
        (run / run_folder.METRICS).mkdir()
        with pytest.raises(RunError, match="cannot be written"):
            evaluate(run)


def test_judging_needs_no_torch():
    code = "import sys, kemfeat.learn.evaluation.compare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_float32_predictions_are_judged_as_they_are():
    table = predictions(targets=("arousal",)).astype({"arousal_pred": "float32", "arousal_true": "float32"})
    rows = for_test(table)
    expected = oracle.mean_absolute_error(rows["arousal_true"].astype(float), rows["arousal_pred"].astype(float))
    found = measure(table, facts(task="arousal"), name="run").targets["arousal"].result
    assert found.scores["mae"].value == pytest.approx(expected)
