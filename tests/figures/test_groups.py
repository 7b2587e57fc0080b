"""Pictures of groups: what they show, read back from their SVG, and groups that are hard to draw."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from kemfeat.figures import groups as figures
from kemfeat.figures.groups import MOST_GROUPS, MOST_PAIRS, forest, qq, raincloud
from kemfeat.stats.group_tests import describe, games_howell


def sample(**sizes: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.concat(
        [pd.DataFrame({"group": name, "value": rng.normal(at, 1, n)}) for at, (name, n) in enumerate(sizes.items())],
        ignore_index=True,
    )


def families(values: pd.DataFrame) -> dict[str, pd.DataFrame]:
    pairs = games_howell(values["value"], values["group"])
    table = pairs[["a", "b", "diff"]].assign(low=pairs["ci_low"], high=pairs["ci_high"])
    return {"Games-Howell": table, "CR2": table.assign(low=table["low"] - 900, high=table["high"] + 900)}


def texts(stem) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>|<tspan[^>]*>([^<]*)</tspan>", stem.with_suffix(".svg").read_text())


def said(stem) -> str:
    return " | ".join("".join(pair) for pair in texts(stem))


def draw_all(values: pd.DataFrame, folder) -> str:
    table = describe(values["value"], values["group"], resamples=50)
    raincloud(values, folder / "raincloud", groups=table, label="EDA [uS]")
    forest(families(values), folder / "forest", label="EDA [uS]")
    qq(values, folder / "qq", label="EDA [uS]")
    return "\n".join(said(folder / name) for name in ("raincloud", "forest", "qq"))


def test_axes_name_groups_pairs_and_units(tmp_path):
    text = draw_all(sample(angry=30, happy=40, sad=25), tmp_path)
    for expected in ("n = 40", "angry \u2212 happy", "difference of means, EDA [uS]", "Games-Howell", "CR2"):
        assert expected in text
    assert text.count("EDA [uS]") == 3
    assert "normal quantile [standard deviations]" in text
    assert (tmp_path / "forest.png").stat().st_size > 5000


def test_same_table_gives_the_same_bytes(tmp_path):
    values = sample(a=30, b=400)
    draw_all(values, tmp_path / "one")
    draw_all(values, tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_groups_without_spread_are_drawn_and_said(tmp_path):
    values = pd.concat([sample(a=30, b=20, one=1), pd.DataFrame({"group": "same", "value": [2.0] * 4})])
    text = draw_all(values, tmp_path)
    assert "0 is inside; 3 not tested" in text
    assert "same \u2212 one" not in text
    assert "one \u2212 same" not in text
    assert text.count("no spread") == 2


def test_korean_labels(tmp_path):
    assert "슬픔 \u2212 행복" in draw_all(sample(슬픔=20, 행복=20), tmp_path)


@pytest.mark.slow
def test_many_groups_are_cut_and_said(tmp_path):
    text = draw_all(sample(**{f"g{number:02}": 4 + number for number in range(20)}), tmp_path)
    assert f"({MOST_GROUPS} of 20 shown)" in text
    assert f"({MOST_PAIRS} of 190 shown)" in text
    assert "n = 4" not in text.split()


def test_method_without_a_test_is_not_in_the_legend(tmp_path):
    tables = families(sample(a=20, b=20))
    tables["CR2"] = tables["CR2"].assign(low=math.nan, high=math.nan)
    forest(tables, tmp_path / "f", label="x [s]")
    assert "CR2" not in said(tmp_path / "f")
    assert "Games-Howell" in said(tmp_path / "f")


def test_limits_follow_the_first_method():
    table = pd.DataFrame({"diff": [1.0, 2.0], "low": [0.5, 1.0], "high": [1.5, 3.0]})
    assert figures._limits(table) == (-0.75, 3.75)


def test_density_of_a_lattice_has_one_peak():
    """Means of ten integer ratings step by .1; a narrow kernel would show each step as a peak."""
    lattice = np.sort(np.random.default_rng(0).normal(3.2, 0.37, 11_000).round(1))
    _, y = figures._density(lattice)
    inner = y[1:-1]
    assert np.count_nonzero((inner > y[:-2]) & (inner > y[2:])) == 1
    assert y.max() == 1


@pytest.mark.parametrize("n", [1, 2, 199, 200, 201, 11_120])
def test_thinning_keeps_the_ends(n):
    ranks = figures._spread(n)
    assert ranks[0] == 0
    assert ranks[-1] == n - 1
    assert len(ranks) == min(n, 200)
    assert (np.diff(ranks) > 0).all()
