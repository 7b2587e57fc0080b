"""System 1 as published, and BERT as a classifier: outputs and one step of Adam equal flat functions of the weights.

The functions are written from the description of the published system, without a module of this package. They agree to
rounding where everything is written out, and to the last bit where torch's kernels compute it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models.bert import BertConfig
from tests.learn.models import kit
from tests.learn.models.arithmetic import Elementary, Kernels, Weights

FLAT = {**kit.PUBLISHED, "dropout": 0.0}


def under(w: Weights, part: str) -> Weights:
    return {name.removeprefix(f"{part}."): value for name, value in w.items() if name.startswith(f"{part}.")}


def numbered(w: Weights, part: str) -> Iterator[Weights]:
    for number in count():
        found = under(w, f"{part}.{number}")
        if not found:
            return
        yield found


def stack(ops: Elementary, w: Weights, x: Tensor, mask: Tensor, *, heads: int) -> Tensor:
    """Post-norm layers whose feed-forward part has a residual of its own (K20)."""
    for layer in numbered(w, "layers"):
        inner = under(layer, "attention")
        heads_of = (ops.affine(inner, x, name) for name in ("query", "key", "value"))
        attended = ops.affine(inner, ops.attention(*heads_of, mask, heads=heads), "out")
        x = ops.layer_norm(layer, x + attended, "attention_norm")
        forward = under(layer, "feed_forward.part")
        fed = x + ops.affine(forward, ops.affine(forward, x, "0").relu(), "3")
        x = ops.layer_norm(layer, x + fed, "feed_norm")
    return x


def head(ops: Elementary, w: Weights, x: Tensor, recurrent: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Two recurrent layers, the last step, whatever is padding (K7), and a linear layer."""
    for layer in (0, 1):
        x = recurrent(w[f"recurrent.weight_ih_l{layer}"], w[f"recurrent.weight_hh_l{layer}"], x)
    return ops.affine(w, x[:, -1], "out")


def mel_of(batch: Batch) -> Tensor:
    """Mel and delta, with 0 as padding (K2)."""
    assert batch.mel is not None
    real = torch.arange(batch.mel.shape[2]) < batch.mel_lengths[:, None]
    return batch.mel * real[:, None, :, None]


def audio(ops: Elementary, w: Weights, batch: Batch) -> tuple[Tensor, Tensor]:
    """Tokens and arousal."""
    x = mel_of(batch)
    for place, layer in enumerate(numbered(w, "extractor.convolutions")):
        stride, padding = ((1, 2), (0, 1)) if place % 2 == 0 else ((1, 1), (0, 3))
        x = functional.conv2d(x, layer["weight"], stride=stride, padding=padding)
        x = x.relu() if place < 3 else x
    tokens = torch.stack([x[:, :, step].flatten(1) for step in range(x.shape[2])], dim=1)
    tokens = stack(ops, under(w, "encoder"), tokens, (tokens != 0).all(dim=2), heads=2)  # K4
    return tokens, head(ops, under(w, "head"), tokens, ops.gru)[:, 0]


def bert(ops: Elementary, w: Weights, batch: Batch) -> Tensor:
    """Hidden states, from Devlin et al., 2019; gelu is the exact one."""
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    ids, mask = batch.input_ids, batch.attention_mask == 1
    table = under(w, "embeddings")
    x = table["word_embeddings.weight"][ids] + table["token_type_embeddings.weight"][0]
    x = ops.layer_norm(table, x + table["position_embeddings.weight"][: ids.shape[1]], "LayerNorm", eps=1e-12)
    for layer in numbered(w, "encoder.layer"):
        names = ("attention.self.query", "attention.self.key", "attention.self.value")
        heads = (ops.affine(layer, x, name) for name in names)
        attended = ops.affine(layer, ops.bert_attention(*heads, mask, heads=2), "attention.output.dense")
        x = ops.layer_norm(layer, x + attended, "attention.output.LayerNorm", eps=1e-12)
        inner = ops.gelu(ops.affine(layer, x, "intermediate.dense"))
        x = ops.layer_norm(layer, x + ops.affine(layer, inner, "output.dense"), "output.LayerNorm", eps=1e-12)
    return x


def text(ops: Elementary, w: Weights, batch: Batch) -> tuple[Tensor, Tensor]:
    """Tokens and valence."""
    x = bert(ops, under(w, "text_encoder.inner"), batch)
    x = stack(ops, under(w, "encoder"), x, (x != 0).all(dim=2), heads=2)  # K5
    return x, head(ops, under(w, "head"), x, ops.gru)[:, 0]


