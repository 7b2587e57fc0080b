import math
import os
import pickle
import shutil
import signal
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import ConcatDataset, DataLoader

from kemfeat.build import BuildOptions, build_store
from kemfeat.errors import AnalysisError, ConfigError, StoreCorruptError
from kemfeat.labels import EMOTIONS, FIVE_CLASSES, FOUR_CLASSES
from kemfeat.learn import EMOTIONS as CLASSES
from kemfeat.learn import StoreDataset, collate
from kemfeat.store.reader import open_store
from tests.build.kit import SETTINGS as TINY
from tests.build.kit import write_corpus
from tests.corpora.tiny import wav_bytes
from tests.learn.data.kit import DTYPES, check_row, same

few = settings(deadline=None, max_examples=15)


@pytest.fixture(scope="module")
def dataset(store):
    return StoreDataset(store)


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    """12 utterances, the pad is what silence is: row 1 is silent, the audio of row 5 cannot be read."""
    folder = tmp_path_factory.mktemp("flawed")
    corpus = write_corpus(folder / "corpus")
    corpus.wav(corpus.ids[1]).write_bytes(wav_bytes(0.6, pitch=0.0))
    corpus.wav(corpus.ids[5]).write_bytes(b"no sound")
    built = build_store(
        "KEMDy20",
        root=corpus.root,
        out=folder / "store",
        settings={**TINY, "mel": {**TINY["mel"], "preset": "kor-2022"}},
        options=BuildOptions(on_error="skip", max_failures=0.5),
    )
    return built.store


def test_the_class_order_is_that_of_the_reference_system():
    assert CLASSES == FIVE_CLASSES == ("neutral", "sad", "happy", "surprise", "angry")


@few
@given(data=st.data(), frames=st.sampled_from([None, 1, 40, 500]))
def test_a_batch_is_what_the_store_says(store, data, frames):
    rows = data.draw(st.lists(st.integers(0, len(store) - 1), min_size=1, max_size=12))
    batch = StoreDataset(store, rows, frames=frames).__getitems__(range(len(rows)))
    lengths = store.array("mel_lengths")[:][rows]
    assert batch.rows.tolist() == rows
    assert batch.mel.shape == (len(rows), 2, frames or lengths.max(), 16)
    for place in range(len(rows)):
        check_row(store, batch, place, classes=FIVE_CLASSES)


def test_fields_have_the_types_they_promise(dataset):
    tensors = dataset.__getitems__([3, 1, 2]).tensors()
    assert {name: tensor.dtype for name, tensor in tensors.items()} == DTYPES
    assert all(tensor.is_contiguous() and len(tensor) == 3 for tensor in tensors.values())


def test_frames_that_equal_the_padding_are_real(flawed):
    """Masks that are guessed from values would take all of the silent utterance for padding."""
    batch = StoreDataset(flawed).__getitems__(range(12))
    assert (batch.mel[1] == 0).all()
    assert batch.mel_lengths[1] == flawed.utterances["mel_frames"][1] > 0
    assert batch.mel.shape[2] > batch.mel_lengths[1]


def test_each_array_has_the_padding_that_the_store_declares(store, flawed):
    for one, pad in ((store, -80.0), (flawed, 0.0)):
        batch = StoreDataset(one, frames=400).__getitems__(range(12))
        for mel, length in zip(batch.mel, batch.mel_lengths, strict=True):
            assert (mel[0, length:] == pad).all()
            assert (mel[1, length:] == 0).all()


def test_a_row_that_failed_stays_is_empty_and_is_counted(flawed):
    dataset = StoreDataset(flawed)
    batch = dataset[5]
    assert (len(dataset), batch.mel_lengths.item(), batch.mel.shape) == (12, 0, (1, 2, 1, 16))
    assert (batch.mel == 0).all()
    assert dataset.failed == {"mel": 1, "delta": 1, "tokens": 0, "eda": 0, "temp": 0, "ibi": 0}
    assert np.flatnonzero(~dataset.complete["mel"]).tolist() == [5]
    assert StoreDataset(flawed, dataset.rows[dataset.complete["mel"]]).failed["mel"] == 0


def test_unlabelled_rows_have_class_minus_1(store):
    labels = store.utterances["emotion"]
    batch = StoreDataset(store, media=()).__getitems__(range(len(store)))
    unlabelled = ~labels.isin(FIVE_CLASSES).to_numpy()
    assert unlabelled.any()
    assert (batch.emotion.numpy() == -1).tolist() == unlabelled.tolist()


