import gc

import numpy as np
import torch

from kemfeat.learn.data.collate import Recycled


def test_memory_comes_back_when_the_tensor_is_gone():
    recycled = Recycled(100)
    first = recycled.tensor((5, 20))
    address = first.data_ptr()
    del first
    assert recycled.tensor((3, 7)).data_ptr() == address


def test_memory_in_use_is_not_given_twice():
    recycled = Recycled(10)
    held = [recycled.tensor((10,)) for _ in range(20)]
    assert len({tensor.data_ptr() for tensor in held}) == 20


def test_whoever_shares_the_memory_keeps_it():
    recycled = Recycled(10)
    holders = [
        lambda tensor: tensor[2:4],
        lambda tensor: tensor.numpy()[1:],
        lambda tensor: tensor.untyped_storage(),
        lambda tensor: torch.from_dlpack(tensor),
        lambda tensor: tensor.view(5, 2).t().detach(),
        lambda tensor: (tensor.requires_grad_() ** 2).sum(),
        lambda tensor: memoryview(tensor.numpy()),
    ]
    for hold in holders:
        tensor = recycled.tensor((10,))
        address = tensor.data_ptr()
        held = hold(tensor)
        del tensor
        gc.collect()
        assert recycled.tensor((10,)).data_ptr() != address, held
        del held


def test_only_a_few_are_kept():
    recycled = Recycled(10)
    held = [recycled.tensor((10,)) for _ in range(50)]
    held.clear()
    assert len(recycled._free) == Recycled._KEEP


def test_nothing_is_kept_for_a_pool_that_is_gone():
    import weakref

    recycled = Recycled(10)
    tensor = recycled.tensor((10,)).fill_(3)
    gone = weakref.ref(recycled)
    del recycled
    assert gone() is None
    np.testing.assert_array_equal(tensor.numpy(), np.full(10, 3, np.float32))
