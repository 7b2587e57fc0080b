"""System 1 as published, and BERT as a classifier: outputs and one step of Adam equal flat functions of the weights.

The functions are written from the description of the published system, with torch's elementary functions alone: loops
over steps, sums over heads, no module of this package.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models.bert import BertConfig
from tests.learn.models import kit

Weights = dict[str, Tensor]
FLAT = {**kit.PUBLISHED, "dropout": 0.0}


def under(w: Weights, part: str) -> Weights:
    return {name.removeprefix(f"{part}."): value for name, value in w.items() if name.startswith(f"{part}.")}


def numbered(w: Weights, part: str) -> Iterator[Weights]:
    for number in count():
        found = under(w, f"{part}.{number}")
        if not found:
            return
        yield found


def affine(w: Weights, x: Tensor, part: str) -> Tensor:
    out = torch.einsum("...i,oi->...o", x, w[f"{part}.weight"])
    return out + w[f"{part}.bias"] if f"{part}.bias" in w else out


def layer_norm(w: Weights, x: Tensor, part: str, *, eps: float = 1e-5) -> Tensor:
    away = x - x.mean(dim=-1, keepdim=True)
    scaled = away / (away.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    return scaled * w[f"{part}.weight"] + w[f"{part}.bias"]


def attention(w: Weights, x_BTH: Tensor, mask_BT: Tensor, names: tuple[str, str, str], *, heads: int) -> Tensor:
    """One head after the other, side by side."""
    q, k, v = (affine(w, x_BTH, name).chunk(heads, dim=2) for name in names)
    read = []
    for head in range(heads):
        scores = torch.einsum("bqd,bkd->bqk", q[head], k[head]) / math.sqrt(q[head].shape[2])
        read.append(scores.masked_fill(~mask_BT[:, None], -1e9).softmax(dim=2) @ v[head])
    return torch.cat(read, dim=2)


def stack(w: Weights, x: Tensor, mask: Tensor, *, heads: int) -> Tensor:
    """Post-norm layers whose feed-forward part has a residual of its own (K20)."""
    for layer in numbered(w, "layers"):
        inner = under(layer, "attention")
        attended = affine(inner, attention(inner, x, mask, ("query", "key", "value"), heads=heads), "out")
        x = layer_norm(layer, x + attended, "attention_norm")
        forward = under(layer, "feed_forward.part")
        fed = x + affine(forward, affine(forward, x, "0").relu(), "3")
        x = layer_norm(layer, x + fed, "feed_norm")
    return x


def gru(w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
    state, states = x_BTH.new_zeros(len(x_BTH), w_state.shape[1]), []
    for x in x_BTH.unbind(1):
        (r, z, n), (hr, hz, hn) = (x @ w_in.T).chunk(3, dim=1), (state @ w_state.T).chunk(3, dim=1)
        update = torch.sigmoid(z + hz)
        state = (1 - update) * torch.tanh(n + torch.sigmoid(r + hr) * hn) + update * state
        states.append(state)
    return torch.stack(states, dim=1)


def lstm(w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
    state = cell = x_BTH.new_zeros(len(x_BTH), w_state.shape[1])
    states = []
    for x in x_BTH.unbind(1):
        i, f, g, o = (x @ w_in.T + state @ w_state.T).chunk(4, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        state = torch.sigmoid(o) * torch.tanh(cell)
        states.append(state)
    return torch.stack(states, dim=1)


def head(w: Weights, x: Tensor, recurrent: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Two recurrent layers, the last step, whatever is padding (K7), and a linear layer."""
    for layer in (0, 1):
        x = recurrent(w[f"recurrent.weight_ih_l{layer}"], w[f"recurrent.weight_hh_l{layer}"], x)
    return affine(w, x[:, -1], "out")


def mel_of(batch: Batch) -> Tensor:
    """Mel and delta, with 0 as padding (K2)."""
    assert batch.mel is not None
    real = torch.arange(batch.mel.shape[2]) < batch.mel_lengths[:, None]
    return batch.mel * real[:, None, :, None]


def audio(w: Weights, batch: Batch, *, heads: int = 2) -> tuple[Tensor, Tensor]:
    """Tokens and arousal."""
    x = mel_of(batch)
    for place, layer in enumerate(numbered(w, "extractor.convolutions")):
        stride, padding = ((1, 2), (0, 1)) if place % 2 == 0 else ((1, 1), (0, 3))
        x = functional.conv2d(x, layer["weight"], stride=stride, padding=padding)
        x = x.relu() if place < 3 else x
    tokens = torch.stack([x[:, :, step].flatten(1) for step in range(x.shape[2])], dim=1)
    tokens = stack(under(w, "encoder"), tokens, (tokens != 0).all(dim=2), heads=heads)  # K4
    return tokens, head(under(w, "head"), tokens, gru)[:, 0]


