"""The timeline of what was recorded, read back from its SVG."""

from __future__ import annotations

import re

import pandas as pd

from kemfeat.figures.coverage import timeline


def recorded(sessions: int, media: tuple[str, ...] = ("eda", "ibi")) -> pd.DataFrame:
    rows = [
        {"session": f"Sess{number:02}", "speaker": speaker, "medium": medium, "start_s": 60.0 * number, "end_s": 600.0}
        for number in range(sessions)
        for speaker in ("F", "M")
        for medium in media
    ]
    return pd.DataFrame(rows)


def said(stem) -> list[str]:
    return re.findall(r">([^<>]+)</(?:text|tspan)>", stem.with_suffix(".svg").read_text(encoding="utf-8"))


def test_sessions_lanes_and_states_are_named(tmp_path):
    silent = recorded(2).head(1).assign(start_s=100.0, end_s=200.0)
    timeline(recorded(2), tmp_path / "timeline", stretches=silent)
    texts = said(tmp_path / "timeline")
    for text in ("Sess00", "Sess01", "F EDA", "M IBI", "EDA recorded", "no sample"):
        assert text in texts
    assert any("[min]" in text for text in texts)
    assert "TEMP recorded" not in texts


def test_silence_is_drawn_and_may_be_absent(tmp_path):
    everything = recorded(1)
    timeline(everything, tmp_path / "none", stretches=everything.head(0))
    timeline(everything, tmp_path / "all", stretches=everything)
    grey = [(tmp_path / f"{name}.svg").read_text().count("#dedede") for name in ("none", "all")]
    assert grey[0] < grey[1]


def test_an_unknown_medium_is_drawn_too(tmp_path):
    timeline(recorded(1, ("eda", "resp")), tmp_path / "resp", stretches=recorded(1).head(0))
    assert "F RESP" in said(tmp_path / "resp")
