"""The tests of all dependent variables as tidy tables; ``docs/analyses.md`` says what each column means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from kemfeat.analyses.anova._ordinal import ordinal_table
from kemfeat.analyses.anova._tests import ALPHA, Tests, disagreements
from kemfeat.stats import group_tests, nested

_EFFECTS = ("eta2_classic", "eta2_welch", "omega2_welch")
_TEST = ("test", "F", "df1", "df2", "p", "log_p")
_NESTING = ("icc", "icc_null", "cluster_size", "design_effect", "effective_n")


def tables(found: Sequence[Tests]) -> dict[str, pd.DataFrame]:
    """All tables by name, each with the dependent variable ``dv`` as its first column."""
    welch = _across(pd.concat([_welch(tests) for tests in found], ignore_index=True), by=[])
    holm = dict(zip(welch["dv"], welch["log_p_holm"], strict=True))
    return {
        "groups": _stacked(found, lambda tests: tests.groups),
        "assumptions": _stacked(found, lambda tests: _with_log10(tests.assumptions)),
        "welch": _with_log10(welch),
        "pairs": _stacked(found, lambda tests: _with_log10(tests.pairs)),
        "robustness": _with_log10(_across(_stacked(found, _robustness), by=["test"])),
        "dunn": _stacked(found, lambda tests: _with_log10(tests.robust.dunn)),
        "nested": _with_log10(_across(_stacked(found, _nested), by=["cluster", "test"])),
        "nested_pairs": _stacked(found, lambda tests: _with_log10(_nested_pairs(tests))),
        "slopes": _stacked(found, _slopes),
        "effects": _stacked(found, _effects),
        "equivalence": _stacked(found, lambda tests: _with_log10(_equivalence(tests))),
        "mixed": _with_log10(_across(_stacked(found, _mixed), by=["term"])),
        "variances": _stacked(found, lambda tests: tests.mixed.model.variances),
        "ordinal": _stacked(found, lambda tests: _with_log10(ordinal_table(tests.ordinal))),
        "disagreements": pd.concat([disagreements(tests, holm=holm) for tests in found], ignore_index=True),
    }


def _stacked(found: Sequence[Tests], part: Callable[[Tests], pd.DataFrame]) -> pd.DataFrame:
    pieces = []
    for tests in found:
        piece = part(tests).reset_index(drop=True)
        piece.insert(0, "dv", tests.dv)
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)


def _across(table: pd.DataFrame, *, by: list[str]) -> pd.DataFrame:
    """Add ``p_holm log_p_holm`` over the dependent variables, for each test that ``by`` distinguishes."""
    keys = table[by].agg("|".join, axis=1) if by else pd.Series("", index=table.index)
    adjusted = table["log_p"].groupby(keys).transform(lambda log_p: pd.Series(group_tests.holm(log_p), log_p.index))
    at = table.columns.tolist().index("log_p") + 1
    table.insert(at, "p_holm", group_tests.probability(adjusted))
    table.insert(at + 1, "log_p_holm", adjusted)
    return table


def _with_log10(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``log10_p``, which people read, after ``log_p``."""
    at = table.columns.tolist().index("log_p") + 1
    table = table.copy()
    table.insert(at, "log10_p", table["log_p"] / math.log(10))
    return table


def _welch(tests: Tests) -> pd.DataFrame:
    row: dict[str, Any] = {"dv": tests.dv, **asdict(tests.anova)}
    for name in _EFFECTS:
        row[f"{name}_low"], row[f"{name}_high"] = row.pop(f"{name}_ci")
    row["groups"] = ", ".join(map(str, row["groups"]))
    row["excluded"] = "; ".join(row["excluded"].values())
    front = ("dv", "F", "df1", "df2", "p", "log_p")
    effects = [f"{name}{end}" for name in _EFFECTS for end in ("", "_low", "_high")]
    columns = [*front, *effects, "n", "n_dropped", "groups", "excluded"]
    return pd.DataFrame([row])[columns]


