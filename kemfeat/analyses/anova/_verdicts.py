"""What was found in short, one verdict per dependent variable."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from kemfeat.analyses import Verdict, rows
from kemfeat.analyses.anova._tables import simultaneous
from kemfeat.analyses.anova._tests import Tests


def verdicts(found: Sequence[Tests], *, between: str) -> tuple[Verdict, ...]:
    """One for each dependent variable that the primary test could test."""
    made = [_verdict(tests, between) for tests in found]
    return tuple(verdict for verdict in made if verdict is not None)


def _verdict(tests: Tests, between: str) -> Verdict | None:
    """The clearest pair: where Holm finds any difference, its interval for all pairs at once leaves out 0."""
    robust = tests.nested[tests.primary]
    pairs = simultaneous(robust.pairs[robust.pairs["reason"] == ""]).dropna(subset=["log_p", "low_all"])
    if pairs.empty:
        return None
    clearest = next(rows(pairs.nsmallest(1, "log_p")))
    differ = int(pairs["significant"].astype(bool).sum())
    return Verdict(
        sentence=f"{tests.dv.capitalize()} {_differs(differ, len(pairs), between)}.",
        effect=f"clearest pair, {clearest.a} \u2212 {clearest.b}",
        value=clearest.diff,
        low=clearest.low_all,
        high=clearest.high_all,
        n=f"{robust.n:,} utterances, {robust.n_clusters:,} {tests.primary}s",
        meaning=_meaning(pairs, differ, tests.primary),
    )


def _differs(differ: int, tested: int, between: str) -> str:
    if not differ:
        return f"shows no evidence of differing between {between}s ({tested} pairs tested)"
    return f"differs in {differ} of {tested} pairs of {between}s"


def _meaning(pairs: pd.DataFrame, differ: int, cluster: str) -> str:
    tested = f"Tested by {cluster}, Holm-adjusted; the interval holds for all pairs at once."
    if differ == len(pairs):
        return tested
    rest = "That the others show no evidence" if differ else "No evidence"
    return f"{tested} {rest} does not mean that they are equal."
