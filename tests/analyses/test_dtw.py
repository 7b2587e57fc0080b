from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from kemfeat_cli.app import app
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from kemfeat.analyses import AnalysisResult, _dtw_choice, _dtw_distances, _output
from kemfeat.analyses._dtw_barycentres import MOST, barycentre
from kemfeat.analyses._dtw_distances import Room, measure, nearest
from kemfeat.analyses._dtw_series import energy, read
from kemfeat.analyses.dtw import ANALYSIS, DtwClustersConfig, run
from kemfeat.config import validated
from kemfeat.errors import AnalysisError, ConfigError, StoreCorruptError
from kemfeat.labels import FIVE_CLASSES
from kemfeat.stats import dtw, validity
from kemfeat.stats.clustering import tsclust
from kemfeat.store import blocks, schema
from kemfeat.store.reader import Store, open_store

SIGNALS = ("temp", "eda", "ibi", "mel-energy")
Series = Sequence[Any]


def configured(**values: Any) -> DtwClustersConfig:
    return validated(DtwClustersConfig, {"workers": 2, **values}, where="dtw")


def plant(store: Store, series: Series, emotions: Sequence[str | None] | None = None) -> Store:
    """A store whose rows have these temperatures (None for none) and emotions."""
    values, inside = np.full((len(store), 160), np.nan, "f4"), np.zeros((len(store), 160), bool)
    for row, samples in enumerate(series):
        known = np.asarray([] if samples is None else samples)
        values[row, : len(known)], inside[row, : len(known)] = known, np.isfinite(known)
    for name, content in (("temp", values), ("temp_mask", inside)):
        zarr.open_array(store.path / schema.array_path("temp", name), mode="r+")[:] = content
    if emotions is not None:
        table = store.utterances.assign(emotion=list(emotions), emotion_annotated=list(emotions))
        table.to_parquet(store.path / schema.UTTERANCES)
    return open_store(store.path)


def shapes(kinds: Sequence[int], *, seed: int = 0, noise: float = 0.05) -> list[np.ndarray]:
    """Series of 12 to 30 samples that rise, fall, peak or dip, at levels of their own."""
    rng = np.random.default_rng(seed)
    base: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda t: t, lambda t: 1 - t, lambda t: np.sin(np.pi * t), lambda t: 1 - np.sin(np.pi * t)
    ]  # fmt: skip
    made = []
    for kind in kinds:
        t = np.linspace(0, 1, rng.integers(12, 30))
        made.append(rng.normal(30, 3) + base[kind](t) + rng.normal(0, noise, len(t)))
    return made


@pytest.fixture(scope="module")
def found(store: Store) -> AnalysisResult:
    return run(store, configured(k_range=(2, 5)))


@pytest.fixture(scope="module")
def series() -> list[np.ndarray]:
    return shapes(np.random.default_rng(3).integers(4, size=150))


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
    assert "emotion go together beyond chance within speakers (permutation p = 0.001)" in result.summary[0]


def test_clear_shapes_that_have_nothing_to_do_with_emotion_are_not_said_to(copied: Store):
    rng = np.random.default_rng(1)
    result = run(
        plant(copied, shapes(rng.integers(4, size=len(copied))), rng.choice(FIVE_CLASSES, len(copied))),
        configured(k_range=(4, 4)),
    )
    assert result.values["indices"]["Sil"] > 0.5
    assert abs(result.values["association"]["ami"]) < 0.05
    assert "do not go together" in result.summary[0]
    assert "says how clearly shapes fall apart and nothing about emotion" in result.summary[1]


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
    assert "do not go together" in result.summary[0]


def test_a_single_emotion_cannot_go_together_with_anything(copied: Store):
    planted = plant(copied, shapes(np.arange(len(copied)) % 4), ["neutral"] * len(copied))
    result = run(planted, configured(k_range=(4, 4)))
    assert "all are of the emotion 'neutral'" in result.summary[0]
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
    assert "30 of 240 series (12%) are constant: scaled, they are 0 throughout and all alike" in result.warnings


