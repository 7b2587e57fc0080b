"""The analysis of variance of a store: what it finds, what it says first, and what it refuses."""

from __future__ import annotations

import json
import math
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kemfeat_cli.app import app
from typer.testing import CliRunner

from kemfeat.analyses.anova import ANALYSIS, AnovaConfig, run
from kemfeat.analyses.output import write
from kemfeat.config import validated
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import EMOTIONS
from kemfeat.stats.clustered_effects import clustered_effects
from kemfeat.stats.group_tests import games_howell, p_text, welch_anova
from kemfeat.stats.nested import cluster_robust
from kemfeat.stats.slopes import random_slopes
from kemfeat.synth.ratings import CLASS_MEANS
from tests.analyses.anova.kit import MEANS, arousal, corpus

TABLES = {
    "groups",
    "assumptions",
    "welch",
    "pairs",
    "robustness",
    "dunn",
    "nested",
    "nested_pairs",
    "slopes",
    "effects",
    "equivalence",
    "mixed",
    "variances",
    "ordinal",
    "disagreements",
}


def test_of_the_default_variables_those_that_exist_are_compared_and_the_others_named(holding):
    result = run(holding(corpus().drop(columns="valence", errors="ignore")), AnovaConfig())
    assert set(result.values["dv"]) == {"arousal"}
    assert any("the utterances have no valence: only arousal is compared" in one for one in result.warnings)


def test_tables_are_what_the_tests_say(holding):
    table = corpus()
    result = run(holding(table), arousal())
    assert set(result.tables) == TABLES
    assert all(frame.columns[0] == "dv" for frame in result.tables.values())
    expected = games_howell(table["arousal"], table["emotion"])
    pd.testing.assert_frame_equal(result.tables["pairs"][expected.columns], expected)
    anova = welch_anova(table["arousal"], table["emotion"])
    row = result.tables["welch"].iloc[0]
    assert [row[name] for name in ("F", "df1", "df2", "log_p", "eta2_classic", "omega2_welch")] == [
        *(anova.F, anova.df1, anova.df2, anova.log_p, anova.eta2_classic, anova.omega2_welch)
    ]
    robust = cluster_robust(table["arousal"], table["emotion"], table["speaker"])
    nested = result.tables["nested"].set_index(["cluster", "test"])
    assert nested.loc[("speaker", "cr2_htz"), "F"] == robust.F
    assert set(nested.index) == {
        (name, test) for name in ("speaker", "session") for test in ("cr2_htz", "means_hotelling")
    }
    assert result.tables["groups"]["speakers"].tolist() == [24] * 5


def test_planted_equal_pair_is_named(holding):
    """System 1 claims that all pairs differ although its own table has p = .978 for one."""
    result = run(holding(corpus()), arousal())
    pair = result.tables["pairs"].query("a == 'angry' and b == 'happy'").iloc[0]
    assert pair["p"] > 0.9
    said = "9 of 10 pairs differ at .05; no evidence for: angry-happy; none shown to be equivalent within 0.2 SD"
    assert result.summary[0].startswith(f"arousal: {said} (CR2 by 24 speakers F(4, ")
    assert result.values["dv"]["arousal"]["verdict"] == said


def test_means_are_printed(holding):
    result = run(holding(corpus()), arousal())
    assert any("happy 3.601" in line and "sad 2.92" in line for line in result.summary)


def test_the_test_by_speaker_leads_where_it_contradicts(holding):
    """Women and men differ as any two dozen speakers do; a test that counts utterances is sure that they do."""
    result = run(holding(corpus(seed=1, speaker_sd=1.5)), AnovaConfig(dv=("level",), between="sex"))
    assert result.tables["pairs"]["significant"].tolist() == [True]
    assert result.values["dv"]["level"]["leading"] == "speaker"
    assert result.summary[0].startswith(
        "level: 0 of 1 pairs differ at .05; no evidence for: F-M; none shown to be equivalent within 0.2 SD "
        "(CR2 by 24 speakers F(1, "
    )
    assert result.summary[2].startswith("Beside it, by session: ")
    assert result.summary[3].startswith("speaker makes up 63.2% of the variance (REML): ")
    assert result.summary[4].startswith("Mixed model of 960 utterances, at random speaker: sex F(1, 22.0) = ")
    assert result.summary[5].startswith(
        "Games-Howell, which the literature reports, treats utterances as independent: 1 of 1 "
    )
    assert "The test by speaker disagrees with it: " in result.summary[6]
    assert "standard error x" in result.summary[6]
    sources = set(result.tables["disagreements"]["source"])
    assert {"cr2", "means"} <= sources


