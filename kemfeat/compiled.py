"""Inner loops in machine code; the only file that knows numba.

Compiled functions take plain arrays, fill an output array and release the interpreter lock. Operations are rounded in
the order in which they are written, never reordered or fused, so that vector units of any width give the same bits;
division by zero gives infinity or NaN, as in NumPy. numba caches the machine code beside the source, or in the user's
cache folder where the source folder is read-only.

numba tells two functions with the same name and types apart by a number that it counts in each process. A process that
finds some of them in the cache and compiles the others gives one number twice, and then calls the wrong function:
values are wrong or memory is overwritten. So a function inside another one is refused unless it has a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(*, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a function when it is first called.

    Parameters
    ----------
    inline : bool
        Whether to compile it only as part of the compiled functions that call it, which takes less time in all.

    Returns
    -------
    callable
        Decorator of a function.

    Raises
    ------
    ValueError
        By the decorator: the function is made inside another one and has no ``__qualname__`` of its own.
    """
    import numba

    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "inline": "always" if inline else "never",
    }

    def compile_(function: Function) -> Function:
        if "<locals>" in function.__qualname__:
            raise ValueError(
                f"{function.__module__}.{function.__qualname__}: found a function inside another one, expected a name "
                f"that no other compiled function has; set its __qualname__ before it is compiled"
            )
        try:
            made: Function = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba has no writable cache folder: compile again in every process
            made = numba.njit(**options)(function)
        return made

    return compile_
