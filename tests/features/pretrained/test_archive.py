"""kemfeat.features.pretrained.archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch

from kemfeat.features.pretrained.archive import archive_problem


def test_what_torch_writes_is_sound(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(3)}, tmp_path / "a.pt")
    assert archive_problem(tmp_path / "a.pt") == ""


def test_other_files_are_left_to_torch(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"text")
    assert archive_problem(tmp_path / "a.pt") == ""
    assert archive_problem(tmp_path / "none.pt") == ""


def test_a_compressed_record_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(10**6))
    assert archive_problem(tmp_path / "a.pt") == "has the compressed record 'archive/data/0', and torch writes none"