def test_the_reason_of_a_disagreement_is_computed(holding):
    """Standard errors and degrees of freedom of both tests of that pair, not a guess."""
    table = corpus(seed=1, speaker_sd=1.5)
    result = run(holding(table), AnovaConfig(dv=("level",), between="sex"))
    naive, nested = result.tables["pairs"].iloc[0], result.tables["nested_pairs"]
    robust = nested[(nested["cluster"] == "speaker") & (nested["test"] == "cr2")].iloc[0]
    said = next(line for line in result.summary if line.startswith("The test by speaker disagrees with it"))
    reason = f"standard error x {robust['se'] / naive['se']:.2f}, {robust['df']:.1f} degrees of freedom"
    assert f"F-M: p {p_text(robust['log_p'])} instead of {p_text(naive['log_p'])} ({reason})" in said


def test_tests_are_compared_over_the_same_groups(holding):
    """Angry, spoken by one of twelve speakers, cannot be tested by speaker: that is no disagreement."""
    table = corpus(speakers=12)
    table = table[(table["emotion"] != "angry") | (table["speaker"] == "U03")].reset_index(drop=True)
    result = run(holding(table), arousal())
    assert result.tables["pairs"].query("a == 'angry'")["significant"].any()
    by_speaker = result.tables["nested_pairs"].query("cluster == 'speaker' and test == 'cr2' and a == 'angry'")
    assert len(by_speaker) == 4
    assert by_speaker["reason"].all()
    assert not by_speaker["significant"].any()
    assert re.search(r"arousal: \d of 10 pairs differ .*cannot be tested: angry-", result.summary[0])
    assert result.values["dv"]["arousal"]["leading"] == "speaker"
    assert set(result.tables["disagreements"]["source"]) <= {"robustness"}


def test_the_test_by_speaker_leads_where_it_agrees(holding):
    result = run(holding(corpus()), arousal())
    assert result.values["dv"]["arousal"]["leading"] == "speaker"
    assert not any("disagrees with it" in sentence for sentence in result.summary)
    assert not any("omega2" in sentence for sentence in result.summary)


def test_the_test_by_speaker_may_find_more(holding):
    """Speakers differ far more than emotions do, but every speaker shows the same difference."""
    table = corpus(per_cell=4)
    table["level"] = 3.0 * table["speaker"].str[1:].astype(int) + table["arousal"]
    result = run(holding(table), AnovaConfig(dv=("level",)))
    assert not result.tables["pairs"]["significant"].any()
    assert result.summary[0].startswith("level: 9 of 10 pairs differ")
    assert any(line.startswith("The test by speaker disagrees with it: ") for line in result.summary)


def test_holm_is_across_dependent_variables(holding):
    table = corpus()
    table["noise"] = np.random.default_rng(3).normal(size=len(table))
    made = run(holding(table), AnovaConfig(dv=("arousal", "noise"))).tables
    for name, by in (("welch", []), ("robustness", ["test"]), ("nested", ["cluster", "test"])):
        for _, tests in made[name].groupby(by) if by else [("", made[name])]:
            smaller, larger = sorted(tests["log_p"])
            assert sorted(tests["log_p_holm"]) == pytest.approx(
                [smaller + math.log(2), max(larger, smaller + math.log(2))]
            )


