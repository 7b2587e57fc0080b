"""Laws of every augmentation: a function of seed, row, copy and epoch, and of nothing else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn import StoreDataset, StoreLoader
from kemfeat.learn.augment import (
    Compose,
    FrequencyNoise,
    HorizontalFlip,
    ImageCrop,
    ImageRotation,
    RandomDeletion,
    RandomSwap,
    SpecAugment,
    kor_2022_augmentations,
    kor_2022_plan,
)
from kemfeat.store.reader import open_store
from tests.learn.augment.kit import longer, snapshot, some
from tests.learn.data.kit import MODES, all_same, same

EACH = {
    "noise": [FrequencyNoise(probability=0.7)],
    "faithful noise": [FrequencyNoise(faithful=True)],
    "masks": [SpecAugment(time_share=0.5)],
    "floor": [SpecAugment(value="floor", probability=0.7)],
    "swap": [RandomSwap()],
    "deletion": [RandomDeletion(probability=0.7)],
    "everything": [FrequencyNoise(), SpecAugment(), RandomSwap(), RandomDeletion()],
    "crop": [ImageCrop()],
    "rotation": [ImageRotation(probability=0.7)],
    "flip": [HorizontalFlip(probability=0.5)],
    "images": [ImageCrop(faithful=True), ImageRotation(), HorizontalFlip(probability=0.5)],
}
every = pytest.mark.parametrize("names", EACH)
few = settings(deadline=None, max_examples=8)


@pytest.fixture(scope="module")
def batch(store):
    dataset = StoreDataset(store, copies=np.arange(120) % 4, media=("mel", "delta", "tokens"))
    images = torch.randint(256, (40, 40, 60), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return replace(dataset.__getitems__(range(40)), arrays={"stft_image": images})


def composed(store, names, **options):
    """The utterances have images, too, which the store of a corpus without clips has not."""
    pictures = SimpleNamespace(path=store.path, arrays=("stft_image",))
    return Compose(EACH[names], store=pictures if EACH[names][0].medium == "stft_image" else store, **options)


@pytest.fixture(scope="module")
def made(store):
    return {names: composed(store, names, seed=5) for names in EACH}


@every
@given(places=st.lists(st.integers(0, 39), min_size=1, max_size=6), epoch=st.integers(0, 99))
@few
def test_the_batch_around_a_sample_does_not_matter(batch, made, names, places, epoch):
    together = made[names](batch, epoch)
    assert same(made[names](some(batch, places), epoch), some(together, places))


@every
@given(places=st.lists(st.integers(0, 39), min_size=1, max_size=6), more=st.integers(1, 99), epoch=st.integers(0, 99))
@few
def test_padding_does_not_matter(batch, made, names, places, more, epoch):
    few_rows = some(batch, places)
    after, padded = made[names](few_rows, epoch), made[names](longer(few_rows, more), epoch)
    assert same(replace(padded, mel=padded.mel[:, :, : batch.mel.shape[2]]), after)
    assert bool((padded.mel[:, :, batch.mel.shape[2] :] == -33).all())


@every
def test_the_batch_that_goes_in_is_not_changed(batch, made, names):
    before = snapshot(batch)
    after = made[names](batch, 0)
    assert snapshot(batch) == before
    assert not same(after, batch)
    untouched = {"rows", "copies", "mel_lengths", "emotion", "arousal", "valence"}
    assert all(snapshot(after)[name] == before[name] for name in untouched)
    assert after.ids == batch.ids


@every
def test_seed_epoch_row_and_copy_matter_and_nothing_else_does(store, batch, made, names):
    after = made[names](batch, 3)
    assert same(composed(store, names, seed=5)(batch, 3), after), "no state"
    others = [
        made[names](batch, 4),
        composed(store, names, seed=6)(batch, 3),
        made[names](replace(batch, copies=batch.copies + 1), 3),
    ]
    assert all(not same(replace(other, copies=batch.copies), after) for other in others)
    assert same(made[names](batch, 3), after)


def test_two_of_a_kind_draw_different_numbers(store, batch):
    once = Compose([SpecAugment(frequency_masks=0, time_masks=1)], store=store)(batch, 0)
    twice = Compose([SpecAugment(frequency_masks=0, time_masks=1)] * 2, store=store)(batch, 0)
    assert not same(once, twice)


def test_nothing_to_do_is_done_to_nothing(store, batch):
    assert Compose([], store=store)(batch, 0) is batch


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bucket", [False, True])
def test_a_loader_augments_alike_in_every_mode_and_order(store, mode, bucket):
    plan = kor_2022_plan(np.arange(120), store.labels("7class").tolist())
    transform = Compose(kor_2022_augmentations(("mel", "tokens")), store=store, seed=1)
    common = {"copies": plan.copies, "transform": transform, "media": ("mel", "delta", "tokens"), "frames": 300}
    plain = StoreLoader(store, plan.rows, 16, resident="host", **common)
    loader = StoreLoader(store, plan.rows, 7, resident=mode, shuffle=True, bucket_by_length=bucket, **common)
    expected = {(row, copy): one for batch in plain for row, copy, one in samples(batch)}
    found = {(row, copy): one for batch in loader for row, copy, one in samples(batch)}
    assert found.keys() == expected.keys()
    assert all(same(found[key], expected[key]) for key in expected)
    assert len(found) == len(plan)


def samples(batch):
    for place in range(len(batch)):
        yield int(batch.rows[place]), int(batch.copies[place]), some(batch, [place])


def test_copies_are_augmented_as_published(store):
    rare = store.labels("7class").isin(["surprise", "angry", "sad"]).to_numpy()
    plan = kor_2022_plan(np.flatnonzero(rare), store.labels("7class")[rare].tolist())
    options = {"copies": plan.copies, "media": ("mel", "delta", "tokens"), "batch_size": len(plan), "frames": 300}
    (before,) = StoreLoader(store, plan.rows, **options)
    augmentations = kor_2022_augmentations(("mel", "delta", "tokens"))
    (after,) = StoreLoader(store, plan.rows, transform=Compose(augmentations, store=store), **options)
    heard = (before.mel != after.mel).any(dim=(1, 2, 3))
    read = (before.input_ids != after.input_ids).any(dim=1)
    shorter = after.attention_mask.sum(dim=1) < before.attention_mask.sum(dim=1)
    many = torch.tensor([len(text.split()) > 2 for text in store.utterances["text_clean"].iloc[before.rows.numpy()]])
    for copy, mel, text, cut in (
        (0, False, False, False),
        (1, False, True, False),
        (2, True, False, False),
        (3, True, True, True),
    ):
        mine = before.copies == copy
        assert bool((heard[mine & (before.mel_lengths > 0)] == mel).all())
        assert read[mine & many].float().mean() > 0.9 if text else not read[mine].any()
        assert bool(shorter[mine & many].all()) == cut
    assert after.ids == before.ids
    assert torch.equal(after.emotion, before.emotion)


def test_epochs_of_a_loader_differ(store):
    loader = StoreLoader(store, range(20), 10, transform=Compose([FrequencyNoise()], store=store))
    first = list(loader)
    assert not all_same(first, loader)
    loader.set_epoch(0)
    assert all_same(first, loader)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "1"])
def test_a_seed_that_is_none_is_refused(store, seed):
    with pytest.raises(ConfigError, match="seed is"):
        Compose([], store=store, seed=seed)


@pytest.mark.parametrize("augmentation", [FrequencyNoise(), SpecAugment()])
def test_a_batch_without_mel_is_refused(store, batch, augmentation):
    with pytest.raises(ConfigError, match=f"{augmentation.name} changes mel, and the batch has none; add 'mel'"):
        Compose([augmentation], store=store)(replace(batch, mel=None), 0)


def test_a_store_without_mel_is_refused(store):
    config = store.header.config
    changed = open_store(store.path)
    changed.header = store.header.model_copy(
        update={"config": config.model_copy(update={"settings": {"tokens": config.settings["tokens"]}})}
    )
    with pytest.raises(AnalysisError, match="no mel, which frequency-noise and spec-augment change"):
        Compose([SpecAugment()], store=changed)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every
def test_a_gpu_augments_alike(batch, made, names):
    here, there = made[names](batch, 2), made[names](batch.to("cuda"), 2)
    assert {tensor.device.type for tensor in there.tensors().values()} == {"cuda"}
    there = there.to("cpu")
    assert torch.equal(here.mel[:, 0], there.mel[:, 0])
    torch.testing.assert_close(here.mel[:, 1], there.mel[:, 1], rtol=0, atol=2e-5)
    assert torch.equal(here.input_ids, there.input_ids)
    images = here.arrays["stft_image"].int() - there.arrays["stft_image"].int()
    assert images.abs().max() <= 1, "a place between two pixels may round otherwise"
