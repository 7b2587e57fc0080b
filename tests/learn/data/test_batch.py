import subprocess
import sys
from dataclasses import fields, replace

import pytest
import torch

from kemfeat.errors import ConfigError
from kemfeat.learn.data.batch import Batch

REQUIRED = {
    "rows": torch.tensor([4, 2]),
    "copies": torch.tensor([0, 1]),
    "mel_lengths": torch.tensor([3, 0]),
    "emotion": torch.tensor([1, -1]),
    "arousal": torch.tensor([2.5, float("nan")]),
    "valence": torch.tensor([3.5, 1.0]),
}


@pytest.fixture
def batch() -> Batch:
    return Batch(ids=("a", "b"), **REQUIRED, mel=torch.zeros(2, 2, 3, 4))


def test_it_has_as_many_rows_as_names(batch):
    assert len(batch) == 2


def test_tensors_are_those_that_are_there(batch):
    assert list(batch.tensors()) == [*REQUIRED, "mel"]
    assert batch.input_ids is None


def test_to_moves_every_tensor_and_nothing_else(batch):
    moved = batch.to("meta")
    assert {tensor.device.type for tensor in moved.tensors().values()} == {"meta"}
    assert {tensor.device.type for tensor in batch.tensors().values()} == {"cpu"}
    assert moved.ids == batch.ids
    assert moved.tensors().keys() == batch.tensors().keys()


def test_to_the_device_where_it_is_copies_nothing(batch):
    assert batch.to("cpu").mel is batch.mel


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_precision_changes_real_valued_inputs_alone(batch, dtype):
    ids = torch.tensor([[4001, 257], [30521, 1]])
    whole = replace(batch, input_ids=ids, attention_mask=ids, eda=torch.rand(2, 3), eda_mask=torch.ones(2, 3).bool())
    cast = whole.to(dtype)
    changed = {name for name, tensor in cast.tensors().items() if tensor.dtype != whole.tensors()[name].dtype}
    assert changed == {"mel", "eda"}
    assert all(torch.equal(cast.tensors()[name], whole.tensors()[name]) for name in ("input_ids", "emotion", "rows"))
    assert cast.valence.dtype == torch.float32


def test_a_batch_does_not_become_integers(batch):
    with pytest.raises(ConfigError, match=r"cannot become torch\.int64; expected a floating-point type or a device"):
        batch.to(torch.int64)


def test_every_field_but_the_names_is_a_tensor_or_none(batch):
    named = {"ids", "mel_pads", "arrays", "lengths", "pads"}
    others = [getattr(batch, field.name) for field in fields(batch) if field.name not in named]
    assert all(value is None or isinstance(value, torch.Tensor) for value in others)


def test_what_needs_no_torch_does_not_import_it():
    code = "import sys; from kemfeat.learn import EMOTIONS; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_room_has_no_other_names():
    import kemfeat.learn

    with pytest.raises(AttributeError, match="has no attribute 'StoreLoder'"):
        _ = kemfeat.learn.StoreLoder