def test_unrated_rows_have_nan(store, tmp_path):
    shutil.copytree(store.folder, tmp_path / "store")
    changed = open_store(tmp_path / "store")
    changed.utterances.loc[3, ["arousal", "valence"]] = np.nan
    batch = StoreDataset(changed, [2, 3], media=()).__getitems__([0, 1])
    assert batch.arousal.isnan().tolist() == batch.valence.isnan().tolist() == [False, True]


def test_classes_and_label_rule_are_the_users(store):
    batch = StoreDataset(store, media=(), emotions=EMOTIONS).__getitems__(range(len(store)))
    first = StoreDataset(store, media=(), emotions=("sad", "neutral"), labels="first").__getitems__(range(len(store)))
    names = store.utterances
    assert [EMOTIONS[number] for number in batch.emotion if number >= 0] == [
        name for name in names["emotion"] if name in EMOTIONS
    ]
    assert first.emotion.tolist() == [{"sad": 0, "neutral": 1}.get(name, -1) for name in names["emotion_first"]]


def test_media_choose_what_is_there(store):
    batch = StoreDataset(store, [0, 1], media=("tokens", "mel")).__getitems__([0, 1])
    assert batch.mel.shape[1] == 1
    assert batch.input_ids is not None
    assert batch.eda is batch.eda_mask is batch.temp is batch.ibi is None
    nothing = StoreDataset(store, [0, 1], media=())[0]
    assert nothing.mel is None
    assert nothing.mel_lengths.tolist() == [0]


def test_copies_are_told_apart(store):
    batch = StoreDataset(store, [7, 7, 3], copies=[0, 2, 1]).__getitems__([0, 1, 2])
    assert (batch.rows.tolist(), batch.copies.tolist()) == ([7, 7, 3], [0, 2, 1])
    assert torch.equal(batch.mel[0], batch.mel[1])


def test_it_is_a_sequence(store):
    dataset = StoreDataset(store, [5, 3, 8])
    assert [batch.rows.item() for batch in dataset] == [5, 3, 8]
    assert dataset[-1].rows.item() == 8
    with pytest.raises(IndexError):
        dataset[3]


def test_torch_loads_it(store, dataset):
    loader = DataLoader(dataset, batch_size=50, collate_fn=collate)
    batches = list(loader)
    assert [len(batch) for batch in batches] == [50, 50, 20]
    assert same(batches[1], dataset.__getitems__(range(50, 100)))


def test_torch_without_collate_is_a_sentence(dataset):
    with pytest.raises(ConfigError, match=r"pass collate_fn=kemfeat\.learn\.collate"):
        next(iter(DataLoader(dataset, batch_size=4)))


def test_two_stores_in_one_concat_dataset(store):
    """Padded together, each row is what its own store says."""
    first, second = StoreDataset(store, range(40)), StoreDataset(store, range(60, 120))
    loaded = list(DataLoader(ConcatDataset([first, second]), batch_size=20, collate_fn=collate))
    assert sum(map(len, loaded)) == 100
    expected = StoreDataset(store, [*range(40), *range(60, 120)])
    assert all(same(batch, expected.__getitems__(range(20 * k, 20 * k + 20))) for k, batch in enumerate(loaded))


def test_stores_that_differ_cannot_be_joined(store, flawed):
    joined = ConcatDataset([StoreDataset(store, [0], media=("mel",)), StoreDataset(flawed, [0], media=("mel",))])
    with pytest.raises(ConfigError, match="different features, sizes or padding cannot be joined"):
        next(iter(DataLoader(joined, batch_size=2, collate_fn=collate)))


def test_classes_and_rule_follow_the_corpus(tmp_path):
    """Four classes for IEMOCAP, where excited counts as happy; a third of its rows under the five of KEMDy."""
    from kemfeat.synth.iemocap import SYNTH

    SYNTH.write(tmp_path / "IEMOCAP", utterances=60, seed=1)
    store = build_store(
        "IEMOCAP", root=tmp_path / "IEMOCAP", out=tmp_path / "s", settings={"features": ("text",)}
    ).store
    named = store.labels("4class")
    usual = StoreDataset(store, media=()).facts.emotion.tolist()
    assert [FOUR_CLASSES[number] if number >= 0 else None for number in usual] == named.tolist()
    excited = StoreDataset(store, media=(), emotions=("excited",)).facts.emotion
    assert int((excited == 0).sum()) == int((store.utterances["emotion"] == "excited").sum()) > 0


