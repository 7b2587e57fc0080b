"""Files of ids: what people and spreadsheets write is read, and what names no utterance is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.id_files import chosen, read_ids

KNOWN = ("Sess01_a", "Sess01_b", "가나,다", '말"들')


@pytest.mark.parametrize(
    "content",
    [
        "id\nSess01_b\nSess01_a\n",
        "\ufeffid\r\nSess01_a\r\nSess01_b\r\n",
        "id,score,why\nSess01_b,2,loud\nSess01_a,1,\nSess01_b,2,loud\n",
        "score,id\n1,Sess01_a\n2,Sess01_b\n\n",
    ],
)
def test_each_id_is_read_once_whatever_wrote_the_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ids.csv"
    file.write_bytes(content.encode())
    assert read_ids(file, known=KNOWN) == ("Sess01_a", "Sess01_b")


def test_quoted_ids_are_read_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text('id\n"가나,다"\n"말""들"\n', encoding="utf-8")
    assert set(read_ids(file, known=KNOWN)) == {"가나,다", '말"들'}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not a CSV file that can be read"),
        (b"id\n", "names no utterance"),
        (b"Sess01_a\nSess01_b\n", "has no column 'id' .it has 'Sess01_a'.; expected a CSV file whose first line is id"),
        (b"id\nSess01_c\nSess01_a\n", "1 of 2 ids are not in this store, such as 'Sess01_c'; its ids are like 'Sess01"),
        (b"id\n\xff\xfe\n", "is not a CSV file that can be read"),
        (b"id\n1\n2\n3\n4\n", "4 of 4 ids are not in this store, such as '1', '2', '3';"),
        (b'id\n"Sess01_a\n', "is not a CSV file that can be read"),
        (b"id\nSess01_a,\n", "is not a CSV file that can be read .Length of header"),
        (b"id,why\n,loud\n", "1 of 1 ids are not in this store, such as ''"),
    ],
)
def test_what_names_no_utterance_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "ids.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"ids\.csv: .*{says}"):
        read_ids(file, known=KNOWN)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read \(No such file or directory\); expected"):
        read_ids(tmp_path / "none.csv", known=KNOWN)
    with pytest.raises(ConfigError, match="Is a directory"):
        read_ids(tmp_path, known=KNOWN)


@given(st.lists(st.sampled_from(KNOWN)))
def test_order_and_repetition_do_not_matter(ids: list[str]) -> None:
    assert chosen(ids, known=KNOWN, where="x") == tuple(sorted(set(ids)))
