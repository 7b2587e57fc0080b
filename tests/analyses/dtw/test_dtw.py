from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from kemfeat.analyses import AnalysisResult, output
from kemfeat.analyses.dtw import run
from kemfeat.analyses.dtw._series import read
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.stats import dtw, validity
from kemfeat.stats.clustering import tsclust
from kemfeat.store import blocks
from kemfeat.store.reader import Store
from tests.analyses.dtw.kit import configured, plant, shapes


@pytest.fixture(scope="module")
def found(store: Store) -> AnalysisResult:
    return run(store, configured(k_range=(2, 5)))


# what goes together with emotion


def test_shapes_that_follow_emotion_are_found_and_said_to(copied: Store):
    rng = np.random.default_rng(0)
    kinds = rng.integers(4, size=len(copied))
    emotions = np.array(FIVE_CLASSES)[np.where(rng.random(len(copied)) < 0.8, kinds, rng.integers(4, size=len(copied)))]
    result = run(plant(copied, shapes(kinds), emotions), configured(k_range=(2, 6)))
    members = result.tables["members"]
    assert result.values["k"] == 4
    assert adjusted_rand_score(members["cluster"], kinds) == pytest.approx(1)
    assert result.values["association"]["p_permutation"] == pytest.approx(0.001)
    assert result.values["association"]["ami"] > 0.4
    assert ": an association with emotion within speakers (permutation p = 0.001)" in result.summary[0]


def test_clear_shapes_that_have_nothing_to_do_with_emotion_are_not_said_to(copied: Store):
    rng = np.random.default_rng(1)
    result = run(
        plant(copied, shapes(rng.integers(4, size=len(copied))), rng.choice(FIVE_CLASSES, len(copied))),
        configured(k_range=(4, 4)),
    )
    assert result.values["indices"]["Sil"] > 0.5
    assert abs(result.values["association"]["ami"]) < 0.05
    assert "no evidence of an association with emotion" in result.summary[0]
    assert "says how distinct the clusters are and nothing about emotion" in result.summary[1]


def test_blurred_shapes_may_follow_emotion_all_the_same(copied: Store):
    kinds = np.random.default_rng(2).integers(2, size=len(copied))
    planted = plant(copied, shapes(kinds, noise=0.6), np.array(["sad", "happy"])[kinds])
    result = run(planted, configured(k_range=(2, 2)))
    assert result.values["indices"]["Sil"] < 0.3
    assert result.values["association"]["p_permutation"] == pytest.approx(0.001)


def test_clusters_that_only_tell_speakers_apart_do_not_count_as_emotion(copied: Store):
    speakers = copied.utterances["speaker"]
    kinds = (speakers.str[-4:-1].astype(int) % 2).to_numpy()
    rng = np.random.default_rng(3)
    leaning = np.where(rng.random(len(copied)) < 0.85, kinds, 1 - kinds)
    result = run(plant(copied, shapes(kinds), np.array(["sad", "happy"])[leaning]), configured(k_range=(2, 2)))
    assert result.values["association"]["p_chi2"] < 1e-12
    assert result.values["association"]["p_permutation"] > 0.05
    assert "no evidence of an association with emotion" in result.summary[0]


def test_a_single_emotion_cannot_go_together_with_anything(copied: Store):
    planted = plant(copied, shapes(np.arange(len(copied)) % 4), ["neutral"] * len(copied))
    result = run(planted, configured(k_range=(4, 4)))
    assert "all have the emotion 'neutral'" in result.summary[0]
    assert result.values["association"] is None
    assert "association" not in result.tables


# tables


def test_members_are_the_labelled_rows_with_the_signal(store: Store, found: AnalysisResult):
    members, labels = found.tables["members"], store.labels("5class")
    measured = store.array("temp_mask")[:].any(axis=1)
    expected = store.utterances["id"][labels.notna() & measured]
    assert members["id"].tolist() == expected.tolist()
    assert found.values["left_out"] == {
        "without_label": int(labels.isna().sum()),
        "without_signal": int((labels.notna() & ~measured).sum()),
    }
    assert found.values["left_out"]["without_signal"] > 0


