"""Class balance: which rows an epoch has, and how often. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kemfeat.config import check_integer
from kemfeat.errors import ConfigError
from kemfeat.learn.augment.settings import Augmentation, FrequencyNoise, RandomDeletion, RandomSwap

if TYPE_CHECKING:
    from kemfeat.splits import Split

KOR_2022: tuple[str, ...] = ("surprise", "angry", "sad")
"""The emotions that system 1 repeats."""

_SWAPPED, _MASKED, _THINNED = 1, 2, 3
"""Its copies: with words swapped; with mel masked; with words deleted and mel masked."""

_SALT = 0x77656967  # the order of an epoch is drawn from seed and epoch too, and must be independent of this


@dataclass(frozen=True, kw_only=True, eq=False)
class Expanded:
    """Rows for a loader, and their copy numbers.

    Parameters
    ----------
    rows : ndarray, shape (n,), int64
        Rows of the store; a copy has the row, and so the id and labels, of its original.
    copies : ndarray, shape (n,), int64
        Copy numbers; 0 for an original.
    """

    rows: NDArray[np.int64]
    copies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def kor_2022_plan(rows: ArrayLike, emotions: Sequence[str | None]) -> Expanded:
    """System 1's balance: surprise, angry and sad four times, the others once.

    :func:`kor_2022_augmentations` changes copies 1, 2 and 3, each in its own way. From the 9,161 rows of the published
    training part this makes 10,043.

    Parameters
    ----------
    rows : array of int, shape (n,)
        Rows of the train part alone; see :func:`check_rows`.
    emotions : sequence of str or None, length n
        Emotion of each row.

    Returns
    -------
    Expanded
        The originals, then copies 1, 2 and 3.

    Raises
    ------
    ConfigError
        There are more or fewer emotions than rows.

    Examples
    --------
    >>> from kemfeat.learn.augment import kor_2022_plan
    >>> plan = kor_2022_plan([5, 6], ["neutral", "sad"])
    >>> plan.rows.tolist(), plan.copies.tolist()
    ([5, 6, 6, 6, 6], [0, 0, 1, 2, 3])
    """
    found = _rows(rows, emotions)
    rare = found[np.array([emotion in KOR_2022 for emotion in emotions], dtype=bool)]
    copies = (_SWAPPED, _MASKED, _THINNED)
    return Expanded(
        rows=np.concatenate([found, *[rare] * len(copies)]),
        copies=np.repeat(np.array([0, *copies]), [len(found), *[len(rare)] * len(copies)]),
    )


def kor_2022_augmentations(media: Collection[str], *, faithful: bool = False) -> tuple[Augmentation, ...]:
    """System 1's augmentation of the copies of :func:`kor_2022_plan`, limited to what a model reads.

    Parameters
    ----------
    media : collection of str
        Features that the model reads; what changes ``mel`` or ``tokens`` is left out where it does not read them.
    faithful : bool
        Write noise over the slope too (K15).

    Returns
    -------
    tuple of Augmentation
        Settings, in order.
    """
    everything: tuple[Augmentation, ...] = (
        RandomSwap(copies=(_SWAPPED,)),
        FrequencyNoise(copies=(_MASKED, _THINNED), faithful=faithful),
        RandomDeletion(copies=(_THINNED,)),
    )
    return tuple(augmentation for augmentation in everything if augmentation.medium in media)


def sampling_weights(emotions: Sequence[str | None], *, power: float = 1.0) -> NDArray[np.float64]:
    """The chance of each row to be drawn: the frequency of its class to the power of minus ``power``, normalised.

    Parameters
    ----------
    emotions : sequence of str or None, length n >= 1
        Emotion of each row; rows without one are a class of their own.
    power : float, >= 0
        1 draws all classes equally often, 0 all rows.

    Returns
    -------
    ndarray, shape (n,), float64
        Chances, summing to 1.

    Raises
    ------
    ConfigError
        There is no row, or the power is not a number from 0 on.

    Examples
    --------
    >>> from kemfeat.learn.augment import sampling_weights
    >>> [round(float(x), 4) for x in sampling_weights(["sad", "sad", "sad", "angry"])]
    [0.1667, 0.1667, 0.1667, 0.5]
    """
    if not len(emotions) or not 0 <= power < np.inf:
        raise ConfigError(
            f"sampling weights: found {len(emotions)} rows and power {power!r}; expected one row or more and a power "
            "from 0 on"
        )
    classes = [emotion if isinstance(emotion, str) else None for emotion in emotions]
    counts = Counter(classes)
    weights = np.array([counts[name] for name in classes], dtype=np.float64) ** -power
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed


def weighted_places(weights: NDArray[np.float64], *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Draw as many places as there are weights, with replacement; the result depends only on the parameters.

    Parameters
    ----------
    weights : ndarray, shape (n,), float64
        Chance of each place, summing to 1.
    seed : int, >= 0
        Seed of all epochs.
    epoch : int, >= 0
        Which epoch.

    Returns
    -------
    ndarray, shape (n,), int64
        Places.

    Raises
    ------
    ConfigError
        Seed or epoch is not a whole number from 0 on.
    """
    for name, value in (("seed", seed), ("epoch", epoch)):
        check_integer(name, value, least=0)
    rng = np.random.default_rng([_SALT, seed, epoch])
    return rng.choice(len(weights), size=len(weights), p=weights)


