"""What is made beside its place is complete or absent, and a later run removes what a killed one left, nothing else."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

import pytest

from kemfeat.store import beside
from tests.fault_kit import failing
from tests.kill_kit import run_until

CONTENTS = beside.Contents(proof="proof", carried=("kept-",))
RUN = "0" * 32


def fill(out: Path, text: str) -> None:
    with beside.made_folder(out, CONTENTS) as folder:
        (folder / "deep").mkdir()
        (folder / "deep/file").write_text(text)
        (folder / "proof").write_text(text)


def write(out: Path, text: str) -> None:
    with beside.made_file(out) as path:
        path.write_text(text)


def stop(made: AbstractContextManager[Path]) -> None:
    """Begin to make something, and stop."""
    with made as path:
        (path / "half" if path.is_dir() else path).write_text("half")
        raise KeyboardInterrupt


def said(out: Path) -> str | None:
    """What a complete folder or file says; None where there is none."""
    if out.is_dir() and (out / "proof").exists():
        assert (out / "deep/file").read_text() == (out / "proof").read_text()
        return (out / "proof").read_text()
    return out.read_text() if out.is_file() else None


@pytest.mark.parametrize("call", ["os_open", "fsync", "move", "mkdir"])
@pytest.mark.parametrize("earlier", [False, True], ids=["first", "replacing"])
def test_a_folder_that_the_disk_refuses_at_any_call_is_as_it_was(tmp_path: Path, call: str, earlier: bool) -> None:
    out, refused = tmp_path / "parent/out", 0
    for at in count(1):
        shutil.rmtree(out.parent, ignore_errors=True)
        out.parent.mkdir()
        if earlier:
            fill(out, "old")
        was_refused = False
        with failing(call, out.parent, at=at, code=errno.EIO) as fault:
            try:
                fill(out, "new")
            except OSError:
                was_refused = True
        if fault.calls < at:
            break
        refused += was_refused
        assert said(out) == ("new" if not was_refused else "old" if earlier else None)
        fill(out, "new")
        assert said(out) == "new"
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert refused > 0


@pytest.mark.parametrize("make", [fill, write])
@pytest.mark.parametrize("earlier", [False, True], ids=["first", "replacing"])
def test_killed_before_any_change_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, str], None], earlier: bool
) -> None:
    out = tmp_path / "parent/out"
    for change in count():
        shutil.rmtree(out.parent, ignore_errors=True)
        if earlier:
            make(out, "old")
            if make is fill:
                (out / "kept-1").mkdir()
                (out / "kept-1/block").write_text("b")
        if not run_until(change, lambda: make(out, "new"), monkeypatch):
            break
        assert said(out) in ("old", "new", None)
        assert said(out) is not None or make is fill or not earlier, "a file is replaced in one step"
        beside.tidy(out, CONTENTS)
        assert said(out) in (("old", "new") if earlier else ("new", None))
        make(out, "last")
        assert said(out) == "last"
        assert not earlier or make is write or (out / "kept-1/block").read_text() == "b"
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert change >= (8 if make is fill else 4)


@pytest.mark.parametrize("make", [fill, write])
def test_after_a_failure_the_earlier_one_stays(tmp_path: Path, make: Callable[[Path, str], None]) -> None:
    out = tmp_path / "out"
    make(out, "old")
    with pytest.raises(KeyboardInterrupt):
        stop(beside.made_folder(out) if make is fill else beside.made_file(out))
    assert said(out) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_living_run_and_the_files_of_others_stay(tmp_path: Path) -> None:
    others = [tmp_path / name for name in (".out.notes.aside", f".other.{RUN}.aside", f".out.{RUN}.aside.txt", ".out")]
    for other in others:
        other.write_text("x")
    dead = [tmp_path / f".out.{RUN}.{kind}" for kind in ("aside", "lock")]
    dead[0].mkdir()
    (dead[0] / "half").write_text("x")
    dead[1].write_text("")
    with beside.made_folder(tmp_path / "out") as living:
        beside.tidy(tmp_path / "out")
        assert living.is_dir()
        assert not any(path.exists() for path in dead)
    assert {path.name for path in tmp_path.iterdir()} == {"out", *(other.name for other in others)}


def test_a_link_named_like_a_leftover_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("x")
    (tmp_path / f".out.{RUN}.old").symlink_to(tmp_path / "mine")
    beside.tidy(tmp_path / "out")
    assert (tmp_path / "mine/file").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_disk_without_locks_is_enough_and_keeps_what_may_still_be_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    (tmp_path / f".out.{RUN}.aside").mkdir()
    fill(tmp_path / "out", "new")
    assert said(tmp_path / "out") == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"out", f".out.{RUN}.aside"}


def test_an_empty_folder_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    renamed: list[Path] = []
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, target: (renamed.append(path), rename(path, target))[1])
    fill(tmp_path / "out", "new")
    assert len(renamed) == 1
    assert said(tmp_path / "out") == "new"
