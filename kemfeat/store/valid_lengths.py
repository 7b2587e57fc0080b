"""Which elements of the rows of an array are real: the array that marks them, and where they end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.store import schema

LENGTHS, MASK = "_lengths", "_mask"
TOKEN = "token"  # noqa: S105 - a dimension
_TOKEN_MASK = "attention_mask"  # noqa: S105 - an array


def marks(header: schema.Header, name: str) -> str | None:
    """The array that says which elements of another one's rows are real; None where all of them are.

    It is ``<name>_lengths``, ``<name>_mask``, ``attention_mask`` for tokens, and a mask itself for a mask.

    Parameters
    ----------
    header : Header
        Header of a store.
    name : str
        Name of an array.

    Returns
    -------
    str or None
        Name of the marking array.
    """
    own = (f"{name}{LENGTHS}", f"{name}{MASK}", *([name] if name.endswith(MASK) else []))
    tokens = (_TOKEN_MASK,) if TOKEN in header.arrays[name].dims else ()
    return next((each for each in (*own, *tokens) if each in header.arrays), None)


def ends(marked: NDArray[Any]) -> NDArray[np.int64]:
    """Where the real elements of each row end: its length, or the place after the last one that the mask marks.

    Parameters
    ----------
    marked : ndarray, shape (n,) or (n, elements)
        Lengths or a mask.

    Returns
    -------
    ndarray, shape (n,), int64, >= 0
        Elements from the beginning of each row.

    Examples
    --------
    >>> import numpy as np
    >>> ends(np.array([[True, False, True, False], [False, False, False, False]])).tolist()
    [3, 0]
    """
    if marked.ndim == 1:
        return marked.astype(np.int64).clip(min=0)
    real = marked.astype(bool)
    places = np.arange(1, real.shape[1] + 1, dtype=np.int64)
    after_last: NDArray[np.int64] = (real * places).max(axis=1, initial=0)
    return after_last
