"""The predictions of a run that was trained are what the lens of suspect labels reads."""

import pytest

pytest.importorskip("torch")

from kemfeat.learn.run_folder import read_predictions, read_run
from kemfeat.learn.training.recipe import load_recipe
from kemfeat.lenses import Context, predictions_of
from kemfeat.lenses.suspect_labels import LENS
from tests.learn.training import kit as training


@pytest.mark.slow
def test_a_run_is_judged_without_the_rows_it_was_trained_on(lens_store, tmp_path):
    split = training.session_split(lens_store, folds=4, labels="annotated")
    recipe = load_recipe("baseline/logistic", {"model.features": ["mel"], "model.emotions": list(lens_store.emotions)})
    run = training.trained(recipe, lens_store, split, tmp_path / "run")
    table = read_predictions(run, read_run(run))
    context = Context(lens_store, predictions=predictions_of(table, run=str(run)))
    assert LENS.needs(context) == ""
    assert set(LENS.find(context)["id"]) <= {*split.ids("valid"), *split.ids("test")}
