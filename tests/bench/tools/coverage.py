"""How often 95 % intervals contain the truth, by simulation.

``python -m tests.bench.tools.coverage`` prints two Markdown tables: intervals that take all values to be independent,
on such values, and intervals for the utterances of a few speakers, who resemble themselves. ``--only correlations`` and
``--size 5`` print a part of them, ``--sets`` simulates more or fewer data sets.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kemfeat.stats.agreement import icc, krippendorff_alpha
from kemfeat.stats.clustered_effects import clustered_effects
from kemfeat.stats.correlation import mean_correlation, pooled_z, repeated, within
from kemfeat.stats.group_tests import WelchAnova, describe, games_howell, welch_anova
from kemfeat.stats.nested import cluster_means, cluster_robust
from kemfeat.stats.proportions import effective_n, wilson
from tests.bench.tools import _coverage_models
from tests.bench.tools._coverage import EFFECT, LEVEL, RESPONSE, SEED, Family, Held, held, limits, responding

SIZES = (5, 10, 40)
SPEAKERS = (5, 12, 40)


def _all_pairs(pairs: pd.DataFrame) -> bool:
    truth = EFFECT[pairs["a"]] - EFFECT[pairs["b"]]
    return bool(((pairs["ci_low"] <= truth) & (truth <= pairs["ci_high"])).all())


def _weighted_spread(weight: NDArray[np.float64]) -> float:
    return float(weight @ (EFFECT - weight @ EFFECT / weight.sum()) ** 2)


def equal_variances(size: int, rng: np.random.Generator) -> Held:
    """Three groups that differ in their means; ``size`` values in the first two, twice as many in the third."""
    sizes = np.array([size, size, 2 * size])
    group = np.repeat(np.arange(3), sizes)
    values = EFFECT[group] + rng.normal(size=len(group))
    anova, pairs = welch_anova(values, group), games_howell(values, group)
    spread = _weighted_spread(sizes.astype(np.float64))
    own = describe(values[:size], group[:size], resamples=1000)
    return {
        "Games-Howell, all pairs": _all_pairs(pairs),
        **held("Hedges g", limits(pairs, "g_low", "g_high"), EFFECT[0] - EFFECT[1]),
        **held("eta2_classic", anova.eta2_classic_ci, spread / (spread + sizes.sum())),
        **held("eta2_welch", anova.eta2_welch_ci, spread / (spread + anova.df2)),
        **held("omega2_welch", anova.omega2_welch_ci, spread / (spread + anova.df1 + anova.df2 + 1)),
        **held("mean of a group", limits(own), 0.0),
    }


def unequal_variances(size: int, rng: np.random.Generator) -> Held:
    """The same with standard deviations of 1, 2 and 0.5."""
    sizes, sd = np.array([size, size, 2 * size]), np.array([1.0, 2.0, 0.5])
    group = np.repeat(np.arange(3), sizes)
    values = EFFECT[group] + sd[group] * rng.normal(size=len(group))
    anova: WelchAnova = welch_anova(values, group)
    pairs, spread = games_howell(values, group), _weighted_spread(sizes / sd**2)
    return {
        "Games-Howell, all pairs, unequal variances": _all_pairs(pairs),
        **held("Hedges g, unequal variances", limits(pairs, "g_low", "g_high"), -0.4 / np.sqrt((1 + 4) / 2)),
        **held("eta2_welch, unequal variances", anova.eta2_welch_ci, spread / (spread + anova.df2)),
        **held("omega2_welch, unequal variances", anova.omega2_welch_ci, spread / (spread + anova.df1 + anova.df2 + 1)),
    }


def independent_units(size: int, rng: np.random.Generator) -> Held:
    """Ratings of independent units by five raters with biases of their own; the first by new raters for each."""
    raters, bias, error = 5, 0.5, 0.8
    same = rng.normal(size=(size, 1)) + bias * rng.normal(size=raters) + error * rng.normal(size=(size, raters))
    new = rng.normal(size=(size, 1)) + np.hypot(bias, error) * rng.normal(size=(size, raters))
    absolute, consistent = 1 / (1 + bias**2 + error**2), 1 / (1 + error**2)
    found, first = icc(same).set_index("type"), icc(new).set_index("type")
    return {
        **held("ICC(1,1)", first.loc["ICC(1,1)", ["ci_low", "ci_high"]].tolist(), absolute),
        **held("ICC(A,1)", found.loc["ICC(A,1)", ["ci_low", "ci_high"]].tolist(), absolute),
        **held("ICC(C,1)", found.loc["ICC(C,1)", ["ci_low", "ci_high"]].tolist(), consistent),
    }


def emotions(speakers: int, rng: np.random.Generator) -> Held:
    """Three emotions within speakers, who respond each in their own way; 30 utterances each."""
    values, emotion, speaker = responding(speakers, rng)
    difference, variance = EFFECT[0] - EFFECT[1], 1 + LEVEL**2 + RESPONSE**2
    g = limits(clustered_effects(values, emotion, speaker), "g_low", "g_high")
    between = float(np.var(EFFECT))
    return {
        **held("CR2, one pair", limits(cluster_robust(values, emotion, speaker).pairs), difference),
        **held("speaker means, one pair", limits(cluster_means(values, emotion, speaker).pairs), difference),
        **held("standardised difference over speakers", g, difference / np.sqrt(variance)),
        "naive: Games-Howell, all pairs": _all_pairs(games_howell(values, emotion)),
        **held("naive: eta2_classic", welch_anova(values, emotion).eta2_classic_ci, between / (between + variance)),
    }


def _ratings(speakers: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Ratings from 1 to 5 by five raters, who find some speakers harder than others."""
    speaker = np.repeat(np.arange(speakers), 30)
    level, noise = 0.5 * rng.normal(size=speakers), 0.4 + 0.8 * rng.random(speakers)
    truth = level[speaker] + 0.7 * rng.normal(size=len(speaker)) + 3
    bias = 0.3 * np.array([-1, -0.5, 0, 0.5, 1])
    said = truth[:, None] + bias + noise[speaker, None] * rng.normal(size=(len(speaker), 5))
    return np.clip(np.rint(said), 1, 5), speaker


