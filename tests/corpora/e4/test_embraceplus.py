"""Sessions of EmbracePlus: files in order are one recording, with its gaps, or a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastavro", reason="fastavro: pip install 'kemfeat[embraceplus]'")

from kemfeat import build_store
from kemfeat.corpora.e4._embraceplus import INTERVALS, between, nominal
from kemfeat.errors import CorpusError, ExtractionError
from tests.corpora.e4_sessions import START, session_files, write_session, write_windows, write_zip
from tests.corpora.embraceplus_files import FOLDER, RATES, avro, record, write_files
from tests.corpora.test_e4 import opened, read, rows_of, values_of

NAME = "2019-06-11_1-1-100-3YK3K152F2"


def one_folder(root: Path, *records: dict[str, Any]) -> Path:
    """The files of one participant and day, as the Empatica cloud has them."""
    folder = root / FOLDER.format("1-1-100")
    write_files(folder, records)
    return folder


def changed(stream: str, **fields: object) -> dict[str, Any]:
    """A record with other fields in one of its streams."""
    made = record()
    made["rawData"][stream] = made["rawData"][stream] | fields
    return made


def test_files_that_follow_one_another_are_one_recording(tmp_path: Path) -> None:
    count = round(60 * RATES["eda"])
    pieces = [record(start=START + place * count / RATES["eda"], seed=place) for place in range(3)]
    one_folder(tmp_path, *pieces)
    write_windows(tmp_path, ["w1,1-1-100,50,130"], header="id,participant,start,end")
    manifest, findings = read(tmp_path)
    assert findings == {}
    row = manifest.utterances.iloc[0]
    assert (row["session"], row["speaker"]) == (NAME, "1-1-100")
    eda = np.concatenate([each["rawData"]["eda"]["values"] for each in pieces])
    at = np.arange(len(eda)) / RATES["eda"]
    rows = rows_of(tmp_path, NAME)
    assert values_of(rows, "w1", "eda") == eda[(at >= 50) & (at < 130)].tolist()
    own = rows[rows["medium"] == "eda"]
    assert own["value"].tolist() == eda.tolist()
    np.testing.assert_allclose((own["time"] - pd.Timestamp(START, unit="s")).dt.total_seconds(), at, atol=0.001)
    assert set(rows.groupby("medium")["sampling_rate"].first().dropna().items()) == {("eda", 4.0), ("temp", 1.0)}


@given(st.floats(0.2, 40), st.integers(0, 59), st.integers(1, 60))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_gap_is_missing_samples_and_moves_nothing(
    tmp_path_factory: pytest.TempPathFactory, gap: float, at: int, length: int
) -> None:
    root = tmp_path_factory.mktemp("embraceplus")
    count = round(30 * RATES["eda"])
    second = START + round(count / RATES["eda"] + gap, 6)
    pieces = [record(seconds=30), record(start=second, seconds=30, seed=1)]
    one_folder(root, *pieces)
    write_windows(root, [f"w1,{NAME},anna,{at},{at + length}"])
    read(root)
    rows = rows_of(root, NAME)
    eda = rows[(rows["id"] == "w1") & (rows["medium"] == "eda")]
    since = (eda["time"] - pd.Timestamp(START, unit="s")).dt.total_seconds().to_numpy()
    known = eda["value"].notna().to_numpy()
    expected = [
        value
        for start, piece in zip((0.0, second - START), pieces, strict=True)
        for place, value in enumerate(piece["rawData"]["eda"]["values"])
        if at <= start + place / RATES["eda"] + 1e-6 and start + place / RATES["eda"] + 1e-6 < at + length
    ]
    assert eda["value"][known].tolist() == expected
    if known.any() and len(since) > 1:
        assert np.abs(np.diff(since) - 0.25).max() < 0.13  # no window closes up over a gap
    elif not known.any():
        assert len(eda) == 0
    outside = rows[rows["id"].isna()]
    assert outside["value"].notna().all()


@given(st.lists(st.integers(0, 3_000), max_size=30))
def test_intervals_are_within_bounds_and_end_at_a_peak(steps: list[int]) -> None:
    peaks = np.int64(START * 1e9) + np.cumsum(np.array(steps, np.int64)) * 10**6
    times, intervals = between(peaks)
    pairs = [(now, now - last) for last, now in zip(peaks[:-1].tolist(), peaks[1:].tolist(), strict=True)]
    kept = [(now / 1e9, apart / 1e9) for now, apart in pairs if INTERVALS[0] <= apart / 1e9 <= INTERVALS[1]]
    assert list(zip(times.tolist(), intervals.tolist(), strict=True)) == kept


def test_no_interval_spans_two_files(tmp_path: Path) -> None:
    pieces = [record(seconds=10), record(start=START + 10, seconds=10, seed=1)]
    for piece, peaks in zip(pieces, ([9.0, 9.8], [10.6, 11.4, 15.0, 15.1, 15.8]), strict=True):
        piece["rawData"]["systolicPeaks"] = {"peaksTimeNanos": [round((START + at) * 1e9) for at in peaks]}
    one_folder(tmp_path, *pieces)
    write_windows(tmp_path, [f"w1,{NAME},anna,0,20"])
    rows = rows_of(tmp_path, NAME)
    np.testing.assert_allclose(values_of(rows, "w1", "ibi"), [0.8, 0.8, 0.7], atol=1e-9)
    np.testing.assert_allclose(rows.loc[rows["medium"] == "ibi", "offset"], [9.8, 11.4, 15.8], atol=1e-6)


def test_presses_of_the_button_cut_an_embraceplus_as_they_cut_an_e4(tmp_path: Path) -> None:
    one_folder(tmp_path, record(tags=(10,)), record(start=START + 60.1, seed=1, tags=(5, 30)))
    (tmp_path / "e4.toml").write_text("[tags]\nbefore = 5\nafter = 10\n")
    manifest, findings = read(tmp_path)
    assert findings == {}
    assert manifest.utterances[["id", "speaker", "start", "end"]].round(3).values.tolist() == [
        [f"{NAME}_tag01", "1-1-100", 5.0, 20.0],
        [f"{NAME}_tag02", "1-1-100", 60.1, 75.1],
        [f"{NAME}_tag03", "1-1-100", 85.1, 100.1],
    ]


def test_an_archive_is_read_like_its_folder(tmp_path: Path) -> None:
    files = {f"raw/{number}.avro": avro(record(start=START + 90 * number, seed=number)) for number in range(2)}
    write_session(tmp_path / "one/S1/raw", {})
    for name, content in files.items():
        (tmp_path / "one/S1" / name).write_bytes(content)
    write_zip(tmp_path / "two/S1_raw.zip", files)
    for root in (tmp_path / "one", tmp_path / "two"):
        write_windows(root, ["w1,S1_raw,anna,0,130"])
    one, two = (rows_of(tmp_path / name, "S1_raw") for name in ("one", "two"))
    assert one.equals(two)
    assert len(one) > 0
    assert opened(tmp_path / "two").sources(tmp_path / "two")["signals/S1_raw"] == ("S1_raw.zip", "windows.csv")
    assert opened(tmp_path / "one").sources(tmp_path / "one")["signals/S1_raw"] == (
        "S1/raw/0.avro",
        "S1/raw/1.avro",
        "windows.csv",
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (lambda: record(start=START + 90, participant="1-1-101"), "found the participant '1-1-101' and the device"),
        (lambda: record(start=START + 90, device="OTHER"), "device 'OTHER', but '1-1-100' and '3YK3K152F2' in"),
        (lambda: record(start=START + 30, seed=1), "begins at 2019-06-11T19:04:15Z, but that of .* remove the copy"),
        (lambda: record(start=START + 40 * 86_400), "expected those of a month at most; sort them into folders"),
        (lambda: changed("eda", samplingFrequency=-4.0), "eda.samplingFrequency: found -4.0, expected samples per"),
        (lambda: changed("eda", samplingFrequency=float("nan")), "eda.samplingFrequency: found nan"),
        (lambda: changed("temperature", timestampStart=1_560_279_825), "found 1560279825, expected microseconds since"),
        (lambda: changed("systolicPeaks", peaksTimeNanos=[10**18, 10**15]), "found 1000000000000000, expected nanose"),
        (lambda: changed("systolicPeaks", peaksTimeNanos=[2 * 10**18, 10**18]), "systolicPeaks that go back in time"),
        (lambda: changed("tags", tagsTimeMicros=[-5]), "tags.tagsTimeMicros: found -5, expected microseconds"),
    ],
)
def test_a_file_that_does_not_belong_is_a_fault_and_left_out(
    tmp_path: Path, second: Callable[[], dict[str, Any]], said: str
) -> None:
    folder = one_folder(tmp_path, record())
    (folder / "zz.avro").write_bytes(avro(second()))
    write_windows(tmp_path, [f"w1,{NAME},anna,0,50"])
    with pytest.raises(CorpusError, match=said):
        read(tmp_path)
    if "month" not in said:
        assert read(tmp_path, on_error="skip")[1] == {"unreadable-recording": 1}
        rows = rows_of(tmp_path, NAME)
        assert rows.loc[rows["medium"] == "eda", "value"].tolist() == record()["rawData"]["eda"]["values"]


def test_a_copy_in_the_folder_and_a_copy_of_the_folder(tmp_path: Path) -> None:
    folder = one_folder(tmp_path, record())
    (folder / "1-1-100_copy.avro").write_bytes(avro(record()))
    write_windows(tmp_path, [f"w1,{NAME},anna,0,50"])
    assert read(tmp_path, on_error="skip")[1] == {"unreadable-recording": 1}
    (folder / "1-1-100_copy.avro").unlink()
    write_files(tmp_path / "copy", [record()])
    assert read(tmp_path, on_error="skip")[1] == {"second-session": 1}


def test_files_of_an_e4_and_an_embraceplus_in_one_folder_are_a_fault(tmp_path: Path) -> None:
    folder = one_folder(tmp_path, record())
    write_session(folder, session_files(seed=3))
    write_windows(tmp_path, [f"w1,{NAME},anna,0,50"])
    with pytest.raises(CorpusError, match=r"v6/EDA\.csv: found a file of an E4 beside 1-1-100_1560279825\.avro of an"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: changed("systolicPeaks", peaksTimeNanos=[]), {"empty-ibi": 1}),
        (lambda: changed("temperature", values=[], samplingFrequency=0.0, timestampStart=0), {"empty-physiology": 1}),
        (lambda: changed("eda", values=[float("nan"), 1.0, float("inf")]), {}),
    ],
)
def test_what_was_not_recorded_is_missing(
    tmp_path: Path, made: Callable[[], dict[str, Any]], expected: dict[str, int]
) -> None:
    one_folder(tmp_path, made())
    write_windows(tmp_path, [f"w1,{NAME},anna,0,50"])
    assert read(tmp_path)[1] == expected
    if not expected:
        signals, findings = opened(tmp_path).read_signals(tmp_path, NAME)
        assert [(each.rule, each.count) for each in findings] == [("missing-value", 2)]
        np.testing.assert_array_equal(values_of(signals.to_pandas(), "w1", "eda"), [np.nan, 1.0, np.nan])


def test_a_record_of_something_else_is_a_fault(tmp_path: Path) -> None:
    folder = one_folder(tmp_path, record())
    schema = {"type": "record", "name": "R", "fields": [{"name": "temperature", "type": "double"}]}
    (folder / "weather.avro").write_bytes(avro({"temperature": 21.5}, schema=schema))
    write_windows(tmp_path, [f"w1,{NAME},anna,0,50"])
    with pytest.raises(CorpusError, match=r"weather\.avro: found a record without rawData, expected one of"):
        read(tmp_path)


def test_a_store_has_a_slot_for_every_sample_and_a_gap_is_masked(tmp_path: Path) -> None:
    one_folder(tmp_path / "corpus", record(seconds=30), record(start=START + 50, seconds=60, seed=1))
    write_windows(tmp_path / "corpus", [f"w1,{NAME},anna,0,80", f"w2,{NAME},anna,35,45"])
    chosen = {"features": ["eda", "temp", "ibi"]}
    store = build_store("e4", root=tmp_path / "corpus", out=tmp_path / "store", settings=chosen).store
    assert store.array("eda").shape == (2, 320)
    assert store.utterances["eda_length_total"].tolist() == [320, 0]
    mask = store.array("eda_mask")[0]
    assert (mask[:120].all(), mask[120:200].any(), mask[201:].all()) == (True, False, True)
    assert store.array("temp").shape == (2, 80)


def test_an_e4_beside_an_embraceplus_ends_in_a_sentence_for_temp_alone(tmp_path: Path) -> None:
    one_folder(tmp_path / "corpus", record())
    write_session(tmp_path / "corpus/S1", session_files())
    write_windows(tmp_path / "corpus", [f"w1,{NAME},anna,0,10", "w2,S1,ben,0,10"])
    with pytest.raises(ExtractionError, match=r"temp: .*1 samples per second, expected 4"):
        build_store("e4", root=tmp_path / "corpus", out=tmp_path / "store")
    made = build_store("e4", root=tmp_path / "corpus", out=tmp_path / "store", settings={"features": ["eda", "hrv"]})
    assert made.store.array("eda").shape == (2, 40)


@given(st.floats(0.01, 1000))
def test_a_rate_is_nominal_only_when_it_is_near_one(rate: float) -> None:
    found = nominal(rate)
    assert found == rate or (found == round(found) >= 1 and abs(found - rate) <= 0.005 * rate)
