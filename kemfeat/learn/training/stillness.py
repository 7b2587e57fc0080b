"""Films that show nothing: stills, or one film for all rows."""

from __future__ import annotations

import torch
from torch import Tensor

from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.data.modality import modality_of


class StillnessGuard:
    """Refuses films in which nothing moves, or that are the same for all rows.

    The published program read one picture twenty times over, which no score showed (S1). Two batches in a row in which
    no film has two different frames, or all films are equal, are no coincidence. The first other batch ends the checks.
    """

    def __init__(self) -> None:
        self._suspects = 0
        self._cleared = False

    def check(self, batch: Batch) -> None:
        """Check one batch; one without films, or whose films have one frame, is passed over.

        Parameters
        ----------
        batch : Batch
            A training batch.

        Raises
        ------
        ConfigError
            This batch and the one before it show nothing.
        """
        if self._cleared:
            return
        for name, frames_BT in batch.arrays.items():
            if modality_of(name) == "video" and name in batch.lengths and frames_BT.ndim > 3:
                self._look(name, frames_BT, batch.lengths[name])

    def _look(self, name: str, frames_BT: Tensor, lengths_B: Tensor) -> None:
        long_B = lengths_B > 1
        if not bool(long_B.any()):
            return
        films, real_BT = frames_BT[long_B], _real(lengths_B[long_B], frames_BT.shape[1])
        moves = (films != films[:, :1]).flatten(2).any(dim=2) & real_BT
        differ = (films != films[:1]).flatten(2).any(dim=2) & real_BT
        still, alike = not bool(moves.any()), len(films) > 1 and not bool(differ.any())
        self._cleared = not (still or alike)
        self._suspects += not self._cleared
        if self._suspects == 2:
            what = "no film has two different frames" if still else "all films are equal"
            raise ConfigError(
                f"{name}: in two batches {what}, so they say nothing (defect S1); expected faces that move and differ; "
                "look at the frames of the store, and build the feature again from the films"
            )


def _real(lengths_B: Tensor, frames: int) -> Tensor:
    return torch.arange(frames, device=lengths_B.device) < lengths_B[:, None]
