"""Settings of the clustering of signals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kemfeat.analyses import LabelRule, Seed, Spelling
from kemfeat.analyses.dtw._series import SeriesSource
from kemfeat.config import FrozenConfig
from kemfeat.paths import to_path_or_none
from kemfeat.stats.dtw import DtwConfig


class DtwClustersConfig(FrozenConfig):
    """What is clustered, and how.

    Parameters
    ----------
    signal : {'temp', 'eda', 'ibi', 'mel-energy'}
        A signal as stored, or the energy of ``mel`` at 4 Hz.
    k : int, >= 2, or None
        Exactly that many clusters; None chooses from ``k_range``.
    k_range : tuple of int, (smallest, largest)
        Numbers of clusters that are tried; the one with the largest mean silhouette is taken.
    method : {'fasterpam', 'tsclust'}
        ``tsclust`` is the alternation of system 1.
    init : tuple of int or None
        Medoids of the only start of ``tsclust``, as rows of table ``members`` counted from 0; for one k only.
    normalize : bool
        Whether each distance is divided by the summed length of its two series.
    scale : bool
        Whether every series is scaled to 0 to 1 by its own range.
    labels : str
        Rule of :func:`kemfeat.labels.apply_rule`; utterances that it drops are left out.
    restarts : int, >= 1
        Random starts per number of clusters; the one with the lowest cost is taken.
    barycentres : bool
        Whether the mean shape of every cluster is computed as well.
    seed : int, >= 0
        Seed of starts, bootstrap, permutations and samples.
    memory : float, > 0 [GB]
        Memory that the matrix of distances may take; a larger one goes to disk in blocks, and a sample that fits is
        clustered.
    workers : int, >= 1, or None
        Threads or processes; None is one per core. Changes speed only.
    scheduler : str or None
        Address of a Dask scheduler whose workers compute distances, in blocks on disk, such as ``tcp://HOST:8786``.
        Changes speed only.
    blocks : str, PathLike or None
        Folder for blocks; None is the folder of the analysis in the store.
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
        float, Field(gt=0, description="Memory for distances; more go to disk."), Spelling(metavar="GB")
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
    blocks: Annotated[Path | None, BeforeValidator(to_path_or_none), Field(exclude=True), Spelling(is_out=True)] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.k is not None:
            if "k_range" in self.model_fields_set and self.k_range != (self.k, self.k):
                least, largest = self.k_range
                raise ValueError(f"--k {self.k} and --k-range {least}:{largest} are both given; give one of them")
            object.__setattr__(self, "k_range", (self.k, self.k))  # frozen from here on
        least, largest = self.k_range
        if not 2 <= least <= largest:
            raise ValueError(f"k_range is {least} to {largest}; expected at least 2, and the smaller number first")
        if self.init is not None and (self.method != "tsclust" or self.k_range != (len(self.init),) * 2):
            raise ValueError(
                f"init has {len(self.init)} medoids for {self.method} and k from {least} to {largest}; it needs method "
                "tsclust, one value of k, and exactly k medoids"
            )
        return self

    @property
    def distance(self) -> DtwConfig:
        """Settings of a distance: system 1's, in single precision for FasterPAM, which halves memory and time."""
        return DtwConfig(normalize=self.normalize, dtype="float64" if self.method == "tsclust" else "float32")
