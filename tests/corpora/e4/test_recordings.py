"""Files of a session, as exports, spreadsheets and accidents leave them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.corpora import open_reader
from kemfeat.corpora.e4._recordings import read_beats, read_samples, read_tags
from kemfeat.errors import CorpusError
from kemfeat.findings import Findings
from kemfeat.validate import validate_corpus
from tests.corpora.e4_sessions import START, session_files, write_session, write_windows

HEAD = f"{START:.6f}\n4.000000\n"


@given(
    st.lists(st.decimals(-10, 100, places=6).map(str), min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.sampled_from(["", "\n", "\n\n"]),
)
def test_samples_are_read_whatever_the_line_ends(lines: list[str], ends: str, mark: bytes, last: str) -> None:
    text = (HEAD + "\n".join(lines) + last).replace("\n", ends)
    found = read_samples(mark + text.encode(), where="EDA.csv")
    assert found is not None
    assert (found.start, found.rate, found.end) == (START, 4.0, START + len(lines) / 4)
    np.testing.assert_array_equal(found.values(Findings()), [float(line) for line in lines])


def test_a_line_that_is_no_number_keeps_the_time_of_the_others() -> None:
    findings = Findings()
    found = read_samples((HEAD + "0.1\n\n0.3\nnan\n0.5\n").encode(), where="EDA.csv")
    assert found is not None
    np.testing.assert_array_equal(found.values(findings), [0.1, math.nan, 0.3, math.nan, 0.5])
    (said,) = findings.merged()
    assert (said.rule, said.examples) == (
        "missing-value",
        ("EDA.csv:4: found '', not a number", "EDA.csv:6: found 'nan', not a number"),
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", HEAD.encode(), f"{START}\n".encode()])
def test_a_recording_without_samples_is_none(content: bytes) -> None:
    assert read_samples(content, where="EDA.csv") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.56028E+09\n4\n0.1\n", r"EDA\.csv:1: found '1\.56028E\+09', expected a time .* not rounded"),
        ("2019-06-11 19:03:45\n4\n0.1\n", "EDA.csv:1: found '2019-06-11 19:03:45'"),
        ("1560279825000\n4\n0.1\n", "EDA.csv:1: found '1560279825000'"),
        (f"{START},{START}\n4,4\n0.1,0.2\n", "EDA.csv:1: found"),
        ("0.1\n0.2\n0.3\n", "EDA.csv:1: found '0.1'"),
        (f"{START}\n0\n0.1\n", "EDA.csv:2: found '0', expected samples per second"),
        (f"{START}\n1e9\n0.1\n", "EDA.csv:2: found '1e9'"),
        (HEAD + "0,062778\n0,065340\n1\n", "EDA.csv:3: found '0,062778', several columns or a decimal comma"),
        (HEAD + "a\nb\n", "EDA.csv:3: found 'a', and no line is a number"),
        ("\x00" * 9, "EDA.csv: found a binary file"),
        ("PK\x03\x04", "EDA.csv: found a zip archive"),
        ("<html>", "EDA.csv: found an HTML"),
    ],
)
def test_samples_in_another_format_are_refused(text: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        read_samples(text.encode(), where="EDA.csv")


def test_beats_are_read_and_a_line_that_is_none_is_dropped() -> None:
    findings = Findings()
    found = read_beats(
        b"\xef\xbb\xbf1560279825.0, IBI\r\n1.5,0.75\r\n2.25,-1\r\n3.0,0.75\r\n", where="I", findings=findings
    )
    assert found is not None
    assert (found.start, found.offsets.tolist(), found.intervals.tolist(), found.end) == (
        START, [1.5, 3.0], [0.75, 0.75], START + 3.0,
    )  # fmt: skip
    assert [finding.rule for finding in findings.merged()] == ["bad-physiology-line"]


@pytest.mark.parametrize("content", [b"", b"1560279825.000000, IBI\n"])
def test_no_beat_was_detected(content: bytes) -> None:
    assert read_beats(content, where="IBI.csv", findings=Findings()) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1560279825\n1.5,0.7\n", "IBI.csv:1: found '1560279825', expected a start time and IBI"),
        ("1560279825,4\n1.5,0.7\n", "IBI.csv:1"),
        ("1,56E+09, IBI\n1.5,0.7\n", "IBI.csv:1"),
        ("1560279825, IBI\n99,973326,0,843789\n", "IBI.csv:2: .* no line is a beat; .* with decimal points"),
    ],
)
def test_beats_in_another_format_are_refused(text: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        read_beats(text.encode(), where="IBI.csv", findings=Findings())


def test_presses_of_the_button() -> None:
    findings = Findings()
    content = f"{START + 1.5:.2f}\r\nlater\r\n{START + 9:.2f}\r\n".encode()
    assert read_tags(content, where="tags.csv", findings=findings) == [(1, START + 1.5), (3, START + 9)]
    assert [finding.rule for finding in findings.merged()] == ["malformed-line"]
    assert read_tags(b"", where="tags.csv", findings=findings) == []


@pytest.mark.parametrize(
    ("name", "content", "rules"),
    [
        ("IBI.csv", b"", {"empty-ibi"}),
        ("IBI.csv", None, {"missing-physiology-file"}),
        ("TEMP.csv", HEAD.encode(), {"empty-physiology"}),
        ("EDA.csv", b"garbage\n4\n1\n", {"unreadable-recording"}),
    ],
)
def test_a_session_without_one_recording_keeps_the_others(
    tmp_path: Path, name: str, content: bytes | None, rules: set[str]
) -> None:
    files = {**session_files(), name: content}
    write_session(tmp_path / "S1", {each: found for each, found in files.items() if found is not None})
    write_windows(tmp_path, ["w1,S1,anna,0,10"])
    reader = open_reader("e4", root=tmp_path)
    manifest = reader.read_manifest(tmp_path, on_error="skip")
    assert {finding.rule for finding in manifest.findings} == rules
    media = set(reader.read_signals(tmp_path, "S1")[0]["medium"].to_pylist())
    assert media == {"eda", "temp", "ibi"} - {name.removesuffix(".csv").lower()}
    report = validate_corpus("e4", root=tmp_path)
    assert {finding.rule: finding.count for finding in report.findings if finding.rule in rules} == dict.fromkeys(
        rules, 1
    )