def test_the_length_confound_is_reported_and_normalising_answers_it(store: Store, found: AnalysisResult):
    rho = found.values["length_confound"]["spearman"]
    assert f"a rank correlation of {rho:.2f}" in found.summary[3]
    assert rho > 0.3
    assert any("in part a matter of length" in warning and "--normalize" in warning for warning in found.warnings)
    divided = run(store, configured(k_range=(2, 2), normalize=True))
    assert divided.values["length_confound"]["spearman"] < rho
    assert divided.summary[3].startswith("Distance divided by the summed length")


def test_what_scaling_takes_is_reported_and_may_be_left(store: Store, found: AnalysisResult):
    members = found.tables["members"]
    spans = members["high_degC"] - members["low_degC"]
    assert f"spanned {spans.min():.3g} to {spans.max():.3g} degC (median {spans.median():.3g})" in found.summary[4]
    raw = run(store, configured(k_range=(2, 2), scale=False))
    assert not any("took level" in sentence for sentence in raw.summary)
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


# signals


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_is_read_as_the_store_has_it(store: Store, signal: str):
    cohort = read(store, signal=signal, labels="5class", workers=2)
    assert cohort.rate == 4
    assert cohort.unit == {"temp": "degC", "eda": "uS", "ibi": "s", "mel-energy": "dB"}[signal]
    rows = store.utterances.set_index("id")
    for name, samples, values in zip(cohort.table["id"], cohort.table["samples"], cohort.series, strict=True):
        row = rows.index.get_loc(name)
        assert samples == len(values) > 0
        if signal == "mel-energy":
            assert samples == 1 + math.floor((min(rows["mel_frames"].iloc[row], 400) - 1) * 4 / 31.25)
        else:
            mask = store.array(f"{signal}_mask")[row]
            np.testing.assert_array_equal(values, store.array(signal)[row][mask].astype(float))


def test_gaps_are_closed_up_and_counted(copied: Store):
    series: list[Any] = shapes([0] * len(copied))
    series[3] = [30.0, np.nan, 30.2, 30.3]
    series[4] = [np.nan, 30.0, 31.0]
    series[5] = None
    cohort = read(plant(copied, series, ["sad"] * len(copied)), signal="temp", labels="5class", workers=1)
    np.testing.assert_allclose(cohort.series[3], [30.0, 30.2, 30.3], rtol=1e-6)
    assert (cohort.gapped, cohort.silent, len(cohort.series)) == (2, 1, 239)


@settings(deadline=None, max_examples=30)
@given(frames=st.integers(0, 120), rate=st.sampled_from([31.25, 62.5, 100.0, 2.0]), level=st.floats(-80, 0))
def test_energy_of_a_constant_spectrogram_is_its_level(frames: int, rate: float, level: float):
    found = energy(np.full((frames, 5), level, "f4"), rate=rate)
    assert len(found) == (1 + math.floor((frames - 1) * 4 / rate) if rate > 4 and frames else frames)
    np.testing.assert_allclose(found, np.float32(level), rtol=1e-6, atol=1e-6)


def test_energy_is_the_mean_power_of_each_quarter_of_a_second():
    mel = np.random.default_rng(0).uniform(-60, 0, (20, 3))
    power = 10 ** (mel / 10)
    expected = [power[0:8].mean(), power[8:16].mean(), power[16:20].mean()]
    np.testing.assert_allclose(energy(mel, rate=32.0), 10 * np.log10(expected))


def test_barycentres_come_on_request(store: Store, found: AnalysisResult):
    assert set(found.tables["shapes"]["shape"]) == {"medoid"}
    result = run(store, configured(signal="eda", k_range=(3, 3), barycentres=True))
    table = result.tables["shapes"]
    sizes = table.groupby(["cluster", "shape"]).size().unstack()
    assert len(sizes) == 3
    assert (sizes["barycentre"] == sizes["medoid"]).all()
    assert table["value"].between(-1e-9, 1 + 1e-9).all()


