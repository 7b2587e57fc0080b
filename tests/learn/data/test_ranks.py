"""Two processes share an epoch, however they were started; nothing but the loader says who takes what."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from kemfeat.errors import ConfigError
from kemfeat.learn.data.ranks import ranks

pytestmark = pytest.mark.slow  # each starts the processes of several ranks

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(way: str, store: Path, out: Path) -> list[list[list[int]]]:
    """Per process the rows of two epochs."""
    shared = {
        **os.environ,
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "TORCHELASTIC_RUN_ID": "test",
    }
    command = [sys.executable, str(ROOT / "tests/learn/data/ranks_script.py"), way, str(store), str(out)]
    processes = [
        subprocess.Popen(
            command,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = []
    try:
        said = [process.communicate(timeout=180)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)[-3000:]
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize("way", ["torch", "accelerate", "lightning"])
def test_two_processes_share_every_epoch_and_epochs_differ(store, tmp_path, way):
    if find_spec(way) is None:
        pytest.skip(f"{way} is not installed")
    first, second = started(way, store.path, tmp_path)
    for epoch in range(2):
        assert len(first[epoch]) == len(second[epoch]) == 56
        assert len({*first[epoch], *second[epoch]}) == 112
    assert first[0] != first[1]


@pytest.mark.parametrize(
    ("world", "rank"), [("2", ""), ("2", "2"), ("two", "0"), ("2", "-1")], ids=["no rank", "beyond", "word", "negative"]
)
def test_an_environment_that_makes_no_sense_is_refused(monkeypatch, world, rank):
    monkeypatch.setenv("WORLD_SIZE", world)
    monkeypatch.setenv("RANK", rank)
    with pytest.raises(ConfigError, match="expected a rank from 0 on that is less than the world size"):
        ranks()


def test_one_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert ranks() == (0, 1)
