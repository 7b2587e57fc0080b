"""What is under the GPL is needed by the analyses alone (docs/licences.md)."""

from __future__ import annotations

import subprocess
import sys

import pytest

ROOMS = (
    "build",
    "corpora",
    "export",
    "features",
    "leakage",
    "learn",
    "publish",
    "splits",
    "store",
    "synth",
    "validate",
)
IMPORT_ALL = """
import importlib, pkgutil, sys
module = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}."):
    importlib.import_module(found.name)
print(*sorted({"kmedoids", "parselmouth", "pingouin"} & set(sys.modules)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_a_room_does_not_import_it(room: str) -> None:
    command = [sys.executable, "-c", IMPORT_ALL, f"kemfeat.{room}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
