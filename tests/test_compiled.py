from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import numba
import numpy as np
import pytest

from kemfeat.compiled import compiled


@pytest.mark.parametrize("inline", [False, True])
def test_compiles_where_nothing_can_be_cached(inline: bool) -> None:
    """A function without a source file has no cache folder, like a package on a read-only disk of a homeless user."""
    code = compile("def double(values, out):\n    out[:] = values * 2\n", "<nowhere>", "exec")
    double = FunctionType(code.co_consts[0], {})
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(double)
    out = np.zeros(3)
    compiled(inline=inline)(double)(np.arange(3.0), out)
    np.testing.assert_array_equal(out, [0, 2, 4])


def _adder(number: int) -> Callable[[int], int]:
    def add(value: int) -> int:
        return value + number

    return add


def test_refuses_functions_that_share_a_name() -> None:
    with pytest.raises(ValueError, match="set its __qualname__"):
        compiled()(_adder(1))


LEVELS = """
import sys
import numpy as np
from kemfeat.features._mel_powers import mel_powers
from kemfeat.features.mel import MelConfig, mel_filters
config = MelConfig()
samples = np.sin(np.arange(16000, dtype=np.float32))
sys.stdout.write(mel_powers(samples, config=config, filters=mel_filters(config)).tobytes().hex())
"""


def _levels(cache: Path) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    run = subprocess.run([sys.executable, "-c", LEVELS], env=environment, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kept", [1, 2])
def test_a_cache_that_was_left_half_full_gives_the_same_bits(tmp_path: Path, kept: int) -> None:
    """As where the first build is interrupted, or where two workers compile at once."""
    first = _levels(tmp_path)
    steps = sorted(tmp_path.rglob("*_quarter*.nbc"), key=lambda path: path.stat().st_mtime_ns)
    assert len(steps) == 5
    for path in {*tmp_path.rglob("*.nbc")} - set(steps[:kept]):
        path.unlink()
    assert _levels(tmp_path) == first
