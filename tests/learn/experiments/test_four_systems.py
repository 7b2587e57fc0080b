"""What docs/four-systems.md says, on less: the script that makes its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kemfeat_bench.tools import _four_published, _four_recipes, experiments, four_systems, gpu
from kemfeat_bench.tools._four_runs import BASELINES, METHODS, Place, place_of
from kemfeat_bench.tools._linear import summaries
from sklearn.metrics import balanced_accuracy_score

import kemfeat
from kemfeat.learn.experiments import votes
from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.store.reader import Store, open_store
from kemfeat.synth import SyntheticCorpus
from tests.learn.training import kit

pytestmark = pytest.mark.slow  # models are trained

PAGE = Path(__file__).resolve().parents[3] / "docs" / "four-systems.md"
RECIPES = Path(kemfeat.__file__).parent / "learn" / "recipes"
ONCE = {"train.epochs": 1, "train.learning_rate": 1e-3}
ALL = [name for system in _four_recipes.SYSTEMS.values() for name in system.recipes]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are many times slower on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """System 2 on 64 utterances, one epoch of each recipe."""
    system = replace(_four_recipes.SYSTEMS["2"], utterances=64, sessions=4, folds=3)
    small = {name: {**values, **ONCE} for name, values in _four_recipes.SMALL.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_four_recipes, "SMALL", small)
        patch.setattr(experiments, "text_encoder", _untrained)
        found = place_of(system, tmp_path_factory.mktemp("four"))
        four_systems.trained(found, variant="corrected", fold=0)
        yield found


def _untrained(
    folder: Path, *, tokenizer: Path, utterances: int, seed: int, corpus: SyntheticCorpus, pooled: bool
) -> Path:

    folder.parent.joinpath("encoder").mkdir(exist_ok=True)
    return kit.saved_bert(folder.parent / "encoder", open_store(folder.parent / "store"))


def test_every_recipe_of_the_four_systems_is_trained_and_has_its_settings_and_baseline() -> None:
    known = {f"{file.parent.name}/{file.stem}" for file in RECIPES.glob("*/*.toml") if file.parent.name != "baseline"}
    assert set(ALL) == known
    assert set(_four_recipes.SMALL) == known
    assert set(BASELINES) == known | set(METHODS)
    assert set(four_systems.PUBLISHED) == known | set(METHODS)
    for name in ALL:
        for variant in four_systems.VARIANTS:
            made = _four_recipes.small(name, variant, encoder=Path("encoder"))
            assert made.variant == variant


def test_a_row_says_the_score_and_how_much_better_it_is_than_both_baselines(place: Place) -> None:
    rows = list(four_systems.systems(place, variant="corrected", folds=[0]))
    assert [row["recipe"] for row in rows] == [f"`{name}`" for name in (*place.system.recipes, *METHODS)]
    for row in rows:
        assert row["score"].startswith("UAR 0.")
        mine, base, line = (
            float(row[key].removeprefix("UAR ").split()[0]) for key in ("score", "majority or mean", "linear")
        )
        assert float(row["better by"].split()[0]) == pytest.approx(mine - base, abs=2e-3)
        assert float(row["better than linear by"].split()[0]) == pytest.approx(mine - line, abs=2e-3)


def test_ablations_are_whole_minus_ablated(place: Place) -> None:
    rows = list(four_systems.ablations("2", place, folds=[0]))
    assert [row["modality"] for row in rows] == ["audio shuffled", "audio gone", "text shuffled", "text gone"]
    for row in rows:
        assert float(row["UAR"]) - float(row["without"]) == pytest.approx(float(row["lost"]), abs=2e-3)


def test_the_published_stacker_is_fitted_and_scored_on_the_same_rows(place: Place) -> None:
    runs = [place.run(name, "corrected", 0) for name in place.system.recipes]
    facts = read_run(runs[0])
    tables = [read_predictions(run, facts).query("part == 'test'").sort_values("id") for run in runs]
    classes = list(facts.emotions)
    chances = np.stack([table[[f"p_{name}" for name in classes]].to_numpy(float) for table in tables])
    truth = tables[0]["emotion_true"].map(classes.index).to_numpy()
    said = votes.stacked(chances, votes.fitted_stacker(chances, truth)).argmax(axis=1)
    found = four_systems._stacked(four_systems.TESTED)(place, "stacking", [0])
    assert found.targets["emotion"].result.scores["uar"].value == pytest.approx(
        balanced_accuracy_score(truth, said)
    )  # J1


def test_a_linear_model_reads_shares_of_tokens_and_moments_over_real_steps(place: Place) -> None:
    x = summaries(place.store, ("tokens", "mfcc"))
    tokens = int(np.asarray(place.store.array("input_ids")[:]).max()) + 1
    np.testing.assert_allclose(x[:, :tokens].sum(axis=1), 1)
    row = 5
    real = np.asarray(place.store.array("mfcc")[row], float)[
        : int(np.asarray(place.store.array("mfcc_mask")[row]).sum())
    ]
    np.testing.assert_allclose(x[row, tokens:], np.r_[real.mean(axis=0), real.std(axis=0)], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters"), [("graph/spell", 139_045), ("av/cnn", 1_967_756), ("av/contrastive", 13_621_260)]
)
def test_a_step_at_published_size_trains_the_published_parameters(name: str, parameters: int) -> None:
    found = _four_published.step(name, Path(), rows=1)
    assert found["parameters"] == parameters
    assert np.isfinite(found["loss"])
    assert found["seconds"] > 0


def test_the_script_for_a_gpu_runs_on_a_cpu() -> None:
    cpu = torch.device("cpu")
    (row,) = gpu.costs(["graph/encoder"], Path(), cpu, steps=1, rows=2)
    assert row["batch"] == "2 x windows of 11 + 11 + 274 x 13"
    (row,) = gpu.precisions(["graph/encoder"], Path(), cpu, steps=1, rows=2)
    assert float(row["largest relative difference"].rstrip("%")) < 10
    plain, again = (gpu.taken("graph/encoder", Path(), cpu, steps=1, rows=2).losses for _ in range(2))
    assert plain == again


def test_every_speaker_is_tested_once_by_what_was_trained_on_the_others(store: Store, tmp_path: Path) -> None:
    split = four_systems._one_speaker_out(store, tmp_path / "split.csv")
    speakers = store.utterances.set_index("id")["speaker"]
    tested = []
    for fold in range(split.folds):
        parts = {part: set(split.ids(part, fold=fold)) for part in ("train", "valid", "test")}
        (mine,) = {speakers[one] for one in parts["test"]}
        assert mine not in {speakers[one] for one in parts["train"] | parts["valid"]}
        assert 0 < len(parts["valid"]) < len(parts["train"])
        tested += sorted(parts["test"])
    assert len(tested) == len(set(tested)) == int(store.labels("4class").notna().sum())


def test_the_page_has_every_recipe_as_corrected_and_as_published_and_one_step_of_it() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for name in (*ALL, *METHODS):
        (row,) = (at for at, line in enumerate(lines) if line.startswith(f"| `{name}` | corrected | "))
        assert lines[row + 1].startswith("|  | faithful | ")
    for name in ALL:
        assert any(line.startswith(f"| `{name}` | ") and line.count("|") == 6 for line in lines)
