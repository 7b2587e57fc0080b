"""Sentences about the tests, each made from the numbers that it reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from kemfeat.analyses import rows
from kemfeat.analyses.anova._data import Data
from kemfeat.analyses.anova._tests import ALPHA, Contradiction, Tests
from kemfeat.stats import group_tests, nested
from kemfeat.stats.equivalence import POWER

_LISTED = 3
"""Cases listed in a sentence; the tables list all."""
_MEANS = 8

_LONGEST = 400


def summary(found: Sequence[Tests], tables: Mapping[str, pd.DataFrame], *, between: str) -> tuple[str, ...]:
    """The verdict on each variable first, then how it was reached and which tests disagree."""
    sentences = [sentence for tests in found for sentence in _on(tests, between)]
    sentences += _multiplicity(found, tables["nested"])
    conflicts = tables["disagreements"]
    others = conflicts[conflicts["source"] != "cr2"]
    if len(others):
        named = [f"{dv} {finding}" for dv, finding in zip(others["dv"], others["finding"], strict=True)]
        sentences.append(f"Other checks that disagree ({len(others)}): {_listed(named, joint='; ')}.")
    return tuple(sentences)


def _on(tests: Tests, between: str) -> list[str]:
    """The test by the first cluster is the primary one, whatever it finds; the others follow."""
    primary, robust = tests.primary, tests.nested[tests.primary]
    head = f"{tests.dv}: {verdict_by(tests, primary)} ({_htz(robust, primary)})."
    beside = [
        f"Beside it, by {name}: {verdict_by(tests, name)} ({_htz(test, name)})."
        for name, test in tests.nested.items()
        if name != primary
    ]
    others = "Games-Howell, which the literature reports, treats utterances as independent"
    naive = f"{others}: {verdict(tests.pairs)}; {_welch(tests)}."
    models = [*_nesting(tests, between), *_mixed(tests), *_ordinal(tests)]
    return [head, *_reach(tests), *beside, *models, naive, *_differences(tests), _means(tests)]


def _reach(tests: Tests) -> list[str]:
    """What the primary test could have found, whatever it found, and which differences are too small to matter."""
    table, robust = tests.equivalence[tests.primary], tests.nested[tests.primary]
    known = table.dropna(subset="detectable")
    if known.empty:
        return []
    margin = f"{known['margin'].iloc[0]:.3g} ({known['margin'].iloc[0] / tests.sd:.2g} SD)"
    smallest, largest = known["detectable"].min() / tests.sd, known["detectable"].max() / tests.sd
    ends = list(dict.fromkeys(f"{each:.2g}" if each < 10 else "over 10" for each in (smallest, largest)))
    sentence = (
        f"Smallest difference of interest: {margin}. By {tests.primary}, the design finds a difference of "
        f"{' to '.join(ends)} SD with {POWER:.0%} power at {_share(ALPHA)} divided by {len(known)} pairs."
    )
    if trivial := _trivial(known, robust.pairs):
        sentence += f" Different, and yet smaller than that of interest: {_listed(trivial, joint=', ')}."
    return [sentence]


def _trivial(equivalence: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Pairs that differ and are equivalent all the same."""
    both = equivalence.merge(pairs[["a", "b", "significant"]], on=["a", "b"])
    return _names(both[both["significant"].astype(bool) & both["equivalent"]])


def _names(pairs: pd.DataFrame) -> list[str]:
    return (pairs["a"].astype(str) + "-" + pairs["b"].astype(str)).tolist()


def verdict_by(tests: Tests, cluster: str) -> str:
    """The verdict of the test by ``cluster``: also which of the pairs without a difference are equivalent."""
    pairs, table = tests.nested[cluster].pairs, tests.equivalence[cluster]
    open_pairs = _names(pairs[(pairs["reason"] == "") & ~pairs["significant"].astype(bool)])
    if not open_pairs:
        return verdict(pairs)
    shown = [name for name in _names(table[table["equivalent"]]) if name in open_pairs]
    within = f"equivalent within {table['margin'].iloc[0] / tests.sd:.2g} SD"
    which = f"of these {within}: {_listed(shown, joint=', ', most=_MEANS)}" if shown else f"none shown to be {within}"
    return f"{verdict(pairs)}; {which}"