def _robustness(tests: Tests) -> pd.DataFrame:
    table = tests.robust.tests
    effect = np.where(table["test"] == "kruskal", tests.robust.epsilon2, np.nan)
    return table.assign(epsilon2=effect)[[*table.columns[:-1], "epsilon2", "reason"]]


def _nested(tests: Tests) -> pd.DataFrame:
    rows = []
    for name, robust in tests.nested.items():
        means = tests.means[name]
        costs = {column: getattr(robust, column) for column in _NESTING}
        if not tests.slopes[name].reason:  # the level of a cluster cancels from a difference of its own groups
            costs |= {"design_effect": np.nan, "effective_n": np.nan}
        rows.append({**_test(name, "cr2_htz", robust), **costs, "n": robust.n, "n_dropped": robust.n_dropped})
        rows.append(_test(name, f"means_{means.test}", means))
    columns = ["cluster", *_TEST, "n_clusters", *_NESTING, "n", "n_dropped", "reason"]
    table = pd.DataFrame(rows)[columns]
    return table.astype({"n": "Int64", "n_dropped": "Int64"})


def _test(cluster: str, name: str, test: nested.ClusterRobust | nested.ClusterMeans) -> dict[str, Any]:
    numbers = {column: getattr(test, column) for column in ("F", "df1", "df2", "p", "log_p", "n_clusters", "reason")}
    return {"cluster": cluster, "test": name, **numbers}


def _nested_pairs(tests: Tests) -> pd.DataFrame:
    pieces = []
    for name, robust in tests.nested.items():
        pieces.append(simultaneous(robust.pairs).assign(cluster=name, test="cr2"))
        means = tests.means[name].pairs
        pieces.append(simultaneous(means).assign(cluster=name, test="means_" + means["test"]))
        if not tests.slopes[name].reason:
            pieces.append(simultaneous(tests.slopes[name].pairs).assign(cluster=name, test="random_slopes"))
    pieces.append(simultaneous(tests.mixed.model.pairs).assign(cluster=tests.primary, test="mixed"))
    table = pd.concat(pieces, ignore_index=True)
    front = ["cluster", "test", "a", "b", "n_a", "n_b"]
    table = table[[*front, *(column for column in table if column not in (*front, "reason")), "reason"]]
    return table.astype({"n_a": "Int64", "n_b": "Int64"})


def _mixed(tests: Tests) -> pd.DataFrame:
    """One row per term of the mixed model."""
    model = tests.mixed.model
    numbers = {"n": model.n, "n_dropped": model.n_dropped, "log_likelihood": model.log_likelihood}
    return model.tests.assign(term=tests.mixed.terms, unit=tests.mixed.unit, **numbers, reason=model.reason)


def _slopes(tests: Tests) -> pd.DataFrame:
    """One row per cluster: the variances of the random-slope model, and what they do to a difference."""
    columns = ("var_cluster", "var_interaction", "var_residual", "se_ratio", "log_likelihood", "reason")
    return pd.DataFrame(
        {"cluster": name, **{column: getattr(fit, column) for column in columns}} for name, fit in tests.slopes.items()
    )


def _effects(tests: Tests) -> pd.DataFrame:
    return _by_cluster(tests.effects)


def _equivalence(tests: Tests) -> pd.DataFrame:
    table = _by_cluster(tests.equivalence)
    at = table.columns.tolist().index("power")
    table.insert(at, "detectable_sd", table["detectable"] / tests.sd)
    return table


def _by_cluster(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One table below the other, with the name of the cluster in front."""
    table = pd.concat([each.assign(cluster=name) for name, each in tables.items()], ignore_index=True)
    return table[["cluster", *(column for column in table if column != "cluster")]]


def simultaneous(pairs: pd.DataFrame) -> pd.DataFrame:
    """Add ``low_all high_all``, the intervals that hold for all tested pairs at once (Bonferroni)."""
    half = pairs["se"] * stats.t.isf(ALPHA / 2 / max(1, int(pairs["t"].notna().sum())), pairs["df"])
    return pairs.assign(low_all=pairs["diff"] - half, high_all=pairs["diff"] + half)
