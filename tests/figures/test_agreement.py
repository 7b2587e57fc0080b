"""The confusion of raters, read back from its SVG."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from kemfeat.figures.agreement import MOST_CLASSES, confusion


def pairs(names: list[str]) -> pd.DataFrame:
    counts = np.arange(1, len(names) ** 2 + 1, dtype=float).reshape(len(names), -1)
    counts += counts.T
    return pd.DataFrame(
        {
            "emotion": np.repeat(names, len(names)),
            "other": np.tile(names, len(names)),
            "coincidences": counts.ravel(),
            "share": (counts / counts.sum(axis=1, keepdims=True)).ravel(),
        }
    )


def said(stem) -> list[str]:
    return re.findall(r">([^<>]+)</(?:text|tspan)>", stem.with_suffix(".svg").read_text(encoding="utf-8"))


def test_cells_hold_shares_and_rows_their_size(tmp_path):
    table = pairs(["happy", "neutral", "angry"])
    confusion(table, tmp_path / "confusion")
    texts = said(tmp_path / "confusion")
    for share in table["share"]:
        assert f"{share:.2f}".removeprefix("0") in texts
    assert "happy (18)" in texts
    assert texts.index("happy") < texts.index("neutral")


def test_few_of_many_classes_and_a_single_one(tmp_path):
    confusion(pairs([f"c{n:02}" for n in range(20)]), tmp_path / "many")
    assert f"the {MOST_CLASSES} most frequent of 20" in said(tmp_path / "many")
    confusion(pairs(["happy"]), tmp_path / "one")
    assert "1.00" in said(tmp_path / "one")