def _nesting(tests: Tests, between: str) -> list[str]:
    """What the nesting costs: by clusters' responses where groups vary within them, else by their levels."""
    cluster = tests.primary
    slopes, robust = tests.slopes[cluster], tests.nested[cluster]
    if not slopes.reason:
        share = slopes.var_interaction / (slopes.var_cluster + slopes.var_interaction + slopes.var_residual)
        return [
            f"{cluster} x {between} makes up {share:.1%} of the variance (REML, random slopes): a difference has "
            f"{slopes.se_ratio:.2f} times the standard error that independent utterances would give."
        ]
    if math.isnan(robust.icc):
        return []
    return [
        f"{cluster} makes up {robust.icc:.1%} of the variance (REML): {robust.n:,} utterances say as much about a mean "
        f"as {robust.effective_n:,.0f} independent ones."
    ]


def _mixed(tests: Tests) -> list[str]:
    """What the mixed model finds, covariates included, and where the variance is."""
    model, unit = tests.mixed.model, tests.mixed.unit
    if model.reason:
        return [f"Mixed model: {model.reason}."]
    at_random = [name for name in model.variances["effect"] if name != "residual"]
    terms = [
        f"{row.term} {_f(row.F, row.df1, row.df2, row.log_p)}"
        for row in rows(model.tests.assign(term=tests.mixed.terms).dropna(subset="F"))
    ]
    shares = [f"{row.effect} {row.share:.0%}" for row in rows(model.variances)]
    return [
        f"Mixed model of {model.n:,} {unit}, at random {', '.join(at_random)}: {'; '.join(terms)}; "
        f"{verdict(model.pairs)}. Variance: {', '.join(shares)}."
    ]


def _ordinal(tests: Tests) -> list[str]:
    """What single ratings say if only their order counts."""
    model = tests.ordinal
    if model is None:
        return []
    if model.reason:
        return [f"Ordinal model of single ratings: {model.reason}."]
    largest = model.pairs.iloc[int(model.pairs["log_odds"].abs().to_numpy().argmax())]
    return [
        f"Ordinal model of {model.n:,} single ratings (cumulative logit, errors over {model.n_clusters:,} "
        f"{tests.primary}s): {verdict(model.pairs)}. Largest odds ratio: {largest['a']}-{largest['b']} "
        f"{largest['odds_ratio']:.2f}."
    ]


def _multiplicity(found: Sequence[Tests], nested: pd.DataFrame) -> list[str]:
    """What is adjusted for several dependent variables, and what is not."""
    if len(found) < 2:
        return []
    primary = found[0].primary
    of_all = nested[(nested["cluster"] == primary) & (nested["test"] == "cr2_htz")]
    each = [
        f"{dv} {'cannot be tested' if math.isnan(log_p) else _p(log_p)}"
        for dv, log_p in zip(of_all["dv"], of_all["log_p_holm"], strict=True)
    ]
    return [
        f"{len(found)} dependent variables are compared. The test of all groups by {primary}, Holm-adjusted across "
        f"them: {', '.join(each)}. Pairs are adjusted within each variable only."
    ]


def verdict(pairs: pd.DataFrame) -> str:
    """How many pairs differ and which do not."""
    text = "; ".join(_clauses(pairs))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(', ', 1)[0]}, and more"


def _clauses(pairs: pd.DataFrame) -> list[str]:
    names = _names(pairs)
    reasons, differ = pairs["reason"].tolist(), pairs["significant"].tolist()
    untested = [f"{name} ({reason})" for name, reason in zip(names, reasons, strict=True) if reason]
    equal = [name for name, reason, yes in zip(names, reasons, differ, strict=True) if not reason and not yes]
    count = sum(bool(yes) and not reason for reason, yes in zip(reasons, differ, strict=True))
    clauses = [f"{count} of {len(names)} pairs differ at {_share(ALPHA)}"]
    clauses += [f"no evidence for: {', '.join(equal)}"] if equal else []
    return clauses + ([f"cannot be tested: {', '.join(untested)}"] if untested else [])


def _differences(tests: Tests) -> list[str]:
    """Where the conclusion of the primary test differs from the naive one, with the numbers behind both."""
    cases = [_case(each) for each in tests.contradictions.get(tests.primary, ())]
    if not cases:
        return []
    return [f"The test by {tests.primary} disagrees with it: {_listed(cases, joint='; ')}."]


