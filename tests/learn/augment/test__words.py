"""Words swapped and deleted as published, and cut into tokens as the store's were."""

import random
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import AnalysisError, ConfigError, StoreCorruptError
from kemfeat.learn import StoreDataset
from kemfeat.learn.augment import Compose, RandomDeletion, RandomSwap
from kemfeat.learn.augment._words import swapped, thinned, tokenizer_of
from kemfeat.store.reader import open_store

few = settings(deadline=None, max_examples=50)
texts = st.lists(st.sampled_from(["나는", "밥을", "먹고", "집에", "갔어"]), max_size=30)
alphas = st.floats(0.01, 1)


def shuffled(words, seed):
    return random.Random(seed).sample(range(len(words)), len(words))


@given(texts, alphas, st.integers(0, 99))
@few
def test_a_swap_keeps_every_word(words, alpha, seed):
    assert Counter(swapped(words, shuffled(words, seed), alpha=alpha)) == Counter(words)


@given(st.integers(0, 30), alphas, st.integers(0, 99))
@few
def test_a_swap_moves_as_many_words_as_published_in_a_circle(count, alpha, seed):
    words = [str(place) for place in range(count)]
    order = shuffled(words, seed)
    found = swapped(words, order, alpha=alpha)
    k = min(count, max(2, round(alpha * count)))
    assert sum(a != b for a, b in zip(words, found, strict=True)) == (k if count > 1 else 0)
    if count > 1:
        ring = order[:k]
        assert [found[place] for place in ring] == [words[place] for place in (*ring[1:], ring[0])]


@given(texts, alphas, st.integers(0, 99))
@few
def test_a_deletion_keeps_the_order_and_a_word(words, alpha, seed):
    found = thinned(words, shuffled(words, seed), alpha=alpha)
    rest = iter(words)
    assert all(word in rest for word in found), "a subsequence"
    gone = min(len(words) - 1, max(1, round(alpha * len(words))))
    assert len(words) - len(found) == max(0, gone)
    assert found or not words


@pytest.mark.parametrize("words", [[], ["응"]])
def test_one_word_stays_as_it_is(words):
    assert swapped(words, list(range(len(words))), alpha=0.3) == words
    assert thinned(words, list(range(len(words))), alpha=0.3) == words


@pytest.fixture(scope="module")
def batch(store):
    return StoreDataset(store, media=("tokens",)).__getitems__(range(120))


def decoded(store, batch):
    from kemfeat.features.tokens import load_tokenizer

    tokenizer = load_tokenizer(store.path / "resources" / "tokens")
    return tokenizer.batch_decode(batch.input_ids, skip_special_tokens=True)


def test_the_tokenizer_makes_the_tokens_of_the_store_again(store, batch):
    tokenize = tokenizer_of(store)
    for row, text in enumerate(store.utterances["text_clean"]):
        made = tokenize(text).arrays
        length = int(batch.attention_mask[row].sum())
        assert made["input_ids"].tolist() == batch.input_ids[row, :length].tolist()


@pytest.mark.parametrize("settings", [RandomSwap(), RandomDeletion(), RandomDeletion(alpha=1.0)])
def test_changed_texts_are_tokens_of_the_same_words(store, batch, settings):
    after = Compose([settings], store=store, seed=3)(batch, 0)
    changed = (after.input_ids != batch.input_ids).any(dim=1)
    before_words = [text.split() for text in store.utterances["text_clean"]]
    many = torch.tensor([len(words) > 1 for words in before_words])
    assert not (changed & ~many).any()
    assert changed[many].float().mean() > 0.9
    for row, text in enumerate(decoded(store, after)):
        words = Counter(text.split())
        if changed[row] and batch.attention_mask[row].sum() < batch.input_ids.shape[1]:
            assert words <= Counter(decoded(store, batch)[row].split())
        assert after.attention_mask[row].sum() > 2


@pytest.mark.parametrize("settings", [RandomSwap(), RandomDeletion()])
def test_tokens_are_padded_and_masked_as_the_store_has_them(store, batch, settings):
    after = Compose([settings], store=store)(batch, 0)
    pad = store.header.config.settings["tokens"]["pad_id"]
    lengths = after.attention_mask.sum(dim=1)
    places = torch.arange(after.input_ids.shape[1])
    assert torch.equal(after.attention_mask, (places < lengths[:, None]).long())
    assert bool((after.input_ids[places >= lengths[:, None]] == pad).all())
    assert after.input_ids.dtype == after.attention_mask.dtype == torch.int64
    first = batch.input_ids[0, 0]
    last = batch.input_ids[0, batch.attention_mask[0].sum() - 1]
    assert bool((after.input_ids[:, 0] == first).all())
    assert bool((after.input_ids.gather(1, lengths[:, None] - 1) == last).all())


def with_texts(store, texts):
    """The store with other texts, which its tokens do not know of."""
    changed = open_store(store.path)
    changed.__dict__["utterances"] = store.utterances.assign(
        text_clean=pd.Series([*texts, *[None] * (len(store) - len(texts))], dtype="str")
    )
    return changed


