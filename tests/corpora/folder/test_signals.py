"""Files of numbers: samples, beats, their clock, and what an utterance lacks."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.corpora.absent_signals import absent
from kemfeat.corpora.folder._signals import read_beats, read_samples, recording_table
from kemfeat.corpora.folder._table import read_table
from kemfeat.findings import Findings
from kemfeat.manifest import SIGNALS


def rules(findings):
    return {finding.rule: finding.count for finding in findings.merged()}


def samples(content):
    findings = Findings()
    return read_samples(content, where="eda.txt", findings=findings).tolist(), findings


def beats(content):
    findings = Findings()
    times, intervals = read_beats(content, where="ibi.csv", findings=findings)
    return list(zip(times.tolist(), intervals.tolist(), strict=True)), findings


def row(cells, header="id,audio,speaker,session,script,start,eda,eda_rate,ibi"):
    content = f"{header}\n{cells}\n".encode()
    return read_table(content, where="t.csv", root=Path(), findings=Findings(strict=True)).rows[0]


@given(st.lists(st.floats(max_value=9e7, allow_nan=False, allow_infinity=False)), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=50)
def test_numbers_that_are_written_come_back(numbers, header, dos):
    end = "\r\n" if dos else "\n"
    text = end.join([*(["EDA [uS]"] if header else []), *map(repr, numbers)])
    found, findings = samples(text.encode())
    assert found == numbers
    assert rules(findings) == {}


def test_a_line_that_is_no_number_keeps_its_place():
    found, findings = samples(b"\xef\xbb\xbf1.5\n\n0,5\nnan\ninf\n2\n\n\n")
    assert [number for number in found if not math.isnan(number)] == [1.5, 2.0]
    assert math.isnan(found[1])
    assert len(found) == 6
    assert rules(findings) == {"missing-value": 4}
    assert findings.merged()[0].examples[:2] == (
        "eda.txt:2: found '', expected a number",
        "eda.txt:3: found '0,5', expected a number",
    )


def test_beats_come_sorted_and_lines_that_are_none_are_dropped():
    found, findings = beats(b"time,interval\n1.5,0.75\n0.75,0.8\n\n1\n2,0\n3,-1\n4,0.8,x\nnan,1\n1e10,1\n")
    assert found == [(0.75, 0.8), (1.5, 0.75)]
    assert rules(findings) == {"bad-physiology-line": 7}
    assert findings.merged()[0].examples[0].startswith("ibi.csv:4: found '', expected time,interval")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"EDA\n"])
def test_an_empty_file_is_a_finding(content):
    findings = Findings()
    signals = row("a,a,s,S,talk,,eda.txt,4,ibi.csv")
    for medium in ("eda", "ibi"):
        table = recording_table(signals, medium, content, findings=findings)
        assert table.equals(SIGNALS.empty_table())
    assert rules(findings) == {"empty-physiology": 1, "empty-ibi": 1}


def test_samples_stand_one_period_apart_from_the_start_of_the_utterance():
    findings = Findings()
    table = recording_table(row("a,a,s,S,talk,2.5,eda.txt,8,"), "eda", b"1\n2\n3\n", findings=findings).to_pandas()
    assert table["time"].astype(str).to_list() == [
        "1970-01-01 00:00:02.500",
        "1970-01-01 00:00:02.625",
        "1970-01-01 00:00:02.750",
    ]
    assert table["value"].to_list() == [1.0, 2.0, 3.0]
    assert table["offset"].isna().all()
    assert table[["id", "speaker", "script", "medium", "sampling_rate"]].drop_duplicates().values.tolist() == [
        ["a", "s", "talk", "eda", 8.0]
    ]


def test_beats_keep_their_offsets_and_without_a_start_the_conversation_has_just_begun():
    findings = Findings()
    table = recording_table(row("a,a,s,S,talk,,,,ibi.csv"), "ibi", b"0.75,0.8\n", findings=findings).to_pandas()
    assert table["time"][0].isoformat(timespec="milliseconds") == "1970-01-01T00:00:00.750"
    assert (table["offset"][0], table["value"][0]) == (0.75, 0.8)
    assert table["sampling_rate"].isna().all()


@given(st.floats(1e-3, 1e6), st.floats(0, 1e9))
@settings(deadline=None, max_examples=50)
def test_the_clock_never_runs_out(rate, start):
    table = recording_table(row(f"a,a,s,S,talk,{start!r},eda.txt,{rate!r},"), "eda", b"1\n" * 20, findings=Findings())
    times = table["time"].to_numpy().astype("int64")
    assert np.abs(times - 1000 * (start + np.arange(20) / rate)).max() <= 1
    assert (np.diff(times) >= 0).all()


def test_what_an_utterance_lacks_is_told_by_medium():
    def lacking(media, have):
        there = {"id": ["a"] * len(have), "medium": list(have)}
        return [(rule.code, example) for rule, example in absent(there_table(there), ["a"], media=media)]

    def there_table(there):
        import pyarrow as pa

        return pa.table(there, schema=pa.schema([SIGNALS.field("id"), SIGNALS.field("medium")]))

    everything = ("audio", "eda", "temp", "ecg", "ibi")
    assert lacking(everything, everything[1:]) == []
    assert lacking(("audio",), ()) == []
    assert lacking(("audio", "eda"), ()) == [("no-physiology", "a: no EDA row")]
    assert lacking(everything, ("temp", "ibi")) == [
        ("partial-physiology", "a: no EDA row"),
        ("no-ecg", "a: no ECG row"),
    ]
    assert lacking(everything, ("ecg",)) == [("no-physiology", "a: no EDA and no TEMP row"), ("no-ibi", "a: no beat")]
