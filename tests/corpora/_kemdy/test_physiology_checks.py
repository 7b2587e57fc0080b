"""Signals beside the annotation."""

import pyarrow as pa
import pytest

from kemfeat.corpora._kemdy.physiology_checks import check_signals
from kemfeat.manifest import SIGNALS

ONE, TWO = "Sess01_script05_User002M_001", "Sess01_script05_User002M_002"
KNOWN = {ONE: "User002M", TWO: "User002M", "Sess02_script01_User003F_001": "User003F"}


def rows(name, medium, times, *, speaker="User002M", rate=4.0):
    return [
        {
            "id": name, "speaker": speaker, "script": "script05", "medium": medium, "time": round(1000 * time),
            "value": 1.0, "offset": None, "sampling_rate": None if medium == "ibi" else rate,
        }
        for time in times
    ]  # fmt: skip


def check(*parts, known=KNOWN, **options):
    table = pa.Table.from_pylist([row for part in parts for row in part], schema=SIGNALS)
    return {f.rule: f for f in check_signals(table, known_ids=known, session="Sess01", **options)}


def complete(name):
    return [row for medium in ("eda", "temp", "ibi") for row in rows(name, medium, [0, 0.25, 0.5])]


def test_complete_signals_have_no_findings():
    assert check(complete(ONE), complete(TWO), rows(None, "eda", [9, 20])) == {}


def test_an_empty_table_lacks_everything_of_this_session_only():
    found = check()
    assert {rule: finding.count for rule, finding in found.items()} == {"no-physiology": 2, "no-ibi": 2}


def test_ids_that_nobody_annotated_are_counted_once_each():
    orphan = "Sess01_script05_User002M_099"
    found = check(complete(ONE), complete(TWO), complete(orphan))
    assert set(found) == {"orphan-physiology"}
    assert found["orphan-physiology"].count == 1
    assert orphan in found["orphan-physiology"].examples[0]


def test_another_persons_wristband_is_not_the_speakers_own():
    foreign = [row | {"speaker": "User001F"} for row in complete(TWO)]
    found = check(complete(ONE), foreign)
    assert {rule: f.count for rule, f in found.items()} == {"other-speaker": 1, "no-physiology": 1, "no-ibi": 1}


@pytest.mark.parametrize(("there", "absent"), [("eda", "TEMP"), ("temp", "EDA")])
def test_one_signal_of_two(there, absent):
    found = check(complete(ONE), rows(TWO, there, [0]), rows(TWO, "ibi", [0]))
    assert found["partial-physiology"].examples == (f"{TWO}: no {absent} row",)
    assert set(found) == {"partial-physiology"}


def test_gaps_and_repeats_of_the_clock_are_counted_within_an_utterance():
    found = check(
        complete(ONE), rows(TWO, "temp", [0, 0.25]), rows(TWO, "ibi", [0, 5]),
        rows(TWO, "eda", [0, 0.25]), rows(None, "eda", [0.5]), rows(TWO, "eda", [0.75, 0.75, 1.0, 0.5, 0.751]),
    )  # fmt: skip
    assert set(found) == {"clock-gap"}
    assert found["clock-gap"].examples == (
        f"{TWO}: eda stamps 0.500 s apart, expected 0.25 s",
        f"{TWO}: eda stamps 0.000 s apart, expected 0.25 s",
        f"{TWO}: eda stamps -0.500 s apart, expected 0.25 s",
    )


def test_a_rate_whose_period_is_no_whole_millisecond_has_no_gaps():
    eda = rows(TWO, "eda", [sample / 3 for sample in range(30)], rate=3.0)
    assert check(complete(ONE), eda, rows(TWO, "temp", [0]), rows(TWO, "ibi", [0])) == {}


def test_conversations_known_to_be_bad_are_named_when_annotated():
    bad = {"Sess01_script05_User002M", "Sess01_script06_User002M"}
    found = check(complete(ONE), complete(TWO), known_bad=bad)
    assert set(found) == {"known-bad-conversation"}
    assert found["known-bad-conversation"].count == 1
