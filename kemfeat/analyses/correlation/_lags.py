"""Whether the body follows the judgement by some seconds, or precedes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from kemfeat.analyses import rows
from kemfeat.analyses.correlation._conversations import at_lags, changes, with_signals
from kemfeat.analyses.correlation._pairs import ALPHA, PAIRS, named, sides
from kemfeat.arrays import Floats
from kemfeat.stats.correlation import mean_correlation, pooled_z, within
from kemfeat.stats.tails import holm, p_text
from kemfeat.store.reader import Store

STEP = 2
"""Seconds from one lag to the next."""
_LISTED = 3


def lags_up_to(most: int) -> tuple[int, ...]:
    """Lags of both signs, 0 among them [s]."""
    later = range(0, most + 1, STEP)
    return tuple(sorted({sign * lag for lag in later for sign in (-1, 1)}))


def lag_tests(store: Store, utterances: pd.DataFrame, *, lags: Sequence[int]) -> pd.DataFrame:
    """The test over speakers of every pair at every lag, Holm-adjusted over all of them."""
    tests = pd.DataFrame([(*pair, lag) for lag in lags for pair in PAIRS], columns=["signal", "target", "lag_s"])
    shifted = at_lags(store, lags=lags)
    by_lag = {lag: changes(with_signals(utterances, means)) for lag, means in shifted.items()}
    columns = [sides(by_lag[row.lag_s], row.signal, row.target) for row in rows(tests)]
    pairs = np.array([(x.to_numpy(), y.to_numpy()) for x, y in columns])
    found = [mean_correlation(z) for z in _by_speaker(pairs, next(iter(by_lag.values())))]
    for name, field in (("speakers", "units"), *((each, each) for each in ("r", "ci_low", "ci_high", "p"))):
        tests[name] = [getattr(each, field) for each in found]
    tests.insert(3, "changes", np.isfinite(pairs).all(axis=1).sum(axis=1))
    return tests.assign(p_holm=np.exp(holm(np.log(tests["p"]))), reason=[each.reason for each in found])


def _by_speaker(pairs: Floats, changed: pd.DataFrame) -> list[Floats]:
    """Mean z of each speaker for each test, from one call for all; ``pairs`` has shape (tests, 2, changes)."""
    conversation, names = pd.factorize(changed["conversation"])
    first = changed.drop_duplicates("conversation").set_index("conversation")["speaker"].reindex(names)
    speaker, known = pd.factorize(first)
    count = len(pairs)
    codes = np.arange(count)[:, None] * len(names) + conversation
    each = within(pairs[:, 0].ravel(), y=pairs[:, 1].ravel(), groups=codes.ravel())
    test, of_names = each["group"] // len(names), each["group"] % len(names)
    units = test * len(known) + speaker[of_names]
    z = pooled_z(each["z"], n=each["n"], units=units)
    return [z[z.index // len(known) == at].to_numpy() for at in range(count)]


def lag_words(tests: pd.DataFrame) -> Iterator[str]:
    """What the lags show, the number of tests with it."""
    tested = tests.dropna(subset="p_holm")
    if tested["lag_s"].nunique() < 2:
        return
    least, most = tested["lag_s"].min(), tested["lag_s"].max()
    found = tested[tested["p_holm"] < ALPHA].sort_values("p_holm", kind="stable")
    each = [f"{_at(row)}: r = {row.r:.3f}" for row in rows(found.head(_LISTED))]
    more = f" and {len(found) - _LISTED} more in the tables" if len(found) > _LISTED else ""
    yield (
        f"With signals {least} to {most} s later than the utterance, {len(found)} of {len(tested)} correlations differ "
        f"from 0, Holm-adjusted over all lags and pairs{_colon(each)}{more}."
    )
    largest = tested.iloc[int(tested["r"].abs().argmax())]
    yield (
        f"The largest of them is {_at(largest)}: r = {largest['r']:.3f}, "
        f"Holm-adjusted p = {p_text(math.log(largest['p_holm']))}; an unadjusted p of the best lag means nothing."
    )


def _colon(each: Sequence[str]) -> str:
    return f" ({'; '.join(each)})" if each else ""


def _at(row: pd.Series) -> str:
    return f"{named(row.signal, row.target)} at {row.lag_s:+d} s"
