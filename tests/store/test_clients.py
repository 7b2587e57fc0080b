"""Stores are read by programs that nobody here wrote, and they see the same values."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorstore
import xarray as xr
import zarr

from kemfeat.store import schema
from kemfeat.store.reader import Store

GROUPS = {
    "mel": ("mel", "mel_lengths"),
    "delta": ("delta", "delta_lengths"),
    "tokens": ("input_ids", "attention_mask", "token_type_ids"),
    "eda": ("eda", "eda_mask"),
    "temp": ("temp", "temp_mask"),
    "ibi": ("ibi", "ibi_mask"),
}


COORDINATES = {
    "mel": {"utterance", "frame", "mel_bin"},
    "delta": {"utterance", "frame", "mel_bin"},
    "tokens": {"utterance"},
    "eda": {"utterance", "eda_sample"},
    "temp": {"utterance", "temp_sample"},
    "ibi": {"utterance", "ibi_sample"},
}


@pytest.mark.parametrize("feature", GROUPS)
def test_xarray_opens_every_feature_group(finished: Store, feature: str) -> None:
    with xr.open_zarr(finished.path / schema.FEATURES, group=feature) as group:
        assert set(group.data_vars) == set(GROUPS[feature])
        assert set(group.coords) == COORDINATES[feature]
        for name, variable in group.data_vars.items():
            assert_array(finished, str(name), variable.to_numpy())
            assert variable.dims == finished.header.arrays[str(name)].dims
            assert variable.attrs["units"] == finished.header.arrays[str(name)].unit
            assert variable.attrs["description"] == finished.header.arrays[str(name)].description


def test_xarray_selects_by_id_time_and_frequency(finished: Store) -> None:
    name = finished.utterances["id"][7]
    config = finished.header.config.settings["mel"]
    step = config["hop_length"] / config["sampling_rate"]
    with xr.open_zarr(finished.path / schema.FEATURES, group="mel") as group:
        part = group["mel"].sel(utterance=name, frame=slice(2.5 * step, 5.5 * step)).sel(mel_bin=1000, method="nearest")
        band = int(np.argmin(np.abs(group["mel_bin"].to_numpy() - 1000)))
        assert group["utterance"].to_numpy().tolist() == finished.utterances["id"].tolist()
        assert part.to_numpy().tolist() == finished.array("mel")[7, 3:6, band].tolist()  # type: ignore[index]
        assert group["mel"].attrs["lengths"] == "mel_lengths"


def test_xarray_selects_samples_of_physiology_by_time(finished: Store) -> None:
    with xr.open_zarr(finished.path / schema.FEATURES, group="eda") as group:
        part = group["eda"].isel(utterance=3).sel(eda_sample=slice(0.25, 0.5)).to_numpy()
        assert np.array_equal(part, np.asarray(finished.array("eda")[3])[1:3])
        assert group["eda"].attrs["mask"] == group["eda_mask"].attrs["mask"] == "eda_mask"


def test_tensorstore_reads_the_times(finished: Store) -> None:
    path = finished.path / schema.FEATURES / "mel" / "frame"
    opened = tensorstore.open(
        {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}, open=True, read=True
    ).result()
    rate = finished.array("mel").attrs["frame_rate_hz"]
    assert opened.read().result() == pytest.approx(np.arange(20) / rate)


def test_xarray_opens_the_whole_as_a_tree(finished: Store) -> None:
    with xr.open_datatree(finished.path / schema.FEATURES, engine="zarr") as tree:
        assert set(tree.children) == set(GROUPS)
        for feature, names in GROUPS.items():
            for name in names:
                assert_array(finished, name, tree[f"{feature}/{name}"].to_numpy())


def test_xarray_reads_consolidated_metadata(finished: Store) -> None:
    with xr.open_zarr(finished.path / schema.FEATURES, group="mel", consolidated=True) as group:
        assert group["mel"].shape == finished.header.arrays["mel"].shape


def test_zarr_lists_the_groups(finished: Store) -> None:
    root = zarr.open_group(finished.path / schema.FEATURES, mode="r")
    assert {name: tuple(sorted(group)) for name, group in root.groups()} == {
        name: tuple(sorted({*arrays, *COORDINATES[name]})) for name, arrays in GROUPS.items()
    }
    assert root.attrs["kemfeat_format_version"] == 2


@pytest.mark.parametrize("name", [name for names in GROUPS.values() for name in names])
def test_tensorstore_reads_every_shard(finished: Store, name: str) -> None:
    info = finished.header.arrays[name]
    path = finished.path / schema.array_path(info.feature, name)
    opened = tensorstore.open(
        {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}, open=True, read=True
    ).result()
    assert opened.domain.labels == info.dims
    assert opened.chunk_layout.write_chunk.shape[0] == finished.header.config.rows_per_shard
    assert_array(finished, name, opened.read().result())


def test_arrays_say_what_the_corpus_gave(finished: Store) -> None:
    """The comparisons above would hold for arrays of nothing but padding; these values are known."""
    lengths = finished.array("mel_lengths")[:]
    assert set(lengths) == {20}
    assert np.isfinite(finished.array("mel")[:]).all()
    assert finished.array("mel")[:].max() == 0.0
    eda, mask = finished.array("eda")[:], finished.array("eda_mask")[:]
    assert list(mask.sum(axis=1)) == [0] + [3] * 19
    assert np.array_equal(np.isfinite(eda), mask)
    assert ((eda[mask] >= 0.9) & (eda[mask] <= 1.1)).all()
    assert (finished.array("input_ids")[:, 0] == 2).all()


def test_duckdb_joins_the_tables(finished: Store) -> None:
    connection = opened_by_duckdb(finished)
    rows = connection.sql("""
        select u.id, count(distinct r.rater) as raters, avg(r.valence) as mean, any_value(s.samples) as samples
        from utterances u
        join ratings r using (id)
        left join (
            select id, speaker, count(*) as samples from signals where medium = 'eda' group by all
        ) s on s.id = u.id and s.speaker = u.speaker
        group by all order by u.id
        """).df()
    expected = finished.utterances.sort_values("id", ignore_index=True)
    assert rows["id"].tolist() == expected["id"].tolist()
    assert set(rows["raters"]) == {10}
    assert np.allclose(rows["mean"], expected["valence"])
    assert rows["samples"].fillna(0).tolist() == expected["eda_length_total"].tolist()


def test_duckdb_joins_keys_by_row_number(finished: Store) -> None:
    connection = opened_by_duckdb(finished)
    found = connection.sql("""
        select u.id, k.mel from (select *, row_number() over () as n from utterances) u
        join (select *, row_number() over () as n from keys) k using (n) order by n
        """).fetchall()
    assert found == list(zip(finished.utterances["id"], finished.keys["mel"], strict=True))


def opened_by_duckdb(store: Store) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name in ("utterances", "ratings", "keys"):
        connection.read_parquet(str(store.path / f"{name}.parquet")).create_view(name)
    connection.read_parquet(str(store.path / "signals" / "*.parquet")).create_view("signals")
    return connection


@pytest.mark.parametrize("name", ["utterances", "ratings", "keys", "failures", "signal_index", "sources"])
def test_pandas_and_pyarrow_read_every_table(finished: Store, name: str) -> None:
    path = finished.path / f"{name}.parquet"
    table = pq.read_table(path)
    assert table.schema.metadata is None
    pd.testing.assert_frame_equal(pd.read_parquet(path), table.to_pandas(), check_dtype=False)


def test_tables_agree_with_the_reader(finished: Store) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(finished.path / "utterances.parquet"), finished.utterances)
    pd.testing.assert_frame_equal(pd.read_parquet(finished.path / "ratings.parquet"), finished.ratings)
    assert len(finished.ratings) == 10 * len(finished)
    signals = pd.concat([finished.signals(session) for session in finished.header.sessions])
    assert len(signals) == pq.read_table(finished.path / "signals").num_rows


def assert_array(store: Store, name: str, values: Any) -> None:
    expected = store.array(name)[:]
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)
