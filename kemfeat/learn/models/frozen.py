"""Parts that do not train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import nn

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Reading


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


class FrozenReader(Frozen):
    """A frozen part that turns a batch into tokens: the same for a row in every epoch, unless something is random.

    A training keeps what it read (:mod:`kemfeat.learn.training.frozen_outputs`): ``recall`` then answers in its place.

    Attributes
    ----------
    media : tuple of str
        The features that it reads.
    recall : callable or None
        Gives what was read from the rows of a batch before; None computes it.
    """

    media: tuple[str, ...] = ()
    recall: Callable[[Batch], Reading] | None = None

    @property
    def settled(self) -> bool:
        """Whether a row always gives the same tokens, whatever the epoch and the rest of the batch."""
        return not self._follows_mode

    @property
    def padding_is_read(self) -> bool:
        """Whether what comes after it looks at tokens that its mask leaves out."""
        return False

    def read(self, batch: Batch) -> Reading:
        """Compute the tokens of a batch.

        Parameters
        ----------
        batch : Batch
            A batch with what it reads.

        Returns
        -------
        Reading
            Tokens, their mask, and a prediction where there is one.
        """
        raise NotImplementedError

    def length_of(self, batch: Batch) -> int:
        """The number of tokens of every row of a batch, padding included.

        Parameters
        ----------
        batch : Batch
            A batch with what it reads.

        Returns
        -------
        int
            The length that :meth:`read` pads to.
        """
        raise NotImplementedError

    def forward(self, batch: Batch) -> Reading:
        """The tokens of a batch, without gradients.

        Parameters
        ----------
        batch : Batch
            A batch with what it reads.

        Returns
        -------
        Reading
            Tokens, their mask, and a prediction where there is one.
        """
        if self.recall is not None:
            return self.recall(batch)
        with torch.no_grad():
            return self.read(batch)
