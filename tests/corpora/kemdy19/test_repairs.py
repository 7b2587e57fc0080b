"""Known wrong ids are repaired where a file has them, and nowhere else."""

import pytest

from kemfeat.corpora.kemdy19._manifest import read_manifest
from kemfeat.corpora.kemdy19._repairs import WRONG_IDS
from tests.corpora.tiny19 import ID, write_tiny_kemdy19

WRONG, RIGHT = "Sess03_impro02_M001", "Sess03_impro02_F001"


def read(tiny, on_error="raise"):
    manifest = read_manifest(tiny.root, on_error=on_error)
    return manifest, {finding.rule: finding for finding in manifest.findings}


@pytest.fixture
def third(tmp_path):
    return write_tiny_kemdy19(tmp_path, sessions=(3,), scenes=("script01", "impro02"))


@pytest.mark.parametrize("backwards", [False, True])
def test_the_wrong_id_of_session_3_is_read_as_the_right_one(third, backwards):
    cells = third.cells(3)
    if backwards:
        third.write_cells([*cells[:2], *reversed(cells[2:])], 3)
    sound, findings = read(third)
    assert not findings
    line = third.line(RIGHT, 3)
    third.set_cell(RIGHT, ID, WRONG, 3)
    repaired, findings = read(third)
    assert repaired.fingerprint == sound.fingerprint
    assert set(findings) == {"wrong-id"}
    assert findings["wrong-id"].examples == (
        f"annotation/Session03_F_res.csv:{line}: {WRONG} read as {RIGHT} (published as row 345)",
    )


def again(tiny, name, session, **cells):
    """Repeat an utterance's row at the end of the woman's file, with other cells by column."""
    rows = tiny.cells(session)
    row = list(rows[tiny.line(name, session) - 1])
    for column, text in cells.items():
        row[int(column[1:]) - 1] = text
    tiny.write_cells([*rows, row], session)


def test_nothing_is_renamed_where_the_right_id_stands_too(third):
    again(third, WRONG, 3)
    assert set(read(third)[1]) == {"repeated-row"}


def test_nothing_is_renamed_where_the_other_file_cannot_tell(third):
    third.set_cell(RIGHT, ID, WRONG, 3)
    third.set_cell(WRONG, 2, "0", 3, "M")
    third.set_cell(WRONG, 2, "0.5", 3)
    third.set_cell(RIGHT, ID, RIGHT.replace("001", "009"), 3, "M")
    assert "wrong-id" not in read(third, "skip")[1]


def test_rows_with_one_start_are_not_told_apart(third):
    start = third.cells(3)[third.line(WRONG, 3) - 1][1]
    third.set_cell(RIGHT, 3, "9", 3)
    third.set_cell(RIGHT, 2, start, 3)
    third.set_cell(RIGHT, ID, WRONG, 3)
    assert set(read(third)[1]) == {"repeated-row", "no-speaker-row"}


def test_the_same_mistake_in_another_session_is_not_repaired(tmp_path):
    tiny = write_tiny_kemdy19(tmp_path, sessions=(4,), scenes=("impro02",))
    tiny.set_cell("Sess04_impro02_F001", ID, "Sess04_impro02_M001", 4)
    assert set(read(tiny)[1]) == {"repeated-row", "no-speaker-row"}


@pytest.mark.parametrize("name", ["Sess09_script06_M001", "Sess09_impro01_M001"])
@pytest.mark.parametrize("other", [{}, {"_2": "9", "_3": "9.5", "_11": "angry"}])
def test_the_stray_rows_of_session_9_are_dropped(tmp_path, name, other):
    tiny = write_tiny_kemdy19(tmp_path, sessions=(9,), scenes=("script06", "impro01"))
    sound, _ = read(tiny)
    again(tiny, name, 9, **other)
    manifest, findings = read(tiny)
    assert manifest.fingerprint == sound.fingerprint
    assert set(findings) == {"stray-row"}
    assert f"{name} again (published as row" in findings["stray-row"].examples[0]


def test_the_row_that_stands_once_is_no_stray(tmp_path):
    tiny = write_tiny_kemdy19(tmp_path, sessions=(9,), scenes=("script06", "impro01"))
    manifest, findings = read(tiny)
    assert tuple(manifest.utterances["id"]) == tiny.ids
    assert not findings


def test_every_known_wrong_id_is_of_its_file_s_session_and_a_listener_s():
    for known in WRONG_IDS:
        assert known.file[18:20] == known.id[4:6]
        assert known.file[21] != known.id[-4]
        assert known.right is None or known.right[-4] == known.file[21]
