"""Fixtures of the tests of a user's own table."""

import pytest

from tests.corpora.folder.kit import PRIVATE, write
from tests.corpora.tiny import wav_bytes


@pytest.fixture
def private(tmp_path):
    """Two people in two sessions, with EDA and beats of one of them."""
    root = tmp_path / "사설 set"
    for number in (1, 2, 3):
        write(root / f"wav/u{number}.wav", wav_bytes(0.75, pitch=100.0 + 20 * number))
    write(root / "eda/u1.txt", b"0.5\n0.25\n0.125\n")
    write(root / "eda/u2.txt", b"1\n2\n3\n")
    write(root / "ibi/u1.csv", b"0.25,0.8\n0.5,0.75\n")
    write(root / "utterances.csv", PRIVATE.encode())
    return root