def _case(found: Contradiction) -> str:
    p, naive = group_tests.p_text(found.nested_log_p), group_tests.p_text(found.naive_log_p)
    ratio = "" if math.isnan(found.se_ratio) else f"standard error x {found.se_ratio:.2f}, "
    return f"{found.where}: p {p} instead of {naive} ({ratio}{found.df:.1f} degrees of freedom)"


def _welch(tests: Tests) -> str:
    """Its interval takes utterances as independent, so only the table has it."""
    anova = tests.anova
    return f"Welch {_f(anova.F, anova.df1, anova.df2, anova.log_p)}, eta squared {_share(anova.eta2_classic)}"


def _htz(robust: nested.ClusterRobust, cluster: str) -> str:
    test = f"CR2 by {robust.n_clusters:,} {cluster}s"
    if math.isnan(robust.F):
        return f"{test}; all groups at once cannot be tested"
    return f"{test} {_f(robust.F, robust.df1, robust.df2, robust.log_p)}"


def _f(f: float, df1: float, df2: float, log_p: float) -> str:
    return f"F({df1:.0f}, {df2:.1f}) = {f:.2f}, {_p(log_p)}"


def _p(log_p: float) -> str:
    p = group_tests.p_text(log_p)
    return f"p {p if p.startswith('<') else f'= {p}'}"


def _share(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.2f}".removeprefix("0")


def _means(tests: Tests) -> str:
    table = tests.groups[tests.groups["n"] > 0].sort_values("mean", ascending=False)
    means = [f"{group} {mean:.4g}" for group, mean in zip(table["group"], table["mean"], strict=True)]
    return f"Means of {tests.dv}: {_listed(means, joint=', ', most=_MEANS)}."


def _listed(names: Sequence[str], *, joint: str, most: int = _LISTED) -> str:
    more = [f"and {len(names) - most} more in the tables"] if len(names) > most else []
    return joint.join([*names[:most], *more])


def captions(found: Sequence[Tests], *, between: str) -> dict[str, str]:
    """What is to be seen in each figure."""
    return {name: text for tests in found for name, text in _captions(tests, between).items()}


def _captions(tests: Tests, between: str) -> dict[str, str]:
    dv, known = tests.dv, tests.groups.dropna(subset="mean").sort_values("mean")
    ends = [f"{row.group} ({row.mean:.3g})" for row in rows(known.iloc[[0, -1]])] if len(known) else []
    means = f" Means go from {' to '.join(ends)}." if ends else ""
    return {
        f"raincloud_{dv}": f"{dv} by {between}: density, quartiles, single values, mean with 95 % interval.{means}",
        f"forest_{dv}": f"Difference of {dv} in each pair of {between}s, with simultaneous 95 % intervals: filled "
        "where 0 is outside, open where it is inside.",
        f"qq_{dv}": f"{dv} in each {between} against normal quantiles: a normal distribution follows the line.",
    }


def warnings(data: Data, found: Sequence[Tests]) -> tuple[str, ...]:
    """What was left out, and what could not be tested."""
    return (*data.warnings, *(sentence for tests in found for sentence in _cautions(data, tests)))


def _cautions(data: Data, tests: Tests) -> list[str]:
    sentences = []
    missing = tests.groups[tests.groups["missing"] > 0]
    if len(missing):
        counts = ", ".join(f"{group} {n:,}" for group, n in zip(missing["group"], missing["missing"], strict=True))
        sentences.append(f"{tests.dv} is missing in {missing['missing'].sum():,} utterances, left out: {counts}")
    if tests.anova.excluded:
        sentences.append(
            f"{tests.dv}: left out of Welch's test: {_listed([*tests.anova.excluded.values()], joint='; ')}"
        )
    for cluster, robust in tests.nested.items():
        if robust.reason:
            reasons = _listed(robust.reason.split("; "), joint="; ")
            sentences.append(f"{tests.dv}: test by {cluster}: {reasons}")
        without = int((data.clusters[cluster].isna() & data.groups.notna() & data.values[tests.dv].notna()).sum())
        if without:
            sentences.append(
                f"{tests.dv}: {without:,} utterances have no {cluster} and are left out of the nested tests"
            )
    return sentences
