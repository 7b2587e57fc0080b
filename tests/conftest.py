"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.build.kit import Bench

# No test is timed. The same examples every time where a red run must mean a change, new ones where people work.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


# A run in the background of a script ignores Ctrl+C, and so would the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository; absent on a user's machine."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the reference data folder `shared` is not beside the repository")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A tiny corpus and its finished store, made once; not to be changed."""
    from tests.build.kit import Bench, write_corpus

    folder = tmp_path_factory.mktemp("finished")
    bench = Bench(write_corpus(folder / "corpus"), folder / "store")
    bench.build()
    return bench


@pytest.fixture
def bench(finished: Bench, tmp_path: Path) -> Bench:
    """A copy of the finished store and of its corpus, to change."""
    return finished.copy(tmp_path)
