"""What a loader yields and a model takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NoReturn

import torch
from torch import Tensor

from kemfeat.errors import ConfigError

_REAL_VALUED = ("mel", "eda", "temp", "ibi")
"""The inputs that :meth:`Batch.to` casts to another precision; everything else keeps its type."""


_TABLES = ("arrays", "lengths")
"""The fields that have tensors by name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Padded tensors of B rows, all on one device, with lengths and masks from the store.

    A row is an utterance, or a clip or tick of one. What was not asked for, or is not in the store, is None. A row
    whose extraction failed has the length 0 or a mask of nothing but False, and consists of padding.

    Parameters
    ----------
    ids : tuple of str, length B
        Id of the utterance of each row.
    rows : Tensor, shape (B,), int64
        Row of the store, on the axis that the batch is of.
    copies : Tensor, shape (B,), int64
        Copy number of each row; 0 for the original.
    mel_lengths : Tensor, shape (B,), int64
        Real frames; 0 where there are none.
    emotion : Tensor, shape (B,), int64
        Class; -1 without a label.
    arousal, valence : Tensor, shape (B,), float32
        Ratings, 1 to 5; NaN where there are none.
    mel : Tensor, shape (B, C, T, n_mels), float32, or None
        Mel [dB] in channel 0, and its slope [dB/frame] in channel 1 where delta was asked for; C is 1 or 2. After the
        real frames comes the padding value that the store declares for each channel.
    mel_pads : tuple of float, length C
        That padding value, for every channel.
    input_ids : Tensor, shape (B, L), int64, or None
        Token ids, then the padding id.
    attention_mask : Tensor, shape (B, L), int64, or None
        1 on tokens, 0 on padding.
    eda, temp, ibi : Tensor, shape (B, n), float32, or None
        Electrodermal activity [uS], skin temperature [degrees Celsius] and interbeat intervals [s]; NaN where nothing
        was measured.
    eda_mask, temp_mask, ibi_mask : Tensor, shape (B, n), bool, or None
        True where a value was measured.
    parents : Tensor, shape (B,), int64, or None
        Row of the utterance of each row; None where the rows are utterances.
    arrays : mapping of str to Tensor, shape (B, ...)
        Every other array of the features asked for, by the name it has in the store: real numbers as float32, the rest
        as stored. A ragged one is padded to the longest row of the batch, with the padding that the store declares.
    lengths : mapping of str to Tensor, shape (B,), int64
        Real elements of each row of the ragged ones.
    pads : mapping of str to float
        Padding of the ragged ones.
    edges : Tensor, shape (2, E), int64, or None
        Where the rows are those of a temporal graph: source and target of each edge, as places in the batch.
    directions : Tensor, shape (E,), int8, or None
        Sign of the time of the source less that of the target; 1 where the source is later.
    """

    ids: tuple[str, ...]
    rows: Tensor
    copies: Tensor
    mel_lengths: Tensor
    emotion: Tensor
    arousal: Tensor
    valence: Tensor
    mel: Tensor | None = None
    mel_pads: tuple[float, ...] = ()
    input_ids: Tensor | None = None
    attention_mask: Tensor | None = None
    eda: Tensor | None = None
    eda_mask: Tensor | None = None
    temp: Tensor | None = None
    temp_mask: Tensor | None = None
    ibi: Tensor | None = None
    ibi_mask: Tensor | None = None
    parents: Tensor | None = None
    arrays: Mapping[str, Tensor] = field(default_factory=dict)
    lengths: Mapping[str, Tensor] = field(default_factory=dict)
    pads: Mapping[str, float] = field(default_factory=dict)
    edges: Tensor | None = None
    directions: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that the batch has.

        Returns
        -------
        dict of str to Tensor
            Tensors by the names of their fields; those of ``arrays`` and ``lengths`` as ``arrays.NAME`` and
            ``lengths.NAME``.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        found = {name: value for name, value in values.items() if isinstance(value, Tensor)}
        for table in _TABLES:
            found |= {f"{table}.{name}": value for name, value in values[table].items()}
        return found

    def with_tensors(self, tensors: Mapping[str, Tensor], *, ids: tuple[str, ...] | None = None) -> Batch:
        """The same batch with other tensors in some places.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            By the names of :meth:`tensors`.
        ids : tuple of str or None
            Ids of the utterances; None keeps them.

        Returns
        -------
        Batch
            A new batch.
        """
        changes: dict[str, Any] = {"ids": self.ids if ids is None else ids}
        changes |= {name: value for name, value in tensors.items() if "." not in name}
        for table in _TABLES:
            inner = {name.removeprefix(f"{table}."): value for name, value in tensors.items() if _in(name, table)}
            changes |= {table: {**getattr(self, table), **inner}} if inner else {}
        return replace(self, **changes)

    def __getitem__(self, index: object) -> NoReturn:
        """Refuse: a batch is not a list of samples, though a ``DataLoader`` without ``collate_fn`` takes it for one.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError(
            "a batch is not a list of samples; with torch's DataLoader pass collate_fn=kemfeat.learn.collate, "
            "and read the fields of a batch by name, such as batch.mel"
        )

    def to(self, target: torch.device | torch.dtype | str | int, *, non_blocking: bool = False) -> Batch:
        """The same batch on another device, or with its real-valued inputs in another precision.

        Parameters
        ----------
        target : torch.device, str, int or torch.dtype
            A device moves every tensor. A floating-point type casts ``mel``, ``eda``, ``temp``, ``ibi`` and the real
            numbers among ``arrays`` and nothing else: token ids, lengths, masks, classes and ratings keep their types.
        non_blocking : bool
            See :meth:`torch.Tensor.to`.

        Returns
        -------
        Batch
            A new batch; this one is not changed.

        Raises
        ------
        ConfigError
            The type is not a floating-point type.

        Examples
        --------
        >>> import torch
        >>> from kemfeat.learn import Batch
        >>> one = torch.tensor([1])
        >>> batch = Batch(ids=("a",), rows=one, copies=one, mel_lengths=one, emotion=one, arousal=one / 2,
        ...               valence=one / 2, eda=torch.tensor([[0.5]]), input_ids=torch.tensor([[4001]]))
        >>> half = batch.to(torch.bfloat16)
        >>> half.eda.dtype, half.input_ids.dtype, half.arousal.dtype
        (torch.bfloat16, torch.int64, torch.float32)
        """
        tensors = self.tensors()
        if isinstance(target, torch.dtype):
            if not target.is_floating_point:
                raise ConfigError(f"a batch cannot become {target}; expected a floating-point type or a device")
            tensors = {name: value for name, value in tensors.items() if _is_input(name, value)}
        return self.with_tensors({name: one.to(target, non_blocking=non_blocking) for name, one in tensors.items()})


def _in(name: str, table: str) -> bool:
    return name.startswith(f"{table}.")


def _is_input(name: str, value: Tensor) -> bool:
    return name in _REAL_VALUED or (_in(name, "arrays") and value.is_floating_point())
