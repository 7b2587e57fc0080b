"""kemfeat.learn.models.tick_encoder and spell."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import build_model
from kemfeat.learn.models.spell import SpellConfig
from kemfeat.learn.models.tick_encoder import TickEncoderConfig
from kemfeat.learn.training.losses import ClassificationLoss
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

SMALL = TickEncoderConfig(width=2)
GRAPH = SpellConfig(parts=(4, 4, 4), loops=True)


def trainable(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(
    ("name", "variant", "count"),
    [
        ("graph/encoder", "faithful", 19_060_444),
        ("graph/encoder", "corrected", 19_060_444 - 2 * (384 + 1) - 3 * 2 * (128 + 1)),
        ("graph/spell", "faithful", 139_045),
    ],
)
def test_published_counts(name: str, variant: str, count: int) -> None:
    recipe = load_recipe(name, {"variant": variant})
    with torch.device("meta"):
        assert trainable(build_model(recipe.model)) == count


def graph(*, later: bool) -> Batch:
    """Three ticks in a row; edges from each to the next, or from the next to each, and of each to itself."""
    batch = kit.batch()
    ends = [(0, 0), (1, 1), (2, 2), *([(1, 0), (2, 1)] if later else [(0, 1), (1, 2)])]
    signs = [0, 0, 0, 1, 1] if later else [0, 0, 0, -1, -1]
    return replace(batch, edges=torch.tensor(ends).T, directions=torch.tensor(signs, dtype=torch.int8))


@torch.inference_mode()
def test_a_causal_graph_does_not_see_what_comes_later() -> None:
    def change(config: SpellConfig, *, later: bool) -> float:
        model, batch = build_model(config).eval(), graph(later=later)
        other = batch.arrays["embedding"].clone()
        other[2 if later else 0] += 1
        changed = replace(batch, arrays={**batch.arrays, "embedding": other})
        return float((model(changed).logits[1] - model(batch).logits[1]).abs().max())

    causal = GRAPH.model_copy(update={"causal": True})
    assert change(causal, later=True) == 0
    assert change(causal, later=False) > 0
    assert change(GRAPH, later=True) > 0


def test_a_causal_graph_needs_loops() -> None:
    with pytest.raises(ValidationError, match="set loops to true as well"):
        SpellConfig(causal=True)


def test_a_graph_model_says_what_a_batch_lacks() -> None:
    model, batch = build_model(GRAPH).eval(), kit.batch()
    with pytest.raises(AnalysisError, match="no edges or no embeddings"):
        model(replace(batch, edges=None))
    with pytest.raises(ConfigError, match=r"\[4, 4\] are 8 numbers, but an embedding has 12"):
        build_model(SpellConfig(parts=(4, 4))).eval()(batch)
    with pytest.raises(AnalysisError, match="has no tick_eda"):
        build_model(SMALL).eval()(replace(batch, arrays={}))


def test_the_level_of_a_person_does_not_matter_unless_it_is_raw() -> None:
    """P9: two people whose skin conducts differently are told apart by the raw values."""
    batch = kit.batch()
    eda = batch.arrays["tick_eda"]
    moved = replace(batch, arrays={**batch.arrays, "tick_eda": 3 * eda + 7})
    for level, same in (("window", True), ("raw", False)):
        model = build_model(SMALL.model_copy(update={"level": level})).eval()
        assert torch.allclose(model(moved).logits, model(batch).logits, atol=1e-4) == same


def test_what_was_not_measured_changes_nothing() -> None:
    model, batch = build_model(SMALL).eval(), kit.batch()
    mask = batch.arrays["tick_eda_mask"].clone()
    mask[:, 3] = False
    gone = batch.arrays["tick_eda"].clone()
    gone[:, 3] = torch.nan
    other = batch.arrays["tick_eda"].clone()
    other[:, 3] = 99.0
    first, second = (
        model(replace(batch, arrays={**batch.arrays, "tick_eda": eda, "tick_eda_mask": mask})).logits
        for eda in (gone, other)
    )
    assert torch.equal(first, second)
    assert first.isfinite().all()


def test_published_probabilities_are_declared_and_keep_the_loss_above_their_floor() -> None:
    """P3: with seven classes, softmax before cross entropy cannot go below ln(1 + 6 / e) = 1.165."""
    emotions = load_recipe("graph/encoder", {"variant": "faithful"}).model.emotions
    model = build_model(SMALL.model_copy(update={"outputs": "probabilities", "emotions": emotions})).eval()
    outputs = model(kit.batch())
    assert outputs.probabilities
    certain = torch.eye(7)[kit.batch().emotion]
    loss = ClassificationLoss()
    found = replace(outputs, logits=certain, auxiliary={})
    for _ in range(3):
        assert float(loss.value(loss.sums(found, kit.batch()))) == pytest.approx(1.165, abs=1e-3)
    undeclared = replace(found, probabilities=False)
    loss.sums(undeclared, kit.batch())
    with pytest.raises(ConfigError, match="P3"):
        loss.sums(undeclared, kit.batch())


@torch.inference_mode()
def test_each_stream_has_a_head_that_is_trained() -> None:
    outputs = build_model(SMALL).eval()(kit.batch())
    assert list(outputs.auxiliary) == ["eda", "temp", "audio"]
    one = ClassificationLoss().sums(replace(outputs, auxiliary={}), kit.batch()).total
    all_four = ClassificationLoss().sums(outputs, kit.batch()).total
    assert float(all_four) > float(one) > 0
