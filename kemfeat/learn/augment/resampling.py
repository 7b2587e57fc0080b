"""Class balance: which rows an epoch has, and how often. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kemfeat.errors import ConfigError
from kemfeat.learn.augment.settings import Augmentation, FrequencyNoise, RandomDeletion, RandomSwap
from kemfeat.learn.data.batch_sampler import check_integer

if TYPE_CHECKING:
    from kemfeat.splits import Split

KOR_2022: tuple[str, ...] = ("surprise", "angry", "sad")
"""The emotions that system 1 repeats."""

_SWAPPED, _MASKED, _THINNED = 1, 2, 3
"""Its copies: words swapped; mel masked; words deleted and mel masked."""

_SALT = 0x77656967  # the order of an epoch is drawn from seed and epoch too, and must not follow from this


@dataclass(frozen=True, kw_only=True, eq=False)
class Expanded:
    """Rows for a loader, and which copy of its utterance each is.

    Parameters
    ----------
    rows : rows of the store; a copy has the row, and so the id and labels, of its original [shape=(n,)].
    copies : 0 for an original [shape=(n,)].
    """

    rows: NDArray[np.int64]
    copies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def kor_2022_plan(rows: ArrayLike, emotions: Sequence[str | None]) -> Expanded:
    """System 1's balance: surprise, angry and sad four times, the others once.

    Their copies 1, 2 and 3 are told apart by :func:`kor_2022_augmentations`. On the published training part this makes
    10,043 of 9,161 rows.

    Parameters
    ----------
    rows : rows of the train part alone; see :func:`check_rows`.
    emotions : of each row.

    Raises
    ------
    ConfigError
        There are not as many emotions as rows.
    """
    found = _rows(rows, emotions)
    rare = found[np.array([emotion in KOR_2022 for emotion in emotions], dtype=bool)]
    copies = (_SWAPPED, _MASKED, _THINNED)
    return Expanded(
        rows=np.concatenate([found, *[rare] * len(copies)]),
        copies=np.repeat(np.array([0, *copies]), [len(found), *[len(rare)] * len(copies)]),
    )


def kor_2022_augmentations(media: Collection[str], *, faithful: bool = False) -> tuple[Augmentation, ...]:
    """What system 1 does to the copies of :func:`kor_2022_plan`, as far as a model reads it.

    Parameters
    ----------
    media : what the model reads; without ``mel`` or ``tokens``, what changes that is left out.
    faithful : write noise over the slope too (K15).
    """
    everything: tuple[Augmentation, ...] = (
        RandomSwap(copies=(_SWAPPED,)),
        FrequencyNoise(copies=(_MASKED, _THINNED), faithful=faithful),
        RandomDeletion(copies=(_THINNED,)),
    )
    return tuple(augmentation for augmentation in everything if augmentation.medium in media)


def sampling_weights(emotions: Sequence[str | None], *, power: float = 1.0) -> NDArray[np.float64]:
    """The chance of each row to be drawn: its class' frequency to the minus ``power``, summing to 1.

    Parameters
    ----------
    emotions : of each row, one or more; rows without one are a class of their own.
    power : 1 draws all classes equally often, 0 all rows.

    Raises
    ------
    ConfigError
        There is no row, or the power is not a number from 0 on.
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
    """As many places as there are weights, drawn with replacement; a function of nothing but these.

    Parameters
    ----------
    weights : chance of each place, summing to 1 [shape=(n,)].
    seed, epoch : from 0 on.

    Raises
    ------
    ConfigError
        Seed or epoch is not a number from 0 on.
    """
    for name, value in (("seed", seed), ("epoch", epoch)):
        check_integer(name, value, least=0)
    rng = np.random.default_rng([_SALT, seed, epoch])
    return rng.choice(len(weights), size=len(weights), p=weights)


def weighted_plan(
    rows: ArrayLike, emotions: Sequence[str | None], *, seed: int, epoch: int, power: float = 1.0
) -> Expanded:
    """Rows of one epoch drawn by :func:`sampling_weights`, as many as there are.

    A row that is drawn again is the next copy of it, so that its augmentation differs.

    Parameters
    ----------
    rows : rows of the train part alone; see :func:`check_rows`.
    emotions : of each row.
    seed, epoch : from 0 on.
    power : see :func:`sampling_weights`.

    Raises
    ------
    ConfigError
        There are not as many emotions as rows, or none; or a number is out of range.
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
            f"balance: found {len(emotions)} emotions for rows of shape {found.shape}; pass the emotion of each row"
        )
    return found


def check_rows(rows: ArrayLike, split: Split, *, ids: Sequence[str], part: str = "train", fold: int = 0) -> None:
    """Refuse rows that are not of a part: what is repeated or augmented must never be tested on.

    Parameters
    ----------
    rows : rows of the store.
    split, fold : what is in the part.
    ids : id of every row of the store.

    Raises
    ------
    ConfigError
        A row is outside of the part, or there is no such part or fold.
    """
    found = np.asarray(rows, dtype=np.int64)
    outside = np.setdiff1d(found, split.indices(ids, part, fold=fold))
    if len(outside):
        known = ids[outside[0]] if 0 <= outside[0] < len(ids) else "no row of the store"
        raise ConfigError(
            f"{len(outside)} rows are outside of {part} of fold {fold}, such as {outside[0]} ({known}); what is "
            f"balanced or augmented must be of {part} alone, so pass its rows"
        )
