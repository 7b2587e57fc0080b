"""kemfeat.learn.models.cross_modal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kemfeat.errors import AnalysisError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import check_gradients, check_trainable, seeded, spec_of, trainable_audit
from kemfeat.learn.models.cross_modal import CrossModalClassifier, CrossModalConfig
from kemfeat.learn.settings import TrainConfig
from kemfeat.learn.training.optimiser import optimiser_of
from kemfeat.learn.training.recipe import load_recipe
from tests.learn.models import kit

KOBERT, POOLER, FUSION, LAST = 92_186_880, 590_592, 629_121, 5_383
EMBEDDINGS = (8002 + 512 + 2 + 2) * 768
PUBLISHED: dict[str, Any] = {
    "scale": "batch",
    "audio_axis": "coefficient",
    "classifier": "frozen",
    "embeddings": "frozen",
    "padding": "zero",
}
TOKENS = (kit.COEFFICIENTS, 3, 2)
"""As many tokens as coefficients in the longest row, which the published model needs."""


def logits(batch: Batch, **settings: Any) -> Tensor:
    model = kit.cross_modal_model(kit.cross_modal_config(**settings))
    with seeded(8):
        nn.init.normal_(model.fusion.classifier.weight)  # a start of 0.02 would hide differences
    found: Tensor | None = model(batch).logits
    assert found is not None
    return found.detach()


def same(**settings: Any) -> CrossModalClassifier:
    return kit.cross_modal_model(kit.cross_modal_config(**settings))


def full_size(variant: str) -> CrossModalClassifier:
    from transformers import BertConfig, BertModel

    config = load_recipe("stacked/cross-modal", {"variant": variant}).model
    assert isinstance(config, CrossModalConfig)
    with torch.device("meta"):
        return CrossModalClassifier(config, BertModel(BertConfig(vocab_size=8002)))


def count(part: nn.Module, *, trained: bool = False) -> int:
    return sum(p.numel() for p in part.parameters() if p.requires_grad or not trained)


def test_the_published_counts() -> None:
    faithful, corrected = full_size("faithful"), full_size("corrected")
    assert count(faithful.text_encoder) == count(corrected.text_encoder) == KOBERT
    assert count(faithful.fusion) == FUSION + LAST
    assert count(corrected.fusion) == FUSION + LAST - (465 - 100) * 30, "the projection of audio reads coefficients"
    assert count(faithful, trained=True) == KOBERT - EMBEDDINGS + FUSION
    assert count(corrected, trained=True) == count(corrected)
    pooler = faithful.text_encoder.inner.get_submodule("pooler")
    assert count(pooler, trained=True) == POOLER


def test_the_recipe_has_every_published_defect() -> None:
    faithful = load_recipe("stacked/cross-modal", {"variant": "faithful"}).model
    assert {name: getattr(faithful, name) for name in PUBLISHED} == PUBLISHED
    corrected = load_recipe("stacked/cross-modal").model
    assert all(getattr(corrected, name) == CrossModalConfig.model_fields[name].default for name in PUBLISHED)


def test_a_frozen_last_layer_is_accepted_where_it_is_a_setting() -> None:
    """J6: the audit names it; the same layer frozen without the setting is in no list and refused."""
    model = same(classifier="frozen", embeddings="frozen")
    table = check_trainable(model).set_index("part")
    assert table.loc["fusion.classifier"].tolist() == [7 * (kit.WIDTH + 1), 0, True]
    assert table.loc["text_encoder.inner.embeddings", "trainable"] == 0
    assert table.loc["fusion", "parameters"] == 3, "the weights of text and audio and the bias"
    assert table["parameters"].sum() == count(model)
    assert not trainable_audit(same())["frozen"].any()
    model = same()
    model.fusion.classifier.requires_grad_(requires_grad=False)
    with pytest.raises(Exception, match="expected every parameter outside frozen parts to train"):
        check_trainable(model)


def test_the_last_layer_stays_at_its_start_as_published_and_learns_otherwise() -> None:
    """J6."""
    moved = {}
    for classifier in ("frozen", "trained"):
        model, batch = same(classifier=classifier).train(), kit.batch()
        before = model.fusion.classifier.weight.detach().clone()
        optimizer = optimiser_of(model, TrainConfig(loss="cross-entropy", weight_decay=0.01), model.config)
        found = model(batch).logits
        torch.nn.functional.cross_entropy(found, batch.emotion).backward()
        check_gradients(model, idle=spec_of(model.config).idle)
        optimizer.step()
        moved[classifier] = not torch.equal(model.fusion.classifier.weight, before)
    assert moved == {"frozen": False, "trained": True}


def test_batch_mates_change_the_published_prediction_alone() -> None:
    """J7."""
    batch = kit.batch(tokens=TOKENS)
    for scale, equal in (("row", True), ("batch", False)):
        alone = logits(kit.single(batch, 1), scale=scale)
        assert torch.allclose(alone, logits(batch, scale=scale)[1:2], atol=1e-5) is equal


def test_the_published_audio_pairs_coefficients_with_tokens() -> None:
    """J5: the order of frames matters to the corrected model, and the order of coefficients to the published one."""
    batch = kit.batch((7, 7), (kit.COEFFICIENTS,) * 2)
    strong = {**batch.arrays, "mfcc": 3 * batch.arrays["mfcc"]}
    batch = replace(batch, arrays=strong)
    with pytest.raises(AnalysisError, match="6 coefficients for 4 tokens"):
        logits(kit.batch(tokens=(4, 2, 3)), audio_axis="coefficient")
    late = replace(batch, arrays={**strong, "mfcc": strong["mfcc"].flip(1)})
    assert not torch.allclose(logits(late), logits(batch), atol=1e-6)
    swapped = replace(batch, arrays={**strong, "mfcc": strong["mfcc"].flip(2)})
    before, after = (logits(one, audio_axis="coefficient") for one in (batch, swapped))
    assert not torch.allclose(after, before, atol=1e-6)


def test_frames_of_zeros_are_sound_as_published_and_padding_otherwise() -> None:
    """J15: more frames of the padding value within the length are not distinguished from padding as published."""
    batch = kit.batch((4, 4), (kit.COEFFICIENTS,) * 2)
    padded = torch.nn.functional.pad(batch.arrays["mfcc"], (0, 0, 0, 3))
    silent = replace(batch, arrays={**batch.arrays, "mfcc": padded}, lengths={"mfcc": torch.tensor([7, 7])})
    published = {"audio_axis": "coefficient"}
    torch.testing.assert_close(logits(silent, **published), logits(batch, **published))
    assert not torch.allclose(logits(silent), logits(batch), atol=1e-6)


def test_the_id_of_padding_reaches_a_prediction_by_the_norm_of_the_batch_alone() -> None:
    """J14: harmless where padding is masked everywhere, which the published norm (J7) does not do."""
    batch = kit.batch(tokens=TOKENS)
    torch.testing.assert_close(logits(batch, padding="zero"), logits(batch), atol=1e-6, rtol=0)
    published = {"scale": "batch"}
    assert not torch.allclose(logits(batch, padding="zero", **published), logits(batch, **published), atol=1e-6)


def test_the_depth_is_the_encoders_own() -> None:
    """J14: published, the number of heads was taken for the number of layers."""
    layers = same().text_encoder.inner.get_submodule("encoder.layer")
    assert len(list(layers.children())) == 2
    assert not [name for name in CrossModalConfig.model_fields if "heads" in name or "layers" in name]


def test_fusion_weights_have_a_rate_of_their_own_and_decay_and_biases_do_not() -> None:
    model = same()
    config = TrainConfig(loss="cross-entropy", optimizer="adamw", learning_rate=2e-5, weight_decay=0.01)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [
        ({names[id(p)] for p in group["params"]}, group["lr"], group["weight_decay"])
        for group in optimiser_of(model, config, model.config).param_groups
    ]
    assert groups[2] == ({"fusion.text_weight", "fusion.audio_weight", "fusion.norm.weight"}, 0.01, 0.01)
    assert {"fusion.bias", "fusion.norm.bias", "fusion.dense.bias"} <= groups[1][0]
    assert groups[1][1:] == (2e-5, 0.0)
    assert groups[0][1:] == (2e-5, 0.01)
    assert set().union(*(group[0] for group in groups)) == set(names.values())
    assert sum(len(group[0]) for group in groups) == len(names)


def test_what_gets_no_gradient_is_declared() -> None:
    model = same().train()
    model(kit.batch()).logits.square().sum().backward()
    without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
    assert without == {"text_encoder.inner.pooler.dense.bias", "text_encoder.inner.pooler.dense.weight"}
    assert model.fusion.bias.grad is not None
    assert float(model.fusion.bias.grad.abs().max()) < 1e-6, "a softmax does not see what is added to a whole row"
    assert all(name.startswith(spec_of(model.config).idle) for name in (*without, "fusion.bias"))
