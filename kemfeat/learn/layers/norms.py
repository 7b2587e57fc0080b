"""Batch normalisation that can train on a batch of one row, such as the last one of an epoch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


class _TrainsOnOne(_BatchNorm):
    """One number per channel deviates from its own mean by nothing; it is normalised by what was seen before it.

    torch raises an error there, in the middle of an epoch. Running mean and variance stay as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.numel() == x.shape[1]:
            known = self.running_mean, self.running_var, self.weight, self.bias
            return functional.batch_norm(x, *known, training=False, eps=self.eps)
        return super().forward(x)


class BatchNorm1d(_TrainsOnOne, nn.BatchNorm1d):
    """:class:`torch.nn.BatchNorm1d`, also of a batch of one number per channel."""


class BatchNorm2d(_TrainsOnOne, nn.BatchNorm2d):
    """:class:`torch.nn.BatchNorm2d`, also of a batch of one number per channel."""
