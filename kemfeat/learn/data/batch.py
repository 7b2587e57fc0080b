"""What a loader yields and a model takes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Padded tensors of B utterances, all on one device, with lengths and masks that come from the store.

    What was not asked for, or is not in the store, is None. A row whose extraction failed has length 0 or a mask of
    nothing but False, and holds only padding.

    Parameters
    ----------
    ids : names of the utterances.
    rows : their rows of the store [shape=(B,), int64].
    copies : which copy of its utterance a row is, 0 for the original [shape=(B,), int64].
    mel_lengths : real frames, 0 without any [shape=(B,), int64].
    emotion : class, -1 without a label [shape=(B,), int64].
    arousal, valence : 1 to 5, NaN without ratings [shape=(B,), float32].
    mel : mel [dB] in channel 0, its slope [dB/frame] in channel 1 where delta was asked for [shape=(B, 2, T, n_mels),
        float32]; behind the real frames stands the value that the store declares for each.
    input_ids : token ids behind which the padding id stands [shape=(B, L), int64].
    attention_mask : 1 on tokens, 0 on padding [shape=(B, L), int64].
    eda, temp, ibi : microsiemens, degrees Celsius and seconds, NaN where nothing was measured [shape=(B, n), float32].
    eda_mask, temp_mask, ibi_mask : True where a measured value stands [shape=(B, n), bool].
    """

    ids: tuple[str, ...]
    rows: Tensor
    copies: Tensor
    mel_lengths: Tensor
    emotion: Tensor
    arousal: Tensor
    valence: Tensor
    mel: Tensor | None = None
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
        """Every tensor that is there, by its name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The same batch on another device; see :meth:`torch.Tensor.to`."""
        moved = {name: value.to(device, non_blocking=non_blocking) for name, value in self.tensors().items()}
        return replace(self, **moved)  # type: ignore[arg-type]  # these are all tensors
