"""A small store with two finished analyses in it, written by the one writer that analyses have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kemfeat.analyses import Analysis, AnalysisResult, Verdict
from kemfeat.analyses.output import default_folder, write
from kemfeat.config import FrozenConfig
from kemfeat.figures.style import saved
from kemfeat.store.reader import Store, open_store
from tests.build.kit import Bench

EVIL = "<script>alert(1)</script>"


class Settings(FrozenConfig):
    """Settings of an analysis that is only written."""

    seed: int = 0
    label: str = EVIL


VERDICT = Verdict(
    sentence=f"Groups differ {EVIL}.",
    effect=f"difference {EVIL}",
    value=1.5,
    low=1.0,
    high=2.0,
    n=f"12 of {EVIL}",
    meaning=f"Nothing follows {EVIL}.",
)


def add_analysis(store: Store, *, name: str, **changes: Any) -> Path:
    """Write a result into the store; every word of it is as bad as a word can be."""
    parts: dict[str, Any] = {
        "summary": (f"verdict {EVIL}", "a second sentence"),
        "tables": {"groups": groups(70)},
        "figures": {"line": draw_line},
        "captions": {"line": "A line from 0 to 1.", "of no figure": EVIL},
        "values": {"F": 2.5, "nested": {EVIL: [1, 2]}},
        "warnings": (f"careful {EVIL}",),
        "verdicts": (VERDICT,),
    }
    analysis = Analysis(name=name, title=f"The {name} {EVIL}", config=Settings, run=lambda store, config: result)
    result = AnalysisResult(**(parts | changes))
    folder = default_folder(store, analysis)
    write(analysis, analysis.run(store, Settings()), store=store, config=Settings(), out=folder)
    return folder


def groups(rows: int) -> pd.DataFrame:
    """Numbers that fall, with a gap, beside texts."""
    numbers = [None if row == 3 else 0.5 * (rows - row) for row in range(rows)]
    names = [EVIL if row == 0 else f"group {row}" for row in range(rows)]
    return pd.DataFrame({"group": names, EVIL: numbers, "count": range(rows)})


def draw_line(stem: Path) -> None:
    with saved(stem, width=2, height=2) as figure:
        figure.subplots().plot([0, 1])


def columns(table: Any) -> Mapping[str, list[str]]:
    """The texts of a table by its heads."""
    return {name: [row[place].text for row in table.rows] for place, name in enumerate(table.head)}


@pytest.fixture
def evil(bench: Bench) -> Store:
    """A store whose corpus and analyses hold markup wherever they may hold text."""
    for name in bench.corpus.ids:
        bench.corpus.txt(name).write_bytes(f"{EVIL}<img src=x onerror=alert(2)>\n".encode("cp949"))
    store = bench.build().store
    add_analysis(store, name="alpha")
    add_analysis(store, name="beta", summary=("fine",), tables={}, figures={}, values={}, warnings=(), verdicts=())
    opened = open_store(store.path)
    for column in ("id", "session", "speaker", "sex", "emotion", "emotion_first"):
        opened.utterances[column] = f"{EVIL}'\"&" + opened.utterances[column]
    return opened