def test_multiplicity_across_dependent_variables_is_stated(holding):
    table = corpus()
    table["noise"] = np.random.default_rng(3).normal(size=len(table))
    result = run(holding(table), AnovaConfig(dv=("arousal", "noise")))
    log_p = [cluster_robust(table[dv], table["emotion"], table["speaker"]).log_p for dv in ("arousal", "noise")]
    (said,) = [line for line in result.summary if "2 dependent variables are compared" in line]
    each = f"arousal p = {p_text(log_p[0] + math.log(2))}, noise p = {p_text(log_p[1])}"
    assert f"by speaker, Holm-adjusted across them: {each}. " in said
    assert "Pairs are adjusted within each variable only" in said
    assert not any("dependent variables are compared" in line for line in run(holding(table), arousal()).summary)


def test_within_speakers_it_is_their_response_to_emotion_that_costs(holding):
    """Speakers differ in their response to an emotion and not in level: the ICC is small, the error is not."""
    table = corpus()
    response = np.random.default_rng(5).normal(0, 0.3, (24, 5))
    table["arousal"] += response[table["speaker"].str[1:].astype(int), table["emotion"].map([*MEANS].index)]
    result = run(holding(table), arousal())
    fit = random_slopes(table["arousal"], table["emotion"], table["speaker"])
    row = result.tables["slopes"].set_index("cluster").loc["speaker"]
    assert row["se_ratio"] == fit.se_ratio > 1.8
    assert row["var_interaction"] == pytest.approx(0.09, rel=0.35)
    (said,) = [line for line in result.summary if line.startswith("speaker x emotion makes up ")]
    assert f"a difference has {fit.se_ratio:.2f} times the standard error" in said
    nested = result.tables["nested"].set_index(["cluster", "test"]).loc[("speaker", "cr2_htz")]
    assert np.isnan(nested[["design_effect", "effective_n"]].astype(float)).all()
    pairs = result.tables["nested_pairs"].query("cluster == 'speaker' and test == 'random_slopes'")
    assert pairs["se"].tolist() == fit.pairs["se"].tolist()


def test_effect_sizes_have_intervals_over_speakers(holding):
    table = corpus(seed=1, speaker_sd=1.5)
    result = run(holding(table), AnovaConfig(dv=("level",), between="sex"))
    by_speaker = result.tables["effects"].query("cluster == 'speaker'").drop(columns=["dv", "cluster"])
    expected = clustered_effects(table["level"], table["sex"], table["speaker"])
    pd.testing.assert_frame_equal(by_speaker.reset_index(drop=True), expected, check_dtype=False)
    naive = result.tables["pairs"].iloc[0]
    assert expected["g_high"][0] - expected["g_low"][0] > 2 * (naive["g_high"] - naive["g_low"])


def test_between_speakers_it_is_their_level_that_costs(holding):
    table = corpus(speaker_sd=1.0)
    result = run(holding(table), AnovaConfig(dv=("level",), between="sex"))
    robust = cluster_robust(table["level"], table["sex"], table["speaker"])
    (said,) = [line for line in result.summary if line.startswith("speaker makes up ")]
    assert f"960 utterances say as much about a mean as {robust.effective_n:.0f} independent ones" in said
    assert robust.effective_n < 100
    assert "response to a group is unknown" in result.tables["slopes"].iloc[0]["reason"]


def test_less_than_one_degree_of_freedom_is_no_test(holding):
    """Five speakers and five emotions: F(4, 0.8) would be a number without a meaning."""
    table = corpus(speakers=5)
    table = table[np.random.default_rng(0).random(len(table)) > 0.6].reset_index(drop=True)
    raw = cluster_robust(table["arousal"], table["emotion"], table["speaker"])
    assert math.isfinite(raw.F)
    assert raw.df2 < 1
    result = run(holding(table), arousal())
    assert "(CR2 by 5 speakers; all groups at once cannot be tested)" in result.summary[0]
    row = result.tables["nested"].set_index("test").loc["cr2_htz"]
    assert np.isnan([row["F"], row["p"], row["log_p"], row["p_holm"]]).all()
    assert any("0.8 denominator degrees of freedom are too few" in warning for warning in result.warnings)
    assert not any(re.search(r"F\(\d+, 0\.", line) for line in result.summary)


