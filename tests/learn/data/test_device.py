import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.learn import StoreDataset
from kemfeat.learn.data.collate import HostCollator
from kemfeat.learn.data.device import SendCollator, padded
from kemfeat.learn.data.stream import read_all

few = settings(deadline=None, max_examples=30)


@few
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), extra=st.integers(0, 3), data=st.data())
def test_padded_rows_hold_their_frames_then_the_pad(lengths, extra, data):
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=6))
    values = torch.arange(3.0 * sum(lengths)).reshape(-1, 3)
    rows = values.split(lengths)
    starts = torch.tensor([0, *np.cumsum(lengths)[:-1]])
    frames = max(lengths) + extra
    result = padded(values, starts[chosen], torch.tensor(lengths)[chosen], frames=frames, pad=-80.0)
    assert result.shape == (len(chosen), frames, 3)
    for one, row in zip(result, chosen, strict=True):
        assert torch.equal(one[: lengths[row]], rows[row])
        assert (one[lengths[row] :] == -80).all()


def test_half_precision_becomes_single():
    result = padded(torch.ones(2, 1, dtype=torch.float16), torch.tensor([0]), torch.tensor([2]), frames=3, pad=0.0)
    assert result.dtype == torch.float32


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 99), frames=st.sampled_from([None, 20, 350]))
def test_rows_that_are_sent_give_the_bytes_that_the_host_makes(store, seed, frames):
    """Sending works on the CPU too; what differs on CUDA are streams, and the order of these batches shows them."""
    rows = np.random.default_rng(seed).choice(120, 60)
    dataset = StoreDataset(store, rows, media=("mel", "delta", "eda", "tokens"), frames=frames)
    packed = read_all(dataset.columns, rows, rows_per_shard=8, allocate=on_host, threads=1)
    places = np.split(np.random.default_rng(seed).permutation(60), 6)
    here = HostCollator(dataset.columns, dataset.rows, frames=frames, batch_size=10)
    at = [torch.from_numpy(part) for part in places]
    sent = list(SendCollator(dataset.facts, frames=frames).run([packed] * 6, places, at))
    for media, part in zip(sent, places, strict=True):
        expected = here.media(packed, part)
        assert media.keys() == expected.keys()
        assert all(media[name].numpy().tobytes() == expected[name].numpy().tobytes() for name in media)


def on_host(name, shape, dtype):
    return torch.empty(shape, dtype=dtype)