def test_every_number_of_clusters_has_all_seven_indices(store: Store, found: AnalysisResult):
    table = found.tables["indices"].set_index("k")
    assert table.index.tolist() == [2, 3, 4, 5]
    cohort = read(store, signal="temp", labels="5class", workers=1)
    D = dtw.distance_matrix(dtw.scale(cohort.series).series, dtype="float32")
    members, clusters = found.tables["members"], found.tables["clusters"]
    again = validity.indices(D, members["cluster"] - 1, clusters["medoid_row"])
    for name, value in again.items():
        assert table.loc[found.values["k"], name] == pytest.approx(value, rel=1e-12), name
    assert table["chosen"].sum() == 1
    assert table["Sil"].idxmax() == found.values["k"]
    assert (table["starts"] == 10).all()
    assert (found.tables["starts"].groupby("k")["cost"].min() == table["cost"]).all()


def test_clusters_add_up_and_their_medoids_are_in_them(store: Store, found: AnalysisResult):
    members, clusters = found.tables["members"], found.tables["clusters"].set_index("cluster")
    counted = members.groupby("cluster")
    assert (clusters["series"] == counted.size()).all()
    assert (clusters["constant"] == counted["constant"].sum()).all()
    np.testing.assert_allclose(clusters["mean_silhouette"], counted["silhouette"].mean())
    assert found.values["indices"]["Sil"] == pytest.approx(members["silhouette"].mean())
    for cluster, row in clusters.iterrows():
        medoid = members.loc[row["medoid_row"]]
        assert (medoid["id"], medoid["cluster"], medoid["distance"]) == (row["medoid"], cluster, 0)


def test_cluster_by_emotion_is_the_cross_table(found: AnalysisResult):
    members, crossed = found.tables["members"], found.tables["cluster_by_emotion"]
    wide = crossed.pivot_table(index="cluster", columns="emotion", values="n")
    expected = pd.crosstab(members["cluster"], members["emotion"])
    np.testing.assert_array_equal(wide, expected)
    assert crossed["expected"].sum() == pytest.approx(len(members))
    assert (crossed.groupby("emotion")["share_of_emotion"].sum() - 1).abs().max() < 1e-12
    assert (crossed["pearson_residual"] ** 2).sum() == pytest.approx(found.values["association"]["chi2"])


def test_shapes_are_the_scaled_medoids_over_time(store: Store, found: AnalysisResult):
    first = found.tables["shapes"].query("cluster == 1")
    row = store.utterances["id"].tolist().index(found.tables["clusters"]["medoid"][0])
    values = store.array("temp")[row][store.array("temp_mask")[row]].astype(float)
    np.testing.assert_allclose(first["value"], (values - values.min()) / (np.ptp(values) or 1), rtol=1e-12)
    np.testing.assert_array_equal(first["time_s"], np.arange(len(values)) / 4)


# sentences


