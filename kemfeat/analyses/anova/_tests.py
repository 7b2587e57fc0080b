"""Every test of one dependent variable, and where they contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from kemfeat.analyses.anova._data import Data
from kemfeat.analyses.anova._mixed import Mixed, fit_mixed
from kemfeat.analyses.anova._ordinal import fit_ordinal
from kemfeat.errors import AnalysisError
from kemfeat.stats import group_tests
from kemfeat.stats.clustered_effects import clustered_effects
from kemfeat.stats.equivalence import equivalence
from kemfeat.stats.nested import ClusterMeans, ClusterRobust, cluster_means, cluster_robust
from kemfeat.stats.ordinal import OrdinalModel
from kemfeat.stats.slopes import RandomSlopes, random_slopes

ALPHA = 0.05
"""Level of all tests, one minus the confidence of all intervals."""

_ALL = "all groups"


@dataclass(frozen=True, kw_only=True)
class Tests:
    """What was found for one dependent variable."""

    dv: str
    groups: pd.DataFrame
    assumptions: pd.DataFrame
    anova: group_tests.WelchAnova
    pairs: pd.DataFrame
    robust: group_tests.Robustness
    nested: Mapping[str, ClusterRobust]
    """By cluster, the smallest unit first."""
    means: Mapping[str, ClusterMeans]
    slopes: Mapping[str, RandomSlopes]
    """By cluster how much clusters differ in their response to the groups; with a reason where that is unknown."""
    effects: Mapping[str, pd.DataFrame]
    """By cluster the effect sizes of all pairs with intervals over clusters."""
    equivalence: Mapping[str, pd.DataFrame]
    """By cluster whether pairs are as good as equal, and which difference could have been found."""
    mixed: Mixed
    ordinal: OrdinalModel | None
    sd: float
    """Standard deviation within groups, the unit of the smallest difference of interest."""

    @property
    def contradictions(self) -> dict[str, tuple[Contradiction, ...]]:
        """Questions on which CR2 contradicts Welch and Games-Howell, by cluster; clusters without any are absent."""
        found = {name: tuple(_contradictions(self, test)) for name, test in self.nested.items()}
        return {name: all_ for name, all_ in found.items() if all_}

    @property
    def primary(self) -> str:
        """The cluster of the primary test: the one asked for, fixed before anything is computed."""
        return next(iter(self.nested))


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A question that the naive and a nested test answer differently."""

    where: str
    """``all groups`` or a pair, ``a-b``."""
    naive_log_p: float
    nested_log_p: float
    """After Holm where it is a pair."""
    se_ratio: float
    """Nested by naive standard error of a pair; NaN for all groups."""
    df: float
    """Denominator degrees of freedom of the nested test."""

    def sentence(self, method: str) -> str:
        """What each of the two tests finds."""
        naive = "Welch" if self.where == _ALL else "Games-Howell"
        first, second = _finding(self.naive_log_p), _finding(self.nested_log_p)
        return f"{self.where}: {naive} {first}, {method} {second}"


def run_tests(data: Data, dv: str, *, smallest: float, seed: int) -> Tests:
    """Run all tests of one dependent variable; ``smallest`` difference of interest in standard deviations.

    Raises
    ------
    AnalysisError
        Fewer than two groups have values that vary.
    """
    values, groups = data.values[dv], data.groups
    anova = group_tests.welch_anova(values, groups, alpha=ALPHA)
    if anova.reason:
        raise AnalysisError(
            f"{dv} cannot be compared between {data.between}: {anova.reason}; "
            "leave it out with --dv, or choose another --between or --labels"
        )
    described = _describe(data, dv, seed=seed)
    robust = {name: _testable(cluster_robust(values, groups, each)) for name, each in data.clusters.items()}
    sd = _sd_within(described)
    return Tests(
        dv=dv,
        groups=described,
        assumptions=group_tests.assumptions(values, groups, seed=seed),
        anova=anova,
        pairs=group_tests.games_howell(values, groups, alpha=ALPHA),
        robust=group_tests.robustness(values, groups, alpha=ALPHA, seed=seed),
        nested=robust,
        means={name: cluster_means(values, groups, each) for name, each in data.clusters.items()},
        slopes={name: random_slopes(values, groups, each) for name, each in data.clusters.items()},
        effects={name: clustered_effects(values, groups, each, alpha=ALPHA) for name, each in data.clusters.items()},
        equivalence={name: equivalence(test.pairs, margin=smallest * sd, alpha=ALPHA) for name, test in robust.items()},
        mixed=fit_mixed(data, dv),
        ordinal=fit_ordinal(data, dv),
        sd=sd,
    )


