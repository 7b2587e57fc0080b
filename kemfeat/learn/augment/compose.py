"""Several augmentations in sequence, as a transform of a loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kemfeat.config import check_integer
from kemfeat.errors import ConfigError
from kemfeat.learn.augment._draws import Stream
from kemfeat.learn.augment._frequency_noise import frequency_noise
from kemfeat.learn.augment._images import cropped, flipped, require_images, rotated
from kemfeat.learn.augment._mel import facts_of
from kemfeat.learn.augment._spec_augment import spec_augment
from kemfeat.learn.augment._words import Words
from kemfeat.learn.augment.settings import (
    Augmentation,
    FrequencyNoise,
    HorizontalFlip,
    ImageCrop,
    ImageRotation,
    RandomDeletion,
    RandomSwap,
    SpecAugment,
)
from kemfeat.learn.data.batch import Batch

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

_Step = Callable[[Batch, int], Batch]


class Compose:
    """Applies augmentations to a batch, in order; given to a loader as ``transform``.

    What happens to a sample depends only on ``seed``, its row of the store, its copy number, the epoch, and the place
    of the augmentation in the sequence. The rest of the batch, its padding and the device do not matter. The batch
    passed in is not changed.

    Parameters
    ----------
    augmentations : iterable of Augmentation
        Settings of each. Augmentations of mel, of words and of images are independent; texts are tokenized once, after
        all changes of words.
    store : Store
        The store of the batches.
    seed : int, in [0, 2**63)
        Seed of all augmentations.

    Raises
    ------
    ConfigError
        The seed is out of range; later, a batch lacks what an augmentation changes.
    AnalysisError
        The store lacks it.
    StoreCorruptError
        The store's tokenizer cannot be read.
    """

    def __init__(self, augmentations: Iterable[Augmentation], *, store: Store, seed: int = 0) -> None:
        check_integer("seed", seed, least=0)
        if seed >= 2**63:
            raise ConfigError(f"seed is {seed}; expected less than 2**63")
        self.augmentations = tuple(augmentations)
        self.seed = int(seed)
        self._steps = tuple(_steps(self.augmentations, store, self.seed))

    def __call__(self, batch: Batch, epoch: int) -> Batch:
        """The batch as it is in this epoch."""
        for step in self._steps:
            batch = step(batch, epoch)
        return batch


def _steps(augmentations: Sequence[Augmentation], store: Store, seed: int) -> Iterator[_Step]:
    words: list[tuple[RandomSwap | RandomDeletion, Stream]] = []
    for number, settings in enumerate(augmentations):
        stream = Stream(seed=seed, number=number)
        match settings:
            case FrequencyNoise():
                yield partial(frequency_noise, settings=settings, facts=facts_of(store), stream=stream)
            case SpecAugment():
                yield partial(spec_augment, settings=settings, facts=facts_of(store), stream=stream)
            case RandomSwap() | RandomDeletion():
                words.append((settings, stream))
            case ImageCrop() | ImageRotation() | HorizontalFlip():
                require_images(store, settings.name)
                yield _of_images(settings, stream)
    if words:
        yield Words(words, store=store)


def _of_images(settings: ImageCrop | ImageRotation | HorizontalFlip, stream: Stream) -> _Step:
    match settings:
        case ImageCrop():
            return partial(cropped, settings=settings, stream=stream)
        case ImageRotation():
            return partial(rotated, settings=settings, stream=stream)
        case HorizontalFlip():
            return partial(flipped, settings=settings, stream=stream)