def test_disagreements_of_robust_tests_are_said(holding):
    """One wild value inflates a variance and hides from Welch what ranks see."""
    table = corpus()
    table.loc[table.index[table["emotion"] == "sad"][0], "arousal"] = 400.0
    result = run(holding(table), arousal())
    assert "robustness" in set(result.tables["disagreements"]["source"])
    assert any(line.startswith("Other checks that disagree") for line in result.summary)


def test_rows_left_out_are_counted(holding):
    table = corpus()
    table.loc[:6, "emotion"] = "happy;neutral"
    table.loc[7:9, "emotion"] = "fear"
    table["emotion_annotated"] = table["emotion"]
    table.loc[20:31, "arousal"] = np.nan
    result = run(holding(table), arousal())
    said = " | ".join(result.warnings)
    assert "label rule 5class leaves out 10 of 960 utterances, by their annotation: 7 ties, 3 fear" in said
    assert "arousal is missing in 12 utterances, left out: " in said
    assert result.values["rows_without_group"] == 10
    assert result.tables["groups"]["missing"].sum() == 12
    assert "judgements of the same raters" in said


def test_group_of_one_is_named_and_the_rest_kept(holding):
    table = corpus()
    table.loc[0, ["emotion", "emotion_annotated"]] = "fear"
    result = run(holding(table), arousal(labels="7class"))
    assert any("one value in fear" in warning for warning in result.warnings)
    untested = result.tables["pairs"].query("b == 'fear' or a == 'fear'")
    assert untested["p"].isna().all()
    assert (untested["reason"] != "").all()
    assert result.summary[0].startswith(
        "arousal: 9 of 15 pairs differ at .05; no evidence for: angry-happy; cannot be tested: angry-fear"
    )


def test_few_dyads_are_not_tested_and_many_are(holding):
    result = run(holding(corpus(speakers=8)), arousal())
    assert set(result.tables["nested"]["cluster"]) == {"speaker"}
    assert any("4 sessions are too few" in warning for warning in result.warnings)
    asked = run(holding(corpus(speakers=8)), arousal(cluster="session"))
    assert set(asked.tables["nested"]["cluster"]) == {"session"}


def test_factor_that_is_the_cluster_has_no_nested_test(holding):
    result = run(holding(corpus(speakers=4)), AnovaConfig(dv=("level",), between="speaker"))
    assert "0 of 6 pairs differ at .05; cannot be tested: " in result.summary[0]
    assert any("are in one cluster" in warning for warning in result.warnings)


def test_seed_decides_the_draws(holding):
    first, again, other = (run(holding(corpus()), arousal(seed=seed)).tables["groups"] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["ci_low"].equals(other["ci_low"])


def test_text_of_a_corpus_may_be_a_group(holding):
    table = corpus()
    table["mood"] = np.where(table["emotion"] == "sad", "<script>|슬픔", " ")
    table.loc[table["emotion"] == "happy", "mood"] = "행복"
    result = run(holding(table), arousal(between="mood"))
    assert result.tables["groups"]["group"].tolist() == ["<script>|슬픔", "행복"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dv": ("arousl",)}, "did you mean 'arousal'"),
        ({"dv": ("sex",)}, "'sex' is not numeric"),
        ({"dv": ("is_tie",)}, "'is_tie' is not numeric"),
        ({"between": "emotoin"}, "did you mean 'emotion'"),
        ({"between": "arousal"}, "'arousal' is not categorical"),
        ({"between": "majority"}, "'majority' is not categorical"),
        ({"labels": "5clas"}, "did you mean '5class'"),
        ({"cluster": "speakr"}, "did you mean 'speaker'"),
        ({"between": "id"}, "has 960 groups"),
    ],
)
def test_unknown_names_suggest_the_nearest(holding, settings, said):
    table = corpus().assign(id=[f"u{number}" for number in range(960)])
    with pytest.raises(ConfigError, match=said):
        run(holding(table), arousal(**settings))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"emotion": "happy"}, r"fewer than two groups \(only 'happy'\)"),
        ({"emotion": "fear"}, r"fewer than two groups \(none\)"),
        ({"arousal": np.nan}, "arousal cannot be compared between emotion"),
        ({"arousal": 3.0}, "zero variance in angry"),
    ],
)
def test_nothing_to_compare_is_a_sentence(holding, change, said):
    with pytest.raises(AnalysisError, match=said):
        run(holding(corpus().assign(**change)), arousal())