def test_spawned_workers_load_it(store):
    dataset = StoreDataset(store, range(8))
    loader = DataLoader(dataset, batch_size=4, collate_fn=collate, num_workers=1, multiprocessing_context="spawn")
    assert all(same(ours, dataset.__getitems__(range(4 * k, 4 * k + 4))) for k, ours in enumerate(loader))


def test_it_survives_a_trip_between_processes(dataset):
    assert same(pickle.loads(pickle.dumps(dataset))[4], dataset[4])  # noqa: S301 - our own bytes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_is_refused_and_does_not_wait_forever(dataset):
    assert in_fork(lambda: refusal(lambda: dataset[0]))


def test_forked_workers_are_refused(dataset):
    loader = DataLoader(dataset, batch_size=4, collate_fn=collate, num_workers=1, multiprocessing_context="fork")
    with pytest.raises(ConfigError, match="pass multiprocessing_context='spawn' or num_workers=0 to DataLoader"):
        next(iter(loader))


def refusal(read) -> bool:
    try:
        read()
    except ConfigError as error:
        return "was forked after the dataset was made" in str(error)
    return False


def in_fork(check, seconds=20.0) -> bool:
    """Whether ``check`` says yes in a process forked off here, within some seconds."""
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": []}, "rows: expected a list of one or more row numbers, found an array of float64 with shape (0,)"),
        ({"rows": [0, 120]}, "has rows 0 to 119, found 0 to 120"),
        ({"rows": [-1]}, "has rows 0 to 119, found -1 to -1"),
        ({"rows": [0.5]}, "rows: expected a list of one or more row numbers"),
        ({"rows": [[1]]}, "rows: expected a list of one or more row numbers"),
        ({"rows": [1, 2], "copies": [0]}, "copies: expected 2 numbers from 0 on, one for each row"),
        ({"rows": [1], "copies": [-1]}, "copies: expected 1 numbers from 0 on"),
        ({"media": ("melody",)}, "'melody' is not a feature of this store; did you mean 'mel'?"),
        ({"media": "mel"}, "media is the text 'mel'; expected a list of names, such as ('mel',)"),
        ({"emotions": "sad"}, "emotions is the text 'sad'; expected a list of names"),
        ({"media": ("delta",)}, "delta is the second channel of mel and cannot be used alone"),
        ({"emotions": ("sad", "hapy")}, "unknown emotion 'hapy'; did you mean 'happy'?"),
        ({"emotions": ("sad", "sad")}, "'sad' is given twice"),
        ({"labels": "5clas"}, "label rule '5clas'; did you mean '5class'?"),
        ({"frames": 0}, "frames is 0; expected a whole number from 1 on"),
    ],
)
def test_what_makes_no_sense_is_refused(store, options, message):
    with pytest.raises(ConfigError) as caught:
        StoreDataset(store, **options)
    assert message in str(caught.value)


def test_a_feature_that_the_store_lacks_is_a_sentence(tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    small = {"features": ("mel", "delta"), "mel": {"max_frames": 32, "n_mels": 16}}
    store = build_store("KEMDy20", root=corpus.root, out=tmp_path / "store", settings=small).store
    assert StoreDataset(store)[0].tensors().keys() & DTYPES.keys() >= {"mel"}
    with pytest.raises(AnalysisError, match=r"has no array eda with a row per utterance .* build it with that feature"):
        StoreDataset(store, media=("mel", "eda"))


@pytest.mark.parametrize("damage", ["gone", "garbled"])
def test_a_damaged_shard_is_a_sentence(store, tmp_path, damage):
    shutil.copytree(store.folder, tmp_path / "store")
    shard = tmp_path / "store/features.zarr/mel/mel/c/2/0/0"
    shard.unlink() if damage == "gone" else shard.write_bytes(b"x" * 4000)
    dataset = StoreDataset(open_store(tmp_path / "store"))
    assert not math.isnan(dataset[0].mel.mean())
    said = {"gone": "is missing", "garbled": "is not what was written"}[damage]
    with pytest.raises(StoreCorruptError, match=rf"mel/c/2/0/0: {said}.*kemfeat verify"):
        dataset[17]


def test_float16_becomes_float32(tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    half = {"features": ("mel",), "mel": {"max_frames": 32, "n_mels": 16, "dtype": "float16"}}
    store = build_store("KEMDy20", root=corpus.root, out=tmp_path / "store", settings=half).store
    mel = StoreDataset(store)[0].mel
    assert mel.dtype == torch.float32
    np.testing.assert_array_equal(mel[0, 0].numpy(), store.array("mel")[0, : mel.shape[2]].astype(np.float32))
