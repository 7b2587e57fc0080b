"""What a loader yields and a model takes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NoReturn

import torch
from torch import Tensor

from kemfeat.errors import ConfigError

_REAL_VALUED = ("mel", "eda", "temp", "ibi")
"""The inputs that :meth:`Batch.to` casts to another precision; everything else keeps its type."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Padded tensors of B utterances, all on one device, with lengths and masks from the store.

    What was not asked for, or is not in the store, is None. A row whose extraction failed has the length 0 or a mask of
    nothing but False, and consists of padding.

    Parameters
    ----------
    ids : tuple of str, length B
        Ids of the utterances.
    rows : Tensor, shape (B,), int64
        Their rows of the store.
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

    def __len__(self) -> int:
        return len(self.ids)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that the batch has.

        Returns
        -------
        dict of str to Tensor
            Tensors by the names of their fields.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

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
            A device moves every tensor. A floating-point type casts ``mel``, ``eda``, ``temp`` and ``ibi`` and nothing
            else: token ids, lengths, masks, classes and ratings keep their types.
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
            tensors = {name: value for name, value in tensors.items() if name in _REAL_VALUED}
        moved = {name: value.to(target, non_blocking=non_blocking) for name, value in tensors.items()}
        return replace(self, **moved)  # type: ignore[arg-type]  # these are all tensors