def test_configuration_is_identity_and_refuses():
    config = AnovaConfig(dv=("valence",), between="sex")
    assert AnovaConfig.model_validate_json(config.model_dump_json()) == config
    for settings in (
        {"dv": []},
        {"dv": ["arousal", "arousal"]},
        {"seed": -1},
        {"smallest_effect": 0},
        {"betwen": "sex"},
    ):
        with pytest.raises(ConfigError):
            validated(AnovaConfig, settings, where="anova")


@pytest.mark.slow
def test_real_store_end_to_end(store, tmp_path):
    result = run(store, AnovaConfig())
    content = write(ANALYSIS, result, store=store, config=AnovaConfig(), out=tmp_path)
    assert set(content["tables"]) == TABLES
    assert set(content["figures"]) == {
        f"{kind}_{dv}" for kind in ("raincloud", "forest", "qq") for dv in AnovaConfig().dv
    }
    for name, table in result.tables.items():
        read = pd.read_parquet(tmp_path / f"tables/{name}.parquet")
        assert list(read.columns) == list(table.columns)
        p = [column for column in read if column == "p" or column.startswith("p_")]
        assert not (read[p] == 0).any().any()


def test_every_table_and_column_is_documented(holding):
    tables = run(holding(corpus()), arousal()).tables
    page = (Path(__file__).parents[3] / "docs/analyses.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^#### (\w+)\n(.*?)(?=^#|\Z)", page.partition("\n## anova\n")[2], re.M | re.S))
    assert list(sections)[: len(tables)] == list(tables)
    for name, table in tables.items():
        first_cells = re.findall(r"^\| (`.*?) \|", sections[name], re.M)
        documented = [column for cell in first_cells for column in re.findall(r"`(\w+)`", cell)]
        assert sorted(["dv", *documented]) == sorted(table.columns)


def test_command(copied, tmp_path):
    cli, where = CliRunner(), ["analyze", "anova", str(copied.path), "--dv", "duration"]
    done = cli.invoke(app, [*where, "--between", "sex"])
    assert done.exit_code == 0
    assert "duration: " in done.stdout
    assert (copied.path / "analyses/anova/result.json").exists()
    json_ = cli.invoke(app, [*where, "--out", str(tmp_path / "o"), "--json"])
    assert json.loads(json_.stdout)["config"]["labels"] == "5class"
    refused = cli.invoke(app, ["analyze", "anova", str(copied.path), "--dv", "valenc"])
    assert isinstance(refused.exception, ConfigError)


def test_class_means_and_powerful_pairs_of_the_synthetic_corpus(store):
    """Means within 5 standard errors of the published ones, and every difference of 6 standard errors is found."""
    tables = run(store, AnovaConfig(labels="7class")).tables
    for row in tables["groups"].itertuples():
        truth = CLASS_MEANS[row.group][row.dv == "arousal"]
        if row.n > 1:
            assert abs(row.mean - truth) < 5 * max(row.sd, 0.2) / math.sqrt(row.n)
    assert set(tables["groups"]["group"]) <= set(EMOTIONS)
    tested = tables["pairs"].dropna(subset="se")
    assert len(tested) >= len(list(combinations(["neutral", "happy"], 2)))
    for row in tested[tested["df"] > 20].itertuples():
        truth = CLASS_MEANS[row.a][row.dv == "arousal"] - CLASS_MEANS[row.b][row.dv == "arousal"]
        if abs(truth) > 7 * row.se:
            assert row.significant
