import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch_sampler import WINDOW, BatchSampler

few = settings(deadline=None, max_examples=40)
rows = st.integers(1, 3000)
sizes = st.integers(1, 70)
flags = st.booleans()
shuffles = st.sampled_from([None, "full", "blocks"])


def order(count, batch_size, *, bucket=False, per_block=128, keep=None, **options):
    rng = np.random.default_rng(count)
    blocks = np.arange(count) // per_block if keep is None else keep // per_block
    lengths = rng.integers(1, 512, count) if bucket else None
    return BatchSampler(blocks=blocks, batch_size=batch_size, lengths=lengths, **options)


def flat(batches):
    return np.concatenate(batches).tolist() if batches else []


@few
@given(count=rows, size=sizes, shuffle=shuffles, bucket=flags, epoch=st.integers(0, 5))
def test_every_row_is_visited_once_and_only_the_last_batch_is_short(count, size, shuffle, bucket, epoch):
    made = order(count, size, shuffle=shuffle, bucket=bucket)
    batches = made.batches(epoch)
    assert sorted(flat(batches)) == list(range(count))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert len(batches) == len(made) == -(-count // size)


@few
@given(count=rows, size=sizes, shuffle=shuffles, bucket=flags, drop=flags, world=st.integers(1, 5))
def test_ranks_are_disjoint_and_together_the_whole_epoch(count, size, shuffle, bucket, drop, world):
    options = {"shuffle": shuffle, "bucket": bucket, "drop_last": drop, "world_size": world}
    ranks = [order(count, size, rank=rank, **options) for rank in range(world)]
    shares = [one.batches(1) for one in ranks]
    assert [len(one) for one in ranks] == [len(share) for share in shares]
    visited = [place for share in shares for place in flat(share)]
    if drop:
        assert len({len(share) for share in shares}) == 1
        assert len(visited) == len(set(visited)) == count // (size * world) * size * world
    else:
        assert sorted(visited) == list(range(count))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@few
@given(count=rows, size=sizes, shuffle=shuffles, bucket=flags, world=st.integers(1, 5))
def test_ranks_deal_out_the_batches_that_one_alone_would_have(count, size, shuffle, bucket, world):
    alone = order(count, size, shuffle=shuffle, bucket=bucket).batches(3)
    for rank in range(world):
        share = order(count, size, shuffle=shuffle, bucket=bucket, rank=rank, world_size=world).batches(3)
        assert [batch.tolist() for batch in share] == [batch.tolist() for batch in alone[rank::world]]


def test_the_same_seed_and_epoch_give_the_same_order_and_others_another():
    made = {
        (seed, epoch): flat(order(500, 32, shuffle="blocks", seed=seed).batches(epoch))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(set(map(tuple, made.values()))) == 4
    assert made[1, 1] == flat(order(500, 32, shuffle="blocks", seed=1).batches(1))


def test_an_order_of_old_stays_what_it_was():
    batches = order(12, 4, shuffle="blocks", seed=7, per_block=4).batches(2)
    assert [batch.tolist() for batch in batches] == [[5, 2, 6, 9], [11, 7, 4, 3], [8, 0, 10, 1]]


def test_without_shuffling_rows_come_as_they_were_given():
    assert flat(order(100, 8, keep=np.random.default_rng(0).permutation(100)).batches(4)) == list(range(100))


def test_the_global_generator_is_neither_used_nor_changed():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = flat(order(300, 16, shuffle="blocks").batches(0))
    np.random.seed(4)  # noqa: NPY002
    assert flat(order(300, 16, shuffle="blocks").batches(0)) == first
    np.random.seed(3)  # noqa: NPY002
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@few
@given(size=sizes, share=st.floats(0.1, 1), bucket=flags, seed=st.integers(0, 9))
def test_a_window_touches_few_blocks_and_no_more_rows_than_it_may(size, share, bucket, seed):
    keep = np.flatnonzero(np.random.default_rng(seed).random(6000) < share)
    batches = order(len(keep), size, shuffle="blocks", bucket=bucket, keep=keep, seed=seed).batches(0)
    per_window = WINDOW // size
    for start in range(0, len(batches), per_window):
        window = keep[np.concatenate(batches[start : start + per_window])]
        assert len(window) <= WINDOW
        fewest = max(1, np.unique(keep // 128, return_counts=True)[1].min())
        assert len(np.unique(window // 128)) <= len(window) // fewest + 2


def test_shuffling_mixes_the_blocks_of_a_window():
    batches = order(13_000, 32, shuffle="blocks").batches(0)
    assert np.mean([len(np.unique(batch // 128)) for batch in batches]) > 6


def test_a_full_shuffle_mixes_the_whole_list():
    batches = order(13_000, 32, shuffle="full").batches(0)
    assert np.mean([len(np.unique(batch // 128)) for batch in batches]) > 27
    assert len(np.unique(np.concatenate(batches[-5:]) // 128)) > 70


def test_small_blocks_mix_nearly_as_well_as_a_full_shuffle():
    batches = order(13_000, 32, shuffle="blocks", per_block=16).batches(0)
    assert np.mean([len(np.unique(batch // 128)) for batch in batches]) > 22


def test_buckets_hold_rows_of_like_length_and_come_in_any_order():
    made = order(WINDOW, 32, shuffle="blocks", bucket=True)
    spreads = [np.ptp(made.lengths[batch]) for batch in made.batches(0)]
    assert max(spreads) < 40
    means = [made.lengths[batch].mean() for batch in made.batches(0)]
    assert means != sorted(means)
    plain = order(WINDOW, 32, bucket=True)
    means = [plain.lengths[batch].mean() for batch in plain.batches(0)]
    assert means == sorted(means)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; expected a whole number from 1 on"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"seed": -1}, "seed is -1; expected a whole number from 0 on"),
        ({"world_size": 0}, "world_size is 0"),
        ({"rank": 2, "world_size": 2}, "rank is 2; expected less than world_size, which is 2"),
        ({"rank": True}, "rank is True"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError) as caught:
        BatchSampler(**{"blocks": np.zeros(4, np.int64), "batch_size": 2, **options})
    assert str(caught.value).startswith(message)


def test_an_epoch_below_0_is_refused():
    with pytest.raises(ConfigError, match="epoch is -1; expected a whole number from 0 on"):
        order(4, 2).batches(-1)
