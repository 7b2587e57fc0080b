"""The wristband's files: clean ones at once, ragged ones line by line, with the same result."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.corpora._kemdy.e4 import EDA, IBI, _IrregularReader, _read_regular, read_recording
from kemfeat.corpora.kemdy19 import _tree as kemdy19
from kemfeat.findings import Findings
from tests.corpora.tiny import stamp

NAME = "Sess01_script01_User001F_001"
HEADER = "1560279825.000000\n4.000000\n"
HEADERS = {EDA: HEADER, IBI: "x, IBI\n"}
AT = stamp(0.0)


def canonical(name):
    return name if name.startswith("Sess") else None


def read(text, medium=EDA):
    findings = Findings()
    content = text if isinstance(text, bytes) else text.encode()
    recording = read_recording(content, medium=medium, canonical=canonical, where="f.csv", findings=findings)
    columns = {name: column.to_pylist() for name, column in recording.columns().items()}
    return columns, {finding.rule: finding for finding in findings.merged()}


def test_a_uniform_file():
    columns, findings = read(f"{HEADER}0.5,{stamp(0)}\n0.75,{stamp(0.25)},{NAME}\n")
    assert columns["value"] == [0.5, 0.75]
    assert columns["id"] == [None, NAME]
    assert [time.strftime("%Y%m%d%H%M%S%f") for time in columns["time"]] == [
        "20200821112857250000",
        "20200821112857500000",
    ]
    assert columns["sampling_rate"] == [4.0, 4.0]
    assert columns["offset"] == [None, None]
    assert not findings


def test_a_file_of_beats():
    columns, findings = read(f"1560279825.000000, IBI\n540.1,0.8,{AT}\n541.0,0.9,{AT},{NAME}\n", IBI)
    assert (columns["offset"], columns["value"]) == ([540.1, 541.0], [0.8, 0.9])
    assert columns["sampling_rate"] == [None, None]
    assert not findings


@pytest.mark.parametrize("text", ["", "\n", HEADER, "1560279825.000000\n"])
@pytest.mark.parametrize("medium", [EDA, IBI])
def test_a_file_without_rows(text, medium):
    columns, _ = read(text if medium is EDA else text[:18], medium)
    assert not any(columns.values())


@pytest.mark.parametrize(
    ("header", "rate"),
    [
        (HEADER, 4.0),
        ("1560279825.000000,1560279825.000000\n8.0,8.0\n", 8.0),
        ("1560279825.000000\n8.0,,\n", 8.0),
        ("\ufeff1560279825.000000\r\n4.000000\r\n", 4.0),
    ],
)
def test_the_rate_is_read_from_the_second_header_line(header, rate):
    columns, findings = read(f"{header}0.5,{AT}\n")
    assert (columns["sampling_rate"], columns["value"], set(findings)) == ([rate], [0.5], set())


@pytest.mark.parametrize("header", ["", "start\n", "start\nrate\n", "1560279825\n1560279825\n", "x\n0\n", "x\nnan\n"])
def test_a_header_without_a_rate_gives_4_hz_and_says_so(header):
    columns, findings = read(f"{header}0.5,{AT}\n")
    assert columns["sampling_rate"] == [4.0]
    assert set(findings) == {"assumed-rate"}


RAGGED = [
    (EDA, f"0.5,{AT},", [0.5], None),
    (EDA, f"0.5,{AT},,,", [0.5], None),
    (EDA, f" 0.5 , {AT} , {NAME} ,", [0.5], NAME),
    (EDA, f"0.5,,{AT},,{NAME}", [0.5], NAME),
    (EDA, f",0.5,{AT}", [0.5], None),
    (EDA, f'"0.5","{AT}","{NAME}"', [0.5], NAME),
    (IBI, f"540.1,0.8,{AT},", [0.8], None),
    (IBI, f"540.1,,0.8,{AT},{NAME},,", [0.8], NAME),
    (IBI, f",0.8,{AT},{NAME}", [0.8], NAME),
]


@pytest.mark.parametrize(("medium", "line", "values", "name"), RAGGED)
def test_trailing_commas_and_empty_fields(medium, line, values, name):
    columns, findings = read(f"{HEADERS[medium]}{line}\n", medium)
    assert (columns["value"], columns["id"]) == (values, [name])
    assert not findings


@pytest.mark.parametrize(
    ("medium", "line"),
    [
        (EDA, f",{AT},{NAME}"), (EDA, f"{AT},{NAME}"), (EDA, f"abc,{AT},{NAME}"), (EDA, f"nan,{AT},{NAME}"),
        (EDA, f"inf,{AT},{NAME}"), (IBI, f"540.1,,{AT},{NAME}"), (IBI, f"540.1,{AT},{NAME}"),
    ],
)  # fmt: skip
def test_a_row_without_value_is_nan_never_zero(medium, line):
    columns, findings = read(f"{HEADERS[medium]}{line}\n", medium)
    assert math.isnan(columns["value"][0])
    assert columns["id"] == [NAME]
    assert columns["offset"] == [None if medium is EDA else 540.1]
    assert set(findings) == {"missing-value"}
    assert findings["missing-value"].examples[0].startswith(f"f.csv:{medium.header_lines + 1}: found")


@pytest.mark.parametrize(
    "line",
    [
        "0.5", "0.5,2020-0822-12", "0.5,2020-1322-1216-57-250", f"0.5,0.6,{AT}", f"0.5,{AT},nobody", "\x00\x00",
        f"0.5,{AT},{NAME},{NAME}", "값", "a\rb", "x" * 200_000,
    ],
)  # fmt: skip
def test_a_line_that_is_no_row_is_dropped_and_located(line):
    columns, findings = read(f"{HEADER}0.25,{AT}\n{line}\n\n0.5,{AT}\n")
    assert columns["value"] == [0.25, 0.5]
    assert set(findings) == {"bad-physiology-line"}
    assert findings["bad-physiology-line"].examples[0].startswith("f.csv:4: ")


number = st.floats(0, 100, allow_nan=False).map(repr)
name = st.sampled_from(["", NAME, "Sess42_script01_User084F_002"])


@given(
    st.lists(st.tuples(number, number, st.integers(0, 10**6), name), max_size=15),
    st.sampled_from([EDA, IBI, kemdy19.EDA, kemdy19.ECG]),
)
@settings(deadline=None, max_examples=50)
def test_both_ways_of_reading_agree_on_clean_lines(rows, medium):
    lines = [
        ",".join([*([first, second][: medium.lead]), stamp(at / 1000), *([inside] if inside else [])]).encode()
        for first, second, at, inside in rows
    ]
    findings = Findings()
    at_once = _read_regular(lines, medium, canonical)
    by_line = _IrregularReader(medium, canonical, "f", findings).read(lines, 1)
    assert at_once is not None
    assert list(at_once.ids) == list(by_line.ids)
    np.testing.assert_array_equal(at_once.times, by_line.times)
    np.testing.assert_array_equal(at_once.values, by_line.values)
    np.testing.assert_array_equal(at_once.offsets, by_line.offsets)
    assert not findings.merged()


@given(st.lists(st.sampled_from([b",", b"\n", b"\r", b'"', b" ", b"0.5", AT.encode(), NAME.encode(), b"\xff", b"x"])))
@settings(deadline=None, max_examples=100)
def test_any_bytes_end_in_rows_or_findings(parts):
    columns, findings = read(HEADER.encode() + b"".join(parts))
    assert len(set(map(len, columns.values()))) == 1
    assert set(findings) <= {"bad-physiology-line", "missing-value"}


def test_a_start_time_written_as_a_stamp_is_a_header_line():
    columns, findings = read(f"{AT}\n8.0\n0.5,{AT}\n")
    assert columns["value"] == [0.5]
    assert columns["sampling_rate"] == [8.0]
    assert not findings


HEADERLESS = [
    (kemdy19.EDA, f"0.5,0.25,{AT},{NAME}", 0.5),
    (kemdy19.EDA, f"0.5,,{AT},{NAME},", 0.5),
    (kemdy19.EDA, f",0.25,{AT},{NAME}", math.nan),
    (kemdy19.EDA, f"0.25,{AT},{NAME}", math.nan),
    (kemdy19.ECG, f"x,0.5,{AT},{NAME}", 0.5),
    (kemdy19.ECG, f",0.5,{AT},{NAME},,", 0.5),
    (kemdy19.ECG, f"0.004,,{AT},{NAME}", math.nan),
    (kemdy19.ECG, f"{AT},{NAME}", math.nan),
]


@pytest.mark.parametrize(("medium", "line", "value"), HEADERLESS)
def test_a_file_without_header_whose_value_is_not_the_last_field_before_the_stamp(medium, line, value):
    columns, findings = read(line, medium)
    assert columns["value"] == pytest.approx([value], nan_ok=True)
    assert (columns["id"], columns["offset"], columns["sampling_rate"]) == ([NAME], [None], [medium.rate])
    assert set(findings) == ({"missing-value"} if math.isnan(value) else set())


def test_a_bad_line_of_a_long_file_is_located_and_costs_no_other():
    lines = [f"{row},{row / 2},{stamp(row / 250)},{NAME}" for row in range(20_000)]
    lines[10_000] = "broken"
    columns, findings = read("\n".join(lines), kemdy19.ECG)
    assert columns["value"] == [row / 2 for row in range(20_000) if row != 10_000]
    assert columns["time"] == sorted(columns["time"])
    assert {rule: finding.examples for rule, finding in findings.items()} == {
        "bad-physiology-line": ("f.csv:10001: 'broken'",)
    }
