"""What is missing: planted holes are found, shares are counts, and coverage does not follow emotion by accident."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat.analyses.missingness import MissingnessConfig, run
from kemfeat.config import validated
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.stats.tails import holm
from kemfeat.store.reader import Store
from kemfeat.synth.defects import BROKEN
from tests.store.kit import vouch


@pytest.fixture(scope="module")
def result(store):
    return run(store, MissingnessConfig(permutations=99))


def with_signals(store: Store, session: str, change) -> Store:
    path = store.path / f"signals/{session}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    return vouch(store.path)


def test_shares_are_counts_of_the_store(store, result):
    coverage = result.tables["coverage"].set_index(["by", "group", "medium"])
    for medium in ("eda", "temp", "ibi"):
        has = store.utterances[f"{medium}_length"] > 0
        assert coverage.loc[("all", "all", medium), "present"] == has.sum()
        for by in ("session", "speaker"):
            for group, part in has.groupby(store.utterances[by]):
                row = coverage.loc[(by, group, medium)]
                assert (row["present"], row["utterances"]) == (part.sum(), len(part))
    counted = result.tables["coverage"].groupby(["by", "medium"])["utterances"].sum()
    assert (counted["session"] == counted["all"]).all()
    assert (counted["emotion"] == store.labels("7class").notna().sum()).all()


def test_only_emotions_and_the_whole_have_an_interval(result):
    coverage = result.tables["coverage"]
    single = coverage["by"].isin(["session", "speaker"])
    assert coverage.loc[single, "ci_low"].isna().all()
    rest = coverage[coverage["by"] == "all"]
    assert (rest["ci_low"] < rest["share"]).all()
    assert (rest["share"] < rest["ci_high"]).all()
    assert (rest["effective_n"] < rest["utterances"]).all()


def test_broken_conversations_of_the_synthetic_corpus_are_silent_or_flat(result):
    recordings = result.tables["recordings"].set_index(["session", "script", "speaker", "medium"])
    known = [broken for broken in BROKEN if broken[0] <= 4]
    assert len(known) == 4
    for session, script, user in known:
        rows = recordings.loc[(f"Sess{session:02}", f"script{script:02}")]
        mine = rows[rows.index.get_level_values("speaker").str.startswith(f"User{user:03}")].droplevel("speaker")
        assert mine.loc["ibi", "samples"] == 0
        assert mine.loc["eda", "distinct_values"] <= 2
    silent = result.tables["empty_stretches"]
    assert silent.loc[silent["whole"], "medium"].tolist() == ["ibi"] * silent["whole"].sum()
    assert silent["whole"].sum() >= len(known)
    assert any("without contact" in warning for warning in result.warnings)


def test_a_planted_hole_is_found(copied):
    begin: list[float] = []

    def cut(signals: pd.DataFrame) -> pd.DataFrame:
        mine = (signals["speaker"] == "User003F") & (signals["script"] == "script02") & (signals["medium"] == "temp")
        seconds = (signals["time"] - signals["time"].min()).dt.total_seconds()
        start = seconds[mine].min() + 10
        begin.append(start)
        return signals[~(mine & (seconds >= start) & (seconds < start + 7.5))]

    changed = with_signals(copied, "Sess02", cut)
    tables = run(changed, MissingnessConfig(permutations=9)).tables
    holes = tables["empty_stretches"].query("session == 'Sess02' and medium == 'temp'")
    assert len(holes) == 1
    hole = holes.iloc[0]
    assert (hole["start_s"], hole["length_s"]) == pytest.approx((begin[0], 7.5), abs=0.01)
    row = tables["recordings"].query("session == 'Sess02' and script == 'script02' and speaker == 'User003F'")
    assert row.set_index("medium").loc["temp", "holes"] == 1


def test_dropouts_of_heart_beats_are_counted(copied):
    def regular(signals: pd.DataFrame) -> pd.DataFrame:
        mine = (signals["speaker"] == "User003F") & (signals["script"] == "script01") & (signals["medium"] == "ibi")
        row = signals[mine].iloc[0]
        start = signals.loc[signals["script"] == "script01", "time"].min()
        beats = pd.DataFrame([row] * 30).assign(
            time=[start + pd.Timedelta(seconds=at + 1 + 2 * (at >= 20)) for at in range(30)], value=1.0, id=None
        )
        return pd.concat([signals[~mine], beats], ignore_index=True)

    beats = run(with_signals(copied, "Sess02", regular), MissingnessConfig(permutations=9)).tables["ibi_irregularity"]
    row = beats.query("session == 'Sess02' and script == 'script01' and speaker == 'User003F'").iloc[0]
    assert (row["beats"], row["dropouts"], row["median_dropout_s"], row["longest_dropout_s"]) == (30, 1, 2, 2)
    assert (row["median_run_beats"], row["mean_ibi_s"], row["sd_ibi_s"], row["implausible_beats"]) == (15, 1, 0, 0)


def test_missing_by_emotion_is_found_and_missing_by_speaker_is_not(copied):
    index = pd.read_parquet(copied.path / "signal_index.parquet")
    table = copied.utterances
    neutral = set(table.loc[table["emotion"] == "neutral", "id"])
    speaker = set(table.loc[table["speaker"] == "User003F", "id"])

    def p_of(lost: set[str]) -> float:
        kept = index[~(index["id"].isin(lost) & (index["medium"] == "ibi"))]
        kept.to_parquet(copied.path / "signal_index.parquet")
        found = run(vouch(copied.path), MissingnessConfig(permutations=199)).tables["association"]
        assert found["p_holm"].tolist() == pytest.approx(np.exp(holm(np.log(found["p_within_speakers"]))).tolist())
        return float(found.set_index("medium").loc["ibi", "p_within_speakers"])

    assert p_of(neutral) < 0.01
    assert p_of(speaker) > 0.05


def test_a_medium_that_nobody_has_is_reported(copied):
    changed = copied
    for session in copied.header.sessions:
        changed = with_signals(changed, session, lambda signals: signals[signals["medium"] != "ibi"])
    index = pd.read_parquet(copied.path / "signal_index.parquet")
    index[index["medium"] != "ibi"].to_parquet(copied.path / "signal_index.parquet")
    result = run(vouch(copied.path), MissingnessConfig(permutations=9))
    assert "IBI 0 (0.0%" in result.summary[0]
    assert set(result.tables["association"]["medium"]) == {"eda", "temp"}
    assert (result.tables["ibi_irregularity"]["beats"] == 0).all()


def test_nothing_silent_is_said(store):
    result = run(store, MissingnessConfig(permutations=9, least_gap=1e6))
    assert result.tables["empty_stretches"].empty
    assert result.summary[-1].startswith("No recording lacks samples")


def test_refusals(store, copied):
    with pytest.raises(ConfigError, match="label rule"):
        run(store, MissingnessConfig(labels="6class"))
    with pytest.raises(ConfigError, match="least_gap"):
        validated(MissingnessConfig, {"least_gap": -1.0}, where="missingness")
    pd.read_parquet(copied.path / "signal_index.parquet").head(0).to_parquet(copied.path / "signal_index.parquet")
    with pytest.raises(AnalysisError, match="has no physiology"):
        run(vouch(copied.path), MissingnessConfig())


def test_signals_without_a_finite_value_are_none(copied):
    changed = copied
    for session in copied.header.sessions:
        changed = with_signals(changed, session, lambda signals: signals.assign(value=np.nan))
    with pytest.raises(AnalysisError, match="has no physiology"):
        run(changed, MissingnessConfig(permutations=9))


def test_command(store, tmp_path):
    arguments = ["analyze", "missingness", str(store.path), "--out", str(tmp_path), "--least-gap", "8", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["config"]["least_gap"] == 8
    stretches = pd.read_parquet(tmp_path / "tables/empty_stretches.parquet")
    assert np.all(stretches["length_s"] >= 8)