def test_a_barycentre_is_nearer_to_its_members_than_the_medoid():
    members = [values - values.min() for values in shapes([2] * 12, noise=0.2)]
    found = barycentre(members, medoid=members[0], seed=0)

    def cost(centre: np.ndarray) -> float:
        distances = dtw.block([centre, *members], rows=[0], columns=range(1, 13), config=SQUARED)
        return float((distances**2).sum())

    assert cost(found) < cost(members[0])


SQUARED = dtw.DtwConfig(cost="squared", step="symmetric1")


def test_a_barycentre_of_equal_members_is_that_series_however_many_there_are():
    values = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(barycentre([values] * (MOST + 5), medoid=values, seed=0), values)


# methods


def test_golden_runs_of_tsclust_from_series_to_indices(shared: Path, tmp_path: Path):
    golden = shared / "data" / "golden"
    stored = json.loads((golden / "dtw_clusters.json").read_text())
    raw = json.loads((golden / "dtw_series.json").read_text())
    values = raw["series"] if isinstance(raw, dict) else raw
    config = configured(method="tsclust").distance
    found = measure(dtw.scale(values).series, config=config, room=Room(memory=2e9, folder=tmp_path, workers=2), seed=0)
    golden_distances = np.loadtxt(golden / "dtw_basic_default_minmax.csv", delimiter=",")
    np.testing.assert_allclose(found.matrix, golden_distances, rtol=1e-12, atol=1e-12)
    for expected in (stored["k5_seed1"], *stored["k2to10_seed42"]):
        k, init = expected["k"], tuple(place - 1 for place in expected["init"])
        method = _dtw_choice.Method(name="tsclust", restarts=10, seed=0, init=init)
        (trial,) = _dtw_choice.try_all(found.matrix, ks=[k], method=method, workers=1)
        np.testing.assert_array_equal(trial.found.labels + 1, expected["cluster"])
        np.testing.assert_array_equal(trial.found.medoids + 1, expected["medoids"])
        assert trial.found.iterations == expected["iter"]
        for name, value in expected["cvi"].items():
            assert trial.indices[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name


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
    assert _output.plain(again.values) == _output.plain(found.values)
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_exact=True)


# distances beyond memory


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("workers", [1, 2])
def test_blocks_hold_the_same_bits_as_memory(series: list[np.ndarray], tmp_path: Path, workers: int):
    config = configured().distance
    room = Room(memory=1e4, folder=tmp_path, workers=workers)
    found = measure(series, config=config, room=room, seed=7)
    assert len(found.sample) == 50
    whole = dtw.distance_matrix(series, dtype="float32")
    np.testing.assert_array_equal(found.matrix, whole[np.ix_(found.sample, found.sample)])
    (folder,) = tmp_path.iterdir()
    np.testing.assert_array_equal(blocks.open_blocks(folder).square(range(150)), whole)


