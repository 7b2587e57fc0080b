"""Figures of a training run, read back from their SVG."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from kemfeat.figures.style import PALETTE
from kemfeat.figures.training import confusion, curves, reliability

CLASSES = ["neutral", "sa$d$", "<i>"]
COUNTS = np.array([[1200, 3, 0], [5, 15, 0], [0, 0, 0]])


def said(stem) -> list[str]:
    return re.findall(r">([^<>]+)</(?:text|tspan)>", stem.with_suffix(".svg").read_text(encoding="utf-8"))


def history(epochs: int, **more: object) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    table = {"epoch": epoch, "train_loss": 1 / epoch, "valid_loss": 2 / epoch, "kept": (epoch <= 3).astype(int)}
    return pd.DataFrame(table | more)


def test_rows_are_truth_and_cells_hold_counts_and_recall(tmp_path):
    confusion(COUNTS, tmp_path / "c", classes=CLASSES, title=["run a$b$", "UAR 0.5"], warning="")
    texts = said(tmp_path / "c")
    assert {"1,200", "100%", "15", "75%", "25%", "predicted", "true (utterances)", "run a$b$"} <= set(texts)
    assert {"neutral (1,203)", "sa$d$ (20)", "&lt;i&gt; (0)", "sa$d$", "&lt;i&gt;"} <= set(texts)
    assert sum("%" in text for text in texts) == 6  # none for a class that truth lacks


@pytest.mark.parametrize("epochs", [1, 16])
def test_curves_mark_the_epoch_that_was_kept(tmp_path, epochs):
    table = history(epochs, valid_uar=0.5)
    curves(table, tmp_path / "h", title=["run"], warning="")
    texts = said(tmp_path / "h")
    assert {"epoch", "loss", "uar", "train", "valid", f"kept (epoch {min(3, epochs)})"} <= set(texts)


def test_bins_without_an_utterance_are_not_drawn(tmp_path):
    table = pd.DataFrame(
        {"low": [0, 0.5], "high": [0.5, 1], "n": [0, 7], "confidence": [np.nan, 0.7], "accuracy": [np.nan, 0.6]}
    )
    reliability(table, tmp_path / "r", title=["run"], warning="LEAKING")
    texts = said(tmp_path / "r")
    assert {"as it should be", "this run", "share that is right", "utterances", "LEAKING", "run"} <= set(texts)


def test_curves_without_a_kept_epoch_or_another_number(tmp_path):
    curves(history(4).assign(kept=0), tmp_path / "h", title=["run"], warning="")
    texts = said(tmp_path / "h")
    assert not any(text.startswith("kept") for text in texts)
    assert "uar" not in texts


def test_a_warning_comes_first_and_is_coloured(tmp_path):
    for stem, warning in ((tmp_path / "w", "LEAKING SPLIT: 80 speakers"), (tmp_path / "n", "")):
        confusion(COUNTS, stem, classes=CLASSES, title=["run"], warning=warning)
        curves(history(2), stem.with_name(f"{stem.name}_h"), title=["run"], warning=warning)
    for name in ("w", "w_h"):
        texts = said(tmp_path / name)
        assert texts.index("LEAKING SPLIT: 80 speakers") < texts.index("run")
    assert f"fill: {PALETTE[1].lower()}" in (tmp_path / "w.svg").read_text()
    assert "LEAKING" not in (tmp_path / "n.svg").read_text()


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in "ab":
        confusion(COUNTS, tmp_path / name, classes=CLASSES, title=["run"], warning="w")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
