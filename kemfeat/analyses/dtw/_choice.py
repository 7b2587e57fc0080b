"""Clusterings for every number of clusters asked for, their validity, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from kemfeat import parallel
from kemfeat.arrays import AnyFloats
from kemfeat.stats import clustering, validity
from kemfeat.stats.clustering import Clustering

RULE = "the largest mean silhouette (Sil), the smaller k of equal ones"
INDICES = ("Sil", "SF", "CH", "DB", "DBstar", "D", "COP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How to cluster.

    Parameters
    ----------
    name : {'fasterpam', 'tsclust'}
        ``tsclust`` is the alternation of system 1.
    restarts : int, >= 1
        Number of random starts; the one with the lowest cost is taken.
    seed : int, >= 0
        Seed of the starts.
    init : tuple of int or None
        Medoids of the only start of ``tsclust``, series counted from 0; None draws them at random.
    """

    name: Literal["fasterpam", "tsclust"]
    restarts: int
    seed: int
    init: tuple[int, ...] | None

    def cluster(self, D: AnyFloats, k: int) -> Clustering:
        """The best clustering into k clusters; raises the same errors as :mod:`kemfeat.stats.clustering`."""
        if self.name == "fasterpam":
            return clustering.fasterpam(D, k, restarts=self.restarts, seed=self.seed)
        if self.init is not None:
            return clustering.tsclust(D, k, init=self.init)
        rng = np.random.default_rng(self.seed)
        starts = [rng.choice(len(D), k, replace=False) for _ in range(self.restarts)]
        return clustering.best_of([clustering.tsclust(D, k, init=start) for start in starts])


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """The best clustering into one number of clusters.

    Parameters
    ----------
    k : int, >= 2
        Number of clusters.
    found : Clustering
        The best clustering.
    indices : mapping of str to float
        Its seven validity indices by name.
    """

    k: int
    found: Clustering
    indices: Mapping[str, float]


def try_all(D: AnyFloats, *, ks: Sequence[int], method: Method, workers: int) -> list[Candidate]:
    """Cluster into every number of clusters, in threads that share the matrix; raises what ``method.cluster`` does."""

    def attempt(k: int) -> Candidate:
        found = method.cluster(D, k)
        return Candidate(k, found, validity.indices(D, found.labels, found.medoids))

    # The largest k takes longest: begin with it.
    return list(parallel.run_threads(attempt, list(ks)[::-1], workers=workers))[::-1]


def best(trials: Sequence[Candidate]) -> Candidate:
    """The clustering with :data:`RULE`."""
    return max(trials, key=lambda trial: (trial.indices["Sil"], -trial.k))


def preferred_by_db(trials: Sequence[Candidate]) -> Candidate | None:
    """The clustering with the smallest Davies-Bouldin index; None where it is defined for none."""
    defined = [trial for trial in trials if np.isfinite(trial.indices["DB"])]
    return min(defined, key=lambda trial: (trial.indices["DB"], trial.k), default=None)


def table(trials: Sequence[Candidate], *, chosen: Candidate) -> pd.DataFrame:
    """One row per number of clusters: cost, convergence, agreement of starts, all indices."""
    return pd.DataFrame(
        {
            "k": trial.k,
            "chosen": trial is chosen,
            "starts": len(trial.found.restart_costs),
            "cost": trial.found.cost,
            "worst_cost": max(trial.found.restart_costs),
            "iterations": trial.found.iterations,
            "converged": trial.found.converged,
            "start_agreement_ari": trial.found.stability,
            **trial.indices,
        }
        for trial in trials
    )
