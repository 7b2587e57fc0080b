"""Recurrent head: two layers without bias, pooled over time, one linear layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from kemfeat.learn.settings import StackConfig

Pool = Callable[[Tensor, Tensor], Tensor]
"""(outputs [shape=(B, T, H)], mask [shape=(B, T)]) -> [shape=(B, H)]."""


def mean_of_real(x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
    """Mean over real tokens; zeros for a row without any."""
    weights_BT1 = mask_BT[:, :, None].float()  # float32 also under autocast: sums over hundreds of tokens
    return (x_BTH.float() * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp_min(1.0)


def padded_end(x_BTH: Tensor, mask_BT: Tensor) -> Tensor:  # noqa: ARG001 - that it does not look at the mask is K7
    """The last step, however much padding lies before it (K7)."""
    return x_BTH[:, -1]


_POOLS: dict[Literal["mean", "padded-end"], Pool] = {"mean": mean_of_real, "padded-end": padded_end}


class RecurrentHead(nn.Module):
    """``kind`` over the tokens, pooling, linear layer to ``n_outputs``."""

    def __init__(
        self, hidden_size: int, *, kind: type[nn.GRU] | type[nn.LSTM], n_outputs: int, config: StackConfig
    ) -> None:
        super().__init__()
        self.recurrent = kind(
            hidden_size, config.recurrent_size, num_layers=2, bias=False, batch_first=True, dropout=config.dropout
        )
        self.out = nn.Linear(config.recurrent_size, n_outputs)
        self._pool = _POOLS[config.pooling]

    def forward(self, x_BTH: Tensor, mask_BT: Tensor) -> Tensor:
        """Outputs [shape=(B, n_outputs)]; padding must lie behind the real tokens."""
        steps_BTR, _ = self.recurrent(x_BTH)
        out: Tensor = self.out(self._pool(steps_BTR, mask_BT))
        return out
