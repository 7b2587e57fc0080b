"""Mel, delta, functionals and embeddings in standard deviations from the mean, by the statistics in the store.

Rows that a fold leaves out are left out of its statistics: ``train`` uses only the frames of the training rows.
``speaker`` uses all frames of each row's own speaker, whether or not that speaker is in the training part. That needs
no label, but it needs the whole recording of a test speaker, which a live system does not have: say so where results
are reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.stats.moments import Moments, merged, moments
from kemfeat.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd

_CHANNELS = ("mel", "delta")
_SMALLEST = 1e-6
"""Smaller deviations count as this, so that a bin that never changes becomes 0."""
_READ = 128
"""Rows read at a time where the store's statistics do not separate the rows."""


class Standardise:
    """A transform for :class:`~kemfeat.learn.data.loader.StoreLoader`; padding and what is missing become 0, the mean.

    Parameters
    ----------
    store : Store
        The store of the rows.
    rows : sequence of int
        Rows of the training part.
    by : {"train", "speaker"}
        ``train`` for one mean and deviation of each bin over those rows; ``speaker`` for those of each row's speaker.
    arrays : sequence of str
        Further arrays of utterances, one vector or more for each, such as ``prosody`` or ``speech_embedding``.

    Raises
    ------
    ConfigError
        The store lacks one of ``arrays``, or it does not have one row of numbers for each utterance.

    Examples
    --------
    >>> import kemfeat
    >>> from kemfeat.learn import Standardise, StoreLoader
    >>> store = kemfeat.open_store("stores/KEMDy20")
    >>> rows = list(range(len(store)))
    >>> loader = StoreLoader(store, rows, transform=Standardise(store, rows))
    >>> bool(next(iter(loader)).mel[:, 0].abs().max() < 20)
    True
    """

    def __init__(
        self,
        store: Store,
        rows: Sequence[int],
        *,
        by: Literal["train", "speaker"] = "train",
        arrays: Sequence[str] = (),
    ) -> None:
        found = [
            [train_moments(store, rows, array=name)] if by == "train" else _by_speaker(store, name)
            for name in _CHANNELS
            if name in store.arrays
        ]
        if found:
            self.mean = _stacked([[of.mean for of in groups] for groups in found])
            self.std = _deviation(_stacked([[of.std for of in groups] for groups in found]))
        group = np.zeros(len(store), dtype=np.int64) if by == "train" else _speakers(store)[1].astype(np.int64)
        self.group = torch.as_tensor(group)
        chosen = np.isin(np.arange(len(store)), rows) if by == "train" else np.ones(len(store), dtype=bool)
        self.others = {name: _vector_moments(store, name, chosen, group) for name in arrays}

    def __call__(self, batch: Batch, epoch: int) -> Batch:  # noqa: ARG002 - the shape of a transform
        """The batch with ``mel`` and the further arrays in standard deviations."""
        group = self.group.to(batch.rows.device)[batch.rows]
        for name, (mean, std) in self.others.items():
            values = batch.arrays[name]
            scaled = (values - mean.to(values)[group]).div(std.to(values)[group]).nan_to_num(0.0)
            batch = replace(batch, arrays={**batch.arrays, name: scaled})
        if batch.mel is None:
            return batch
        channels = batch.mel.shape[1]
        mean, std = (table[group, :channels, None].to(batch.mel) for table in (self.mean, self.std))
        real = torch.arange(batch.mel.shape[2], device=batch.mel.device) < batch.mel_lengths[:, None]
        return replace(batch, mel=(batch.mel - mean).div(std).where(real[:, None, :, None], 0.0))


def _vector_moments(
    store: Store, name: str, chosen: NDArray[np.bool_], group: NDArray[np.int64]
) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each number over the chosen rows of each group that have it."""
    info = store.header.arrays.get(name)
    if info is None or info.axis != "utterance" or f"{name}_lengths" in store.arrays or info.dtype[:5] != "float":
        raise ConfigError(
            f"Standardise: {name} is not an array with one row of numbers for each utterance; expected functionals or "
            f"pooled embeddings, such as prosody; this store has {', '.join(store.arrays)}"
        )
    values = np.asarray(store.array(name)[:], dtype=np.float64)
    means, deviations = [], []
    for number in range(group.max() + 1):
        rows = values[chosen & (group == number)]
        count = np.isfinite(rows).sum(axis=0)
        mean = np.nansum(rows, axis=0) / np.maximum(count, 1)
        means.append(mean)
        deviations.append(np.sqrt(np.nansum((rows - mean) ** 2, axis=0) / np.maximum(count, 1)))
    mean, std = (torch.as_tensor(np.stack(found), dtype=torch.float32) for found in (means, deviations))
    return mean, _deviation(std)


def _deviation(std: Tensor) -> Tensor:
    return std.clamp_min(_SMALLEST).nan_to_num(1.0)


def train_moments(store: Store, rows: Sequence[int], *, array: str) -> Moments:
    """Mean and variance of the frames of some rows.

    Merged from the store's statistics where the rows are all the rows of certain speakers in certain sessions, as in
    every group-wise split; read and counted otherwise.

    Parameters
    ----------
    store : Store
        The store.
    rows : sequence of int
        Rows of the ``utterance`` axis.
    array : str
        An array of frames of bins, such as ``mel``.

    Returns
    -------
    Moments
        Count, mean and sum of squared deviations of each bin.
    """
    who = store.utterances[["speaker", "session"]].agg("@".join, axis=1)
    chosen = np.zeros(len(who), dtype=bool)
    chosen[list(rows)] = True
    groups = set(who[chosen])
    if chosen[who.isin(groups)].all():
        table = _table(store, array)
        return _merged(table[table[["speaker", "session"]].agg("@".join, axis=1).isin(groups)], store, array)
    return merged(_read(store, array, chosen), bins=store.header.arrays[array].shape[2])


def _read(store: Store, array: str, chosen: NDArray[np.bool_]) -> Iterator[Moments]:
    values, lengths = store.array(array), store.array(f"{array}_lengths")
    for start in range(0, len(chosen), _READ):
        rows = slice(start, start + _READ)
        if chosen[rows].any():
            yield moments(np.asarray(values[rows])[chosen[rows]], np.asarray(lengths[rows])[chosen[rows]])


def _by_speaker(store: Store, array: str) -> list[Moments]:
    table = _table(store, array)
    return [_merged(table[table["speaker"] == speaker], store, array) for speaker in _speakers(store)[0]]


def _speakers(store: Store) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    names, places = np.unique(store.utterances["speaker"].to_numpy(dtype=str), return_inverse=True)
    return names, places


def _table(store: Store, array: str) -> pd.DataFrame:
    return store.statistics[store.statistics["array"] == array]


def _merged(table: pd.DataFrame, store: Store, array: str) -> Moments:
    parts = (Moments(*row) for row in zip(table["count"], table["mean"], table["m2"], strict=True))
    return merged(parts, bins=store.header.arrays[array].shape[2])


def _stacked(channels: list[list[NDArray[np.float64]]]) -> Tensor:
    """Per channel and group one row, as a tensor [shape=(groups, channels, bins)]."""
    return torch.as_tensor(np.stack([np.stack(groups) for groups in channels], axis=1), dtype=torch.float32)
