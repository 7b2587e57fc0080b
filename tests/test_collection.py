"""Every file of tests is found by pytest, whose own defaults leave out folders called build, dist or venv."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def test_no_folder_of_tests_is_left_out(request: pytest.FixtureRequest) -> None:
    patterns = request.config.getini("norecursedirs")
    folders = {folder for path in TESTS.rglob("test_*.py") for folder in path.relative_to(TESTS).parts[:-1]}
    assert {"build", "store", "learn"} <= folders
    assert not [folder for folder in folders if any(fnmatch(folder, pattern) for pattern in patterns)]
