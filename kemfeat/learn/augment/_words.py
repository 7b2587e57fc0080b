"""Words of the cleaned text moved or left out, and the text tokenized again as for the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from kemfeat.config import validated
from kemfeat.errors import AnalysisError, ConfigError, StoreCorruptError
from kemfeat.features import tokens
from kemfeat.learn.augment._draws import Stream
from kemfeat.learn.augment.settings import RandomDeletion, RandomSwap
from kemfeat.learn.data.batch import Batch
from kemfeat.records import FeatureArray
from kemfeat.store import schema

if TYPE_CHECKING:
    from kemfeat.store.reader import Store

WordSettings = RandomSwap | RandomDeletion
Tokenize = Callable[[str], FeatureArray]

_ORDER = 1
"""The slot of the numbers that put the words of a text in random order."""


class Words:
    """Changes words, one augmentation after another, before the text is tokenized once.

    Tokenizers run on the host, so this waits until the device has said which rows are in a batch.

    Parameters
    ----------
    augmentations : sequence of (WordSettings, Stream)
        Settings of each and the numbers it draws, in order.
    store : Store
        The store of the texts and the tokenizer.

    Raises
    ------
    AnalysisError
        The store has no tokens.
    StoreCorruptError
        Its tokenizer cannot be read.
    """

    def __init__(self, augmentations: Sequence[tuple[WordSettings, Stream]], *, store: Store) -> None:
        self._augmentations = tuple(augmentations)
        self._tokenize = tokenizer_of(store)
        self._pad = int(store.header.config.settings["tokens"]["pad_id"])
        texts = store.utterances["text_clean"].tolist()
        self._texts = [text if isinstance(text, str) else "" for text in texts]

    def __call__(self, batch: Batch, epoch: int) -> Batch:
        """The batch with new tokens for its chosen utterances."""
        if batch.input_ids is None or batch.attention_mask is None:
            names = " and ".join(dict.fromkeys(settings.name for settings, _ in self._augmentations))
            raise ConfigError(
                f"{names} change text, and the batch has no tokens; add 'tokens' to media, or leave {names} out"
            )
        rows, copies = torch.stack((batch.rows, batch.copies)).cpu()
        made = {place: made for place, text in self._changed(rows, copies, epoch) if (made := self._tokens(text))}
        if not made:
            return batch
        at = torch.tensor(list(made), device=batch.input_ids.device)
        return replace(
            batch,
            input_ids=_put(batch.input_ids, at, [row["input_ids"] for row in made.values()], pad=self._pad),
            attention_mask=_put(batch.attention_mask, at, [row["attention_mask"] for row in made.values()], pad=0),
        )

    def _changed(self, rows: Tensor, copies: Tensor, epoch: int) -> list[tuple[int, str]]:
        """Place and text of the utterances whose words have changed."""
        originals = [self._texts[row].split() for row in rows.tolist()]
        words, places = originals, torch.arange(max(1, *map(len, originals)))[None]
        for settings, stream in self._augmentations:
            draws = stream.draws(rows, copies, epoch=epoch)
            chosen, bits = draws.chosen(settings).tolist(), draws.bits(_ORDER, places).tolist()
            words = [
                _change(found, turn, settings) if yes else found
                for found, turn, yes in zip(words, bits, chosen, strict=True)
            ]
        pairs = enumerate(zip(words, originals, strict=True))
        return [(place, " ".join(found)) for place, (found, original) in pairs if found != original]

    def _tokens(self, text: str) -> dict[str, NDArray[Any]] | None:
        """Arrays of a text; None where the tokenizer finds no token, so that no text becomes empty."""
        made = self._tokenize(text)
        return dict(made.arrays) if made.columns["n_pieces"] else None


def tokenizer_of(store: Store) -> Tokenize:
    """The tokenizer of a store.

    Raises
    ------
    AnalysisError
        The store has no tokens.
    StoreCorruptError
        Its tokenizer cannot be read.
    """
    settings = store.header.config.settings
    if "tokens" not in settings:
        raise AnalysisError(
            f"{store.path}: the store has no tokens, which random-swap and random-deletion change (it has "
            f"{', '.join(store.arrays)}); build it with --features text,tokens, or leave them out"
        )
    config = validated(tokens.TokensConfig, settings["tokens"], where=f"{store.path}/{schema.HEADER}: tokens")
    folder = store.local(f"{schema.RESOURCES}/{tokens.EXTRACTOR.name}")
    try:
        extract = tokens.EXTRACTOR.open(config, folder)
    except Exception as error:  # noqa: BLE001 - tokenizers raises nothing narrower
        raise StoreCorruptError(
            f"{folder}: the store's tokenizer cannot be read ({error}); run `kemfeat verify` on the store, then build "
            "it again"
        ) from None
    return lambda text: extract({"text": FeatureArray({}, {"text_clean": text})})


def _change(words: list[str], turn: list[int], settings: WordSettings) -> list[str]:
    """The words changed; ``turn`` contains a random number for each word, and perhaps more."""
    order = sorted(range(len(words)), key=turn.__getitem__)
    match settings:
        case RandomSwap():
            return swapped(words, order, alpha=settings.alpha)
        case RandomDeletion():
            return thinned(words, order, alpha=settings.alpha)


def swapped(words: list[str], order: list[int], *, alpha: float) -> list[str]:
    """The words at the first max(2, round(alpha n)) places of a random order, swapped along it; a single word stays.

    As published, each swap begins where the one before ended, so the words move on in a circle.
    """
    result = list(words)
    for here, there in pairwise(order[: max(2, round(alpha * len(words)))]):
        result[here], result[there] = result[there], result[here]
    return result


def thinned(words: list[str], order: list[int], *, alpha: float) -> list[str]:
    """The words without those at the first max(1, round(alpha n)) places of a random order; at least one word stays."""
    gone = set(order[: max(1, round(alpha * len(words)))][: len(words) - 1])
    return [word for place, word in enumerate(words) if place not in gone]


def _put(values: Tensor, at: Tensor, rows: Sequence[NDArray[Any]], *, pad: int) -> Tensor:
    """A copy with some rows replaced."""
    made = torch.full((len(rows), values.shape[1]), pad, dtype=values.dtype)
    for target, row in zip(made, rows, strict=True):
        target[: len(row)] = torch.from_numpy(row)
    return values.index_copy(0, at, made.to(values.device))
