"""Lags of the signals: a planted one is found, and nothing leaks from another recording."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kemfeat.analyses.correlation._conversations import at_lags, by_utterance, changes, with_signals
from kemfeat.analyses.correlation._lags import lag_tests, lag_words, lags_up_to
from kemfeat.analyses.correlation._pairs import PAIRS, of, over_units, within_conversations
from kemfeat.stats.correlation import mean_correlation
from kemfeat.store.reader import Store
from tests.store.kit import vouch

KEYS = ["script", "speaker", "medium"]


def rewritten(copied: Store, change) -> Store:
    """The store with each session's signals changed."""
    for session in copied.header.sessions:
        path = copied.path / f"signals/{session}.parquet"
        change(session, pd.read_parquet(path)).to_parquet(path)
    return vouch(copied.path)


def test_lags_are_symmetric_and_contain_0():
    assert lags_up_to(5) == (-4, -2, 0, 2, 4)
    assert lags_up_to(0) == (0,)


def test_without_a_lag_the_windows_are_the_utterances(store):
    means = by_utterance(store, labels="7class").set_index("id")[["eda", "temp", "hr"]]
    found = at_lags(store, lags=[0])[0].reindex(means.index)
    pd.testing.assert_frame_equal(found, means, check_names=False, rtol=1e-12)


def test_every_row_is_the_test_over_speakers(store):
    """One call for all tests gives what the tests of each pair give one by one."""
    utterances = by_utterance(store, labels="7class")
    table = lag_tests(store, utterances, lags=[0, 4])
    for lag in (0, 4):
        means = at_lags(store, lags=[lag])[lag]
        changed = changes(with_signals(utterances, means))
        speakers = over_units(pd.concat([within_conversations(changed, *pair) for pair in PAIRS]), "speaker")
        for pair in PAIRS:
            row = table.query("signal == @pair[0] and target == @pair[1] and lag_s == @lag").iloc[0]
            expected = mean_correlation(of(speakers, pair)["z"])
            assert (row["speakers"], row["reason"]) == (expected.units, expected.reason)
            numbers = [expected.r, expected.ci_low, expected.ci_high, expected.p]
            assert row[["r", "ci_low", "ci_high", "p"]].tolist() == pytest.approx(numbers, nan_ok=True)


def test_a_planted_lag_is_found(copied):
    """EDA repeats the arousal of what was being said six seconds before."""
    rng = np.random.default_rng(0)
    arousal = copied.utterances.set_index("id")["arousal"]

    def follow(_: str, rows: pd.DataFrame) -> pd.DataFrame:
        eda = rows["medium"] == "eda"
        said = rows["id"].map(arousal).where(eda).groupby([rows[key] for key in KEYS])
        later = said.ffill().groupby([rows[key] for key in KEYS]).shift(6 * 4)
        return rows.assign(value=rows["value"].where(~eda, later.fillna(3.0) + rng.normal(0, 0.1, len(rows))))

    store = rewritten(copied, follow)
    table = lag_tests(store, by_utterance(store, labels="7class"), lags=lags_up_to(10))
    eda = table.query("signal == 'eda' and target == 'arousal'").set_index("lag_s")
    assert eda["r"].idxmax() == 6
    assert eda.loc[6, "r"] > 0.9
    assert eda.loc[6, "p_holm"] < 0.05 < eda.loc[-6, "p_holm"]
    tested = int(table["p"].notna().sum())
    words = list(lag_words(table))
    assert words[0].startswith("With signals -10 to 10 s later than the utterance, ")
    assert (
        f" of {tested} correlations differ from 0, Holm-adjusted over all lags and pairs (EDA with arousal" in words[0]
    )
    assert words[1].startswith("The largest of them is EDA with arousal at +6 s: r = ")


def test_nothing_leaks_from_another_recording(copied):
    """Other values in every other session and script change nothing, at any lag."""
    lags = (-60, -10, 0, 10, 60)
    before, (session, *_) = at_lags(copied, lags=lags), copied.header.sessions

    def elsewhere(name: str, rows: pd.DataFrame) -> pd.DataFrame:
        mine = (rows["script"] == "script01") & (name == session)
        return rows.assign(value=rows["value"].where(mine, rows["value"] + 1000.0))

    after = at_lags(rewritten(copied, elsewhere), lags=lags)
    for lag in lags:
        own = before[lag].index.str.startswith(f"{session}_script01_")
        assert own.sum() > 3
        pd.testing.assert_frame_equal(after[lag][own], before[lag][own])


def test_beyond_the_ends_of_a_recording_there_is_no_value(store):
    for means in at_lags(store, lags=[-3600, 3600]).values():
        assert means.isna().all().all()


def test_one_lag_is_no_search(store):
    table = lag_tests(store, by_utterance(store, labels="7class"), lags=lags_up_to(0))
    assert set(table["lag_s"]) == {0}
    assert not list(lag_words(table))
