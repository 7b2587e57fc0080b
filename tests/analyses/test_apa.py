"""Lines in the style of the APA: numbers of the result, rightly rounded, and those of pingouin."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat import plugins
from kemfeat.analyses import apa
from kemfeat.analyses.anova import AnovaConfig
from kemfeat.analyses.anova import run as anova
from kemfeat.stats.group_tests import welch_anova
from kemfeat.store.reader import Store

numbers = st.floats(-1e6, 1e6)


def read(text: str) -> float:
    return float(text.replace("\u2212", "-").replace(",", ""))


@given(numbers, st.integers(0, 6))
def test_a_number_is_rounded_to_its_decimals(value: float, decimals: int) -> None:
    text = apa.number(value, decimals=decimals)
    assert abs(read(text) - value) <= 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-9
    assert len(text.partition(".")[2]) == decimals
    assert text.startswith("\u2212") == (read(text) < 0)


@given(st.floats(-1, 1))
def test_what_cannot_exceed_1_has_no_zero_before_its_point(value: float) -> None:
    text = apa.number(value, bounded=True)
    assert re.fullmatch("\u2212?(1|)\\.\\d\\d", text)
    assert abs(read(text) - value) <= 0.005 + 1e-12


@given(st.floats(0, 1))
def test_a_p_value_has_three_decimals_or_a_bound(p: float) -> None:
    text = apa.p_value(p)
    if text == "p < .001":
        assert p < 0.001
    elif text == "p > .999":
        assert p >= 0.9995
    else:
        assert re.fullmatch(r"p = \.\d{3}", text)
        assert abs(float(text[4:]) - p) <= 0.0005 + 1e-12


@given(st.floats(1e-300, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_an_effect_and_its_ends_have_the_same_decimals_and_keep_two_digits(
    size: float, low: float, high: float
) -> None:
    text = apa.effect("d", size, low=-low * size, high=size * (1 + high))
    texts = re.findall("\u2212?[\\d,]+\\.\\d+", text)
    assert len({len(each.partition(".")[2]) for each in texts}) == 1
    largest = size * (1 + high)
    assert abs(read(texts[2]) - largest) <= max(0.005, 0.05 * largest) * (1 + 1e-9)
    assert size < 1e-5 or read(texts[2]) > 0


def test_degrees_of_freedom_have_no_comma_and_a_decimal_only_where_they_are_not_whole() -> None:
    assert apa.f_test(5.831, df1=599, df2=5391.0) == "F(599, 5391) = 5.83"
    assert apa.t_test(-2.345, df=4.24) == "t(4.2) = \u22122.35"


@pytest.mark.parametrize("nothing", [math.nan])
def test_what_is_missing_leaves_no_trace(nothing: float) -> None:
    parts = (
        apa.p_value(nothing),
        apa.f_test(nothing, df1=1, df2=2),
        apa.f_test(2.0, df1=1, df2=nothing),
        apa.t_test(2.0, df=nothing),
        apa.chi_square(nothing, df=1),
        apa.effect("r", nothing, low=0, high=1),
    )
    assert set(parts) == {""}
    assert apa.line("arousal", *parts) == ""
    assert apa.effect("r", 0.5, low=nothing, high=nothing) == "r = 0.50"


def test_welch_is_the_line_of_pingouin() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(["a", "b", "c"], [9, 20, 31])
    values = rng.normal(loc=np.repeat([0.0, 0.4, 1.0], [9, 20, 31]), scale=np.repeat([1.0, 2.0, 0.5], [9, 20, 31]))
    ours = welch_anova(pd.Series(values), pd.Series(groups))
    (theirs,) = pg.welch_anova(pd.DataFrame({"v": values, "g": groups}), dv="v", between="g").to_dict("records")
    p = next(value for name, value in theirs.items() if name.startswith("p") and "unc" in name)
    expected = f"F({theirs['ddof1']:.0f}, {theirs['ddof2']:.1f}) = {theirs['F']:.2f}, p = {p:.3f}".replace(
        "= 0.", "= ."
    )
    line = apa.line("v", apa.f_test(ours.F, df1=ours.df1, df2=ours.df2), apa.p_value(ours.p))
    assert line in {f"v: {expected}", f"v: {expected.partition(', p')[0]}, p < .001"}


def test_games_howell_and_kruskal_are_the_lines_of_pingouin(store: Store) -> None:
    result = anova(store, AnovaConfig(dv=("arousal",), labels="first"))
    table = store.utterances.assign(group=store.labels("first")).dropna(subset=["group", "arousal"])
    varies = table.groupby("group")["arousal"].transform("nunique") > 1
    kruskal = pg.kruskal(table, dv="arousal", between="group")
    (line,) = [each for each in result.lines["robustness"] if "Kruskal" in each]
    assert f"H({kruskal['ddof1'].iloc[0]}) = {kruskal['H'].iloc[0]:.2f}, " in line
    pairs = pg.pairwise_gameshowell(table[varies], dv="arousal", between="group")
    found = {line.partition(": ")[0]: line for line in result.lines["pairs"]}
    compared = 0
    for row in pairs.to_dict("records"):
        about = f"arousal, {row['A']} \u2212 {row['B']}, Games-Howell"
        line = found.get(about) or found[f"arousal, {row['B']} \u2212 {row['A']}, Games-Howell"]
        sign = 1 if about in found else -1
        assert f": t({row['df']:.1f}) = {apa.number(sign * row['T'])}, " in line
        compared += 1
    assert compared == len(found)


@pytest.mark.parametrize("name", plugins.names("analyses"))
def test_every_line_is_one_sentence_of_numbers_without_gaps(name: str, store: Store) -> None:
    analysis = plugins.find("analyses", name)
    result = analysis.run(store, analysis.config())
    for table, lines in result.lines.items():
        assert table in result.tables
        for line in lines:
            assert not re.search(r"\bnan\b|\binf\b|, ,|: $|\n", line), line
            assert re.search(r"[=<>] \u2212?[\d.]", line), line
        if "p" in result.tables[table]:
            assert len(lines) <= len(result.tables[table]) * 3
