"""What a clustering of signals is told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kemfeat.analyses import LabelRule, Seed, Spelling
from kemfeat.analyses.dtw._series import SeriesSource
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
    k : exactly that many clusters; None chooses from ``k_range``.
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

    signal: Annotated[SeriesSource, Field(description="What is clustered; mel-energy at 4 Hz.")] = "temp"
    k: Annotated[
        int | None,
        Field(ge=2, exclude=True, description="Number of clusters."),
        Spelling(metavar="N", default="chosen from --k-range"),
    ] = None
    k_range: Annotated[
        tuple[int, int],
        Field(description="Numbers of clusters to choose from."),
        Spelling(metavar="A:B", separator=":", default="2:10"),
    ] = (2, 10)
    method: Annotated[
        Literal["fasterpam", "tsclust"], Field(description="FasterPAM, or R's alternation as in system 1.")
    ] = "fasterpam"
    init: Annotated[
        tuple[int, ...] | None,
        Field(description="First medoids of tsclust."),
        Spelling(metavar="I,J,...", separator=",", default="drawn"),
    ] = None
    normalize: Annotated[bool, Field(description="Divide distances by summed length.")] = False
    scale: Annotated[bool, Field(description="Bring every series to 0 to 1.")] = True
    labels: LabelRule = "5class"
    restarts: Annotated[
        int, Field(ge=1, description="Random starts per number of clusters."), Spelling(metavar="N")
    ] = 10
    barycentres: Annotated[bool, Field(description="Add the mean shape of every cluster.")] = False
    seed: Seed = 0
    memory: Annotated[
        float, Field(gt=0, description="Room for distances; more go to disk."), Spelling(metavar="GB")
    ] = 2.0
    workers: Annotated[
        int | None,
        Field(ge=1, exclude=True, description="Worker processes; the result is the same for any number."),
        Spelling(metavar="N", short="-j", default="one per core"),
    ] = None
    scheduler: Annotated[
        str | None,
        Field(exclude=True, description="Run on the workers of this Dask scheduler instead."),
        Spelling(metavar="tcp://HOST:PORT"),
    ] = None
    blocks: Annotated[Path | None, Field(exclude=True), Spelling(is_out=True)] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.k is not None:
            if "k_range" in self.model_fields_set and self.k_range != (self.k, self.k):
                least, largest = self.k_range
                raise ValueError(f"--k {self.k} and --k-range {least}:{largest}: give one of them")
            object.__setattr__(self, "k_range", (self.k, self.k))  # frozen from here on
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
