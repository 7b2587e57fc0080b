"""Every test as a line in the style of the APA."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from kemfeat.analyses import apa, rows
from kemfeat.analyses.anova._brief import TESTS


def lines(tables: Mapping[str, pd.DataFrame], *, between: str) -> dict[str, tuple[str, ...]]:
    """One line for each row with a result, by table; tables without tests have none."""
    makers: dict[str, Callable[[Any], str]] = {
        "nested_pairs": _nested_pair,
        "effects": _effect,
        "equivalence": _equivalence,
        "pairs": _games_howell,
        "dunn": _dunn,
        "ordinal": _odds,
        "nested": _nested,
        "welch": lambda row: _welch(row, between),
        "robustness": _robust,
        "assumptions": _assumption,
        "mixed": _term,
    }
    tested = {name: tables[name].dropna(subset=[column for column in tables[name] if column == "p"]) for name in makers}
    return {name: tuple(filter(None, map(line, rows(tested[name])))) for name, line in makers.items()}


def _pair(row: Any, *further: str) -> str:
    return ", ".join([f"{row.dv}, {row.a} \u2212 {row.b}", *further])


def _holm(row: Any) -> str:
    return apa.p_value(row.p_holm, "Holm-adjusted p")


def _difference(row: Any, level: int = 95) -> str:
    return apa.effect("mean difference", row.diff, low=row.ci_low, high=row.ci_high, level=level)


def _nested_pair(row: Any) -> str:
    about = _pair(row, f"{TESTS[row.test]} by {row.cluster}")
    return apa.line(about, apa.t_test(row.t, df=row.df), apa.p_value(row.p), _holm(row), _difference(row))


def _effect(row: Any) -> str:
    return apa.line(
        _pair(row, f"intervals by {row.cluster}"),
        apa.effect("Hedges' g", row.g, low=row.g_low, high=row.g_high),
        apa.effect("Cliff's δ", row.cliffs_delta, low=row.delta_low, high=row.delta_high, bounded=True),
    )


def _equivalence(row: Any) -> str:
    about = _pair(row, f"equivalence within ±{apa.amount(row.margin)} by {row.cluster}")
    return apa.line(about, apa.p_value(row.p, "TOST p"), _holm(row), _difference(row, level=90))


def _games_howell(row: Any) -> str:
    return apa.line(
        _pair(row, "Games-Howell"),
        apa.t_test(row.t, df=row.df),
        apa.p_value(row.p),
        _difference(row),
        apa.effect("Hedges' g", row.hedges_g, low=row.g_low, high=row.g_high),
    )


def _dunn(row: Any) -> str:
    return apa.line(_pair(row, "Dunn"), f"z = {apa.number(row.z)}", apa.p_value(row.p), _holm(row))


def _odds(row: Any) -> str:
    low, high = math.exp(row.ci_low), math.exp(row.ci_high)
    return apa.line(
        _pair(row, "ordinal model"),
        apa.effect("odds ratio", row.odds_ratio, low=low, high=high),
        apa.t_test(row.t, df=row.df),
        apa.p_value(row.p),
        _holm(row),
    )


def _nested(row: Any) -> str:
    about = f"{row.dv}, {TESTS[row.test]} by {row.cluster}"
    return apa.line(about, apa.f_test(row.F, df1=row.df1, df2=row.df2), apa.p_value(row.p))


def _welch(row: Any, between: str) -> str:
    low, high = row.eta2_classic_low, row.eta2_classic_high
    return apa.line(
        f"{row.dv} by {between}, Welch",
        apa.f_test(row.F, df1=row.df1, df2=row.df2),
        apa.p_value(row.p),
        apa.effect("η²", row.eta2_classic, low=low, high=high, bounded=True),
    )


def _robust(row: Any) -> str:
    about = f"{row.dv}, {TESTS[row.test]}"
    if row.test == "kruskal":
        epsilon2 = apa.effect("ε²", row.epsilon2, bounded=True)
        return apa.line(about, apa.chi_square(row.statistic, df=row.df1, name="H"), apa.p_value(row.p), epsilon2)
    if row.test == "trimmed_welch":
        return apa.line(about, apa.f_test(row.statistic, df1=row.df1, df2=row.df2), apa.p_value(row.p))
    return apa.line(about, apa.effect("F", row.statistic), apa.p_value(row.p))


def _assumption(row: Any) -> str:
    about = f"{row.dv}, {TESTS[row.test]}"
    if row.test == "levene":
        return apa.line(about, apa.f_test(row.statistic, df1=row.df1, df2=row.df2), apa.p_value(row.p))
    if row.test == "shapiro":
        return apa.line(about, apa.effect("W", row.statistic, bounded=True), apa.p_value(row.p))
    return apa.line(about, apa.chi_square(row.statistic, df=row.df1), apa.p_value(row.p))


def _term(row: Any) -> str:
    return apa.line(
        f"{row.dv}, mixed model, {row.term}", apa.f_test(row.F, df1=row.df1, df2=row.df2), apa.p_value(row.p)
    )
