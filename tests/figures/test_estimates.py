"""Points with intervals, read back from their SVG."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from kemfeat.figures.estimates import dots

TABLE = pd.DataFrame(
    {
        "row": ["happy", "happy", "sad & <b>", "sad & <b>"],
        "series": ["EDA", "IBI", "EDA", "IBI"],
        "value": [0.9, 0.5, 0.8, np.nan],
        "low": [0.8, np.nan, 0.7, np.nan],
        "high": [0.95, np.nan, 0.9, np.nan],
    }
)


def said(stem) -> str:
    return " | ".join(re.findall(r">([^<>]+)</(?:text|tspan)>", stem.with_suffix(".svg").read_text(encoding="utf-8")))


def test_rows_series_and_axis_are_named(tmp_path):
    dots(TABLE, tmp_path / "dots", label="share [1]", span=(0, 1))
    for text in ("happy", "sad &amp; &lt;b&gt;", "EDA", "IBI", "share [1]"):
        assert text in said(tmp_path / "dots")


def test_one_series_needs_no_legend_and_units_are_drawn(tmp_path):
    one = TABLE[TABLE["series"] == "EDA"]
    dots(one, tmp_path / "plain", label="r")
    assert "EDA" not in said(tmp_path / "plain")
    units = pd.DataFrame({"row": "happy", "series": "EDA", "value": np.linspace(-1, 1, 30)})
    dots(one, tmp_path / "units", label="r", units=units)
    size = {name: (tmp_path / f"{name}.svg").read_text().count("<use") for name in ("plain", "units")}
    assert size["units"] >= size["plain"] + 30


def test_more_series_than_colours_and_the_same_bytes(tmp_path):
    many = pd.DataFrame({"row": "a", "series": [str(n) for n in range(11)], "value": 0.5, "low": 0.4, "high": 0.6})
    for name in ("one", "two"):
        dots(many, tmp_path / name, label="r")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.png").stat().st_size > 1000
