"""Archives of sessions, honest and hostile: nothing is written, nothing hangs, all ends in a sentence."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from kemfeat.corpora import open_reader
from kemfeat.corpora.e4 import _archives
from kemfeat.errors import CorpusError
from kemfeat.findings import Finding
from tests.corpora.e4_sessions import session_files, write_session, write_windows, zip_bytes


def faults_of(root: Path, archive: bytes) -> tuple[str, dict[str, Finding]]:
    """What is said of an archive beside a sound session."""
    write_session(root / "S1", session_files())
    write_windows(root, ["w1,S1,anna,0,10"])
    (root / "S2.zip").write_bytes(archive)
    before = {path: path.stat().st_mtime_ns for path in root.parent.rglob("*")}
    reader = open_reader("e4", root=root)
    manifest = reader.read_manifest(root, on_error="skip")
    assert len(manifest) == 1
    reader.sources(root)
    assert {path: path.stat().st_mtime_ns for path in root.parent.rglob("*")} == before
    return " ".join(manifest.faults), {finding.rule: finding for finding in manifest.findings}


def with_flags(archive: bytes, flags: int) -> bytes:
    """An archive whose members have flags in both of their headers."""
    changed = bytearray(archive)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(magic)
        while place >= 0:
            struct.pack_into("<H", changed, place + at, flags)
            place = changed.find(magic, place + 4)
    return bytes(changed)


@pytest.mark.parametrize("name", ["../EDA.csv", "a/../../EDA.csv", "/etc/EDA.csv", "..\\EDA.csv", "C:\\x\\EDA.csv"])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    said, found = faults_of(tmp_path / "root", zip_bytes({**session_files(seed=1), name: b"x"}))
    assert set(found) == {"unreadable-recording"}
    assert "which leads out of the archive; expected names such as EDA.csv; download it again" in said


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"", "S2.zip: cannot be read as a zip archive"),
        (b"PK\x03\x04 and no more", "S2.zip: cannot be read as a zip archive"),
        (zip_bytes(session_files(seed=1))[:-30], "S2.zip: cannot be read as a zip archive"),
        (with_flags(zip_bytes(session_files(seed=1)), 1), "S2.zip: is encrypted"),
        (zip_bytes({"a/EDA.csv": b"", "b/EDA.csv": b""}), "S2.zip: found 2 sessions, expected one; unpack it"),
    ],
)
def test_an_archive_that_is_no_session_is_a_fault(tmp_path: Path, archive: bytes, said: str) -> None:
    faults, found = faults_of(tmp_path / "root", archive)
    assert set(found) == {"unreadable-recording"}
    assert said in faults


def test_an_archive_of_something_else_is_a_stray(tmp_path: Path) -> None:
    assert set(faults_of(tmp_path / "root", zip_bytes({"holiday.jpg": b""}))[1]) == {"stray-file"}


def test_a_file_twice_in_an_archive_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("EDA.csv", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("EDA.csv", b"2")
    assert "S2.zip: has EDA.csv twice" in faults_of(tmp_path / "root", made.getvalue())[0]


def test_a_bomb_is_read_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archives, "LARGEST", 2**20)
    files = {**session_files(seed=1), "TEMP.csv": b"0" * 2**26}
    archive = zip_bytes(files)
    assert len(archive) < 200_000
    faults, found = faults_of(tmp_path / "root", archive)
    assert "S2.zip/TEMP.csv: found more than 1 MiB, expected a recording of some days" in faults
    assert set(found) == {"unreadable-recording", "unused-session"}
    (tmp_path / "root/S1/TEMP.csv").write_bytes(b"0" * (2**20 + 1))
    with pytest.raises(CorpusError, match=r"S1/TEMP\.csv: found more than 1 MiB"):
        open_reader("e4", root=tmp_path / "root").read_manifest(tmp_path / "root")


def test_a_size_that_lies_is_no_way_around_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header of the member says 5 bytes; what is read ends there, and its checksum does not fit."""
    monkeypatch.setattr(_archives, "LARGEST", 2**20)
    changed = bytearray(zip_bytes({**session_files(seed=1), "TEMP.csv": b"0" * 2**22}))
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = changed.find(magic)
        while place >= 0:
            if struct.unpack_from("<I", changed, place + at)[0] == 2**22:
                struct.pack_into("<I", changed, place + at, 5)
            place = changed.find(magic, place + 4)
    faults, _ = faults_of(tmp_path / "root", bytes(changed))
    assert "S2.zip/TEMP.csv: cannot be read as a zip archive" in faults


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    many = zip_bytes({f"{number}.csv": b"" for number in range(10_001)})
    assert "S2.zip: found 10,001 files, expected one session; unpack it" in faults_of(tmp_path / "root", many)[0]


def test_a_damaged_member_is_the_fault_of_its_recording(tmp_path: Path) -> None:
    archive = bytearray(zip_bytes(session_files(seed=1)))
    archive[60:90] = bytes(30)  # within EDA.csv
    faults, found = faults_of(tmp_path / "root", bytes(archive))
    assert "S2.zip/EDA.csv: cannot be read as a zip archive" in faults
    assert set(found) == {"unreadable-recording", "unused-session"}