@pytest.mark.usefixtures("small_blocks")
def test_an_interrupted_run_goes_on_where_it_stopped(
    series: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config, room = configured().distance, Room(memory=1e4, folder=tmp_path, workers=1)
    calls: list[int] = []
    real = dtw.block

    def counted(*arguments: Any, **options: Any) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(_dtw_distances.dtw, "block", counted)
    with pytest.raises(KeyboardInterrupt):
        measure(series, config=config, room=room, seed=0)
    calls.clear()
    monkeypatch.setattr(_dtw_distances.dtw, "block", lambda *a, **o: calls.append(1) or real(*a, **o))
    measure(series, config=config, room=room, seed=0)
    assert len(calls) == 4  # of 6 blocks
    measure(series, config=config, room=room, seed=0)
    assert len(calls) == 4


@pytest.mark.usefixtures("small_blocks")
def test_other_series_or_settings_have_blocks_of_their_own(series: list[np.ndarray], tmp_path: Path):
    room = Room(memory=1e4, folder=tmp_path, workers=1)
    for values, normalize in ((series, False), (series, True), ([s + 1 for s in series], False)):
        measure(values, config=configured(normalize=normalize).distance, room=room, seed=0)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.usefixtures("small_blocks")
def test_a_damaged_folder_of_blocks_is_a_sentence(series: list[np.ndarray], tmp_path: Path):
    room = Room(memory=1e4, folder=tmp_path, workers=1)
    measure(series, config=configured().distance, room=room, seed=0)
    (folder,) = tmp_path.iterdir()
    (folder / "order.npy").unlink()
    with pytest.raises(StoreCorruptError, match="delete this folder"):
        measure(series, config=configured().distance, room=room, seed=0)


def test_every_series_goes_to_its_nearest_medoid(series: list[np.ndarray]):
    medoids = np.array([3, 90, 140])
    labels, distances = nearest(series, medoids=medoids, config=configured().distance)
    D = dtw.distance_matrix(series, dtype="float32")[:, medoids]
    np.testing.assert_array_equal(labels, D.argmin(axis=1))
    np.testing.assert_array_equal(distances, D.min(axis=1))


@pytest.mark.usefixtures("small_blocks")
def test_a_sample_is_clustered_where_distances_do_not_fit(copied: Store, tmp_path: Path):
    kinds = np.arange(len(copied)) % 4
    planted = plant(copied, shapes(kinds), ["sad", "happy", "angry"] * (len(copied) // 3))
    result = run(planted, configured(k_range=(2, 5), memory=4e-5, blocks=tmp_path / "out"))
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
    with pytest.raises(AnalysisError, match=rf"has no array '{array}', which {signal} is made of.*there: .*eda"):
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
    with pytest.raises(AnalysisError, match="all 240 series of temp are alike"):
        run(planted, configured())
    assert run(planted, configured(k_range=(2, 2), scale=False)).values["k"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k_range": (1, 5)}, "k_range is 1 to 5; expected at least 2"),
        ({"k_range": (6, 5)}, "k_range is 6 to 5"),
        ({"init": (1, 2)}, "init names 2 medoids for fasterpam"),
        ({"init": (1, 2), "method": "tsclust"}, "exactly one k"),
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


# the command


def kemfeat(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["analyze", "dtw", *map(str, arguments)])


def test_the_command_writes_everything_and_prints_a_few_lines(store: Store, tmp_path: Path):
    out = tmp_path / "out"
    said = kemfeat(store.path, "--signal", "eda", "--k-range", "2:3", "--restarts", 2, "--out", out)
    assert said.exit_code == 0, said.output
    content = json.loads((out / "result.json").read_text())
    assert content["analysis"] == ANALYSIS.name
    assert set(content["tables"]) == {
        "indices", "clusters", "association", "cluster_by_emotion", "shapes", "starts", "bootstrap", "members"
    }  # fmt: skip
    assert set(content["figures"]) == {"silhouettes", "medoids", "distances", "indices_by_k"}
    named = [name for entry in content["tables"].values() for name in entry["files"]]
    named += [name for files in content["figures"].values() for name in files]
    assert [name for name in named if not (out / name).is_file()] == []
    assert content["config"]["k_range"] == [2, 3]
    assert not {"workers", "blocks"} & set(content["config"])
    assert said.output.startswith(content["summary"][0][:40])


def test_one_k_and_json(store: Store, tmp_path: Path):
    init = "--init", "0,40,80"
    said = kemfeat(store.path, "--k", 3, "--method", "tsclust", *init, "--normalize", "--json", "--out", tmp_path)
    assert said.exit_code == 0, said.output
    content = json.loads(said.output)
    assert content["values"]["k"] == 3
    assert content["config"]["init"] == [0, 40, 80]
    assert content["values"]["distance"]["normalize"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--k-range", "2-10"), "--k-range 2-10: expected whole numbers, for example --k-range 2:10"),
        (("--k-range", "5"), "k_range"),
        (("--init", "a,b"), "--init a,b: expected whole numbers"),
    ],
)
def test_options_that_do_not_fit_are_refused(store: Store, options: tuple[str, ...], message: str):
    error = kemfeat(store.path, *options).exception
    assert isinstance(error, ConfigError)
    assert message in str(error)
