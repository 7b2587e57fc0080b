"""Parts that do not train."""

from __future__ import annotations

from typing import Self

from torch import nn


class Frozen(nn.Module):
    """Wraps ``inner`` without gradients, and in evaluation mode unless ``follows_mode``.

    Setting ``requires_grad`` alone leaves dropout running whenever the whole model trains (K21).

    Parameters
    ----------
    inner : nn.Module
        The part that does not train.
    follows_mode : bool
        Whether it follows the mode of the whole model.
    """

    def __init__(self, inner: nn.Module, *, follows_mode: bool = False) -> None:
        super().__init__()
        self.inner = inner.requires_grad_(requires_grad=False)
        self._follows_mode = follows_mode
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the whole model; ``inner`` stays in evaluation mode unless it follows.

        Parameters
        ----------
        mode : bool
            True for training mode.

        Returns
        -------
        Self
            This module.
        """
        super().train(mode)
        if not self._follows_mode:
            self.inner.eval()
        return self