@cache
def _agreement() -> tuple[float, float]:
    """Krippendorff's alpha and ICC(A,1) of very many speakers, which stand for the truth."""
    many = _ratings(3000, np.random.default_rng(SEED))[0]
    alpha = krippendorff_alpha(many, level="interval", resamples=1).alpha
    return alpha, float(icc(many).set_index("type").loc["ICC(A,1)", "icc"])


def ratings(speakers: int, rng: np.random.Generator) -> Held:
    """Krippendorff's alpha and intraclass correlations of utterances of speakers."""
    (alpha, absolute), (table, speaker) = _agreement(), _ratings(speakers, rng)
    found = krippendorff_alpha(table, level="interval", clusters=speaker)
    over, plain = (icc(table, clusters=labels).query("type == 'ICC(A,1)'") for labels in (speaker, None))
    return {
        **held("Krippendorff's alpha", (found.ci_low, found.ci_high), alpha),
        **held("ICC(A,1) over speakers", limits(over), absolute),
        **held("naive: ICC(A,1)", limits(plain), absolute),
    }


def shares(speakers: int, rng: np.random.Generator) -> Held:
    """A share that differs from speaker to speaker: half on average, and more where some have hardly any."""
    speaker, found = np.repeat(np.arange(speakers), 30), {}
    for truth, concentration in ((0.5, 5.0), (0.9, 1.0), (0.97, 3.0)):
        own = rng.beta(truth * concentration, (1 - truth) * concentration, speakers)
        present = rng.random(len(speaker)) < own[speaker]
        low, high = wilson(present.mean(), n=effective_n(present, clusters=speaker))
        found |= held(f"share of {truth:g}", (float(low), float(high)), truth)
    return found


def correlations(speakers: int, rng: np.random.Generator) -> Held:
    """Correlations within two conversations of each speaker, 12 utterances each, about a z of 0.3."""
    conversation = np.repeat(np.arange(2 * speakers), 12)
    unit = pd.Series(np.repeat(np.arange(speakers), 2))
    own = np.tanh(0.3 + 0.2 * rng.normal(size=speakers))[conversation // 2]
    x = rng.normal(size=len(own))
    y = own * x + np.sqrt(1 - own**2) * rng.normal(size=len(own))
    each = within(x, y=y, groups=conversation)
    mean = mean_correlation(pooled_z(each["z"], n=each["n"], units=unit))
    line = repeated(x, y=y, subjects=conversation // 2)
    return {
        **held("mean correlation over speakers", (mean.ci_low, mean.ci_high), float(np.tanh(0.3))),
        **held("repeated-measures correlation", (line.ci_low, line.ci_high), float(np.tanh(0.3))),
    }


def coverage(family: Family, size: int, *, sets: int) -> dict[str, float]:
    """Share of the data sets in which each interval of ``family`` contains the truth."""
    rng, found = np.random.default_rng([SEED, size]), defaultdict(list)
    for _ in range(sets):
        for name, flag in family(size, rng).items():
            found[name].append(flag)
    return {name: float(np.mean(flags)) for name, flags in found.items()}


def rows(family: Family, sizes: Sequence[int], *, sets: int) -> list[str]:
    """Rows of a Markdown table, one for each interval."""
    columns = [coverage(family, size, sets=sets) for size in sizes]
    names = dict.fromkeys(name for column in columns for name in column)
    return [f"| {name} | {' | '.join(f'{c[name]:.3f}' if name in c else '' for c in columns)} |" for name in names]


INDEPENDENT: tuple[Family, ...] = (equal_variances, unequal_variances, independent_units)
CLUSTERED: tuple[Family, ...] = (emotions, ratings, shares, correlations, *_coverage_models.FAMILIES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [family.__name__ for family in INDEPENDENT + CLUSTERED]
    parser.add_argument("--sets", type=int, default=300, help="data sets of each family and size")
    parser.add_argument("--only", choices=names, nargs="+", default=names, help="families")
    parser.add_argument("--size", type=int, nargs="+", help="values, units or speakers in place of the usual")
    given = parser.parse_args()
    for title, sizes, families in (
        ("values or units in a group", SIZES, INDEPENDENT),
        ("speakers", SPEAKERS, CLUSTERED),
    ):
        chosen = given.size or sizes
        sys.stdout.write(f"\n| {title} | {' | '.join(map(str, chosen))} |\n{'|---' * (len(chosen) + 1)}|\n")
        for family in (family for family in families if family.__name__ in given.only):
            sys.stdout.write("\n".join(rows(family, chosen, sets=given.sets)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
