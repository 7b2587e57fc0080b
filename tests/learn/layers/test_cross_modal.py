"""kemfeat.learn.layers.cross_modal."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from kemfeat.errors import AnalysisError
from kemfeat.learn.layers.cross_modal import IDLE, CrossModalFusion, evenly_aligned
from tests.learn.layers import kit

PUBLISHED: dict[str, Any] = {"scale": "batch", "audio_axis": "coefficient", "classifier": "frozen"}
WIDTH, TOKENS, COEFFICIENTS, FRAMES = 12, 6, 5, 9
TEXT_LENGTHS, AUDIO_LENGTHS = torch.tensor([6, 3, 2]), torch.tensor([9, 4, 0])


def fusion(**settings: Any) -> CrossModalFusion:
    with kit.seeded(1):
        made = CrossModalFusion(WIDTH, **{"audio_size": COEFFICIENTS, "projected": 4, **settings}).eval()
        for layer in (made.dense, made.classifier):  # a start of 0.02 would hide differences
            torch.nn.init.normal_(layer.weight)
        return made


def inputs(*, coefficients: int = COEFFICIENTS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mask_BL = torch.arange(TOKENS) < TEXT_LENGTHS[:, None]
    return kit.random(3, TOKENS, WIDTH), mask_BL, kit.random(3, FRAMES, coefficients, seed=1), AUDIO_LENGTHS


def reference(w: dict[str, Tensor], text_BLH: Tensor, mask_BL: Tensor, audio_BLF: Tensor) -> Tensor:
    """The published block, from the specification, both masks included; audio is (batch, coefficient, frame)."""
    text = text_BLH @ w["text_projection.weight"].T
    text = text / text.detach().pow(2).sum().sqrt().sqrt()
    audio = audio_BLF @ w["audio_projection.weight"].T
    scores = w["text_weight"] * (text @ text.mT).relu() + w["audio_weight"] * (audio @ audio.mT).relu() + w["bias"]
    far = (1.0 - mask_BL.float()) * -1e4
    weights = torch.softmax(scores + far[:, None, :] + far[:, :, None], dim=-1)
    fused = weights @ text_BLH + text_BLH
    dense = fused[:, 0] @ w["dense.weight"].T + w["dense.bias"]
    normed = functional.layer_norm(dense, (WIDTH,), w["norm.weight"], w["norm.bias"], 1e-12)
    return normed @ w["classifier.weight"].T + w["classifier.bias"]


def test_published_count_has_everything_but_the_classifier() -> None:
    with torch.device("meta"):
        published = CrossModalFusion(audio_size=465, **PUBLISHED)
        corrected = CrossModalFusion(audio_size=100)
    assert kit.count(published) - kit.count(published.classifier) == 629_121
    assert kit.count(published.classifier) == 5_383
    assert kit.count(corrected) == kit.count(published) - (465 - 100) * 30
    assert sum(p.numel() for p in published.parameters() if p.requires_grad) == 629_121  # J6
    assert all(p.requires_grad for p in corrected.parameters())


def test_forward_and_a_step_are_the_published_ones() -> None:
    model = fusion(audio_size=FRAMES, **PUBLISHED)
    text, mask, audio, lengths = inputs(coefficients=TOKENS)
    flat = {name: p.detach().clone().requires_grad_(p.requires_grad) for name, p in model.named_parameters()}
    cut = audio * (torch.arange(FRAMES) < lengths[:, None])[:, :, None]
    target = torch.tensor([0, 3, 6])
    logits, _ = model(text, mask, audio, lengths)
    expected = reference(flat, text, mask, cut.mT)
    torch.testing.assert_close(logits, expected, atol=2e-6, rtol=0)
    kit.step(list(model.parameters()), functional.cross_entropy(logits, target))
    kit.step(list(flat.values()), functional.cross_entropy(expected, target))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, flat[name], atol=1e-6, rtol=0)
    kit.assert_what_trains_has_a_gradient(model, idle=IDLE)
    assert model.classifier.weight.grad is None


def test_the_published_audio_is_cut_or_filled_up_to_its_size() -> None:
    model = fusion(audio_size=FRAMES, **PUBLISHED)
    text, mask, audio, _ = inputs(coefficients=TOKENS)
    all_real = torch.full((3,), FRAMES)
    shorter = model(text, mask, audio[:, :5], torch.full((3,), 5))[0]
    assert torch.equal(shorter, model(text, mask, audio, torch.full((3,), 5))[0])
    longer = torch.cat((audio, 99 * torch.ones(3, 2, TOKENS)), dim=1)
    assert torch.equal(model(text, mask, longer, all_real + 2)[0], model(text, mask, audio, all_real)[0])


def test_every_parameter_of_the_corrected_block_learns() -> None:
    model = fusion()
    functional.cross_entropy(model(*inputs())[0], torch.tensor([0, 3, 6])).backward()
    kit.assert_what_trains_has_a_gradient(model, idle=IDLE)


def test_padding_and_batch_mates_change_nothing() -> None:
    model = fusion()
    text, mask, audio, lengths = inputs()
    with torch.no_grad():
        logits, embedding = model(text, mask, audio, lengths)
        for row in range(3):
            n, m = int(TEXT_LENGTHS[row]), int(lengths[row])
            one = slice(row, row + 1)
            alone, alone_embedding = model(text[one, :n], mask[one, :n], audio[one, :m], lengths[one])
            torch.testing.assert_close(logits[one], alone, atol=2e-6, rtol=1e-5)
            torch.testing.assert_close(embedding[one], alone_embedding, atol=2e-6, rtol=1e-5)


def test_only_the_published_scale_sees_batch_mates() -> None:
    text, mask, audio, lengths = inputs()
    for scale, equal in (("row", True), ("batch", False)):
        model = fusion(scale=scale)
        changed = torch.cat((text[:1], 5 * text[1:]))
        with torch.no_grad():
            before, after = (model(given, mask, audio, lengths)[0][0] for given in (text, changed))
        assert torch.allclose(before, after, atol=1e-6) == equal  # J7


def test_audio_at_a_token_matters_and_missing_audio_adds_nothing() -> None:
    model = fusion()
    text, mask, audio, lengths = inputs()
    with torch.no_grad():
        model.audio_weight.fill_(5.0)
        logits, _ = model(text, mask, audio, lengths)
        backwards, _ = model(text, mask, audio.flip(1), torch.tensor([9, 4, 0]))
        silent, _ = model(text, mask, audio, torch.zeros(3, dtype=torch.long))
    assert not torch.allclose(logits[0], backwards[0], atol=1e-4)
    assert not torch.allclose(logits[0], silent[0], atol=1e-4)
    assert torch.equal(logits[2], silent[2])
    assert silent.isfinite().all()


@settings(deadline=None, max_examples=50)
@given(n_tokens=st.integers(1, 8), n_frames=st.integers(1, 30), more_tokens=st.integers(0, 3), more=st.integers(0, 3))
def test_alignment_is_adaptive_average_pooling(n_tokens: int, n_frames: int, more_tokens: int, more: int) -> None:
    x_TF = kit.random(n_frames + more, 2)
    mask_L = torch.arange(n_tokens + more_tokens) < n_tokens
    weights = evenly_aligned(torch.tensor([n_frames]), mask_L[None], n_frames=n_frames + more)[0]
    pooled = functional.adaptive_avg_pool1d(x_TF[:n_frames].T[None], n_tokens)[0].T
    torch.testing.assert_close((weights @ x_TF)[:n_tokens], pooled, atol=1e-5, rtol=1e-5)
    assert not weights[n_tokens:].any()
    assert not weights[:, n_frames:].any()


def test_sizes_that_do_not_fit_are_refused() -> None:
    text, mask, audio, lengths = inputs()
    with pytest.raises(AnalysisError, match=r"4 coefficients; expected 5"):
        fusion()(text, mask, audio[:, :, :4], lengths)
    with pytest.raises(AnalysisError, match=r"5 coefficients for 6 tokens.*pad the text to 5"):
        fusion(audio_size=FRAMES, **PUBLISHED)(text, mask, audio, lengths)
