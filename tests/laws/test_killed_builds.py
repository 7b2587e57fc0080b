"""A build that is killed at any moment opens as one version or is refused, and the same build ends it.

``python -m tests.bench.tools.kills`` kills a thousand; these are a few.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.bench.tools import kills

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not hasattr(os, "fork"), reason="builds are killed in forked children")
def test_killed_builds_are_ended_by_the_same_build(tmp_path: Path) -> None:
    met = 0
    for name, scene in kills.scenes(tmp_path).items():
        for seed in range(100_000, 100_003):
            count, wrong = kills.killed(scene, tmp_path / f"{name} {seed}", random.Random(seed))
            assert not wrong, f"{name} seed {seed}: {wrong}"
            met += count
    assert met, "no kill met a running build"
