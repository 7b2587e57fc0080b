"""Which elements of the rows of an array are real: the array that marks them, and where they end."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.records import beside, stem, tag_of, tagged
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
    return mark_among(header.arrays, name, dims=header.arrays[name].dims)


def mark_among(arrays: Container[str], name: str, *, dims: Sequence[str]) -> str | None:
    """As :func:`marks`, for an array of a store that is not written yet.

    Parameters
    ----------
    arrays : container of str
        Names of all arrays of the store.
    name : str
        Name of an array.
    dims : sequence of str
        Names of its axes.

    Returns
    -------
    str or None
        Name of the marking array.

    Examples
    --------
    >>> mark_among({"eda", "eda_mask"}, "eda", dims=("eda_sample",))
    'eda_mask'
    """
    own = (beside(name, LENGTHS), beside(name, MASK), *([name] if stem(name).endswith(MASK) else []))
    tokens = (tagged(_TOKEN_MASK, tag_of(name)),) if TOKEN in dims else ()
    return next((each for each in (*own, *tokens) if each in arrays), None)


def attribute(mark: str | None) -> dict[str, str]:
    """What the attributes of an array say about its marks.

    Parameters
    ----------
    mark : str or None
        Name of the marking array; see :func:`marks`.

    Returns
    -------
    dict of str to str
        ``lengths`` or ``mask`` with that name; empty where all elements are real.

    Examples
    --------
    >>> attribute("mel_lengths"), attribute("eda_mask"), attribute(None)
    ({'lengths': 'mel_lengths'}, {'mask': 'eda_mask'}, {})
    """
    return {} if mark is None else {"lengths" if stem(mark).endswith(LENGTHS) else "mask": mark}


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
