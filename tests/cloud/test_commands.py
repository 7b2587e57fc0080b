"""Every command that reads a store gives the same of one in a bucket as of one in a folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kemfeat.publish import push_store
from kemfeat.store.reader import open_store
from tests.cloud.server import BUCKET, Server
from tests.e2e.test_damaged_stores import COMMANDS, Whole, run, whole  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow  # every command runs twice

ADDRESS = f"s3://{BUCKET}/stores/synthetic"
TABLES = (".csv", ".npy", ".tsv", ".parquet", ".npz", ".safetensors")


def tables(folder: Path) -> dict[str, bytes]:
    """What a command has written of numbers, but for the times in the history of a training."""
    return {
        path.relative_to(folder).as_posix(): re.sub(rb",\d+\.\d+,1\n", b",TIME,1\n", path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in TABLES
    }


def said(capsys: pytest.CaptureFixture[str], store: Path | str, folder: Path) -> list[str]:
    """What a command printed, without places and times."""
    text = capsys.readouterr().out.replace(str(store), "STORE").replace(str(folder), "OUT")
    return [re.sub(r"\d+\.\d+ s\b|\d[\d,]* (?:rows|files)/s", "TIME", line) for line in text.splitlines()]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "diff"])
def test_of_an_address_as_of_a_folder(
    server: Server,
    whole: Whole,  # noqa: F811 - the fixture
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    push_store(open_store(whole.store), ADDRESS)
    monkeypatch.delenv("KEMFEAT_CACHE", raising=False)
    here, there = tmp_path / "here", tmp_path / "there"
    codes, lines = [], []
    for store, folder in ((whole.store, here), (ADDRESS, there)):
        folder.mkdir()
        codes.append(run(command, whole, store, folder / "out", monkeypatch))
        lines.append(said(capsys, store, folder))
    assert codes[0] == codes[1]
    assert tables(here) == tables(there)
    assert len(lines[0]) == len(lines[1])
    if command == "info":
        assert lines[0] == lines[1]
