"""What every lens keeps, the ones not written yet included."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from kemfeat import plugins
from kemfeat.build import build_store
from kemfeat.errors import AnalysisError
from kemfeat.lenses import Context, Lens
from kemfeat.store.reader import open_store
from tests.laws.test_analysis_laws import bared
from tests.lenses import kit

NAMES = plugins.names("lenses")


@pytest.fixture(params=NAMES)
def lens(request: pytest.FixtureRequest) -> Lens:
    found: Lens = plugins.find("lenses", request.param)
    return found


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return full(tmp_path_factory.mktemp("lens_laws"))


@pytest.fixture(scope="module")
def permuted(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The same corpus with every table in another order."""
    rng = np.random.default_rng(3)
    made = full(tmp_path_factory.mktemp("permuted"), rng.permutation(kit.COUNT))
    mixed = {name: getattr(made, name).sample(frac=1, random_state=1) for name in ("predictions", "findings")}
    return replace(made, **mixed)


def full(folder, order=None) -> Context:
    store = kit.build(folder, order)
    return Context(store, predictions=kit.predictions(store), findings=kit.findings(store), root=folder / "corpus")


def test_it_says_what_it_is(lens):
    assert lens.name in NAMES
    assert 0 < len(lens.title) < 30
    assert lens.help.endswith(".")
    assert len(lens.help) > 40


def test_it_finds_something_where_there_is_something(lens, context):
    assert lens.needs(context) == ""
    assert len(lens.find(context)) > 0


def test_it_returns_ids_of_the_store_once_with_finite_scores_and_reasons(lens, context):
    found = lens.find(context)
    assert list(found.columns) == ["id", "score", "why"]
    assert found["id"].is_unique
    assert set(found["id"]) <= set(context.store.utterances["id"])
    assert found["score"].dtype == np.float64
    assert np.isfinite(found["score"]).all()
    assert all(why.isprintable() and any(c.isdigit() for c in why) and len(why) < 300 for why in found["why"])


def test_the_most_suspicious_come_first_and_equal_ones_by_id(lens, context):
    found = lens.find(context)
    assert found.index.equals(pd.RangeIndex(len(found)))
    rows = list(zip(-found["score"], found["id"], strict=True))
    assert rows == sorted(rows)


def test_the_same_context_gives_the_same_rows_and_is_left_alone(lens, context):
    before = {each.name: getattr(context, each.name) for each in fields(context)}
    tables = {name: value.copy() for name, value in before.items() if isinstance(value, pd.DataFrame)}
    files = {path: path.stat().st_mtime_ns for path in context.store.path.rglob("*")}
    again = replace(context, store=open_store(context.store.path))
    pd.testing.assert_frame_equal(lens.find(context), lens.find(again))
    assert {path: path.stat().st_mtime_ns for path in context.store.path.rglob("*")} == files
    for name, table in tables.items():
        pd.testing.assert_frame_equal(getattr(context, name), table)


def test_the_order_of_rows_does_not_matter(lens, context, permuted):
    assert permuted.store.utterances["id"].tolist() != context.store.utterances["id"].tolist()
    pd.testing.assert_frame_equal(lens.find(permuted), lens.find(context))


def test_what_it_needs_is_a_sentence_and_to_look_without_it_is_refused(lens, context, tmp_path):
    bare = Context(bared(context.store, tmp_path / "bare"))
    sentence = lens.needs(bare)
    assert sentence.startswith("needs ")
    assert ": " in sentence
    assert "\n" not in sentence
    with pytest.raises(AnalysisError, match=lens.name):
        lens.find(bare)


def test_where_there_is_nothing_to_find_the_table_is_empty(lens, context, tmp_path):
    """One utterance on which everybody agrees stands out from none."""
    nothing = nothing_to_find(tmp_path)
    if lens.needs(nothing) == "":
        found = lens.find(nothing)
        assert found.empty
        assert found.dtypes.tolist() == lens.find(context).dtypes.tolist()


def nothing_to_find(folder) -> Context:
    root = folder / "corpus"
    kit.write(root, np.arange(kit.COUNT))
    for name in ("utterances", "ratings"):
        table = pd.read_csv(root / f"{name}.csv")
        table[table["id"] == "utt00"].to_csv(root / f"{name}.csv", index=False)
    store = build_store("folder", root=root, out=folder / "store", settings={"features": ["mel"]}).store
    return Context(
        store,
        predictions=kit.predictions(store),
        findings=kit.findings(store).head(0),
        root=root,
    )