def copied_tables(store, folder):
    for name in ("kemfeat.json", "utterances.parquet"):
        shutil.copy(store.folder / name, folder / name)


def test_long_texts_are_cut_as_the_store_cuts_them(store, batch):
    words = [f"집에 {place}" for place in range(100)]
    long = with_texts(store, [" ".join(words)])
    after = Compose([RandomSwap()], store=long)(batch, 0)
    assert int(after.attention_mask[0].sum()) == batch.input_ids.shape[1]
    assert after.input_ids[0, -1] == batch.input_ids[1, batch.attention_mask[1].sum() - 1], "[SEP] stays"


def test_texts_that_are_missing_or_empty_stay_as_they_are(store, batch):
    odd = with_texts(store, ["", "   ", None, "응"])
    for augmentation in (RandomSwap(), RandomDeletion()):
        assert torch.equal(Compose([augmentation], store=odd)(batch, 0).input_ids, batch.input_ids)


def test_a_text_of_which_only_words_without_a_token_are_left_stays_as_it_is(store, batch, tmp_path):
    from tokenizers import Tokenizer, normalizers

    copied_tables(store, tmp_path)
    (tmp_path / "resources" / "tokens").mkdir(parents=True)
    tokenizer = Tokenizer.from_file(str(store.path / "resources" / "tokens" / "tokenizer.json"))
    tokenizer.normalizer = normalizers.Replace("\u200b", "")
    tokenizer.save(str(tmp_path / "resources" / "tokens" / "tokenizer.json"))
    odd = with_texts(open_store(tmp_path), ["\u200b 응"] * 40)
    assert not tokenizer_of(odd)("\u200b").columns["n_pieces"]
    before = batch.input_ids[:40]
    forty = StoreDataset(store, range(40), media=("tokens",)).__getitems__(range(40))
    found = Compose([RandomDeletion()], store=odd)(forty, 0)
    kept = (found.input_ids == before).all(dim=1)
    assert 5 < int(kept.sum()) < 35, "the word was deleted in about half of them"
    assert bool((found.attention_mask[~kept].sum(dim=1) > 2).all())


def test_swaps_and_deletions_add_up(store):
    """A text that is swapped and thinned has lost words, and the others their order."""
    words = sorted({word for text in store.utterances["text_clean"] for word in text.split() if word.isalpha()})[:12]
    fifty = StoreDataset(store, range(50), media=("tokens",)).__getitems__(range(50))
    alike = with_texts(store, [" ".join(words)] * 50)
    found = decoded(store, Compose([RandomSwap(), RandomDeletion()], store=alike)(fifty, 0))
    kept = [text.split() for text in found]
    assert {len(text) for text in kept} == {8}
    assert all(set(text) < set(words) for text in kept)
    assert sum(text != sorted(text) for text in kept) > 40


def test_only_the_copies_that_are_meant_change(store, batch):
    mixed = replace(batch, copies=torch.arange(120) % 4)
    after = Compose([RandomSwap(copies=(1,))], store=store)(mixed, 0)
    changed = (after.input_ids != batch.input_ids).any(dim=1)
    assert changed.any()
    assert set(mixed.copies[changed].tolist()) == {1}


def test_a_batch_without_tokens_is_refused(store, batch):
    without = replace(batch, input_ids=None)
    with pytest.raises(ConfigError, match=r"random-swap and random-deletion change text.*add 'tokens' to media"):
        Compose([RandomSwap(), RandomDeletion()], store=store)(without, 0)


def test_a_store_without_tokens_is_refused(store, monkeypatch):
    config = store.header.config
    fewer = config.model_copy(update={"settings": {k: v for k, v in config.settings.items() if k != "tokens"}})
    changed = open_store(store.path)
    changed.header = store.header.model_copy(update={"config": fewer})
    with pytest.raises(AnalysisError, match="no tokens, which random-swap and random-deletion change"):
        Compose([RandomSwap()], store=changed)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_damaged_tokenizer_is_named(store, tmp_path, content):
    copied_tables(store, tmp_path)
    if content is not None:
        (tmp_path / "resources" / "tokens").mkdir(parents=True)
        (tmp_path / "resources" / "tokens" / "tokenizer.json").write_text(content)
    with pytest.raises(StoreCorruptError, match=r"tokenizer cannot be read.*kemfeat verify"):
        Compose([RandomDeletion()], store=open_store(tmp_path))


def test_words_are_words_and_not_pieces(store):
    """A word that is cut into pieces moves as a whole (K16)."""
    text = "교수님이 크게 웃었더라고요"
    tokenize = tokenizer_of(store)
    pieces = [tokenize(word).arrays["input_ids"][1:-1].tolist() for word in text.split()]
    assert max(map(len, pieces)) > 1
    one = StoreDataset(store, [0], media=("tokens",)).__getitems__([0])
    after = Compose([RandomSwap()], store=with_texts(store, [text]))(one, 0)
    row = after.input_ids[0, 1 : after.attention_mask[0].sum() - 1].tolist()
    runs = [np.concatenate([pieces[i] for i in order]).tolist() for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0))]
    assert row in runs
