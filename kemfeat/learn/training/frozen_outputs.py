"""What the frozen parts of a model read from every row: computed once for a run, not again in every epoch.

The tokens of all rows of the train and validation parts are computed in evaluation mode and float32, in the order of
the split, before the first epoch. They are kept in a file in the folder of the run, which is mapped into memory and
removed when training ends. No checkpoint has them, and a run that is resumed computes them again, with the same result.

Kept is what cannot change between epochs: nothing drops out in the part, its inputs are not augmented, and its tokens
do not depend on the rest of the batch. Any other part is computed in every epoch, as before.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models._batches import Reading
from kemfeat.learn.models.frozen import FrozenReader
from kemfeat.learn.training.augmented import augmentations_of
from kemfeat.learn.training.session import TrainingSession

_GIGABYTE = 1e9
_PARTS = ("train", "valid")
"""The test part is predicted once, by the model as it is."""


@contextmanager
def kept(session: TrainingSession, *, progress: Callable[[int, int], None]) -> Iterator[None]:
    """Have the frozen parts of a session's model answer from what they read once.

    Parameters
    ----------
    session : TrainingSession
        The run, with the weights that it trains from.
    progress : callable
        Called with the number of rows that the parts have read, and that of all rows that they read.

    Yields
    ------
    None
        The parts answer from memory.
    """
    room = session.training_data.recipe.train.frozen_cache * _GIGABYTE
    parts = _parts(session) if room and session.position.stopped(session.training_data.recipe.train) is None else []
    rows = _rows(session)
    made: list[tuple[FrozenReader, _Kept]] = []
    try:
        for place, part in enumerate(parts):
            reported = partial(_report, progress, place * rows, len(parts) * rows)
            found = _read_once(part, session, room=room, progress=reported)
            if found is not None:
                made.append((part, found))
                room -= found.bytes
        for part, found in made:
            part.recall = found
        yield
    finally:
        for part, found in made:
            part.recall = None
            found.close()


def _parts(session: TrainingSession) -> list[FrozenReader]:
    """The frozen parts that read the same in every epoch; of one within another, the outer."""
    recipe = session.training_data.recipe
    if recipe.train.epochs < 2:
        return []
    changed: set[str] = {one.medium for one in augmentations_of(recipe, session.training_data.media)}
    return list(_outermost(session.model, changed))


def _outermost(model: nn.Module, changed: set[str]) -> Iterator[FrozenReader]:
    for part in model.children():
        if isinstance(part, FrozenReader) and part.settled and not changed & set(part.media):
            yield part
        else:
            yield from _outermost(part, changed)


def _rows(session: TrainingSession) -> int:
    data = session.training_data
    return sum(len(data.rows_of(data.rows[name])) for name in _PARTS)


def _report(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


@dataclass(eq=False)
class _Kept:
    """Tokens of rows end to end, without the padding that nothing reads."""

    part: FrozenReader
    path: Path
    slots: NDArray[np.int64]
    starts: list[int] = field(default_factory=lambda: [0])
    masks: list[NDArray[np.bool_]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    tokens: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    bytes: int = 0

    def add(self, batch: Batch, reading: Reading) -> NDArray[np.float32]:
        """Take over a batch but for its tokens, and return those that are kept."""
        masks, found = reading.mask.cpu().numpy(), reading.tokens.float().cpu().numpy()
        self.values += [] if reading.value is None else reading.value.tolist()
        chosen = []
        for row, mask, tokens in zip(batch.rows.tolist(), masks, found, strict=True):
            length = len(mask) if self.part.padding_is_read or not mask.any() else int(np.flatnonzero(mask)[-1]) + 1
            self.slots[row] = len(self.masks)
            self.starts.append(self.starts[-1] + length)
            self.masks.append(mask[:length].copy())
            chosen.append(tokens[:length])
        kept_tokens = np.concatenate(chosen)
        self.bytes += kept_tokens.nbytes
        return kept_tokens

    def open(self, width: int) -> None:
        """Map what was written."""
        self.tokens = np.memmap(self.path, np.float32, mode="r", shape=(self.starts[-1], width))

    def close(self) -> None:
        """Remove the file."""
        self.tokens = np.empty((0, 0), np.float32)
        self.path.unlink(missing_ok=True)

    def __call__(self, batch: Batch) -> Reading:
        """What the part would read from a batch."""
        slots = self.slots[batch.rows.cpu().numpy()]
        if (slots < 0).any():
            with torch.no_grad():
                return self.part.read(batch)
        size = self.part.length_of(batch)
        tokens = np.zeros((len(slots), size, self.tokens.shape[1]), np.float32)
        mask = np.zeros((len(slots), size), np.bool_)
        for place, slot in enumerate(slots.tolist()):
            start, stop = self.starts[slot], min(self.starts[slot + 1], self.starts[slot] + size)
            tokens[place, : stop - start] = self.tokens[start:stop]
            mask[place, : stop - start] = self.masks[slot][:size]
        device = batch.rows.device
        value = torch.tensor([self.values[slot] for slot in slots.tolist()], device=device) if self.values else None
        return Reading(torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device), value)


@torch.inference_mode()
def _read_once(
    part: FrozenReader, session: TrainingSession, *, room: float, progress: Callable[[int], None]
) -> _Kept | None:
    """Read every row with a part; None where that takes up too much room, or the disk refuses."""
    data = session.training_data
    session.model.eval()
    path = session.out / f".frozen.{uuid.uuid4().hex}.aside"  # a killed run's are removed when it is resumed
    found = _Kept(part, path, np.full(len(data.audited.store.rows(data.axis)), -1, np.int64))
    width = 0
    try:
        with path.open("wb") as file:
            for name in _PARTS:
                for batch in data.loader(name, device=session.device):
                    tokens = found.add(batch, part.read(batch))
                    width = tokens.shape[1]
                    if found.bytes / len(found.masks) * _rows(session) > room:
                        found.close()
                        return None
                    tokens.tofile(file)
                    progress(len(found.masks))
        found.open(width)
    except OSError:
        found.close()
        return None
    return found
