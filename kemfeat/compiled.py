"""Inner loops in machine code; the only file that knows numba.

Compiled functions take plain arrays, fill an output array and release the interpreter lock. Every step is rounded as it
is written, never reordered or fused, so that vectors of any width make the same bits; division by zero gives infinity
or NaN, as in NumPy. numba keeps the machine code beside the source, or in the user's cache folder where that
is read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a function when it is first called.

    Parameters
    ----------
    inline : compiled only as part of the compiled functions that call it, which takes less time than both do alone.
    """
    import numba

    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "inline": "always" if inline else "never",
    }

    def compile_(function: Function) -> Function:
        try:
            made: Function = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba found no folder it may write its cache to: compile anew in every process
            made = numba.njit(**options)(function)
        return made

    return compile_
