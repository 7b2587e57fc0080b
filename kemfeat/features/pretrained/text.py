"""Frozen encoders of text: BERT and its kin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kemfeat.features.pretrained.folder import Wanted
from kemfeat.features.pretrained.frozen import Frozen, Readout
from kemfeat.features.pretrained.loading import load

TokenIds = Sequence[int]


class TextEncoder(Frozen[TokenIds]):
    """An encoder that reads tokens.

    Parameters
    ----------
    model : nn.Module
        Of ``transformers``.
    wanted : Wanted
        Which model it is, for messages.
    readout : Readout
        What is taken of it.
    pad_id : int
        Padding id of its tokenizer.
    """

    def __init__(self, model: nn.Module, wanted: Wanted, readout: Readout, *, pad_id: int) -> None:
        super().__init__(model, wanted, readout)
        self._pad_id = pad_id

    def _length_of(self, item: TokenIds) -> int:
        return len(item)

    def _noise(self, generator: np.random.Generator) -> tuple[TokenIds, TokenIds]:
        ids = generator.integers(0, self.config.vocab_size, size=16).tolist()
        ids = [number for number in ids if number != self._pad_id]
        return ids[:9], ids[:5]

    def _bytes_of(self, length: int) -> int:
        return 4 * length * int(getattr(self.config, "intermediate_size", 4 * self.config.hidden_size))

    def _forward(self, items: Sequence[TokenIds]) -> tuple[Any, Sequence[int]]:
        lengths = [len(item) for item in items]
        ids = torch.full((len(items), max(lengths)), self._pad_id)
        for row, item in zip(ids, items, strict=True):
            row[: len(item)] = torch.tensor(item)
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        output = self.model(
            input_ids=ids.to(self.device),
            attention_mask=mask.long().to(self.device),
            output_hidden_states=self.all_layers,
        )
        return output, lengths


def open_text_encoder(folder: Path, wanted: Wanted, readout: Readout, *, pad_id: int) -> TextEncoder:
    """Load an encoder of text.

    Parameters
    ----------
    folder : Path
        Its folder.
    wanted : Wanted
        Which model it is, for messages.
    readout : Readout
        What is taken of it.
    pad_id : int
        Padding id of its tokenizer.

    Returns
    -------
    TextEncoder
        Ready to read.

    Raises
    ------
    ConfigError
        It cannot be loaded.
    """
    model = load(folder, wanted, needed=lambda key: not key.startswith("pooler."))
    return TextEncoder(model, wanted, readout, pad_id=pad_id)
