"""Sentences on the tests, each made of the numbers that it speaks of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from kemfeat.analyses.anova._data import Data
from kemfeat.analyses.anova._tests import ALPHA, Contradiction, Tests
from kemfeat.stats import group_tests, nested

_LISTED = 3
"""Cases that a sentence names; tables name all."""
_MEANS = 8

_LONGEST = 400
_SHARPER = 0.9  # nested by naive standard error, below which it is the design and not the adjustment that finds more


def summary(found: Sequence[Tests], conflicts: pd.DataFrame) -> tuple[str, ...]:
    """The verdict on each variable first, then how it was reached and who disagrees."""
    sentences = [sentence for tests in found for sentence in _on(tests)]
    others = conflicts[conflicts["source"] != "cr2"]
    if len(others):
        named = [f"{dv} {finding}" for dv, finding in zip(others["dv"], others["finding"], strict=True)]
        sentences.append(f"Other checks that disagree ({len(others)}): {_listed(named, joint='; ')}.")
    return tuple(sentences)


def _on(tests: Tests) -> list[str]:
    if leading := tests.leading:
        robust, contradictions = tests.nested[leading], tests.contradictions[leading]
        head = f"{tests.dv}: {verdict(robust.pairs)} ({_htz(robust, leading)})."
        return [head, _why(tests, leading, contradictions), f"Naive: {_welch(tests)}.", _means(tests)]
    return [f"{tests.dv}: {verdict(tests.pairs)}.", f"{_welch(tests)}; {_nested(tests)}.", _means(tests)]


def verdict(pairs: pd.DataFrame) -> str:
    """How many pairs differ and which do not."""
    text = group_tests.verdict(pairs, alpha=ALPHA)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(', ', 1)[0]}, and more"


def _why(tests: Tests, leading: str, contradictions: Sequence[Contradiction]) -> str:
    """Why the nested result stands first."""
    cases = _listed([_case(each) for each in contradictions], joint="; ")
    because = _because(tests.nested[leading], leading, contradictions)
    return f"This contradicts the tests that take utterances for independent, because {because}. {cases}."


def _because(robust: nested.ClusterRobust, leading: str, contradictions: Sequence[Contradiction]) -> str:
    lost = [each for each in contradictions if each.nested_log_p > each.naive_log_p]
    if len(lost) < len(contradictions) / 2:
        if any(each.se_ratio < _SHARPER for each in contradictions):
            return (
                f"each {leading} is its own control, which takes differences between {leading}s out of the comparison"
            )
        return "Holm asks less of the last pairs than the studentized range asks of all"
    if any(each.se_ratio > 1 for each in lost) and robust.design_effect > 1:
        return (
            f"values of one {leading} resemble each other (ICC {_share(robust.icc)}): {robust.n:,} of them in "
            f"{robust.n_clusters:,} {leading}s say as much as {robust.effective_n:,.0f} independent ones"
        )
    least = min(each.df for each in lost)
    return f"{robust.n_clusters:,} {leading}s leave as few as {least:.1f} degrees of freedom"


def _case(found: Contradiction) -> str:
    p, naive = group_tests.p_text(found.nested_log_p), group_tests.p_text(found.naive_log_p)
    ratio = "" if math.isnan(found.se_ratio) else f"standard error x {found.se_ratio:.2f}, "
    return f"{found.where}: p {p} instead of {naive} ({ratio}{found.df:.1f} degrees of freedom)"


def _welch(tests: Tests) -> str:
    anova = tests.anova
    sizes = [
        f"{name} {_share(getattr(anova, name))} [{', '.join(map(_share, getattr(anova, f'{name}_ci')))}]"
        for name in ("eta2_classic", "omega2_welch")
    ]
    return f"Welch {_f(anova.F, anova.df1, anova.df2, anova.log_p)}, {', '.join(sizes)}"


def _nested(tests: Tests) -> str:
    cluster, robust = next(iter(tests.nested.items()))
    if not (robust.pairs["reason"] == "").any():
        return f"nothing can be tested by {cluster}"
    costs = f"ICC {_share(robust.icc)}, effective n {robust.effective_n:,.0f} of {robust.n:,}"
    return f"the same by {cluster}: {_htz(robust, cluster)}, {costs}"


def _htz(robust: nested.ClusterRobust, cluster: str) -> str:
    return f"CR2 by {robust.n_clusters:,} {cluster}s {_f(robust.F, robust.df1, robust.df2, robust.log_p)}"


def _f(f: float, df1: float, df2: float, log_p: float) -> str:
    if math.isnan(f):
        return "F undefined"
    p = group_tests.p_text(log_p)
    return f"F({df1:.0f}, {df2:.1f}) = {f:.2f}, p {p if p.startswith('<') else f'= {p}'}"


def _share(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.2f}".removeprefix("0")


def _means(tests: Tests) -> str:
    table = tests.groups[tests.groups["n"] > 0].sort_values("mean", ascending=False)
    means = [f"{group} {mean:.4g}" for group, mean in zip(table["group"], table["mean"], strict=True)]
    return f"Means of {tests.dv}: {_listed(means, joint=', ', most=_MEANS)}."


def _listed(names: Sequence[str], *, joint: str, most: int = _LISTED) -> str:
    more = [f"and {len(names) - most} more in the tables"] if len(names) > most else []
    return joint.join([*names[:most], *more])


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
            f"{tests.dv}: Welch's test leaves out: {_listed([*tests.anova.excluded.values()], joint='; ')}"
        )
    for cluster, robust in tests.nested.items():
        if robust.reason:
            reasons = _listed(robust.reason.split("; "), joint="; ")
            sentences.append(f"{tests.dv}: of the test by {cluster}, {reasons}")
        without = int((data.clusters[cluster].isna() & data.groups.notna() & data.values[tests.dv].notna()).sum())
        if without:
            sentences.append(f"{tests.dv}: {without:,} utterances without a {cluster} are in no nested test")
    return sentences
