"""A command of which a call of the file system fails or is the last ends in a sentence, and the same command goes on.

``python -m tests.bench.tools.calls`` disturbs every call of every command; these are some of each.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc), which calls.py needs")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="calls.py reads /proc, which Linux has")
@pytest.mark.parametrize("how", [["kill"], ["refuse", "--turn", "3"]], ids=["kill", "refuse"])
def test_disturbed_commands_end_in_a_sentence_and_go_on(how: list[str]) -> None:
    line = [sys.executable, "-m", "tests.bench.tools.calls", *how, "--every", "150"]
    ended = subprocess.run(line, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert not ended.returncode, ended.stderr
    rows = [line.strip("| ").split(" | ") for line in ended.stdout.splitlines()[2:]]
    assert [name for name, *_ in rows] == ["first build", "update", "analyze balance", "report", "export", "train"]
    assert all(int(cases) >= 7 and failures == "0" for _, _, cases, failures in rows), ended.stderr