def fusion(ops: Elementary, w: Weights, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, arousal and valence."""
    assert batch.attention_mask is not None
    sound, arousal = audio(ops, under(w, "audio.inner"), batch)
    words, valence = text(ops, under(w, "text.inner"), batch)
    frames = (mel_of(batch)[:, 0] != 0).all(dim=2)  # K3
    mask = torch.cat((frames, batch.attention_mask == 1), dim=1)
    x = stack(ops, under(w, "encoder"), torch.cat((sound, words), dim=1), mask, heads=2)
    return head(ops, under(w, "head"), x, ops.lstm), arousal, valence


def rmse(said: Tensor, true: Tensor) -> Tensor:
    return (said - true).square().mean().sqrt()


ARITHMETIC = pytest.mark.parametrize("ops", [Elementary(), Kernels()], ids=["elementary", "kernels"])


def check_a_step(
    model: nn.Module, loss: Callable[[], Tensor], flat: Weights, expected: Callable[[], Tensor], *, rounding: float
) -> None:
    """The same loss, and the same weights after a step of Adam."""
    losses = []
    for named, of in ((dict(model.named_parameters()), loss), (flat, expected)):
        trained = [value for value in named.values() if value.requires_grad]
        optimiser = torch.optim.Adam(trained, lr=1e-3, eps=1e-4)
        losses.append(of())
        losses[-1].backward()
        optimiser.step()
    torch.testing.assert_close(*losses, atol=rounding, rtol=rounding)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, flat[name], atol=rounding, rtol=rounding, msg=name)


def copied(model: nn.Module) -> Weights:
    return {name: p.detach().clone().requires_grad_(p.requires_grad) for name, p in model.named_parameters()}


@ARITHMETIC
def test_audio_as_published(ops: Elementary) -> None:
    model, batch = kit.audio_model(kit.audio_config(**FLAT, positions="none")), kit.batch()
    flat = copied(model)
    tokens, arousal = audio(ops, flat, batch)
    torch.testing.assert_close(model.read(batch).tokens, tokens, atol=ops.rounding, rtol=ops.rounding)
    torch.testing.assert_close(model(batch).arousal, arousal, atol=ops.rounding, rtol=ops.rounding)
    check_a_step(
        model,
        lambda: rmse(model(batch).arousal, batch.arousal),
        flat,
        lambda: rmse(audio(ops, flat, batch)[1], batch.arousal),
        rounding=ops.rounding,
    )


@ARITHMETIC
def test_text_as_published(ops: Elementary) -> None:
    model, batch = kit.text_model(kit.text_config(**FLAT)), kit.batch()
    flat = copied(model)
    tokens, valence = text(ops, flat, batch)
    torch.testing.assert_close(model.read(batch).tokens, tokens, atol=ops.rounding, rtol=ops.rounding)
    torch.testing.assert_close(model(batch).valence, valence, atol=ops.rounding, rtol=ops.rounding)
    check_a_step(
        model,
        lambda: rmse(model(batch).valence, batch.valence),
        flat,
        lambda: rmse(text(ops, flat, batch)[1], batch.valence),
        rounding=ops.rounding,
    )


@ARITHMETIC
def test_the_fusion_as_published(ops: Elementary) -> None:
    parts: dict[str, Any] = {
        "audio": kit.audio_config(**FLAT, positions="none"),
        "text": kit.text_config(**FLAT),
    }
    model, batch = kit.fusion_model(kit.fusion_config(**FLAT, **parts, extractors="train")), kit.batch()
    flat = copied(model)
    made = model(batch)
    for one, expected in zip((made.logits, made.arousal, made.valence), fusion(ops, flat, batch), strict=True):
        torch.testing.assert_close(one, expected, atol=ops.rounding, rtol=ops.rounding)
    check_a_step(
        model,
        lambda: functional.cross_entropy(model(batch).logits, batch.emotion),
        flat,
        lambda: functional.cross_entropy(fusion(ops, flat, batch)[0], batch.emotion),
        rounding=ops.rounding,
    )


@ARITHMETIC
def test_bert_as_a_classifier(ops: Elementary) -> None:
    """The pooled output, a tanh of the first hidden state, and a linear layer; all of it trains."""
    model, batch = kit.bert_model(BertConfig(dropout=0.0)), kit.batch()
    flat = copied(model)

    def logits() -> Tensor:
        inner = under(flat, "text_encoder.inner")
        pooled = torch.tanh(ops.affine(inner, bert(ops, inner, batch)[:, 0], "pooler.dense"))
        return ops.affine(flat, pooled, "classifier")

    torch.testing.assert_close(model(batch).logits, logits(), atol=ops.rounding, rtol=ops.rounding)
    check_a_step(
        model,
        lambda: functional.cross_entropy(model(batch).logits, batch.emotion),
        flat,
        lambda: functional.cross_entropy(logits(), batch.emotion),
        rounding=ops.rounding,
    )
