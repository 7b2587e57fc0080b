"""A table in an Excel workbook is read as CSV is, and what it may have changed is refused or told."""

import csv
import datetime as dt
import io
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat import validate_corpus
from kemfeat.build import build_store
from kemfeat.corpora.folder import _workbook
from kemfeat.corpora.folder._table import read_table
from kemfeat.errors import ConfigError, CorpusError
from kemfeat.findings import Findings

HEADER = ["id", "audio", "speaker", "emotion", "valence", "start"]
ROW = ["u1", "wav/u1.wav", "anna", "sad", 2.5, 0]


def workbook(rows, *, formats=None, sheets=(), title=None, merged=None):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for cell, form in (formats or {}).items():
        sheet[cell].number_format = form
    if merged:
        sheet.merge_cells(merged)
    sheet.title = title or sheet.title
    for name in sheets:
        book.create_sheet(name).append(["a note"])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def read(content, *, where="table.xlsx"):
    findings = Findings()
    table = read_table(content, where=where, root=Path("/data/corpus"), findings=findings)
    return table, {finding.rule: finding.examples for finding in findings.merged()}


words = st.text(st.characters(codec="utf-8", categories=("L", "Nd")), min_size=1, max_size=8)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(words, st.floats(1, 5), st.integers(0, 10**9)), min_size=1, max_size=5))
def test_a_workbook_is_read_as_the_same_csv(cells):
    rows = [[f"u{n}", f"{n}.wav", word, "sad", round(value, 6), time] for n, (word, value, time) in enumerate(cells)]
    made = io.StringIO()
    csv.writer(made).writerows([HEADER, *rows])
    assert read(workbook([HEADER, *rows]))[0].rows == read(made.getvalue().encode(), where="table.csv")[0].rows


def test_its_name_does_not_matter():
    assert read(workbook([HEADER, ROW]), where="table.csv")[0].rows == read(workbook([HEADER, ROW]))[0].rows


def test_the_values_of_formulas_are_read():
    content = workbook([HEADER, [*ROW[:2], "=UPPER(A2)", *ROW[3:]]])
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        files = {name: parts.read(name) for name in parts.namelist()}
    sheet = files["xl/worksheets/sheet1.xml"]
    assert b"<v></v>" in sheet or b"<v />" in sheet or b"<v/>" in sheet
    for empty in (b"<v></v>", b"<v />", b"<v/>"):
        sheet = sheet.replace(empty, b"<v>ANNA</v>")
    files["xl/worksheets/sheet1.xml"] = sheet.replace(b'<c r="C2"', b'<c r="C2" t="str"')
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as parts:
        for name, part in files.items():
            parts.writestr(name, part)
    assert read(made.getvalue())[0].rows[0].speaker == "ANNA"


def test_names_that_are_numbers_are_told():
    table, found = read(workbook([HEADER, [7, "a.wav", 12, "sad", 2, 0]]))
    assert (table.rows[0].id, table.rows[0].speaker) == ("7", "12")
    assert found["number-as-name"] == (
        "table.xlsx:2 column id: found the number 7",
        "table.xlsx:2 column speaker: found the number 12",
    )


def test_zeros_of_text_are_kept():
    table, found = read(workbook([HEADER, ["007", *ROW[1:]]]))
    assert table.rows[0].id == "007"
    assert "number-as-name" not in found


def test_a_date_in_a_column_of_the_users_own_is_text():
    table, _ = read(workbook([[*HEADER, "day"], [*ROW, dt.datetime(2024, 3, 1)]]))
    assert table.rows[0].own == ("2024-03-01 00:00:00",)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rows": [HEADER, [dt.date(2024, 3, 1), *ROW[1:]]]}, r"table.xlsx:2 column id: found a date or time"),
        ({"rows": [HEADER, [1, *ROW[1:]]], "formats": {"A2": "000"}}, "the number 1, shown as 001"),
        ({"rows": [HEADER, [*ROW[:2], "=A2", *ROW[3:]]]}, "column speaker: found a formula whose value is not in"),
        ({"rows": [HEADER, [*ROW[:3], "#REF!", *ROW[4:]]]}, "column emotion: found the error #REF! of a formula"),
        ({"rows": [HEADER, ROW], "sheets": ["notes"]}, r"several sheets \('Sheet', 'notes'\), expected one"),
        ({"rows": [HEADER, ROW, [*ROW]], "merged": "C2:C3"}, "the cells C2:C3 are merged"),
        ({"rows": []}, "has no sheet with a cell"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(changes, sentence):
    with pytest.raises(CorpusError, match=sentence):
        read(workbook(**changes))


def test_of_several_sheets_that_of_utterances_is_read():
    assert len(read(workbook([HEADER, ROW], sheets=["notes"], title="utterances"))[0].rows) == 1


def test_a_broken_workbook_is_refused():
    content = workbook([HEADER, ROW])
    for broken in (content[:-300], content.replace(b"PK\x05\x06", b"PK\x05\x07"), b"PK\x03\x04 xl/workbook.xml"):
        with pytest.raises(CorpusError, match=r"table\.xlsx: cannot be read as a workbook"):
            read(broken)


@pytest.mark.parametrize("seed", range(30))
def test_flipped_bytes_end_in_a_sentence(seed):
    chance = random.Random(seed)
    content = bytearray(workbook([HEADER, ROW]))
    for _ in range(3):
        content[chance.randrange(4, len(content))] ^= 1 << chance.randrange(8)
    with suppress(CorpusError):  # and nothing else
        assert read(bytes(content))[0].rows


def with_part(content, name, part):
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr(name, part)
    return made.getvalue()


def test_entities_are_not_expanded():
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    with pytest.raises(CorpusError, match="defines a type of document"):
        read(with_part(workbook([HEADER, ROW]), "xl/evil.xml", evil))


def test_what_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(_workbook, "MOST_BYTES", 1 << 20)
    with pytest.raises(CorpusError, match="unpacks to 2 MB, expected at most 1"):
        read(with_part(workbook([HEADER, ROW]), "xl/zeros.bin", bytes(2_000_000)))


def test_without_openpyxl_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"pip install 'kemfeat\[xlsx\]'; or save it as CSV"):
        read(workbook([HEADER, ROW]))


def test_a_store_is_built_of_a_workbook_and_no_row_is_lost(private, tmp_path):
    with (private / "utterances.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    (private / "table.xlsx").write_bytes(workbook([*rows, [], ["not an id!", *rows[1][1:]]]))
    table = private / "table.xlsx"
    report = validate_corpus("folder", root=private, table=table)
    assert report.balance is not None
    assert (report.balance.found, report.balance.kept, report.balance.lost) == (4, 3, ())
    expected = build_store("folder", root=private, out=tmp_path / "csv", settings={"features": ["mel"]}).store
    (private / "table.xlsx").write_bytes(workbook(rows))
    made = build_store("folder", root=private, table=table, out=tmp_path / "store", settings={"features": ["mel"]})
    assert made.store.utterances.equals(expected.utterances)
