"""Self-attention layers: post-norm, projections without bias, feed-forward with ReLU."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from kemfeat.errors import ConfigError
from kemfeat.learn.settings import StackConfig

_FAR_BELOW = -1e9
"""Score of a masked key. It is finite: where every key is masked, all weigh the same and nothing becomes NaN."""

Heads = tuple[Tensor, Tensor, Tensor]
"""Query, key and value, each of shape (B, heads, T, D)."""

Attend = Callable[[Heads, Tensor, float, bool], Tensor]
"""(heads, mask of shape (B, T), dropout, training) -> Tensor of shape (B, heads, T, D)."""


def attend_as_published(heads: Heads, mask_BT: Tensor, dropout: float, training: bool) -> Tensor:  # noqa: ARG001
    """Scaled dot products whose dropout runs in evaluation too (K6)."""
    q_BNTD, k_BNTD, v_BNTD = heads
    # float32: half precision cannot represent the score of a masked key
    scores_BNTT = (q_BNTD @ k_BNTD.transpose(-2, -1)).float() / math.sqrt(q_BNTD.shape[-1])
    weights_BNTT = scores_BNTT.masked_fill(~mask_BT[:, None, None, :], _FAR_BELOW).softmax(dim=-1)
    return functional.dropout(weights_BNTT, dropout, training=True).to(v_BNTD.dtype) @ v_BNTD


def attend(heads: Heads, mask_BT: Tensor, dropout: float, training: bool) -> Tensor:
    """Scaled dot products over real keys; a row without any attends to all, and its result is never used."""
    keys_BT = mask_BT | ~mask_BT.any(dim=1, keepdim=True)
    return functional.scaled_dot_product_attention(
        *heads, attn_mask=keys_BT[:, None, None, :], dropout_p=dropout if training else 0.0
    )


class SelfAttention(nn.Module):
    """Multi-head self-attention; ``attend`` weighs the values."""

    def __init__(self, hidden_size: int, *, n_heads: int, dropout: float, attend: Attend) -> None:
        super().__init__()
        if hidden_size % n_heads:
            raise ConfigError(
                f"model.n_heads: {n_heads} heads do not divide tokens of {hidden_size} numbers; choose a divisor"
            )
        self.n_heads, self.dropout, self._attend = n_heads, dropout, attend
        linear = partial(nn.Linear, hidden_size, hidden_size, bias=False)
        self.query, self.key, self.value, self.out = linear(), linear(), linear(), linear()

    def forward(self, x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Tokens of shape (B, T, H) that have attended to each other."""
        heads = self._heads(self.query(x_BTH)), self._heads(self.key(x_BTH)), self._heads(self.value(x_BTH))
        read_BNTD = self._attend(heads, mask_BT, self.dropout, self.training)
        out: Tensor = self.out(read_BNTD.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x_BTH: Tensor) -> Tensor:
        batch, size, _ = x_BTH.shape
        return x_BTH.view(batch, size, self.n_heads, -1).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear layers around a ReLU."""

    def __init__(self, hidden_size: int, *, inner_size: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(hidden_size, inner_size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner_size, hidden_size)
        )


class WithResidual(nn.Module):
    """Adds its input to its output: inside a layer that does so too, the input counts twice (K20)."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        """``x + part(x)``."""
        added: Tensor = x + self.part(x)
        return added


class EncoderLayer(nn.Module):
    """Attention and feed-forward part, each followed by dropout, the residual and a layer norm."""

    def __init__(self, hidden_size: int, *, config: StackConfig) -> None:
        super().__init__()
        self.attention = _attention(hidden_size, config)
        self.attention_norm, self.feed_norm = nn.LayerNorm(hidden_size), nn.LayerNorm(hidden_size)
        feed_forward = FeedForward(hidden_size, inner_size=config.inner_size, dropout=config.dropout)
        self.feed_forward = WithResidual(feed_forward) if config.ffn_residual else feed_forward
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Tokens of the same shape."""
        x_BTH = self.attention_norm(x_BTH + self.dropout(self.attention(x_BTH, mask_BT)))
        out_BTH: Tensor = self.feed_norm(x_BTH + self.dropout(self.feed_forward(x_BTH)))
        return out_BTH


class EncoderStack(nn.Module):
    """``config.n_layers`` layers, all under one mask."""

    def __init__(self, hidden_size: int, *, config: StackConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(hidden_size, config=config) for _ in range(config.n_layers))

    def forward(self, x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Tokens of the same shape."""
        for layer in self.layers:
            x_BTH = layer(x_BTH, mask_BT)
        return x_BTH


_ATTENTION: dict[Literal["training", "always"], Attend] = {"training": attend, "always": attend_as_published}


def _attention(hidden_size: int, config: StackConfig) -> SelfAttention:
    return SelfAttention(
        hidden_size,
        n_heads=config.n_heads,
        dropout=config.dropout,
        attend=_ATTENTION[config.attention_dropout],
    )
