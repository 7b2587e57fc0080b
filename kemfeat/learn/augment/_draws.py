"""Random numbers that depend on what they are for, not on what was drawn before.

A number is the SplitMix64 hash (Steele, Lea and Flood, OOPSLA 2014) of seed, stream, epoch, row of the store, copy,
slot and place. So a sample's numbers depend neither on its batch nor on its padding, thousands are drawn at once
without a state, and a CPU and a GPU draw the same: all of it is 64-bit integer arithmetic that wraps around.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kemfeat.learn.augment.settings import Chosen


def _signed(bits: int) -> int:
    return bits - (bits >> 63 << 64)


_GAMMA = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)

_CHOICE = 0
"""The slot that decides whether a sample is changed; the slots of augmentations start at 1."""


def hashed(numbers: Tensor) -> Tensor:
    """SplitMix64's hash of each number, int64."""
    mixed = (numbers ^ _shifted(numbers, 30)) * _FIRST
    mixed = (mixed ^ _shifted(mixed, 27)) * _SECOND
    return mixed ^ _shifted(mixed, 31)


def _shifted(numbers: Tensor, by: int) -> Tensor:
    """Bits shifted right with zeros shifted in; torch would shift the sign in."""
    return (numbers >> by) & ((1 << (64 - by)) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The random numbers of one augmentation.

    Parameters
    ----------
    seed : int, in [0, 2**63)
        Seed of all augmentations.
    number : int, >= 0
        Place of this one among them.
    """

    seed: int
    number: int

    def draws(self, rows: Tensor, copies: Tensor, *, epoch: int) -> Draws:
        """The random numbers of some samples in an epoch.

        Parameters
        ----------
        rows, copies : Tensor, shape (B,), int64
            Which samples.
        epoch : int, >= 0
            Which epoch.

        Returns
        -------
        Draws
            Their numbers.
        """
        key = torch.zeros((), dtype=torch.int64)
        for part in (self.seed, self.number, epoch):
            key = hashed(key + (torch.tensor(part) + 1) * _GAMMA)
        keys = hashed(rows * _GAMMA + int(key))
        return Draws(keys=hashed(keys + copies * _GAMMA), copies=copies)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """Random numbers of B samples; those of different slots are independent.

    Parameters
    ----------
    keys : Tensor, shape (B,), int64
        One per sample, on the device where numbers are wanted.
    copies : Tensor, shape (B,), int64
        Copy number of each.
    """

    keys: Tensor
    copies: Tensor

    def bits(self, slot: int, at: Tensor | None = None) -> Tensor:
        """32 random bits per sample, or per sample and place.

        Parameters
        ----------
        slot : int, below 2**15
            What the numbers are for.
        at : Tensor, shape (B or 1, ...), int64, or None
            Numbers of places, each in [0, 2**48).

        Returns
        -------
        Tensor, shape (B,) or (B, ...), int64
            In [0, 2**32).
        """
        place = torch.zeros_like(self.keys) if at is None else at
        keys = self.keys.view(-1, *[1] * (place.ndim - 1))
        return _shifted(hashed(keys + (place + ((slot << 48) + 1)) * _GAMMA), 32)

    def integers(self, slot: int, low: int, high: int | Tensor, *, at: Tensor | None = None) -> Tensor:
        """Integers in [low, high), for ranges below 2**31; ``low`` where the range is empty."""
        return low + (self.bits(slot, at) * (high - low) >> 32).clamp(min=0)

    def uniform(self, slot: int, at: Tensor | None = None) -> Tensor:
        """Numbers in [0, 1), multiples of 2**-24, float32."""
        return (self.bits(slot, at) >> 8).to(torch.float32) * 2.0**-24

    def chosen(self, settings: Chosen) -> Tensor:
        """Which samples an augmentation changes: a mask of shape (B,)."""
        likely = self.uniform(_CHOICE) < settings.probability
        if settings.copies is None:
            return likely
        meant = torch.zeros_like(likely)
        for copy in settings.copies:
            meant = meant | (self.copies == copy)
        return likely & meant
