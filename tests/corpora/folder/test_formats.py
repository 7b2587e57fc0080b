"""A file of physiology is numbers, an Empatica export, or refused with its format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.corpora.folder._formats import beat_lines, sample_lines
from kemfeat.corpora.text import number
from kemfeat.errors import CorpusError

STARTS = [
    *("1644226223.000000", "1644226223000", "2022-02-07 09:30:23", '"2022-02-07T09:30:23"', "2022-02-07 09:17:03 UTC"),
    *(
        "2022/02/07 09:17:03",
        "2022-02-07",
        "07.02.2022 09:17",
        "date 20220207",
        "20220207T091703Z",
        "Start: 1644226223",
    ),
    *(
        "Mon Feb  7 09:17:03 2022",
        "7 Feb 2022",
        "Feb. 7",
        "Start: 1644226223",
        "2022년 2월 7일",
        "2022. 2. 7. 오전 9:17",
        "start 9:17",
    ),
]


@given(
    st.sampled_from(STARTS),
    st.sampled_from(["", "EDA [uS]\n", "electrodermal activity\n"]),
    st.sampled_from(["4.000000", "Sample rate: 4", "4 Hz"]),
    st.lists(st.floats(0.0, 60.0), min_size=1),
)
def test_an_empatica_export_gives_its_samples_and_never_its_header(start, words, rate, values):
    text = f"{words}{start}\n{rate}\n" + "\n".join(map(repr, values))
    body = sample_lines(text.encode(), where="EDA.csv", rate=4.0)
    assert [number(line) for line in body.lines] == values
    assert body.first == 3 + bool(words)


@pytest.mark.parametrize("header", ["Sample rate: 8 Hz", "fs=8", "EDA 8.0Hz", "sampling_rate 8", "EDA (8 hz)"])
def test_the_rate_in_a_header_of_words_is_compared_with_the_tables(header):
    content = f"{header}\n0.1\n0.2\n".encode()
    assert sample_lines(content, where="EDA.csv", rate=8.0) == ([b"0.1", b"0.2"], 2)
    with pytest.raises(CorpusError, match=r"EDA\.csv:1: found 8 samples per second in the file and 4 in the table"):
        sample_lines(content, where="EDA.csv", rate=4.0)


@pytest.mark.parametrize("header", ["EDA", "heart rate", "EDA_1 [uS]", "피부 전도도", "#", "EDA (0 to 9)", "A01F2B"])
def test_a_header_of_other_words_is_left_out(header):
    assert sample_lines(f"{header}\n0.1\n".encode(), where="EDA.csv", rate=4.0) == ([b"0.1"], 2)


@pytest.mark.parametrize("start", STARTS)
def test_a_start_time_without_a_rate_is_refused(start):
    with pytest.raises(CorpusError, match=r"not a rate|in the file and 4 in the table"):
        sample_lines(f"{start}\n0.3\n0.31\n".encode(), where="EDA.csv", rate=4.0)


def test_the_rate_of_an_export_is_compared_with_the_tables():
    with pytest.raises(CorpusError, match="found 64 samples per second in the file and 4 in the table"):
        sample_lines(b"1644226223.0\n64.0\n0.1\n", where="BVP.csv", rate=4.0)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"PK\x03\x04\x00\x00EDA.csv0.1\n", "zip archive"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"Obj\x01\x04avro", "Avro"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-LFS"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\x00\x05\x16\x07\x00", "AppleDouble"),
        ("0.1\n".encode("utf-16"), "UTF-16"),
        (b"0.1\x000.2", "binary"),
        (b"timestamp,value\n1644226223.0,0.3\n1644226223.25,0.4\n", "several columns"),
        (b"0.1\t0.2\n0.1\t0.2\n", "several columns"),
        (b"0.1 0.2\n0.1 0.2\n", "several columns"),
        (b"0,1\n0,2\n", "decimal comma"),
        (b"1;0.2\n2;0.3\n", "several columns"),
        (b"1644226223.0,1644226223.0,1644226223.0\n32,32,32\n1,2,3\n", "several columns"),
        (b"1644226223.0\n0.0\n0.3\n", "not a rate"),
        (b"Start,2022-02-07 09:17:03\n4.0\n0.3\n", "several columns"),
        (b"0.3\nEvent at 09:17:03\n0.3\n", "a clock and not a sample"),
        (b"1644226223.0\n1644226223.25\n", "not a rate"),
        (b"0.1\n1644226223.25\n", "a clock and not a sample"),
        (b"EDA\nabc\ndef\n", "no line can be read"),
    ],
)
def test_what_is_not_a_column_of_samples_is_refused_by_its_name(content, named):
    with pytest.raises(CorpusError, match=named):
        sample_lines(content, where="EDA.csv", rate=4.0)


@pytest.mark.parametrize("start", ["1644226223.0", "2022-02-07 09:17:03 UTC", "2022/02/07 09:17:03"])
def test_the_first_line_of_an_empatica_file_of_beats_is_its_header(start):
    assert beat_lines(f"{start}, IBI\n0.75,0.8\n".encode(), where="IBI.csv") == ([b"0.75,0.8"], 2)


@pytest.mark.parametrize("text", [b"1_0", b"x", b"", b"1,5"])
def test_only_a_plain_number_is_one(text):
    assert number(text) != number(text)
