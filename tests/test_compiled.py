from __future__ import annotations

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
