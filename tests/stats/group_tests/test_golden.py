"""Welch, effect sizes and Games-Howell equal R 4.2.2 (effectsize 0.8.3) on real and extreme data sets."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kemfeat.stats.group_tests import games_howell, welch_anova

Case = tuple[str, pd.DataFrame, dict[str, Any]]


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    folder = shared / "data" / "golden"
    golden = json.loads((folder / "group_tests.json").read_text(encoding="utf-8"))
    found = [(name, pd.read_csv(folder / f"{name}.csv"), r) for name, r in golden.items() if name != "meta"]
    assert len(found) >= 10
    return found


def number(value: Any) -> float:
    """R's numbers as JSON has them: ``"NA"``, ``"NaN"`` and null stand for none."""
    return float(value) if isinstance(value, (int, float)) else math.nan


def tolerance(name: str, usual: float) -> float:
    """An offset of 1e9 leaves 7 decimals in the data, and R does not centre them before it adds them up."""
    return 1e-6 if "offset" in name else usual


def test_welch(cases: list[Case]) -> None:
    for name, data, r in cases:
        found = welch_anova(data["y"], data["group"])
        if math.isnan(number(r["welch"].get("F"))):
            assert found.excluded, name
            assert math.isnan(found.F) == bool(found.reason), name
            continue
        assert (found.F, found.df2) == pytest.approx(
            (r["welch"]["F"], r["welch"]["df2"]), rel=tolerance(name, 1e-10)
        ), name
        assert found.df1 == r["welch"]["df1"], name
        assert found.log_p == pytest.approx(r["welch"]["log_p"], rel=tolerance(name, 1e-10)), name
        assert found.p == pytest.approx(r["welch"]["p"], rel=1e-4 if "offset" in name else 1e-9, abs=1e-300), name
        assert found.n_dropped == 0, name


def test_effect_sizes(cases: list[Case]) -> None:
    for name, data, r in cases:
        found = welch_anova(data["y"], data["group"])
        if math.isnan(number(r["welch"].get("F"))):
            continue
        for key, estimate, interval in (
            ("eta_squared", found.eta2_classic, found.eta2_classic_ci),
            ("welch_eta2_from_F", found.eta2_welch, found.eta2_welch_ci),
            ("welch_omega2_from_F", found.omega2_welch, found.omega2_welch_ci),
        ):
            assert estimate == pytest.approx(r[key]["est"], rel=tolerance(name, 1e-10)), (name, key)
            if key == "welch_omega2_from_F":  # effectsize's interval may end below the estimate
                assert interval[0] <= estimate <= interval[1], name
                continue
            # R finds the bounds by a minimiser that stops near 1e-7.
            assert interval == pytest.approx((r[key]["lo"], r[key]["hi"]), abs=1e-6), (name, key)


def test_games_howell(cases: list[Case]) -> None:
    for name, data, r in cases:
        found, pairs = games_howell(data["y"], data["group"]), r["games_howell"]
        assert len(found) == len(pairs), name
        for row, pair in zip(found.itertuples(), pairs, strict=True):
            where = (name, pair["A"], pair["B"])
            assert row.diff == pytest.approx(pair["diff"], rel=tolerance(name, 1e-10)), where
            assert bool(row.reason) == math.isnan(number(pair["t"])), where
            if row.reason:
                assert math.isnan(row.p), where
                continue
            for column in ("se", "t", "df"):
                assert getattr(row, column) == pytest.approx(pair[column], rel=tolerance(name, 1e-10)), (*where, column)
            assert row.p == pytest.approx(pair["p_ptukey"], abs=2e-7), where
            assert abs(math.expm1(row.log_p - pair["log_p_exact"])) < (1e-4 if "offset" in name else 1e-8), where
            width = pair["hi"] - pair["lo"]
            assert (row.ci_low, row.ci_high) == pytest.approx((pair["lo"], pair["hi"]), rel=0, abs=1e-6 * width), where


def test_hedges_g(cases: list[Case]) -> None:
    compared = 0
    for name, data, r in cases:
        for row, pair in zip(games_howell(data["y"], data["group"]).itertuples(), r["games_howell"], strict=True):
            expected = pair["hedges_g_unpooled"]
            if row.reason or "error" in expected:
                continue
            where, width = (name, pair["A"], pair["B"]), expected["hi"] - expected["lo"]
            assert row.hedges_g == pytest.approx(expected["est"], rel=tolerance(name, 1e-10)), where
            # R's pt loses digits as the noncentrality grows and turns into a normal approximation beyond 37.62.
            if abs(pair["t"]) < 25:
                bound = (1e-6 if abs(pair["t"]) < 9 else 1e-3) * width
                assert (row.g_low, row.g_high) == pytest.approx((expected["lo"], expected["hi"]), rel=0, abs=bound), (
                    where
                )
                compared += 1
            else:
                assert np.allclose((row.g_low, row.g_high), (expected["lo"], expected["hi"]), rtol=0.02), where
    assert compared >= 20
