"""Signals over a conversation, read back from their SVG."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from kemfeat.figures.emotions import EMOTION_COLOURS
from kemfeat.figures.signals import conversation
from kemfeat.labels import EMOTIONS

LABELS = {"eda": "EDA [uS]", "temp": "TEMP [degC]", "hr": "HR [1/min]"}


def traces(*signals: str, hole: bool = False) -> pd.DataFrame:
    seconds = np.arange(0, 40, 0.25)
    parts = [pd.DataFrame({"signal": name, "seconds": seconds, "value": np.sin(seconds) + 30}) for name in signals]
    table = pd.concat(parts, ignore_index=True)
    return table[(table["seconds"] < 10) | (table["seconds"] > 20)] if hole else table


UTTERANCES = pd.DataFrame(
    {
        "start": [1.0, 12.0, 30.0],
        "end": [9.0, 12.0, 35.0],
        "emotion": ["angry", None, "happy"],
        "arousal": [4.0, np.nan, 3.0],
        "valence": [2.0, 3.0, 4.0],
    }
)


def said(stem) -> list[str]:
    return re.findall(r">([^<>]+)</(?:text|tspan)>", stem.with_suffix(".svg").read_text(encoding="utf-8"))


def draw(stem, table: pd.DataFrame, utterances: pd.DataFrame = UTTERANCES) -> list[str]:
    conversation(table, stem, utterances=utterances, labels=LABELS, title="Sess01 script01 User001F")
    return said(stem)


def test_every_emotion_has_a_colour_of_its_own():
    assert set(EMOTION_COLOURS) == set(EMOTIONS)
    assert len(set(EMOTION_COLOURS.values())) == len(EMOTIONS)


def test_emotions_of_other_corpora_have_colours_and_names_too(tmp_path):
    texts = draw(tmp_path / "own", traces("eda"), UTTERANCES.assign(emotion=["frustrated", "calm", "happy"]))
    assert {"calm", "frustrated", "happy"} <= set(texts)


def test_panels_emotions_and_units_are_named(tmp_path):
    texts = draw(tmp_path / "all", traces("eda", "temp", "hr"))
    for text in (*LABELS.values(), "angry", "happy", "arousal", "valence", "Sess01 script01 User001F"):
        assert text in texts
    assert "sad" not in texts
    assert any(text.endswith("[s]") for text in texts)


def test_signals_that_are_not_there_have_no_panel(tmp_path):
    texts = draw(tmp_path / "eda", traces("eda"))
    assert "EDA [uS]" in texts
    assert "HR [1/min]" not in texts


def test_no_line_is_drawn_across_a_hole(tmp_path):
    lines = []
    for name, hole in (("whole", False), ("holed", True)):
        draw(tmp_path / name, traces("eda", hole=hole))
        lines.append((tmp_path / f"{name}.svg").read_text().count("stroke-width: 0.8; stroke-linecap: square"))
    assert lines[1] == lines[0] + 1


def test_a_conversation_without_judgements_is_drawn(tmp_path):
    assert "TEMP [degC]" in draw(tmp_path / "bare", traces("temp"), UTTERANCES.head(0))