def weighted_plan(
    rows: ArrayLike, emotions: Sequence[str | None], *, seed: int, epoch: int, power: float = 1.0
) -> Expanded:
    """Draw the rows of one epoch by :func:`sampling_weights`, as many as there are.

    A row that is drawn again becomes its next copy, so that it is augmented differently.

    Parameters
    ----------
    rows : array of int, shape (n,)
        Rows of the train part alone; see :func:`check_rows`.
    emotions : sequence of str or None, length n
        Emotion of each row.
    seed : int, >= 0
        Seed of all epochs.
    epoch : int, >= 0
        Which epoch.
    power : float, >= 0
        See :func:`sampling_weights`.

    Returns
    -------
    Expanded
        Rows in the order drawn.

    Raises
    ------
    ConfigError
        There are more or fewer emotions than rows, or none; or a number is out of range.
    """
    found = _rows(rows, emotions)
    drawn = found[weighted_places(sampling_weights(emotions, power=power), seed=seed, epoch=epoch)]
    order = np.argsort(drawn, kind="stable")
    copies = np.empty_like(drawn)
    copies[order] = np.arange(len(drawn)) - np.searchsorted(drawn, drawn[order], sorter=order)
    return Expanded(rows=drawn, copies=copies)


def _rows(rows: ArrayLike, emotions: Sequence[str | None]) -> NDArray[np.int64]:
    found = np.asarray(rows, dtype=np.int64)
    if found.shape != (len(emotions),):
        raise ConfigError(
            f"balance: found {len(emotions)} emotions for rows of shape {found.shape}; pass one emotion for each row"
        )
    return found


def check_rows(rows: ArrayLike, split: Split, *, ids: Sequence[str], part: str = "train", fold: int = 0) -> None:
    """Refuse rows outside a part: what is repeated or augmented must never be tested on.

    Parameters
    ----------
    rows : array of int, shape (n,)
        Rows of the store.
    split : Split
        The split.
    ids : sequence of str
        Id of every row of the store.
    part : {"train", "valid", "test"}
        Part that the rows must be in.
    fold : int, >= 0
        Fold of the split.

    Raises
    ------
    ConfigError
        A row is outside the part, or there is no such part or fold.
    """
    found = np.asarray(rows, dtype=np.int64)
    outside = np.setdiff1d(found, split.indices(ids, part, fold=fold))
    if len(outside):
        known = ids[outside[0]] if 0 <= outside[0] < len(ids) else "no row of the store"
        raise ConfigError(
            f"{len(outside)} rows are not in {part} of fold {fold}, such as {outside[0]} ({known}); only rows of "
            f"{part} may be balanced or augmented, so pass those"
        )