def bert(w: Weights, batch: Batch, *, heads: int = 2) -> Tensor:
    """Hidden states, from Devlin et al., 2019; gelu is the exact one."""
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    ids, mask = batch.input_ids, batch.attention_mask == 1
    table = under(w, "embeddings")
    x = table["word_embeddings.weight"][ids] + table["token_type_embeddings.weight"][0]
    x = layer_norm(table, x + table["position_embeddings.weight"][: ids.shape[1]], "LayerNorm", eps=1e-12)
    for layer in numbered(w, "encoder.layer"):
        names = ("attention.self.query", "attention.self.key", "attention.self.value")
        attended = affine(layer, attention(layer, x, mask, names, heads=heads), "attention.output.dense")
        x = layer_norm(layer, x + attended, "attention.output.LayerNorm", eps=1e-12)
        inner = affine(layer, x, "intermediate.dense")
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        x = layer_norm(layer, x + affine(layer, inner, "output.dense"), "output.LayerNorm", eps=1e-12)
    return x


def text(w: Weights, batch: Batch, *, heads: int = 2) -> tuple[Tensor, Tensor]:
    """Tokens and valence."""
    x = bert(under(w, "text_encoder.inner"), batch)
    x = stack(under(w, "encoder"), x, (x != 0).all(dim=2), heads=heads)  # K5
    return x, head(under(w, "head"), x, gru)[:, 0]


def fusion(w: Weights, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, arousal and valence."""
    assert batch.attention_mask is not None
    sound, arousal = audio(under(w, "audio.inner"), batch)
    words, valence = text(under(w, "text.inner"), batch)
    frames = (mel_of(batch)[:, 0] != 0).all(dim=2)  # K3
    mask = torch.cat((frames, batch.attention_mask == 1), dim=1)
    x = stack(under(w, "encoder"), torch.cat((sound, words), dim=1), mask, heads=2)
    return head(under(w, "head"), x, lstm), arousal, valence


def rmse(said: Tensor, true: Tensor) -> Tensor:
    return (said - true).square().mean().sqrt()


def check_a_step(model: nn.Module, loss: Callable[[], Tensor], flat: Weights, expected: Callable[[], Tensor]) -> None:
    """The same loss, and the same weights after a step of Adam."""
    losses = []
    for named, of in ((dict(model.named_parameters()), loss), (flat, expected)):
        trained = [value for value in named.values() if value.requires_grad]
        optimiser = torch.optim.Adam(trained, lr=1e-3, eps=1e-4)
        losses.append(of())
        losses[-1].backward()
        optimiser.step()
    torch.testing.assert_close(*losses, atol=1e-6, rtol=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, flat[name], atol=1e-5, rtol=1e-5, msg=name)


def copied(model: nn.Module) -> Weights:
    return {name: p.detach().clone().requires_grad_(p.requires_grad) for name, p in model.named_parameters()}


def test_audio_as_published() -> None:
    model, batch = kit.audio_model(kit.audio_config(**FLAT, positions="none")), kit.batch()
    flat = copied(model)
    tokens, arousal = audio(flat, batch)
    torch.testing.assert_close(model.read(batch).tokens, tokens, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model(batch).arousal, arousal, atol=1e-6, rtol=1e-5)
    check_a_step(
        model,
        lambda: rmse(model(batch).arousal, batch.arousal),
        flat,
        lambda: rmse(audio(flat, batch)[1], batch.arousal),
    )


def test_text_as_published() -> None:
    model, batch = kit.text_model(kit.text_config(**FLAT)), kit.batch()
    flat = copied(model)
    tokens, valence = text(flat, batch)
    torch.testing.assert_close(model.read(batch).tokens, tokens, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model(batch).valence, valence, atol=1e-6, rtol=1e-5)
    check_a_step(
        model,
        lambda: rmse(model(batch).valence, batch.valence),
        flat,
        lambda: rmse(text(flat, batch)[1], batch.valence),
    )


def test_the_fusion_as_published() -> None:
    parts: dict[str, Any] = {
        "audio": kit.audio_config(**FLAT, positions="none"),
        "text": kit.text_config(**FLAT),
    }
    model, batch = kit.fusion_model(kit.fusion_config(**FLAT, **parts, extractors="train")), kit.batch()
    flat = copied(model)
    made = model(batch)
    for one, expected in zip((made.logits, made.arousal, made.valence), fusion(flat, batch), strict=True):
        torch.testing.assert_close(one, expected, atol=1e-5, rtol=1e-5)
    check_a_step(
        model,
        lambda: functional.cross_entropy(model(batch).logits, batch.emotion),
        flat,
        lambda: functional.cross_entropy(fusion(flat, batch)[0], batch.emotion),
    )


def test_bert_as_a_classifier() -> None:
    """The pooled output, a tanh of the first hidden state, and a linear layer; all of it trains."""
    model, batch = kit.bert_model(BertConfig(dropout=0.0)), kit.batch()
    flat = copied(model)

    def logits() -> Tensor:
        inner = under(flat, "text_encoder.inner")
        pooled = torch.tanh(affine(inner, bert(inner, batch)[:, 0], "pooler.dense"))
        return affine(flat, pooled, "classifier")

    torch.testing.assert_close(model(batch).logits, logits(), atol=1e-6, rtol=1e-5)
    check_a_step(
        model,
        lambda: functional.cross_entropy(model(batch).logits, batch.emotion),
        flat,
        lambda: functional.cross_entropy(logits(), batch.emotion),
    )
