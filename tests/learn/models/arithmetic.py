"""The arithmetic of a flat reference: sums, products and exponentials, or torch's kernels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

Weights = dict[str, Tensor]


class Elementary:
    """Sums, products and exponentials; one head after the other, side by side, and one step after the other."""

    rounding = 1e-5

    def affine(self, w: Weights, x: Tensor, part: str) -> Tensor:
        out = torch.einsum("...i,oi->...o", x, w[f"{part}.weight"])
        return out + w[f"{part}.bias"] if f"{part}.bias" in w else out

    def layer_norm(self, w: Weights, x: Tensor, part: str, *, eps: float = 1e-5) -> Tensor:
        away = x - x.mean(dim=-1, keepdim=True)
        scaled = away / (away.square().mean(dim=-1, keepdim=True) + eps).sqrt()
        return scaled * w[f"{part}.weight"] + w[f"{part}.bias"]

    def gelu(self, x: Tensor) -> Tensor:
        return x * (1 + torch.erf(x / math.sqrt(2))) / 2

    def attention(self, q_BTH: Tensor, k_BTH: Tensor, v_BTH: Tensor, mask_BT: Tensor, *, heads: int) -> Tensor:
        read = []
        for q, k, v in zip(*(x.chunk(heads, dim=2) for x in (q_BTH, k_BTH, v_BTH)), strict=True):
            scores = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(q.shape[2])
            read.append(scores.masked_fill(~mask_BT[:, None], -1e9).softmax(dim=2) @ v)
        return torch.cat(read, dim=2)

    bert_attention = attention

    def gru(self, w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
        state, states = x_BTH.new_zeros(len(x_BTH), w_state.shape[1]), []
        for x in x_BTH.unbind(1):
            (r, z, n), (hr, hz, hn) = (x @ w_in.T).chunk(3, dim=1), (state @ w_state.T).chunk(3, dim=1)
            update = torch.sigmoid(z + hz)
            state = (1 - update) * torch.tanh(n + torch.sigmoid(r + hr) * hn) + update * state
            states.append(state)
        return torch.stack(states, dim=1)

    def lstm(self, w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
        state = cell = x_BTH.new_zeros(len(x_BTH), w_state.shape[1])
        states = []
        for x in x_BTH.unbind(1):
            i, f, g, o = (x @ w_in.T + state @ w_state.T).chunk(4, dim=1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            state = torch.sigmoid(o) * torch.tanh(cell)
            states.append(state)
        return torch.stack(states, dim=1)


class Kernels(Elementary):
    """The same with torch's kernels, which round as those of a model do: nothing may differ in the last bit."""

    rounding = 0.0

    def affine(self, w: Weights, x: Tensor, part: str) -> Tensor:
        return functional.linear(x, w[f"{part}.weight"], w.get(f"{part}.bias"))

    def layer_norm(self, w: Weights, x: Tensor, part: str, *, eps: float = 1e-5) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:], w[f"{part}.weight"], w[f"{part}.bias"], eps)

    def gelu(self, x: Tensor) -> Tensor:
        return functional.gelu(x)

    def attention(self, q_BTH: Tensor, k_BTH: Tensor, v_BTH: Tensor, mask_BT: Tensor, *, heads: int) -> Tensor:
        q, k, v = (split_heads(x, heads) for x in (q_BTH, k_BTH, v_BTH))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
        read = scores.masked_fill(~mask_BT[:, None, None], -1e9).softmax(dim=-1) @ v
        return read.transpose(1, 2).flatten(2)

    def bert_attention(self, q_BTH: Tensor, k_BTH: Tensor, v_BTH: Tensor, mask_BT: Tensor, *, heads: int) -> Tensor:
        heads_of = (split_heads(x, heads) for x in (q_BTH, k_BTH, v_BTH))
        read = functional.scaled_dot_product_attention(*heads_of, attn_mask=mask_BT[:, None, None])
        return read.transpose(1, 2).flatten(2)

    def gru(self, w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
        return one_layer(nn.GRU, w_in, w_state, x_BTH)

    def lstm(self, w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
        return one_layer(nn.LSTM, w_in, w_state, x_BTH)


def split_heads(x_BTH: Tensor, heads: int) -> Tensor:
    return x_BTH.unflatten(2, (heads, -1)).transpose(1, 2)


def one_layer(kind: type[nn.GRU] | type[nn.LSTM], w_in: Tensor, w_state: Tensor, x_BTH: Tensor) -> Tensor:
    layer = kind(w_in.shape[1], w_state.shape[1], bias=False, batch_first=True)
    states: Tensor = functional_call(layer, {"weight_ih_l0": w_in, "weight_hh_l0": w_state}, (x_BTH,))[0]
    return states
