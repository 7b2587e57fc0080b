import io
import json
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import AnalysisError, ConfigError, StoreCorruptError
from kemfeat.learn import StoreDataset, StoreLoader
from kemfeat.learn.data.batch_sampler import BatchSampler
from kemfeat.store.reader import open_store
from tests.build.kit import SETTINGS as TINY
from tests.build.kit import write_corpus
from tests.learn.data.kit import MODES, all_same, same

few = settings(deadline=None, max_examples=10)
flags = st.booleans()
media = ("mel", "delta", "eda")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

orders = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 50),
        "shuffle": st.sampled_from([False, "full", "blocks"]),
        "seed": st.integers(0, 3),
        "bucket_by_length": flags,
        "drop_last": flags,
        "frames": st.sampled_from([None, 7, 350]),
    }
)


@st.composite
def parts(draw):
    """Rows as the train part of a split has them: scattered over shards, in any order, some of them several times."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return rng.choice(120, size=draw(st.integers(1, 200)))


@pytest.mark.slow
@few
@given(rows=parts(), order=orders, epoch=st.integers(0, 2))
def test_every_mode_yields_the_same_bytes(store, rows, order, epoch):
    loaders = [StoreLoader(store, rows, resident=mode, media=media, **order) for mode in MODES]
    for loader in loaders:
        loader.set_epoch(epoch)
    first, *others = ([*loader] for loader in loaders)
    assert len(first) == len(loaders[0])
    assert all(all_same(first, other) for other in others)


@few
@given(rows=parts(), order=orders, epoch=st.integers(0, 2))
def test_batches_are_those_of_the_dataset_in_order(store, rows, order, epoch):
    loader = StoreLoader(store, rows, media=media, **order)
    loader.set_epoch(epoch)
    dataset = StoreDataset(store, rows, media=media, frames=order["frames"])
    plan = {name: order[name] for name in ("batch_size", "seed", "drop_last")}
    plan["shuffle"] = order["shuffle"] or None
    lengths = store.array("mel_lengths")[:].astype(int)[rows] if order["bucket_by_length"] else None
    places = BatchSampler(blocks=rows // 8, lengths=lengths, **plan).batches(epoch)
    assert all_same(loader, [dataset.__getitems__(batch) for batch in places])


@settings(deadline=None, max_examples=40)
@given(data=st.data(), order=orders, worlds=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_an_epoch_goes_on_under_any_number_of_ranks(store, data, order, worlds):
    options = {"rows": np.arange(60), "media": (), **order, "frames": None, "bucket_by_length": False}
    whole = [batch.ids for batch in StoreLoader(store, **options)]
    state, seen = StoreLoader(store, **options).state_dict(), []
    for world in worlds:
        ranks = [StoreLoader(store, rank=rank, world_size=world, **options) for rank in range(world)]
        for one in ranks:
            one.load_state_dict(json.loads(json.dumps(state)))
        passes = [iter(one) for one in ranks]
        for _ in range(data.draw(st.integers(0, 2), label="steps")):
            batches = [batch.ids for batch in (next(one, None) for one in passes) if batch is not None]
            assert not order["drop_last"] or len(batches) in {0, world}
            seen += batches
        states = [one.state_dict() for one in ranks]
        state = states[0]
        if state["epoch"] == 0:
            assert all(one["batch"] == state["batch"] == len(seen) for one in states if one["epoch"] == 0)
        else:
            break
    else:
        rest = StoreLoader(store, **options)
        rest.load_state_dict(state)
        seen += [batch.ids for batch in rest]
    lost = len(whole) - len(seen)
    assert seen == whole[: len(seen)]
    assert lost < max(worlds) if order["drop_last"] else lost == 0


@settings(deadline=None, max_examples=15)
@given(data=st.data(), order=orders, begin=st.sampled_from(MODES), resume=st.sampled_from(MODES))
def test_a_resumed_epoch_goes_on_where_it_stopped(store, data, order, begin, resume):
    options = {"rows": np.arange(60), "media": ("mel",), **order}
    whole = [*StoreLoader(store, resident="host", **options)]
    stop = data.draw(st.integers(0, len(whole)), label="stop")
    first = StoreLoader(store, resident=begin, **options)
    batches = iter(first)
    seen = [next(batches) for _ in range(stop)]
    state = json.loads(json.dumps(first.state_dict()))
    second = StoreLoader(store, resident=resume, **options)
    second.load_state_dict(state)
    second.set_epoch(state["epoch"])
    assert all_same(whole, [*seen, *second])
    second.set_epoch(0)
    assert all_same(whole, second)


def test_a_state_survives_torch_save(store):
    loader = StoreLoader(store, batch_size=7, media=())
    next(iter(loader))
    held = io.BytesIO()
    torch.save(loader.state_dict(), held)
    held.seek(0)
    assert torch.load(held, weights_only=True) == loader.state_dict()


def test_the_position_counts_batches_that_were_yielded(store):
    loader = StoreLoader(store, batch_size=50, media=())
    assert loader.state_dict()["batch"] == 0
    positions = [loader.state_dict()["batch"] for _ in loader]
    assert positions == [1, 2, 3]
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (1, 0)


def test_another_epoch_drops_the_position(store):
    loader = StoreLoader(store, batch_size=50, media=(), shuffle=True)
    next(iter(loader))
    state = loader.state_dict()
    loader.load_state_dict(state)
    loader.set_epoch(1)
    assert len([*loader]) == 3
    loader.load_state_dict(state)
    assert loader.epoch == 0
    assert len([*loader]) == 2


def test_a_pass_that_was_left_begins_anew(store):
    loader = StoreLoader(store, batch_size=50, media=())
    first = next(iter(loader))
    assert same(first, next(iter(loader)))
    assert len([*loader]) == 3


def test_two_passes_side_by_side_do_not_disturb_each_other(store):
    for mode in MODES:
        loader = StoreLoader(store, batch_size=9, media=media, resident=mode, shuffle=True)
        pairs = list(zip(loader, loader, strict=True))
        assert all(same(ours, theirs) for ours, theirs in pairs)
        loader.set_epoch(0)
        assert all_same([ours for ours, _ in pairs], loader)


def test_a_second_pass_does_not_move_the_position_of_the_first(store):
    loader = StoreLoader(store, batch_size=50, media=())
    first, second = iter(loader), iter(loader)
    next(second)
    next(first)
    next(first)
    assert loader.state_dict()["batch"] == 1
    assert [batch.ids for batch in second] == [batch.ids for batch in [*loader][1:]]


def test_epochs_follow_one_another_by_themselves(store):
    options = {"batch_size": 50, "media": (), "shuffle": True}
    loader, told = StoreLoader(store, **options), StoreLoader(store, **options)
    passes = [[batch.ids for batch in loader] for _ in range(3)]
    for epoch, found in enumerate(passes):
        told.set_epoch(epoch)
        assert [batch.ids for batch in told] == found
    assert passes[0] != passes[1] != passes[2]
    assert loader.epoch == 3


def test_a_consumer_that_never_asks_past_the_last_batch_gets_the_next_epoch(store):
    """Lightning counts the batches and leaves the iterator where it is."""
    loader = StoreLoader(store, batch_size=50, media=(), shuffle=True)
    passes = iter(loader)
    first = [next(passes).ids for _ in range(len(loader))]
    assert loader.epoch == 0
    assert [batch.ids for batch in loader] != first
    assert loader.epoch == 2


def test_a_loader_is_no_dataset_of_torch(store):
    from torch.utils.data import DataLoader

    with pytest.raises(ConfigError, match="already yields whole batches"):
        next(iter(DataLoader(StoreLoader(store, media=()))))


def test_true_shuffles_fully_where_features_lie_in_memory(store):
    def rows(**options):
        return [batch.rows.tolist() for batch in StoreLoader(store, media=("eda",), batch_size=16, **options)]

    assert rows(shuffle=True, resident="host") == rows(shuffle="full", resident="stream")
    assert rows(shuffle=True, resident="stream") == rows(shuffle="blocks", resident="host")
    with pytest.raises(ConfigError, match="shuffle is 'block'; expected True, False, 'full' or 'blocks'"):
        rows(shuffle="block")


@pytest.mark.parametrize("mode", MODES)
def test_a_store_that_has_gone_is_a_sentence(store, tmp_path, mode):
    import shutil

    shutil.copytree(store.folder, tmp_path / "store")
    loader = StoreLoader(open_store(tmp_path / "store"), media=("eda",), resident=mode)
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(StoreCorruptError, match="the store has gone since it was opened"):
        next(iter(loader))


def test_one_of_rank_and_world_size_is_refused(store):
    with pytest.raises(ConfigError, match="pass both, or neither"):
        StoreLoader(store, media=(), rank=1)


def test_ranks_come_from_the_environment(store, monkeypatch):
    options = {"batch_size": 7, "shuffle": True, "media": (), "drop_last": True}
    loader = StoreLoader(store, **options)
    monkeypatch.setenv("WORLD_SIZE", "2")
    shares = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        loader.set_epoch(0)
        shares.append({row for batch in loader for row in batch.rows.tolist()})
    assert len(shares[0]) == len(shares[1]) == 56
    assert not shares[0] & shares[1]
    monkeypatch.delenv("RANK")
    with pytest.raises(ConfigError, match="WORLD_SIZE is '2' and RANK is ''"):
        next(iter(loader))


def test_ranks_that_would_wait_for_one_another_for_ever_are_refused(store, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="pass drop_last=True"):
        next(iter(StoreLoader(store, batch_size=8, shuffle=True, media=())))
    assert len([*StoreLoader(store, batch_size=8, media=())]) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": range(60)}, "has rows "),
        ({"copies": [1] * 120}, "has rows "),
        ({"batch_size": 8}, "has batch_size 7, this loader has 8"),
        ({"seed": 5}, "has seed 0, this loader has 5"),
        ({"shuffle": True}, "has shuffle None, this loader has full"),
        ({"media": ("mel",), "bucket_by_length": True}, "has data |has bucket_by_length False, this loader has True"),
        ({"drop_last": True}, "has drop_last False, this loader has True"),
    ],
)
def test_the_state_of_another_order_is_refused(store, change, message):
    state = StoreLoader(store, batch_size=7, media=()).state_dict()
    loader = StoreLoader(store, **{"batch_size": 7, "media": (), **change})
    with pytest.raises(ConfigError, match=message) as caught:
        loader.load_state_dict(state)
    assert "resume with the settings it was saved with, or start from the beginning" in str(caught.value)


def test_the_state_of_other_data_is_refused_and_another_feature_does_not_matter(tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    store = build(corpus, tmp_path / "store", features=("mel",))
    state = StoreLoader(store, media=("mel",)).state_dict()
    more = build(corpus, tmp_path / "more", features=("mel", "eda"))
    StoreLoader(more, media=("mel",)).load_state_dict(state)
    other = build(corpus, tmp_path / "other", features=("mel",), mel={**TINY["mel"], "n_mels": 8})
    for loader in (StoreLoader(other, media=("mel",)), StoreLoader(more, media=("mel", "eda"))):
        with pytest.raises(ConfigError, match=rf"has data {state['data'][:12]}, this loader has [0-9a-f]{{12}};"):
            loader.load_state_dict(state)


@pytest.mark.parametrize("change", [{"epoch": -1}, {"epoch": None}, {"batch": "2"}, {"batch": 99}, {"data": None}])
def test_what_is_no_state_is_refused(store, change):
    loader = StoreLoader(store, media=())
    with pytest.raises(ConfigError, match="loader"):
        loader.load_state_dict({**loader.state_dict(), **change})


def build(corpus, out, **settings_):
    from kemfeat.build import build_store

    return build_store("KEMDy20", root=corpus.root, out=out, settings={**TINY, **settings_}).store


@pytest.mark.parametrize("world", range(1, 6))
@pytest.mark.parametrize("mode", MODES)
def test_ranks_share_an_epoch(store, world, mode):
    options = {"batch_size": 7, "shuffle": True, "media": (), "resident": mode, "world_size": world}
    shares = [[*StoreLoader(store, rank=rank, **options)] for rank in range(world)]
    rows = [row for share in shares for batch in share for row in batch.rows.tolist()]
    assert sorted(rows) == list(range(120))
    full = [len([*StoreLoader(store, rank=rank, drop_last=True, **options)]) for rank in range(world)]
    assert len(set(full)) == 1


def test_a_transform_sees_batch_and_epoch(store):
    seen = []

    def transform(batch, epoch):
        seen.append((batch.ids, epoch))
        return batch.to("meta")

    loader = StoreLoader(store, batch_size=60, media=("eda",), transform=transform)
    loader.set_epoch(4)
    assert {batch.eda.device.type for batch in loader} == {"meta"}
    assert seen == [(tuple(store.utterances["id"][:60]), 4), (tuple(store.utterances["id"][60:]), 4)]


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_in_hand_never_changes(store, mode):
    """Memory is used again only when the last tensor, view or array that shares it is gone."""
    loader = StoreLoader(store, batch_size=5, media=media, resident=mode, frames=50)
    kept = []
    for number, batch in enumerate(loader):
        one = (batch.mel, batch.mel[1, :, 3], batch.mel.numpy()[2], batch.mel.detach().permute(3, 2, 1, 0))[number % 4]
        kept.append((one, torch.as_tensor(one).clone()))
        del batch, one
    assert len(kept) == 24
    assert all(torch.equal(torch.as_tensor(one), copy) for one, copy in kept)


def test_a_consumer_may_write_into_a_batch(store):
    loader = StoreLoader(store, batch_size=8, media=media)
    clean = [*loader]
    loader.set_epoch(0)
    for batch in loader:
        for tensor in batch.tensors().values():
            tensor.zero_()
    assert all_same(clean, loader)


def test_a_forked_process_is_refused_and_does_not_wait_forever(store):
    from tests.learn.data.test_dataset import in_fork, refusal

    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    for mode in MODES:
        loader = StoreLoader(store, range(8), media=media, resident=mode)
        next(iter(loader))
        assert in_fork(lambda loader=loader: refusal(lambda: next(iter(loader))))


def test_bucketing_needs_lengths(tmp_path):
    store = build(write_corpus(tmp_path / "corpus"), tmp_path / "store", features=("text", "eda"))
    assert len([*StoreLoader(store, batch_size=4, media=("eda",))]) == 3
    with pytest.raises(AnalysisError, match=r"bucket_by_length: no array of .*eda.* is ragged"):
        StoreLoader(store, bucket_by_length=True, media=("eda",))


def test_a_store_without_mel_says_what_it_has(tmp_path):
    store = build(write_corpus(tmp_path / "corpus"), tmp_path / "store", features=("text", "eda"))
    for options in ({}, {"arrays": ("mel",)}, {"media": ("mel",)}):
        with pytest.raises(AnalysisError, match=r"has no (array )?'?mel.*eda, eda_mask"):
            StoreLoader(store, **options)


def test_bucketing_pads_less(store):
    def padding(**options):
        loader = StoreLoader(store, batch_size=8, shuffle=True, media=("mel",), **options)
        return sum(batch.mel.shape[2] * len(batch) - int(batch.mel_lengths.sum()) for batch in loader)

    assert padding(bucket_by_length=True) < padding() / 3


def test_a_device_that_is_not_there_is_a_sentence(store):
    with pytest.raises(ConfigError, match=r"device 'abacus' cannot be used on this machine \(.*\); use 'cpu'"):
        StoreLoader(store, device="abacus", media=())


def test_an_unfinished_store_does_not_open(store, tmp_path):
    from kemfeat.errors import StoreIncompleteError

    (tmp_path / "features.zarr").mkdir()
    with pytest.raises(StoreIncompleteError, match="never finished"):
        StoreLoader(open_store(tmp_path))


@needs_cuda
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("frames", [None, 350])
def test_cuda_gets_the_same_bytes(store, mode, frames):
    options = {"batch_size": 7, "shuffle": True, "seed": 2, "frames": frames}
    there = StoreLoader(store, np.tile(np.arange(120), 20), device="cuda", resident=mode, **options)
    here = StoreLoader(store, np.tile(np.arange(120), 20), **options)
    busy = torch.ones(2000, 2000, device="cuda")
    for ours, theirs in zip(there, here, strict=True):
        assert {tensor.device.type for tensor in ours.tensors().values()} == {"cuda"}
        busy = busy @ busy / 2000
        assert same(ours.to("cpu"), theirs)
