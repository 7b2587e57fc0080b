"""Annotation tables, well-formed and not."""

import math

import pytest

from kemfeat.corpora._kemdy.annotation import read_annotation
from kemfeat.errors import CorpusError
from kemfeat.findings import Findings
from tests.corpora.tiny import HEADER, RATERS, SECOND_HEADER, csv_bytes

GROUPS = {"Numb": 1, "WAV": 2, "Segment ID": 1, "Total Evaluation": 3}
ROW = ["1", "3.5783901", "11.637391", "Sess01_script01_User002M_001", "neutral", "3.4", "3"]
ROW += ["neutral;disqust", "3", "5"] * len(RATERS)


def read(cells, *, strict=True, encode=csv_bytes):
    findings = Findings(strict=strict)
    annotation = read_annotation(encode(cells), groups=GROUPS, where="f.csv", findings=findings)
    return annotation, {finding.rule: finding for finding in findings.merged()}


def changed(column, text):
    return [HEADER, SECOND_HEADER, [*ROW[: column - 1], text, *ROW[column:]]]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_row_in_every_encoding_and_line_ending(newline, encoding):
    cells = [HEADER, [" ", "시작", *SECOND_HEADER[2:]], ROW]
    annotation, findings = read(cells, encode=lambda rows: csv_bytes(rows, newline=newline).decode().encode(encoding))
    (row,) = annotation.rows
    assert row[:4] == (3, "Sess01_script01_User002M_001", 3.5783901, 11.637391)
    assert row.total == ("neutral", 3.4, 3.0)
    assert row.votes == (("neutral;disgust", 3.0, 5.0),) * len(RATERS)
    assert [rater.name for rater in annotation.raters] == list(RATERS)
    assert set(findings) == (set() if encoding.startswith("utf-8") else {"decoding-fallback"})


@pytest.mark.parametrize("second", [[" "] * 37, ["", "from", "to"], ["Nr."] + [""] * 36])
def test_the_text_of_the_second_header_row_does_not_matter(second):
    assert len(read([HEADER, second, ROW])[0].rows) == 1


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], r"f\.csv:1 column 1: found ''"),
        ([HEADER], r"f\.csv:2 column 1: found nothing, expected the second header row"),
        ([HEADER, ROW], r"f\.csv:2 column 1: found a row numbered '1', expected the second header row"),
        ([SECOND_HEADER, HEADER, ROW], r"f\.csv:1 column 1: found '', expected 'Numb'"),
    ],
)
def test_header_rows_are_never_guessed(cells, message):
    with pytest.raises(CorpusError, match=message):
        read(cells, strict=False)


def test_undecodable_bytes_are_refused():
    with pytest.raises(CorpusError, match="neither UTF-8 nor cp949"):
        read([], encode=lambda rows: b"Numb,\xff\xff")


def test_a_field_that_never_ends_is_refused():
    with pytest.raises(CorpusError, match="not comma-separated text"):
        read([], encode=lambda rows: b'"' + b"x" * 200_000)


def test_blank_rows_and_blank_trailing_cells_are_passed_over():
    annotation, findings = read([HEADER, SECOND_HEADER, [*ROW, "", " "], [], [""] * 37])
    assert len(annotation.rows) == 1
    assert not findings


MISSING = [
    (2, "abc", "bad-time", r"f\.csv:3 column 2: found time 'abc', expected seconds"),
    (3, "", "bad-time", r"column 3: found time ''"),
    (3, "inf", "bad-time", r"column 3: found time 'inf'"),
    (3, "3.5783901", "end-before-start", r"column 3: found end 3\.57839 s, expected more than the start"),
    (5, "joy", "unknown-label", r"column 5: label 'joy' contains 'joy'"),
    (8, "happy;joy", "unknown-label", r"column 8: label 'happy;joy' contains 'joy'"),
    (6, "7", "rating-off-scale", r"column 6: found rating '7', expected 1 to 5"),
    (10, "0", "rating-off-scale", r"column 10: found rating '0'"),
    (10, "1_0", "rating-off-scale", r"column 10: found rating '1_0'"),
    (37, "good", "rating-off-scale", r"column 37: found rating 'good'"),
]


@pytest.mark.parametrize("word", ["", "NA", "None", "nan", "null"])
@pytest.mark.parametrize(("column", "rule"), [(5, "label-missing"), (6, "label-missing"), (8, "votes-missing")])
def test_a_missing_word_is_a_blank_cell(column, rule, word):
    for strict in (False, True):
        annotation, findings = read(changed(column, word), strict=strict)
        assert {name: finding.count for name, finding in findings.items()} == {rule: 1}
    row = annotation.rows[0]
    assert (row.total.emotion is None) == (column == 5)
    assert math.isnan(row.total.valence) == (column == 6)


@pytest.mark.parametrize(("column", "text", "rule", "message"), MISSING)
def test_a_cell_that_cannot_be_read_raises_or_becomes_missing(column, text, rule, message):
    with pytest.raises(CorpusError, match=message):
        read(changed(column, text))
    annotation, findings = read(changed(column, text), strict=False)
    (row,) = annotation.rows
    assert (set(findings), findings[rule].count) == ({rule}, 1)
    flat = [row.start, row.end, *row.total, *(cell for vote in row.votes for cell in vote)]
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in flat]
    assert sum(missing) == (2 if rule == "end-before-start" else 1)
    assert missing[column - 2 if column < 4 else column - 3]


@pytest.mark.parametrize("cells", [ROW[:-1], [*ROW, "surplus"]])
def test_a_row_of_another_width_is_dropped_with_a_finding(cells):
    table = [HEADER, SECOND_HEADER, ROW, cells]
    with pytest.raises(CorpusError, match=rf"f\.csv:4 column 3[78]: found {len(cells)} cells, expected 37"):
        read(table)
    annotation, findings = read(table, strict=False)
    assert len(annotation.rows) == 1
    assert findings["malformed-row"].count == 1


def test_blank_labels_and_votes_are_missing_data_not_faults():
    annotation, findings = read(changed(5, " "))
    assert annotation.rows[0].total == (None, 3.4, 3.0)
    assert set(findings) == {"label-missing"}
    annotation, findings = read(changed(12, ""))
    assert math.isnan(annotation.rows[0].votes[1].valence)
    assert findings["votes-missing"].examples == ("f.csv:3: Sess01_script01_User002M_001: blank cells of Eval02M",)


def test_labels_come_in_canonical_order():
    annotation, _ = read(changed(5, "sad;Disqust;happy"))
    assert annotation.rows[0].total.emotion == "happy;disgust;sad"
