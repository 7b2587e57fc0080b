"""What a clustering of signals is told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from kemfeat.analyses.dtw._series import Signal
from kemfeat.config import FrozenConfig
from kemfeat.stats.dtw import DtwConfig


class DtwClustersConfig(FrozenConfig):
    """What is clustered, and how.

    Parameters
    ----------
    signal : ``temp``, ``eda`` and ``ibi`` as stored, or ``mel-energy``, the energy of ``mel`` at 4 Hz.
    labels : rule of :func:`kemfeat.labels.apply_rule`; utterances that it drops are left out.
    scale : bring every series to 0 to 1 by its own range.
    normalize : divide each distance by the summed length of its two series.
    method : ``fasterpam``, or ``tsclust``, the alternation of system 1.
    k_range : least and largest number of clusters that is tried; the largest mean silhouette decides.
    restarts : random starts per number of clusters, of which the cheapest is taken.
    init : medoids of the only start of ``tsclust``, as rows of table ``members`` counted from 0; for one k only.
    barycentres : compute the mean shape of every cluster, too.
    seed : of starts, bootstrap, permutations and samples.
    memory : GB that the matrix of distances may take; a larger one goes to disk in blocks, and a sample that fits is
        clustered.
    workers : threads or processes; None is one per core. Changes nothing but speed.
    scheduler : address of a Dask scheduler whose workers compute distances, in blocks on disk, such as
        ``tcp://HOST:8786``. Changes nothing but speed.
    blocks : folder for blocks; None is the analysis' own folder in the store.
    """

    signal: Signal = "temp"
    labels: str = "5class"
    scale: bool = True
    normalize: bool = False
    method: Literal["fasterpam", "tsclust"] = "fasterpam"
    k_range: tuple[int, int] = (2, 10)
    restarts: int = Field(default=10, ge=1)
    init: tuple[int, ...] | None = None
    barycentres: bool = False
    seed: int = Field(default=0, ge=0)
    memory: float = Field(default=2.0, gt=0)
    workers: int | None = Field(default=None, ge=1, exclude=True)
    scheduler: str | None = Field(default=None, exclude=True)
    blocks: Path | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        least, largest = self.k_range
        if not 2 <= least <= largest:
            raise ValueError(f"k_range is {least} to {largest}; expected at least 2, and the least k first")
        if self.init is not None and (self.method != "tsclust" or self.k_range != (len(self.init),) * 2):
            raise ValueError(
                f"init names {len(self.init)} medoids for {self.method} and k from {least} to {largest}; it begins "
                "tsclust with exactly one k, and as many medoids"
            )
        return self

    @property
    def distance(self) -> DtwConfig:
        """What a distance is: system 1's, in single precision for FasterPAM, which halves memory and time."""
        return DtwConfig(normalize=self.normalize, dtype="float64" if self.method == "tsclust" else "float32")
