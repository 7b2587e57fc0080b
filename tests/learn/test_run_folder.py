"""A run's folder: what is written is read back, what does not fit is refused in a sentence."""

from __future__ import annotations

import json

import pytest

from kemfeat.errors import RunError
from kemfeat.learn import run_folder
from kemfeat.learn.run_facts import Leakage
from kemfeat.learn.run_folder import read_history, read_predictions, read_run, write_run
from tests.learn.kit import facts, history, predictions, write


def test_facts_read_back_equal(tmp_path):
    said = facts(fold=2, leakage={"verdict": "leaking", "counts": {"speaker": 3}})
    write_run(tmp_path, said)
    assert read_run(tmp_path) == said
    assert sorted(path.name for path in tmp_path.iterdir()) == [run_folder.RUN]


def test_tables_read_back(tmp_path):
    table = predictions()
    run = write(tmp_path / "run", table=table)
    assert read_predictions(run, facts())["id"].tolist() == table["id"].tolist()
    assert read_history(run)["valid_uar"].tolist() == history()["valid_uar"].tolist()


def test_only_a_leaking_split_has_a_warning():
    assert Leakage(verdict="clean", counts={"speaker": 0}).warning == ""
    warning = Leakage(verdict="leaking", counts={"speaker": 1200, "session": 0}).warning
    assert warning.startswith("LEAKING SPLIT: ")
    assert "(speaker 1,200)" in warning
    assert "session" not in warning


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"task": "joy"}, "task"),
        ({"emotions": ["sad"]}, "emotions"),
        ({"emotions": ["sad", "sad"]}, "a class is listed twice"),
        ({"train": {"classes": {"joy": 1}, "arousal": None, "valence": None}}, "'joy' is not one of the emotions"),
        ({"recipe": "kor\x1b[31m"}, "cannot be printed"),
        ({"fold": -1}, "fold"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"leakage": {"verdict": "perhaps"}}, "verdict"),
        ({"schema_version": 2}, "schema_version"),
    ],
)
def test_a_run_that_says_something_else_is_refused(tmp_path, change, complaint):
    values = facts().model_dump(mode="json") | change
    (tmp_path / run_folder.RUN).write_text(json.dumps(values))
    with pytest.raises(RunError, match=complaint) as caught:
        read_run(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "\xff", '{"config": {"lr": NaN}}', "[" * 100_000])
def test_what_is_no_run_is_refused(tmp_path, text):
    (tmp_path / run_folder.RUN).write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match="not a run"):
        read_run(tmp_path)


def test_absent_files_are_named(tmp_path):
    with pytest.raises(RunError, match="is not a folder; name the folder that `kemfeat train` wrote"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=f"found no {run_folder.RUN}"):
        read_run(tmp_path)
    for read in (lambda: read_predictions(tmp_path, facts()), lambda: read_history(tmp_path)):
        with pytest.raises(RunError, match="not finished: run the same `kemfeat train` again"):
            read()


def replaced(column, value, row=0):
    table = predictions()
    table[column] = table[column].astype(object)
    table.loc[row, column] = value
    return table.infer_objects()


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (predictions().drop(columns="speaker"), "found no column 'speaker'"),
        (
            predictions().drop(columns=[f"{target}_pred" for target in run_folder.TARGETS]),
            "expected a column emotion_pred",
        ),
        (predictions().drop(columns="valence_true"), "found no column 'valence_true'"),
        (replaced("speaker", None), "lacks its id, part, fold, session or speaker"),
        (replaced("part", "exam"), "expected only the parts train, valid, test of fold 0"),
        (predictions(fold=1), "of fold 0"),
        (replaced("id", "train_0_1"), "'train_0_1' is predicted twice"),
        (replaced("emotion_pred", "joy"), "1 utterances have an emotion that is not one of neutral, .* 'train_0_0'"),
        (replaced("emotion_true", "joy"), "not one of neutral"),
        (replaced("emotion_pred", None), "not one of neutral"),
        (replaced("arousal_pred", float("nan")), "1 utterances have arousal that is not a finite number"),
        (replaced("valence_true", float("inf")), "valence that is not a finite number"),
        (predictions().astype({"valence_pred": str}), "valence is not a column of numbers"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(tmp_path, table, complaint):
    run = write(tmp_path / "run", table=table)
    with pytest.raises(RunError, match=complaint):
        read_predictions(run, facts())


def test_unlabelled_utterances_are_no_misfit(tmp_path):
    table = replaced("emotion_true", None)
    table.loc[3, "arousal_true"] = float("nan")
    assert read_predictions(write(tmp_path / "run", table=table), facts())["emotion_true"].isna().sum() == 1


def test_damaged_tables_are_refused(tmp_path):
    run = write(tmp_path / "run")
    (run / run_folder.PREDICTIONS).write_bytes((run / run_folder.PREDICTIONS).read_bytes()[:-40])
    with pytest.raises(RunError, match="cannot be read as Parquet"):
        read_predictions(run, facts())
    for text, complaint in (
        ("epoch,lr\n1,x\n", "not a table of numbers"),
        ("epoch,lr\n1,1\n", "found no train_loss"),
        (",".join(run_folder.HISTORY_COLUMNS) + "\n", "found no epoch"),
        ("", "not a table of numbers"),
    ):
        (run / run_folder.HISTORY).write_text(text)
        with pytest.raises(RunError, match=complaint):
            read_history(run)
