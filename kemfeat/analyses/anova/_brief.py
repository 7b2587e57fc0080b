"""Which columns of each table a reader sees first."""

from __future__ import annotations

from collections.abc import Mapping

from kemfeat.analyses.brief import Brief, Column, values
from kemfeat.figures.units import with_unit

TESTS = {
    "shapiro": "Shapiro-Wilk",
    "levene": "Levene",
    "bartlett": "Bartlett",
    "fligner": "Fligner-Killeen",
    "variance_ratio": "Largest by smallest variance",
    "kruskal": "Kruskal-Wallis",
    "trimmed_welch": "Welch, 20 % trimmed means",
    "permutation_welch": "Welch, by permutation",
    "cr2_htz": "Cluster-robust (CR2, HTZ)",
    "cr2": "Cluster-robust (CR2)",
    "means_hotelling": "Cluster means (Hotelling)",
    "means_welch": "Cluster means (Welch)",
    "means_paired": "Cluster means (paired)",
    "random_slopes": "Random slopes (REML)",
    "mixed": "Mixed model (REML)",
}
"""Tests in words."""

_SOURCES = {
    "cr2": "Cluster-robust test",
    "means": "Cluster means",
    "robustness": "Fewer assumptions",
    "holm": "Holm across variables",
}
_PAIR = Column(head="Pair", of=("a", "b"), form="pair")
_P = Column(head="p", of=("p",), form="p")
_HOLM = Column(head="p (Holm)", of=("p_holm",), form="p")
_TEST = Column(head="Test", of=("test",), words=TESTS)
_CI = Column(head="95 % CI", of=("ci_low", "ci_high"), form="ends")
_DFS = values(df1="df1", df2="df2")


def briefs(units: Mapping[str, str], *, cluster: str) -> dict[str, Brief]:
    """One for each table, that of the primary test first.

    Parameters
    ----------
    units : mapping of str to str
        Unit of each dependent variable, as a store has it; empty for none.
    cluster : str
        What the primary test clusters by.
    """
    shared = next(iter(units.values())) if len(set(units.values())) == 1 else ""
    own = {name: name if shared else with_unit(name, unit) for name, unit in units.items()}
    variable = Column(head="Variable", of=("dv",), words=own)
    return {**_pairs(variable, shared, cluster), **_groups(variable, shared), **_of_all(variable), **_models(variable)}


def _pairs(variable: Column, unit: str, cluster: str) -> dict[str, Brief]:
    difference = values(diff=with_unit("Mean difference", unit))
    simultaneous = Column(head="95 % CI, all pairs", of=("low_all", "high_all"), form="ends")
    g = Column(head="Hedges' g [95 % CI]", of=("hedges_g", "g_low", "g_high"), form="interval")
    clustered = Column(head="Hedges' g [95 % CI]", of=("g", "g_low", "g_high"), form="interval")
    delta = Column(head="Cliff's delta [95 % CI]", of=("cliffs_delta", "delta_low", "delta_high"), form="interval")
    narrow = Column(head="90 % CI", of=("ci_low", "ci_high"), form="ends")
    by = {"cluster": (cluster,)}
    return {
        "nested_pairs": Brief(
            title=f"Pairs of groups, tested by {cluster} (cluster-robust)",
            columns=(variable, _PAIR, *difference, simultaneous, _HOLM),
            needs="p",
            where={**by, "test": ("cr2",)},
        ),
        "effects": Brief(
            title=f"Effect sizes of pairs, intervals by {cluster}",
            columns=(variable, _PAIR, clustered, delta),
            needs="g",
            where=by,
        ),
        "equivalence": Brief(
            title=f"Equivalence of pairs, tested by {cluster}",
            columns=(variable, _PAIR, *difference, narrow, *values(margin=with_unit("Margin", unit)), _HOLM),
            needs="p",
            where=by,
        ),
        "pairs": Brief(
            title="Pairs of groups, utterances taken as independent (Games-Howell)",
            columns=(variable, _PAIR, *difference, _CI, _P, g),
            needs="p",
        ),
        "dunn": Brief(
            title="Pairs of groups by ranks (Dunn)",
            columns=(variable, _PAIR, *values(z="z"), _HOLM),
            needs="p",
        ),
        "ordinal": Brief(
            title="Pairs of groups in the ordinal model of single ratings",
            columns=(variable, _PAIR, *values(odds_ratio="Odds ratio", log_odds="Log odds"), _CI_OF_LOG, _HOLM),
            needs="p",
        ),
    }


_CI_OF_LOG = Column(head="95 % CI of log odds", of=("ci_low", "ci_high"), form="ends")


def _groups(variable: Column, unit: str) -> dict[str, Brief]:
    mean = Column(head=with_unit("Mean [95 % CI]", unit), of=("mean", "ci_low", "ci_high"), form="interval")
    spread = values(sd=with_unit("Standard deviation", unit))
    return {
        "groups": Brief(
            title="Groups",
            columns=(variable, *values(group="Group", n="Utterances", speakers="Speakers"), mean, *spread),
            needs="mean",
        ),
    }


def _of_all(variable: Column) -> dict[str, Brief]:
    squared = ("eta2_classic", "eta2_classic_low", "eta2_classic_high")
    eta = Column(head="Eta squared [95 % CI]", of=squared, form="interval")
    clusters = values(cluster="Clustered by")
    return {
        "nested": Brief(
            title="All groups at once, by cluster",
            columns=(variable, *clusters, _TEST, *values(n_clusters="Clusters", F="F"), _P),
            needs="p",
        ),
        "welch": Brief(
            title="All groups at once, utterances taken as independent (Welch)",
            columns=(variable, *values(F="F"), *_DFS, _P, eta),
            needs="p",
        ),
        "robustness": Brief(
            title="All groups at once, with fewer assumptions",
            columns=(variable, _TEST, *values(statistic="Statistic"), _P),
            needs="p",
        ),
        "assumptions": Brief(
            title="Assumptions",
            columns=(variable, _TEST, *values(statistic="Statistic"), _P),
            needs="statistic",
        ),
        "disagreements": Brief(
            title="Where tests disagree",
            columns=(
                variable,
                Column(head="Against Welch and Games-Howell", of=("source",), words=_SOURCES),
                *values(finding="Finding"),
            ),
        ),
    }


def _models(variable: Column) -> dict[str, Brief]:
    return {
        "mixed": Brief(
            title="Terms of the mixed model",
            columns=(variable, *values(term="Term", F="F"), *_DFS, _P),
            needs="p",
        ),
        "variances": Brief(
            title="Where the variance of the mixed model is",
            columns=(
                variable,
                *values(effect="Effect", levels="Levels"),
                Column(head="Share", of=("share",), form="share"),
            ),
            needs="share",
        ),
        "slopes": Brief(
            title="How much clusters differ in their response",
            columns=(
                variable,
                *values(
                    cluster="Clusters",
                    var_interaction="Variance of responses",
                    var_residual="Residual variance",
                    se_ratio="Standard error, times that of independent utterances",
                ),
            ),
            needs="se_ratio",
        ),
    }
