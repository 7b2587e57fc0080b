"""Feature statistics are those of the real values, and the sample is the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from kemfeat.errors import StoreCorruptError
from kemfeat.report import measures
from kemfeat.report.measures import features, read, sample_rows
from kemfeat.store.reader import Store, open_store
from tests.build.kit import ROWS, Bench, with_settings
from tests.report.conftest import columns


@pytest.fixture
def store(finished: Bench) -> Store:
    return open_store(finished.out)


def test_statistics_leave_padding_out(store: Store) -> None:
    arrays, _, _ = features(store)
    rows = {row[0].text: dict(zip(arrays.head, row, strict=True)) for row in arrays.rows}
    assert list(rows) == list(store.arrays)
    mel, lengths = store.array("mel")[:], store.array("mel_lengths")[:]
    real = np.concatenate([frames[:length].ravel() for frames, length in zip(mel, lengths, strict=True)])
    assert rows["mel"]["minimum"].number == real.min()
    assert rows["mel"]["mean"].number == pytest.approx(real.mean(dtype=np.float64))
    assert rows["mel"]["maximum"].number == real.max()
    assert rows["mel"]["padding or gaps"].number == pytest.approx(1 - lengths.sum() / (len(mel) * mel.shape[1]))
    eda, mask = store.array("eda")[:], store.array("eda_mask")[:]
    assert rows["eda"]["mean"].number == pytest.approx(eda[mask].mean(dtype=np.float64))
    assert rows["eda"]["padding or gaps"].number == pytest.approx(1 - mask.mean())
    ids, attention = store.array("input_ids")[:], store.array("attention_mask")[:].astype(bool)
    assert rows["input_ids"]["maximum"].number == ids[attention].max()
    assert rows["attention_mask"]["padding or gaps"].nothing
    assert rows["mel"]["shape"].text.replace("\u00a0", " ") == "12 × 32 × 16"


def test_the_sample_is_seeded_sorted_and_without_repeats(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample_rows(store, "mel").tolist() == list(range(ROWS))
    monkeypatch.setattr(measures, "SAMPLE_ROWS", 5)
    rows = sample_rows(store, "mel")
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 5
    assert np.array_equal(rows, sample_rows(store, "mel"))
    assert np.array_equal(read(store, "mel", rows).values, store.array("mel")[:][rows])


def test_a_lost_mask_is_damage_and_not_an_array_without_a_value(bench: Bench) -> None:
    store = open_store(bench.out)
    mask = store.path / "features.zarr" / "eda" / "eda_mask" / "c"
    for shard in sorted(mask.rglob("0")):
        if shard.is_file():
            shard.unlink()
    for shard in (path for path in mask.rglob("*") if path.is_file()):
        shard.unlink()
    with pytest.raises(StoreCorruptError, match="is missing"):
        features(store)


def test_functionals_tell_what_rows_lack_and_why(bench: Bench) -> None:
    fresh = bench.fresh()
    features_ = ("ibi", "hrv", "hrv@wide")
    fresh.build(settings=with_settings(features=features_, **{"hrv@wide": {"context": 60.0}}))
    store = open_store(fresh.out)
    _, _, functionals, _ = features(store)
    found = list(zip(*(columns(functionals)[name] for name in functionals.head), strict=True))
    for feature, tag in (("hrv", ""), ("hrv@wide", "@wide")):
        numbers = [f"hrv.{name}{tag}" for name in ("mean_hr", "sdnn", "rmssd", "pnn50")]
        lacking = store.utterances[numbers].isna().sum(axis=1)
        mine = [row for row in found if row[0] == feature]
        if not lacking.any():
            assert mine == [(feature, "0 of 4", "–", str(ROWS), "100.0%")]
            continue
        assert sum(int(row[3]) for row in mine) == (lacking > 0).sum()
        for _, lost, reason, rows, _ in mine:
            alike = (lacking == int(lost.split()[0])) & (store.utterances[f"hrv.reason{tag}"] == reason)
            assert alike.sum() == int(rows)
    assert {row[2] for row in found if row[0] == "hrv"} & {"fewer than 5 intervals", "no heart beats recorded"}


def test_cuts_and_missing_rows_are_those_of_the_data_card(store: Store) -> None:
    _, missing, cuts = features(store)
    assert columns(missing)["rows"] == ["0"] * len(store.header.features)
    utterances = store.utterances
    lost = int((utterances["n_pieces"] > 6).sum())
    shown = columns(cuts)
    assert shown["utterances cut"][shown["what"].index("input_ids")] == str(lost)
