"""The first screen counts every utterance, keeps the colour of an emotion, and ranks what to watch out for."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.report import write_report
from kemfeat.report.front import MOST_BARS, MOST_CARDS, _bars, _strips, front
from kemfeat.report.results import read_results
from kemfeat.store.reader import Store, open_store
from tests.build.kit import ROWS, Bench
from tests.report.conftest import EVIL, VERDICT, add_analysis
from tests.report.kit import Page

labels = st.lists(
    st.one_of(st.none(), st.sampled_from([*"abcdefghijklmn", "happy;sad", "sad;fear", "happy"])), min_size=1
)


@pytest.fixture
def store(bench: Bench) -> Store:
    return open_store(bench.out)


@given(labels)
@settings(deadline=None, max_examples=100)
def test_bars_count_every_utterance_once(names: list[str | None]) -> None:
    bars = _bars(pd.DataFrame({"emotion": pd.Series(names, dtype="str")}))
    assert sum(int(bar.count) for bar in bars) == len(names)
    assert sum(bar.share for bar in bars) == pytest.approx(1)
    assert len(bars) <= MOST_BARS + 1
    own = [int(bar.count) for bar in bars if not bar.name.endswith(" others")]
    assert own == sorted(own, reverse=True)
    assert all(re.fullmatch("#[0-9a-fA-F]{6}", bar.colour) for bar in bars)


def test_an_emotion_keeps_its_colour_whatever_its_rank() -> None:
    one, other = (
        {bar.name: bar.colour for bar in _bars(pd.DataFrame({"emotion": names}))}
        for names in (["happy", "happy", "sad"], ["sad", "sad", "happy", "neutral"])
    )
    assert {name: other[name] for name in one} == one
    assert other["neutral"] == "#999999"


def test_a_strip_is_the_mean_coverage_of_each_session() -> None:
    table = pd.DataFrame({"session": ["b", "a", "b"], "eda_coverage": [1.0, np.nan, 0.5]})
    (strip,) = _strips(table)
    assert (strip.name, strip.share, strip.sessions) == ("EDA", 0.5, (("a", 0.0), ("b", 0.75)))
    assert strip.words == "EDA covers 50% of an utterance on average; least in a, 0%"


def test_notices_come_in_three_ranks(store: Store) -> None:
    stale = add_analysis(store, name="alpha") / "result.json"
    stale.write_text(stale.read_text(encoding="utf-8").replace(store.digest, "0" * 64), encoding="utf-8")
    add_analysis(store, name="beta", warnings=())
    (store.path / "analyses" / "gamma").mkdir()
    shutil.rmtree(store.path / "analyses" / "beta" / "figures")
    notices = front(store, read_results(store)).notices
    assert list(notices) == ["problem", "caution", "note"]
    assert [notice.text for notice in notices["problem"]] == [
        "it was made from another version of this store; run it again",
        "figure line: no readable SVG or PNG file in the folder of the result",
        "analyses/gamma is not shown: result.json is missing; the analysis was stopped before its end",
    ]
    assert [(notice.text, notice.anchor) for notice in notices["caution"]] == [(f"careful {EVIL}", "analysis-1")]
    assert notices["note"][-1].about == "Licence"


def test_more_findings_than_a_screen_holds_are_folded(store: Store, tmp_path: Path) -> None:
    many = tuple(replace(VERDICT, sentence=f"Finding {number}.") for number in range(MOST_CARDS + 2))
    add_analysis(store, name="alpha", verdicts=many)
    page = Page(write_report(store, out=tmp_path / "report.html").path.read_text(encoding="utf-8")).root
    (seen, folded) = (part for part in page.all("ul") if part.attributes.get("class") == "cards")
    assert [len(part.all("li")) for part in (seen, folded)] == [MOST_CARDS, 2]
    assert "Finding 0." in seen.text
    assert "2 more" in [summary.text for summary in page.all("summary")]


def test_a_store_says_what_it_is(store: Store) -> None:
    assert front(store, ()).what.startswith(f"{ROWS} utterances of ")
    assert set(front(store, ()).notices) == {"note"}
