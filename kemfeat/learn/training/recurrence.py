"""Recurrent layers that have nothing to recur over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.hooks import RemovableHandle

from kemfeat.errors import ConfigError


@dataclass(eq=False)
class _Watched:
    """A recurrent layer and what it got.

    ``longest`` is the longest sequence since the last check, 0 where it got none; ``suspects`` counts checks in a row
    in which that was 1.
    """

    layer: nn.RNNBase
    longest: int = 0
    suspects: int = 0
    handle: RemovableHandle | None = None

    def __post_init__(self) -> None:
        self.handle = self.layer.register_forward_pre_hook(self._look)

    def _look(self, _layer: nn.Module, given: tuple[Any, ...]) -> None:
        if given:
            self.longest = max(self.longest, _length(given[0], batch_first=self.layer.batch_first))


def _length(sequences: Any, *, batch_first: bool) -> int:
    """Length of the longest one; one sequence without a batch has its length first."""
    if isinstance(sequences, PackedSequence):
        return len(sequences.batch_sizes)
    return int(sequences.shape[1 if batch_first and sequences.ndim == 3 else 0])


class RecurrenceGuard:
    """Refuses recurrent layers that get sequences of length 1, in which nothing recurs (S4).

    Two batches in a row in which every sequence of a layer has one element are no coincidence. The first longer one
    ends the checks of its layer.

    Parameters
    ----------
    model : nn.Module
        The model, whose recurrent layers are watched.
    declared : bool
        Whether sequences of length 1 are meant; nothing is watched then.
    """

    def __init__(self, model: nn.Module, *, declared: bool = False) -> None:
        layers = {name: part for name, part in model.named_modules() if isinstance(part, nn.RNNBase)}
        self._watched = {} if declared else {name: _Watched(layer) for name, layer in layers.items()}

    def check(self) -> None:
        """Check what the layers got since the last check; called after every training batch.

        Raises
        ------
        ConfigError
            A layer got nothing but sequences of length 1, in this batch and in the one before it.
        """
        for name, watched in list(self._watched.items()):
            watched.suspects = watched.suspects + 1 if watched.longest == 1 else 0
            if watched.longest > 1:
                assert watched.handle is not None  # noqa: S101 - it was made with its layer
                watched.handle.remove()
                del self._watched[name]
            watched.longest = 0
            if watched.suspects == 2:
                raise ConfigError(
                    f"the recurrent layer {name} gets sequences of length 1: in two batches there was no longer one, "
                    "so nothing recurs, and it is a costly linear layer (defect S4); expected time as its second axis "
                    "(batch_first) or its first; hand it the steps one after another, or let the property `recurs` of "
                    "the model's configuration return False where that is meant"
                )
