"""Stamps and the first header row."""

import re
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.corpora._kemdy.formats import is_time, locate_columns, parse_stamps
from kemfeat.errors import CorpusError
from tests.corpora.tiny import HEADER, RATERS

GROUPS = {"Numb": 1, "WAV": 2, "Segment ID": 1, "Total Evaluation": 3}


@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)), max_size=20))
@settings(deadline=None, max_examples=50)
def test_stamps_read_back_what_was_written(moments):
    moments = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in moments]
    stamps = [
        f"{m.year:04}-{m.month:02}{m.day:02}-{m.hour:02}{m.minute:02}-{m.second:02}-{m.microsecond // 1000:03}".encode()
        for m in moments
    ]
    assert parse_stamps(stamps).tolist() == moments


@pytest.mark.parametrize(
    "text",
    [
        b"", b"2020", b"2020-0821-1128-57-25", b"2020-0821-1128-57-2500", b"2020-0821-1128-57_250",
        b"2020-1321-1128-57-250", b"2020-0021-1128-57-250", b"2020-0230-1128-57-250", b"2020-0800-1128-57-250",
        b"2020-0821-2428-57-250", b"2020-0821-1160-57-250", b"2020-0821-1128-60-250", b"2020-08a1-1128-57-250",
        b" 2020-0821-1128-57-250",
    ],
)  # fmt: skip
def test_what_is_no_stamp_is_nat_and_spoils_no_other(text):
    good = b"2020-0229-2359-59-999"
    times = parse_stamps([good, text, good])
    assert np.isnat(times).tolist() == [False, True, False]
    assert times[2] == np.datetime64("2020-02-29T23:59:59.999")


def test_columns_are_found_by_name_and_position():
    columns = locate_columns(HEADER, groups=GROUPS, where="f")
    assert columns.at == {"numb": 0, "wav": 1, "segment id": 3, "total evaluation": 4}
    assert [(rater.name, rater.sex, rater.at) for rater in columns.raters] == [
        (name, name[-1], 7 + 3 * place) for place, name in enumerate(RATERS)
    ]
    assert columns.width == 37


@pytest.mark.parametrize("raters", [0, 1, 4])
def test_any_number_of_raters(raters):
    columns = locate_columns(HEADER[: 7 + 3 * raters], groups=GROUPS, where="f")
    assert (len(columns.raters), columns.width) == (raters, 7 + 3 * raters)


def test_blank_cells_may_be_empty_or_spaces_or_missing_at_the_end():
    cells = [cell.strip() for cell in HEADER]
    assert locate_columns([*cells, "", " "], groups=GROUPS, where="f").width == 37
    assert locate_columns(HEADER[:-2], groups=GROUPS, where="f").width == 37


def _without(position):
    return HEADER[:position] + HEADER[position + 1 :]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ([], r"f:1 column 1: found '', expected 'Numb'"),
        (["Numb;WAV;;Segment ID"], r"column 1: found 'Numb;WAV;;Segment ID', expected 'Numb'"),
        (_without(0), r"column 1: found 'WAV', expected 'Numb'"),
        (_without(2), r"column 3: found 'Segment ID', expected a blank cell"),
        (_without(6), r"column 7: found 'Eval01F', expected a blank cell"),
        (_without(9), r"column 10: found 'Eval02M', expected a blank cell"),
        ([*HEADER[:4], "Remarks", *HEADER[4:]], r"column 5: found 'Remarks', expected 'Total Evaluation'"),
        ([*HEADER, "Remarks"], r"column 38: found 'Remarks', expected a further evaluator"),
        ([*HEADER, "Eval01F", " ", " "], r"column 38: found 'Eval01F', expected a further evaluator"),
        (HEADER[:4], r"column 5: found '', expected 'Total Evaluation'"),
    ],
)
def test_a_wrong_header_names_column_found_and_expected(header, message):
    with pytest.raises(CorpusError, match=message):
        locate_columns(header, groups=GROUPS, where="f")


@given(
    st.from_regex(
        re.compile(rb"(?:19|20)[0-9]{2}-[01][0-9][0-3][0-9]-[0-2][0-9][0-6][0-9]-[0-6][0-9]-000"), fullmatch=True
    )
)
@settings(deadline=None, max_examples=200)
def test_one_stamp_is_judged_as_many_are(stamp):
    assert is_time(stamp) == (not np.isnat(parse_stamps([stamp])[0]))
