"""kemfeat.learn.experiments.ensemble, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from kemfeat.errors import ConfigError, KemfeatError, RunError
from kemfeat.learn import run_folder
from kemfeat.learn.evaluation.compare import pooled
from kemfeat.learn.evaluation.evaluate import evaluate
from kemfeat.learn.experiments.ensemble import Formulas, Method, ensemble
from kemfeat.learn.run_folder import read_predictions, read_run
from tests.e2e.command import kemfeat
from tests.learn import kit
from tests.learn.experiments.marks import needs_lightgbm

CHANCES = [f"p_{name}" for name in kit.EMOTIONS]
METHODS: tuple[Method, ...] = ("soft", "weighted", "hard", "stacking")
every_method = pytest.mark.parametrize("method", METHODS)


def predictions(*, seed: int, skill: float, fold: int = 0) -> pd.DataFrame:
    """The utterances of the kit, with probabilities that are right with some skill."""
    table = kit.predictions(fold=fold, targets=("emotion",))
    table = table[table["part"] != "train"].reset_index(drop=True)
    right = np.array(kit.EMOTIONS)[None] == table["emotion_true"].to_numpy()[:, None]
    chances = softmax(np.random.default_rng([seed, fold]).normal(size=right.shape) + skill * right, axis=1)
    said = np.array(kit.EMOTIONS)[chances.argmax(axis=1)]
    # how sure a model is of an utterance is in its logits, and not in their softmax
    logits = np.log(chances) + np.random.default_rng([seed, 1]).normal(scale=2, size=len(chances))[:, None]
    table = table.assign(**{f"logit_{name}": logits[:, place] for place, name in enumerate(kit.EMOTIONS)})
    return table.assign(emotion_pred=said, **{name: chances[:, place] for place, name in enumerate(CHANCES)})


def run(folder: Path, *, seed: int, skill: float = 1.5, fold: int = 0, **changes: Any) -> Path:
    """A run whose rows are in an order of its own."""
    table = predictions(seed=seed, skill=skill, fold=fold)
    table = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    return kit.write(folder / f"run{seed}-{fold}", table=table, said=kit.facts(fold=fold, **changes))


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [run(tmp_path, seed=seed, skill=skill) for seed, skill in ((1, 2.0), (2, 1.0), (3, 0.2))]


def made(runs: list[Path], method: Method, out: Path, **options: Any) -> pd.DataFrame:
    facts = ensemble(runs, method=method, out=out, **options)
    assert read_run(out) == facts
    return read_predictions(out, facts).set_index(["part", "id"]).sort_index()


def change(folder: Path, edit: Any) -> None:
    path = folder / run_folder.PREDICTIONS
    edit(pd.read_parquet(path)).to_parquet(path)


@every_method
def test_an_ensemble_is_evaluated_as_a_run(runs: list[Path], method: Method, tmp_path: Path) -> None:
    table = made(runs, method, tmp_path / "out")
    assert np.allclose(table[CHANCES].sum(axis=1), 1, atol=1e-5)
    said = table["emotion_pred"].map(kit.EMOTIONS.index).to_numpy()
    largest = table[CHANCES].max(axis=1) - np.take_along_axis(table[CHANCES].to_numpy(), said[:, None], axis=1)[:, 0]
    assert largest.max() < 1e-5, "a tie of votes is decided below the rounding of float32"
    found = evaluate(tmp_path / "out")
    assert found.facts.recipe == f"ensemble/{method}"
    assert kit.content(tmp_path / "out")["recipe"] == f"ensemble/{method}"
    assert not (tmp_path / "out" / "curves.svg").exists()
    assert (tmp_path / "out" / "confusion.svg").exists()
    single = max(evaluate(one).targets["emotion"].result.scores["uar"].value for one in runs)
    assert found.targets["emotion"].result.scores["uar"].value > single - 0.1


@every_method
def test_rows_are_joined_by_id(runs: list[Path], method: Method, tmp_path: Path) -> None:
    """J17: the order of the rows of a run means nothing."""
    before = made(runs, method, tmp_path / "before")
    change(runs[1], lambda table: table.sort_values("id").reset_index(drop=True))
    pd.testing.assert_frame_equal(made(runs, method, tmp_path / "after"), before)


@every_method
def test_ids_that_differ_are_refused_with_their_numbers(runs: list[Path], method: Method, tmp_path: Path) -> None:
    """J17."""
    lost = predictions(seed=2, skill=1.0).query("part == 'test'")["id"].iloc[:2].tolist()
    change(runs[1], lambda table: table[~table["id"].isin(lost)].reset_index(drop=True))
    with pytest.raises(ConfigError, match="2 utterances are in the first alone and 0 in the second alone") as error:
        ensemble(runs, method=method, out=tmp_path / "out")
    assert min(lost) in str(error.value)
    assert not (tmp_path / "out").exists()


@every_method
def test_the_labels_of_the_test_part_change_nothing(runs: list[Path], method: Method, tmp_path: Path) -> None:
    """J1, J2: what is fitted never sees them."""
    before = made(runs, method, tmp_path / "before")

    def relabelled(table: pd.DataFrame) -> pd.DataFrame:
        tested = table["part"] == "test"
        return table.assign(emotion_true=table["emotion_true"].where(~tested, "angry"))

    for one in runs:
        change(one, relabelled)
    after = made(runs, method, tmp_path / "after")
    pd.testing.assert_frame_equal(after.loc["test"][CHANCES], before.loc["test"][CHANCES])


@every_method
def test_a_prediction_depends_on_the_same_utterance_of_the_test_part_alone(
    runs: list[Path], method: Method, tmp_path: Path
) -> None:
    """J1, J3: neither fitting nor normalising looks at another utterance of the test part."""
    before = made(runs, method, tmp_path / "before").loc["test"][CHANCES]

    def certain(table: pd.DataFrame) -> pd.DataFrame:
        row = table.index[table["id"] == "test_0_7"]
        table.loc[row, CHANCES] = [[0.0, 0.0, 0.0, 0.0, 1.0]]
        return table.assign(emotion_pred=table["emotion_pred"].where(~table.index.isin(row), "angry"))

    for one in runs:
        change(one, certain)
    after = made(runs, method, tmp_path / "after").loc["test"][CHANCES]
    changed = (after != before).any(axis=1)
    assert changed[changed].index.tolist() == ["test_0_7"]


def test_what_was_fitted_is_recorded_and_validation_is_not_predicted_by_it(runs: list[Path], tmp_path: Path) -> None:
    valid = int((predictions(seed=1, skill=1.0)["part"] == "valid").sum())
    for method in METHODS:
        table = made(runs, method, tmp_path / method)
        facts = read_run(tmp_path / method).ensemble
        assert facts is not None
        fits = method in ("weighted", "stacking")
        assert facts.fitted_on == (valid if fits else 0)
        assert set(table.index.get_level_values("part")) == ({"test"} if fits else {"valid", "test"})
        assert len(facts.weights) == (0 if method == "stacking" else 3)
    fitted = read_run(tmp_path / "weighted").ensemble
    assert fitted is not None
    assert fitted.weights[0] > fitted.weights[2]


def test_weights_that_are_given_are_used(runs: list[Path], tmp_path: Path) -> None:
    """J2: the published weights are a setting, said in the run."""
    table = made(runs, "weighted", tmp_path / "out", weights=(1.0, 6.7, 2.3))
    one = [pd.read_parquet(folder / run_folder.PREDICTIONS).set_index(["part", "id"])[CHANCES] for folder in runs]
    expected = 0.1 * one[0] + 0.67 * one[1] + 0.23 * one[2]
    pd.testing.assert_frame_equal(table[CHANCES].astype(float), expected.sort_index(), atol=1e-6)
    facts = read_run(tmp_path / "out").ensemble
    assert facts is not None
    assert facts.weights == pytest.approx((0.1, 0.67, 0.23))
    assert facts.fitted_on == 0


@needs_lightgbm
def test_lightgbm_reads_labels_and_is_fitted_without_the_test_part(runs: list[Path], tmp_path: Path) -> None:
    """J4 as a setting, without J1."""
    before = made(runs, "stacking", tmp_path / "before", formulas=Formulas(stacker="lightgbm"))
    assert set(before.index.get_level_values("part")) == {"test"}
    change(
        runs[0], lambda table: table.assign(emotion_true=table["emotion_true"].where(table["part"] != "test", "sad"))
    )
    for one in runs[1:]:
        change(
            one, lambda table: table.assign(emotion_true=table["emotion_true"].where(table["part"] != "test", "sad"))
        )
    after = made(runs, "stacking", tmp_path / "after", formulas=Formulas(stacker="lightgbm"))
    pd.testing.assert_frame_equal(after[CHANCES], before[CHANCES])
    facts = read_run(tmp_path / "after")
    assert facts.variant == "faithful"
    assert facts.ensemble is not None
    assert facts.ensemble.stacker == "lightgbm"


@needs_lightgbm
def test_the_published_training_score_is_a_leak(runs: list[Path], tmp_path: Path) -> None:
    """J1: fitted and scored on the test part, which has to be allowed, is said everywhere, and flatters."""
    with pytest.raises(ConfigError, match=r"--fit-on test: .* scored on what it has seen \(J1\)"):
        ensemble(runs, method="stacking", out=tmp_path / "out", formulas=Formulas(fit_on="test"))
    published = Formulas(stacker="lightgbm", fit_on="test", allow_leakage=True)
    facts = ensemble(runs, method="stacking", out=tmp_path / "out", formulas=published)
    ensemble(runs, method="stacking", out=tmp_path / "honest", formulas=Formulas(stacker="lightgbm"))
    scores = {}
    for name in ("out", "honest"):
        found = evaluate(tmp_path / name)
        scores[name] = found.targets["emotion"].result.scores["accuracy"].value
    tested = int((predictions(seed=1, skill=1.0)["part"] == "test").sum())
    assert facts.leakage.counts == {"stacking": tested}
    assert "LEAKING SPLIT" in evaluate(tmp_path / "out").warning
    assert not evaluate(tmp_path / "honest").warning
    assert scores["out"] > scores["honest"]


def test_one_softmax_over_all_utterances_lets_the_surest_model_decide(runs: list[Path], tmp_path: Path) -> None:
    """J3 as a setting."""
    found = made(runs, "soft", tmp_path / "all", formulas=Formulas(softmax="all"))
    expected = []
    for one in runs:
        table = pd.read_parquet(one / run_folder.PREDICTIONS).query("part == 'test'").sort_values("id")
        expected.append(softmax(table[[f"logit_{name}" for name in kit.EMOTIONS]].to_numpy()))
    said = np.array(kit.EMOTIONS)[np.mean(expected, axis=0).argmax(axis=1)]
    assert found.loc["test"].sort_index()["emotion_pred"].tolist() == said.tolist()
    assert (made(runs, "soft", tmp_path / "row").loc["test"].sort_index()["emotion_pred"] != said).any()
    assert np.allclose(found[CHANCES].sum(axis=1), 1, atol=1e-5)
    change(runs[1], lambda table: table.drop(columns="logit_sad"))
    with pytest.raises(ConfigError, match="its predictions have no logits, which --softmax all needs"):
        ensemble(runs, method="soft", out=tmp_path / "out", formulas=Formulas(softmax="all"))


def test_votes_times_a_weight_are_a_setting(runs: list[Path], tmp_path: Path) -> None:
    """J4."""
    weights = (0.2, 0.5, 0.3)
    found = made(runs, "hard", tmp_path / "product", weights=weights, formulas=Formulas(votes="product"))
    other = made(runs, "hard", tmp_path / "sum", weights=weights)
    differ = found["emotion_pred"] != other["emotion_pred"]
    assert not differ.all()
    tables = [pd.read_parquet(one / run_folder.PREDICTIONS).set_index(["part", "id"])["emotion_pred"] for one in runs]
    votes = pd.concat(tables, axis=1).sort_index().to_numpy()
    counts = (votes[:, :, None] == votes[:, None, :]).sum(axis=2) * np.array(weights)
    assert found["emotion_pred"].tolist() == votes[np.arange(len(votes)), counts.argmax(axis=1)].tolist()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("soft", {"stacker": "lightgbm"}, "--stacker lightgbm: --method soft has none"),
        ("soft", {"votes": "product"}, "--votes product: --method soft has none"),
        ("hard", {"fit_on": "test", "allow_leakage": True}, "--method hard: fits nothing"),
        ("weighted", {"softmax": "all"}, "gives no probabilities that weights can be fitted to"),
    ],
)
def test_formulas_that_do_not_belong_to_a_method_are_refused(
    runs: list[Path], method: Method, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        ensemble(runs, method=method, out=tmp_path / "out", formulas=Formulas(**options))
    assert not (tmp_path / "out").exists()


def test_what_is_predicted_out_of_fold_is_fitted_on_in_place_of_validation(runs: list[Path], tmp_path: Path) -> None:
    def inside(one: Path) -> pd.DataFrame:
        table = pd.read_parquet(one / run_folder.PREDICTIONS).query("part == 'valid'")
        return table.assign(part="train", id=table["id"].str.replace("valid", "train"))

    tables = [inside(one) for one in runs]
    on_valid = made(runs, "stacking", tmp_path / "valid")
    on_train = made(runs, "stacking", tmp_path / "train", out_of_fold=tables)
    pd.testing.assert_frame_equal(on_train.loc["test"][CHANCES], on_valid.loc["test"][CHANCES])
    assert set(on_train.index.get_level_values("part")) == {"valid", "test"}
    facts = read_run(tmp_path / "train")
    assert facts.variant == "corrected"
    assert facts.ensemble is not None
    assert facts.ensemble.fitted_part == "train"
    both = Formulas(fit_on="test", allow_leakage=True)
    with pytest.raises(ConfigError, match="--fit-on test and --inner"):
        ensemble(runs, method="stacking", out=tmp_path / "out", formulas=both, out_of_fold=tables)
    with pytest.raises(ConfigError, match=r"of the train part, .* are in the first alone"):
        ensemble(runs, method="stacking", out=tmp_path / "out", out_of_fold=[tables[0].iloc[1:], *tables[1:]])


def test_folds_of_an_ensemble_are_pooled(tmp_path: Path) -> None:
    folders = []
    for fold in (0, 1):
        members = [run(tmp_path, seed=seed, fold=fold) for seed in (1, 2)]
        ensemble(members, method="stacking", out=tmp_path / f"out{fold}")
        folders.append(evaluate(tmp_path / f"out{fold}"))
    assert [one.folds for one in pooled(folders)] == [(0, 1)]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"split": {"scheme": "session", "digest": "6" * 64}}, "split"),
        ({"emotions": tuple(reversed(kit.EMOTIONS))}, "classes"),
        ({"store": {"digest": "b" * 64, "dataset": "KEMDy20"}}, "data"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    both = [run(tmp_path, seed=1), run(tmp_path, seed=2, **changes)]
    with pytest.raises(ConfigError, match=f"differ in their {what}"):
        ensemble(both, method="soft", out=tmp_path / "out")


def test_runs_of_two_folds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"differ in their fold \(0 and 1\)"):
        ensemble([run(tmp_path, seed=1), run(tmp_path, seed=2, fold=1)], method="soft", out=tmp_path / "out")


def test_labels_that_differ_are_refused(runs: list[Path], tmp_path: Path) -> None:
    change(runs[2], lambda table: table.assign(emotion_true="sad"))
    with pytest.raises(ConfigError, match="different labels of the same utterances"):
        ensemble(runs, method="soft", out=tmp_path / "out")


def test_a_softmax_over_all_utterances_is_refused(runs: list[Path], tmp_path: Path) -> None:
    """J3."""

    def whole(table: pd.DataFrame) -> pd.DataFrame:
        table[CHANCES] = softmax(np.log(table[CHANCES].to_numpy()))
        return table

    change(runs[0], whole)
    with pytest.raises(RunError, match=r"do not sum to 1, as after one softmax over all utterances \(J3\)"):
        ensemble(runs, method="soft", out=tmp_path / "out")


def test_a_leak_of_one_run_is_a_leak_of_the_ensemble(tmp_path: Path) -> None:
    leaking = run(tmp_path, seed=1, leakage={"verdict": "leaking", "counts": {"speaker": 3}})
    facts = ensemble([leaking, run(tmp_path, seed=2)], method="soft", out=tmp_path / "out")
    assert facts.leakage.warning
    assert "LEAKING SPLIT" in evaluate(tmp_path / "out").warning


def test_what_cannot_be_combined_is_said(runs: list[Path], tmp_path: Path) -> None:
    refused: list[tuple[list[Path], dict[str, Any], str]] = [
        (runs[:1], {"method": "soft"}, "found 1 runs; expected at least two"),
        ([runs[0], runs[0]], {"method": "soft"}, "each of them once"),
        (runs, {"method": "soft", "weights": (1.0, 1.0, 1.0)}, "--method soft has none"),
        (runs, {"method": "hard", "weights": (1.0,)}, "found 1 for 3 runs"),
        ([*runs, tmp_path / "none"], {"method": "soft"}, "is not a folder"),
    ]
    for folders, options, message in refused:
        with pytest.raises(KemfeatError, match=message):
            ensemble(folders, out=tmp_path / "out", **options)
    with pytest.raises(ConfigError, match="is not an empty folder"):
        ensemble(runs, method="soft", out=runs[0])


def test_an_ensemble_that_was_fitted_is_not_stacked_again(runs: list[Path], tmp_path: Path) -> None:
    ensemble(runs, method="stacking", out=tmp_path / "one")
    ensemble(runs, method="weighted", out=tmp_path / "two")
    both = [tmp_path / "one", tmp_path / "two"]
    with pytest.raises(ConfigError, match="no labelled predictions of the validation part"):
        ensemble(both, method="stacking", out=tmp_path / "out")


def test_the_command(runs: list[Path], tmp_path: Path) -> None:
    said = kemfeat("ensemble", *runs, "--method", "weighted", "--out", tmp_path / "out")
    assert said.code == 0, said
    assert "ensemble/weighted" in said.out
    assert said.out.count("weight ") == 3
    assert "fitted on 144 utterances of the validation part" in said.out
    said = kemfeat("ensemble", *runs, "--method", "hard", "--weights", "2,5,3", "--out", tmp_path / "hard", "--json")
    assert json.loads(said.out)["ensemble"]["weights"] == [0.2, 0.5, 0.3]
    for weights in ("a", "1_0,2,3", "1,,2"):
        said = kemfeat("ensemble", *runs, "--weights", weights, "--out", tmp_path / "other")
        assert said.code == 2
        assert "expected numbers joined by commas" in said.err
    said = kemfeat("ensemble", *runs, "--method", "stacking", "--inner", "3", "--out", tmp_path / "inner")
    assert said.code == 2
    assert "pass --store and --split, those of the runs" in said.err
    said = kemfeat("ensemble", *runs, "--method", "stacking", "--fit-on", "test", "--out", tmp_path / "test")
    assert said.code == 2
    assert "pass --allow-leakage" in said.err
    options = ("--method", "stacking", "--fit-on", "test", "--allow-leakage")
    said = kemfeat("ensemble", *runs, *options, "--out", tmp_path / "test")
    assert said.code == 0, said
    assert "LEAKING SPLIT" in said.out
    assert "these are training scores (J1)" in " ".join(said.out.split())
