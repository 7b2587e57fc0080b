"""Inner loops in machine code; the only file that knows numba.

Compiled functions take plain arrays, fill an output array and release the interpreter lock. numba keeps the machine
code beside the source, or in the user's cache folder where that is read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, reorder: bool = False) -> Callable[[Function], Function]:
    """Compile a function when it is first called.

    Parameters
    ----------
    reorder : sums may be reordered and fused, so that they run in vector lanes (NaN and infinity keep their meaning);
        otherwise every step is rounded as it is written.
    """
    import numba

    options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract"} if reorder else False}

    def compile_(function: Function) -> Function:
        try:
            made: Function = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba found no folder it may write its cache to: compile anew in every process
            made = numba.njit(**options)(function)
        return made

    return compile_
