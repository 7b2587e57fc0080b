"""Batches of clips, ticks and features without a field of their own are what the store says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader

from kemfeat.build import build_store
from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn import StoreDataset, StoreLoader, collate
from kemfeat.learn.data.columns import ARRAYS
from kemfeat.store.reader import Store
from kemfeat.synth.kemdy20 import SYNTH
from tests.learn.data.kit import MODES, all_same, same

FEATURES = ("tick-physiology", "tick-audio", "clip-audio", "log-spectrogram", "eda", "mel", "delta")
FIELDS = {name for names in ARRAYS.values() for name in names} - {"delta"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("axes")
    SYNTH.write(folder / "KEMDy20", utterances=24, sessions=2, seed=1)
    settings = {"features": FEATURES, "rows_per_shard": 8}
    return build_store("KEMDy20", root=folder / "KEMDy20", out=folder / "store", settings=settings).store


@pytest.mark.parametrize("axis", ["clip", "tick"])
def test_rows_are_those_of_the_axis_and_labels_those_of_their_utterances(store: Store, axis: str) -> None:
    rows = np.arange(len(store.rows(axis)))[::-3].copy()
    dataset = StoreDataset(store, rows, axis=axis)
    assert len(dataset.columns) >= 1
    batch = dataset.__getitems__(range(len(rows)))
    assert list(batch.ids) == store.owners(axis).iloc[rows].tolist()
    assert batch.parents is not None
    assert store.utterances["id"].iloc[batch.parents.numpy()].tolist() == list(batch.ids)
    of_utterances = StoreDataset(store, batch.parents.numpy(), media=())
    assert torch.equal(batch.emotion, of_utterances.facts.emotion)
    torch.testing.assert_close(batch.arousal, of_utterances.facts.arousal, equal_nan=True)


@pytest.mark.parametrize("axis", ["clip", "tick"])
def test_every_array_is_there_by_its_name(store: Store, axis: str) -> None:
    batch = StoreDataset(store, axis=axis).__getitems__([2, 0, 5])
    expected = {name for name, info in store.header.arrays.items() if info.axis == axis}
    assert set(batch.arrays) == {name for name in expected if not name.endswith("_lengths")}
    assert set(batch.lengths) == {name.removesuffix("_lengths") for name in expected if name.endswith("_lengths")}
    for name, values in batch.arrays.items():
        array = store.array(name)
        for place, row in enumerate((2, 0, 5)):
            size = int(store.array(f"{name}_lengths")[row]) if name in batch.lengths else array.shape[1]
            np.testing.assert_array_equal(values[place, :size].numpy(), array[row][:size])
            if name in batch.lengths:
                assert int(batch.lengths[name][place]) == size
                assert (values[place, size:] == batch.pads[name]).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("axis", ["utterance", "clip", "tick"])
def test_any_array_can_be_loaded_alone(store: Store, axis: str, mode: str) -> None:
    rows = np.array([5, 0, 2])
    for name in (name for name, info in store.header.arrays.items() if info.axis == axis and name != "delta"):
        (batch,) = StoreLoader(store, rows, 3, axis=axis, arrays=[name], resident=mode)
        held = {**batch.arrays, **{field: getattr(batch, field) for field in FIELDS}}
        values = held.pop(name)
        assert all(other is None for other in held.values())
        values = values[:, 0] if name == "mel" else values
        whole = np.asarray(store.array(name)[:])[rows]
        index = tuple(slice(0, size) for size in values.shape)
        np.testing.assert_array_equal(values.numpy(), whole[index].astype(values.numpy().dtype))


def test_arrays_are_chosen_by_name_or_by_feature_and_not_by_both(store: Store) -> None:
    both = StoreDataset(store, arrays=["mel", "eda", "mel"])
    assert same(both[3], StoreDataset(store, arrays=["eda", "mel"])[3])
    assert both[3].eda_mask is None
    for options, message in (
        ({"arrays": ["delta"]}, "arrays: delta is the second channel of mel"),
        ({"arrays": "mel"}, "arrays is the text 'mel'; expected a list of names"),
        ({"arrays": ["mel"], "media": ["mel"]}, "media and arrays are both given"),
        ({"arrays": ["mell"]}, "no array 'mell' with a row per utterance; did you mean 'mel'"),
        ({"arrays": ["tick_eda"]}, "no array 'tick_eda' with a row per utterance"),
    ):
        with pytest.raises((AnalysisError, ConfigError), match=message):
            StoreDataset(store, **options)


def test_a_ragged_array_without_a_field_is_padded_to_the_longest_row(store: Store) -> None:
    batch = StoreDataset(store, [3, 7], media=("log-spectrogram",)).__getitems__([0, 1])
    assert set(batch.arrays) == set(batch.lengths) == {f"log_spectrogram{which}" for which in ("", "_delta", "_delta2")}
    for name, values in batch.arrays.items():
        assert values.dtype == torch.float32
        assert values.shape[1] == int(batch.lengths[name].max()) == store.array(f"{name}_lengths")[:][[3, 7]].max()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("axis", "media"), [("tick", None), ("clip", None), ("utterance", ("log-spectrogram", "eda"))])
def test_every_mode_gives_the_same_batches(store: Store, mode: str, axis: str, media: tuple[str, ...] | None) -> None:
    options = {"axis": axis, "media": media, "batch_size": 7, "shuffle": "blocks", "seed": 3}
    assert all_same(StoreLoader(store, **options, resident=mode), StoreLoader(store, **options, resident="host"))


def test_batches_of_one_row_join_to_the_batch_of_all(store: Store) -> None:
    for axis, media in (("clip", None), ("utterance", ("log-spectrogram",))):
        parts = [StoreDataset(store, [row], axis=axis, media=media) for row in range(4)]
        (joined,) = DataLoader(ConcatDataset(parts), batch_size=4, collate_fn=collate)
        assert same(joined, StoreDataset(store, range(4), axis=axis, media=media).__getitems__(range(4)))


def test_only_real_numbers_change_their_precision(store: Store) -> None:
    batch = StoreDataset(store, [0, 1], axis="clip").__getitems__([0, 1])
    half = batch.to(torch.bfloat16)
    assert half.arrays["clip_audio"].dtype == torch.int16
    ticks = StoreDataset(store, [0, 1], axis="tick").__getitems__([0, 1]).to(torch.bfloat16)
    assert ticks.arrays["tick_eda"].dtype == torch.bfloat16
    assert ticks.arrays["tick_eda_mask"].dtype == torch.bool


def test_buckets_of_any_ragged_array_pad_less(store: Store) -> None:
    def size(**options: object) -> int:
        loader = StoreLoader(store, media=("log-spectrogram",), batch_size=4, shuffle="full", **options)
        return sum(one.arrays[next(iter(one.lengths))].shape[1] for one in loader)

    assert size(bucket_by_length=True) < size()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"media": ("tick-audio",)},
            "'tick_audio' has a row per tick, and these are rows of the axis 'utterance'; pass",
        ),
        ({"axis": "tick", "media": ("eda",)}, "'eda' has a row per utterance"),
        ({"axis": "tock"}, "no axis 'tock'; did you mean 'tick'"),
        ({"axis": "clip", "rows": [10**6]}, "has rows 0 to"),
    ],
)
def test_another_axis_is_refused(store: Store, options: dict[str, object], message: str) -> None:
    with pytest.raises((AnalysisError, ConfigError), match=message):
        StoreDataset(store, **options)