def _sd_within(groups: pd.DataFrame) -> float:
    """Pooled standard deviation within groups."""
    free = (groups["n"] - 1).clip(lower=0)
    return math.sqrt(float((free * groups["sd"].fillna(0.0) ** 2).sum() / free.sum()))


def _testable(test: ClusterRobust) -> ClusterRobust:
    """The same without the test of all groups where that has less than one denominator degree of freedom."""
    if not test.df2 < 1:
        return test
    few = f"{test.df2:.1f} denominator degrees of freedom are too few to test all groups at once (at least 1)"
    reason = "; ".join(filter(None, [test.reason, few]))
    return replace(test, F=math.nan, p=math.nan, log_p=math.nan, reason=reason)


def _describe(data: Data, dv: str, *, seed: int) -> pd.DataFrame:
    table = group_tests.describe(data.values[dv], data.groups, alpha=ALPHA, seed=seed)
    speakers = data.speakers[data.values[dv].notna()].groupby(data.groups).nunique()
    table.insert(2, "speakers", table["group"].map(speakers).fillna(0).astype(int))
    return table


def disagreements(tests: Tests, *, holm: Mapping[str, float]) -> pd.DataFrame:
    """Every check whose conclusion differs from that of Welch and Games-Howell.

    Parameters
    ----------
    tests : Tests
        All tests of one dependent variable.
    holm : mapping of str to float
        Natural logarithm of Welch's p after Holm across dependent variables, by variable.

    Returns
    -------
    DataFrame
        ``dv source finding``; ``source`` is ``cr2``, ``means``, ``robustness`` or ``holm``.
    """
    rows = [("cr2", sentence) for sentence in _nested_sentences(tests, tests.nested, "CR2 by {}")]
    rows += [("means", sentence) for sentence in _nested_sentences(tests, tests.means, "{} means")]
    clauses = group_tests.disagreements(tests.anova, tests.pairs, tests.robust, alpha=ALPHA)
    rows += [("robustness", clause) for clause in clauses]
    adjusted = holm[tests.dv]
    if _is_significant(tests.anova.log_p) != _is_significant(adjusted):
        rows.append(("holm", f"{_ALL}: Welch {_finding(tests.anova.log_p)}, after Holm {_finding(adjusted)}"))
    return pd.DataFrame([(tests.dv, *row) for row in rows], columns=["dv", "source", "finding"], dtype=object)


def _nested_sentences(
    tests: Tests, by_cluster: Mapping[str, ClusterRobust] | Mapping[str, ClusterMeans], method: str
) -> Iterator[str]:
    for name, test in by_cluster.items():
        yield from (each.sentence(method.format(name)) for each in _contradictions(tests, test))


def _contradictions(tests: Tests, test: ClusterRobust | ClusterMeans) -> Iterator[Contradiction]:
    if not test.reason and not tests.anova.excluded and _differ(tests.anova.log_p, test.log_p):  # the same groups
        yield Contradiction(_ALL, tests.anova.log_p, test.log_p, math.nan, test.df2)
    other = test.pairs.assign(log_p_holm=group_tests.holm(test.pairs["log_p"]))
    both = tests.pairs.merge(other, on=["a", "b"], suffixes=("", "_nested"))
    for row in both.itertuples():
        values: Any = row
        if _differ(values.log_p, values.log_p_holm):
            ratio = values.se_nested / values.se
            where = f"{values.a}-{values.b}"
            yield Contradiction(where, values.log_p, values.log_p_holm, ratio, values.df_nested)


def _differ(first: float, second: float) -> bool:
    """Whether two tests that both exist come to different conclusions."""
    return _is_significant(first) != _is_significant(second) and not math.isnan(first + second)


def _is_significant(log_p: float) -> bool:
    return log_p < math.log(ALPHA)


def _finding(log_p: float) -> str:
    found = "finds a difference" if _is_significant(log_p) else "finds none"
    return f"{found} (p {group_tests.p_text(log_p)})"