def test_constant_series_are_flagged_and_counted(copied: Store):
    kinds = np.arange(len(copied)) % 4
    series = shapes(kinds)
    for row in range(0, 60, 2):
        series[row] = np.full(5 + row, 31.0 + row)
    result = run(plant(copied, series, ["neutral", "sad"] * (len(copied) // 2)), configured(k_range=(5, 5)))
    members = result.tables["members"]
    assert np.flatnonzero(members["constant"]).tolist() == list(range(0, 60, 2))
    assert members.loc[members["constant"], "cluster"].nunique() == 1
    assert result.values["constant_series"] == 30
    assert "30 of 240 series (12%) are constant: scaled, they are 0 throughout and all equal" in result.warnings


def test_the_length_confound_is_reported_and_normalising_answers_it(store: Store, found: AnalysisResult):
    rho = found.values["length_confound"]["spearman"]
    assert f"a rank correlation of {rho:.2f}" in found.summary[3]
    assert rho > 0.3
    assert any("depend in part on length" in warning and "--normalize" in warning for warning in found.warnings)
    divided = run(store, configured(k_range=(2, 2), normalize=True))
    assert divided.values["length_confound"]["spearman"] < rho
    assert divided.summary[3].startswith("Distance divided by the summed length")


def test_what_scaling_takes_is_reported_and_may_be_left(store: Store, found: AnalysisResult):
    members = found.tables["members"]
    spans = members["high_degC"] - members["low_degC"]
    assert f"spans of {spans.min():.3g} to {spans.max():.3g} °C (median {spans.median():.3g})" in found.summary[4]
    raw = run(store, configured(k_range=(2, 2), scale=False))
    assert not any("removed level" in sentence for sentence in raw.summary)
    assert raw.tables["shapes"]["value"].min() > 20
    by_level = raw.tables["members"].groupby("cluster")["low_degC"].agg(["min", "max"])
    assert by_level["max"].min() < by_level["min"].max()


def test_an_index_that_underflows_is_said_to_say_nothing(store: Store):
    result = run(store, configured(signal="eda", k_range=(2, 6)))
    lost = result.tables["indices"].query("SF < 1e-3")["k"].tolist()
    assert 0 < len(lost) < 5
    (said,) = [text for text in result.warnings if "index SF underflows to 0 for k = " in text]
    assert [int(k) for k in re.findall(r"[0-9]+", said)[1:]] == lost


def test_the_rule_for_k_and_the_other_index_are_stated(found: AnalysisResult):
    table = found.tables["indices"].set_index("k")
    assert f"k = {found.values['k']} of 2 to 5 by the largest mean silhouette" in found.summary[1]
    assert found.values["k_of_davies_bouldin"] == table["DB"].idxmin()
    disagree = any("the indices disagree on k" in warning for warning in found.warnings)
    assert disagree == (table["DB"].idxmin() != table["Sil"].idxmax())
    at_the_edge = any("is the largest that was tried" in warning for warning in found.warnings)
    assert at_the_edge == (found.values["k"] == 5)


def test_stability_over_starts_and_resamples_is_reported(found: AnalysisResult):
    stability = found.values["stability"]
    assert stability["bootstrap_ari"] == pytest.approx(found.tables["bootstrap"]["ari"].mean())
    assert f"the other 9 starts to {stability['starts_ari']:.2f}, 20 bootstrap resamples" in found.summary[2]


def test_one_start_has_no_other_to_agree_with(store: Store):
    result = run(store, configured(k_range=(3, 3), restarts=1))
    assert "no other start" in result.summary[2]
    assert math.isnan(result.values["stability"]["starts_ari"])
    assert "k = 3 as asked for" in result.summary[1]
    assert "indices_by_k" not in result.figures


# methods


@pytest.mark.slow
def test_barycentres_come_on_request(store: Store, found: AnalysisResult):
    assert set(found.tables["shapes"]["shape"]) == {"medoid"}
    result = run(store, configured(signal="eda", k_range=(3, 3), barycentres=True))
    table = result.tables["shapes"]
    sizes = table.groupby(["cluster", "shape"]).size().unstack()
    assert len(sizes) == 3
    assert (sizes["barycentre"] == sizes["medoid"]).all()
    assert table["value"].between(-1e-9, 1 + 1e-9).all()


def test_tsclust_begins_with_the_medoids_it_is_given(store: Store):
    init = (5, 60, 120)
    result = run(store, configured(method="tsclust", k_range=(3, 3), init=init))
    cohort = read(store, signal="temp", labels="5class", workers=1)
    expected = tsclust(dtw.distance_matrix(dtw.scale(cohort.series).series), 3, init=init)
    np.testing.assert_array_equal(result.tables["members"]["cluster"], expected.labels + 1)
    np.testing.assert_array_equal(result.tables["clusters"]["medoid_row"], expected.medoids)
    assert result.values["distance"]["dtype"] == "float64"
    assert result.tables["indices"]["starts"].tolist() == [1]


def test_tsclust_without_medoids_takes_the_best_of_its_starts(store: Store):
    result = run(store, configured(method="tsclust", k_range=(4, 4), restarts=6))
    starts = result.tables["starts"]["cost"]
    assert len(starts) == 6
    assert result.values["cost"] == starts.min()
    pam = run(store, configured(k_range=(4, 4), restarts=6)).values["cost"]
    assert pam <= starts.min() * (1 + 1e-5)


def test_the_number_of_workers_changes_nothing(store: Store, found: AnalysisResult):
    again = run(store, configured(k_range=(2, 5), workers=1))
    assert again.summary == found.summary
    assert again.warnings == found.warnings
    assert output.plain(again.values) == output.plain(found.values)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_exact=True)


def test_a_sample_is_clustered_where_distances_do_not_fit(
    copied: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(blocks, "BLOCK", 64)
    kinds = np.arange(len(copied)) % 4
    planted = plant(copied, shapes(kinds), ["sad", "happy", "angry"] * (len(copied) // 3))
    result = run(planted, configured(k_range=(2, 5), memory=4e-5, blocks=tmp_path / "out", workers=1))
    members = result.tables["members"]
    assert result.values["clustered_series"] == 100 == members["silhouette"].notna().sum()
    assert adjusted_rand_score(members["cluster"], kinds) == pytest.approx(1)
    assert any("100 series drawn at random were clustered" in warning for warning in result.warnings)
    assert [path.name.startswith("distances-") for path in (tmp_path / "out").iterdir()] == [True]


# refusals


def without(store: Store, name: str) -> Store:
    arrays = {array: info for array, info in store.header.arrays.items() if array != name}
    return Store(store.path, store.header.model_copy(update={"arrays": arrays}))


@pytest.mark.parametrize(("signal", "array"), [("temp", "temp"), ("ibi", "ibi_mask"), ("mel-energy", "mel")])
def test_a_store_without_the_signal_is_refused_with_what_it_has(store: Store, signal: str, array: str):
    with pytest.raises(AnalysisError, match=rf"has no array '{array}', which {signal} is made from.*available: .*eda"):
        run(without(store, array), configured(signal=signal))


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (0, {}, "none of 240 utterances with a label .5class. has a value of temp"),
        (10, {}, "10 labelled utterances have temp; expected more than the largest k, 10"),
        (240, {"method": "tsclust", "memory": 1e-6}, "tsclust needs all distances of 240 series at once"),
    ],
)
def test_too_few_series_or_too_little_room_is_a_sentence(
    copied: Store, rows: int, changes: dict[str, Any], message: str
):
    series = [*shapes([0] * rows), *([None] * (240 - rows))]
    with pytest.raises(AnalysisError, match=message):
        run(plant(copied, series, ["sad"] * 240), configured(**changes))


def test_series_that_are_all_alike_have_no_shapes(copied: Store):
    levels = [np.full(5 + row % 9, 30.0 + row) for row in range(240)]
    planted = plant(copied, levels, ["sad"] * 240)
    with pytest.raises(AnalysisError, match="all 240 series of temp are equal"):
        run(planted, configured())
    assert run(planted, configured(k_range=(2, 2), scale=False)).values["k"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k_range": (1, 5)}, "k_range is 1 to 5; expected at least 2"),
        ({"k_range": (6, 5)}, "k_range is 6 to 5"),
        ({"init": (1, 2)}, "init has 2 medoids for fasterpam"),
        ({"init": (1, 2), "method": "tsclust"}, "one value of k"),
        ({"restarts": 0}, "restarts"),
        ({"signal": "hr"}, "signal"),
        ({"memory": 0.0}, "memory"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        configured(**changes)


@pytest.mark.parametrize("changes", [{"labels": "8class"}, {"method": "tsclust", "k_range": (2, 2), "init": (0, 9999)}])
def test_what_only_the_store_can_tell_is_refused_in_a_sentence(store: Store, changes: dict[str, Any]):
    with pytest.raises(ConfigError, match=r"did you mean '7class'|different series from 0 to"):
        run(store, configured(**changes))
