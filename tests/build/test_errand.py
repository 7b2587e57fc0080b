"""The folders that a worker keeps for builds in buckets: those of the latest, and of those that run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kemfeat.build import _errand


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder of this process, in which nobody has worked yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(_errand, "_PLACES", {})
    yield tmp_path
    for place in _errand._PLACES.values():
        place.folder.cleanup()


def work(address: str) -> Path:
    with _errand._workplace(address) as place:
        (place / "shared").write_text(address)
    return place


def test_a_worker_of_many_builds_keeps_the_folders_of_the_latest(folder: Path) -> None:
    places = [work(f"s3://bucket/{number}") for number in range(20)]
    assert sorted(folder.iterdir()) == sorted(places[-_errand._MOST_PLACES :])


def test_a_build_that_goes_on_keeps_its_folder(folder: Path) -> None:
    first = work("s3://bucket/first")
    for number in range(20):
        work(f"s3://bucket/{number}")
        assert work("s3://bucket/first") == first
    assert (first / "shared").read_text() == "s3://bucket/first"


def test_no_folder_is_removed_while_a_thread_works_in_it(folder: Path) -> None:
    with ExitStack() as running:
        held = [running.enter_context(_errand._workplace(f"s3://bucket/held/{number}")) for number in range(9)]
        for number in range(20):
            work(f"s3://bucket/{number}")
        assert all(place.is_dir() for place in held)
    work("s3://bucket/last")
    assert len([*folder.iterdir()]) <= _errand._MOST_PLACES
