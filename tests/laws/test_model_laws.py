"""Laws that every model keeps: a file put into ``kemfeat/learn/models`` is tested here before it has tests of its own.

A model whose settings have ``n_mels`` gets the bands of the batch; one that cannot be built from its other defaults is
added to :data:`SMALL` and :data:`BUILT`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from kemfeat import plugins
from kemfeat.learn.models import ModelSpec, Outputs, build_model, seeded, spec_of
from kemfeat.learn.models.spectrogram_image import SpectrogramImageConfig
from kemfeat.learn.models.spell import SpellConfig
from kemfeat.learn.models.tick_encoder import TickEncoderConfig
from kemfeat.learn.models.two_stream import AudioStreamSettings, TwoStreamConfig
from kemfeat.learn.models.video import VideoConfig, VideoSettings
from kemfeat.learn.settings import ModelConfig
from kemfeat.learn.training.recipe import recipe_from
from tests.learn.models import kit

NAMES = plugins.names("learn.models")
BUILT: dict[str, Callable[[], nn.Module]] = {
    "audio": kit.audio_model,
    "text": kit.text_model,
    "fusion": kit.fusion_model,
    "bert": kit.bert_model,
    "linear": kit.linear_model,
    "cross_modal": kit.cross_modal_model,
}
SMALL: dict[str, Callable[[], ModelConfig]] = {
    "audio": kit.audio_config,
    "text": kit.text_config,
    "fusion": kit.fusion_config,
    "linear": kit.linear_config,
    "cross_modal": kit.cross_modal_config,
    "spell": partial(SpellConfig, parts=(4, 4, 4), loops=True),
    "tick_encoder": partial(TickEncoderConfig, width=2),
    "spectrogram_image": partial(SpectrogramImageConfig, size=(24, 40), kind="cnn-rnn"),
    "video": partial(VideoConfig, size=(45, 51)),
    "two_stream": partial(
        TwoStreamConfig, audio=AudioStreamSettings(size=(24, 40)), video=VideoSettings(size=(45, 51))
    ),
}
lengths = st.lists(st.tuples(st.integers(1, 12), st.integers(2, 9)), min_size=1, max_size=4)
every_model = pytest.mark.parametrize("name", NAMES)


def find(name: str) -> ModelSpec[ModelConfig]:
    found: ModelSpec[ModelConfig] = plugins.find("learn.models", name)
    return found


def small_config(name: str) -> ModelConfig:
    if name in SMALL:
        return SMALL[name]()
    config = find(name).config
    return config.model_validate({"n_mels": kit.BANDS} if "n_mels" in config.model_fields else {})


def built(name: str) -> nn.Module:
    if name in BUILT:
        return BUILT[name]()
    with seeded(4):
        return find(name).build(small_config(name)).eval()


def predictions(outputs: Outputs) -> dict[str, Tensor]:
    named = {"emotion": outputs.logits, "arousal": outputs.arousal, "valence": outputs.valence}
    return {task: tensor for task, tensor in named.items() if tensor is not None}


def flat(outputs: Outputs) -> Tensor:
    """Everything that was predicted, one row per utterance."""
    return torch.cat([part.detach().reshape(len(part), -1) for part in predictions(outputs).values()], dim=1)


@every_model
def test_a_model_says_who_it_is_and_what_it_reads(name: str) -> None:
    spec, config = find(name), small_config(name)
    assert spec.name == name
    assert spec_of(config) is spec, "no other model has the same configuration"
    assert spec.tasks
    assert set(spec.tasks) <= {"arousal", "valence", "emotion"}
    assert config.media
    assert {name.partition("@")[0] for name in config.media} <= set(plugins.names("features"))
    assert config.model_config["frozen"]
    assert spec.config.model_validate_json(config.model_dump_json()) == config
    assert "emotion" not in spec.tasks or config.classes == config.model_dump()["emotions"]


@every_model
def test_a_recipe_may_name_it(name: str) -> None:
    spec = find(name)
    for task in spec.tasks:
        loss = "cross-entropy" if task == "emotion" else "mse"
        values = {"name": "x", "variant": "corrected", "task": task, "model": name, "train": {"loss": loss}}
        recipe = recipe_from(values, where="test")
        assert recipe.model == spec.config()
        assert recipe_from(recipe.model_dump(mode="json"), where="run.json") == recipe


@every_model
def test_it_predicts_what_its_tasks_are(name: str) -> None:
    found = predictions(built(name)(kit.batch()))
    assert set(find(name).tasks) <= set(found)
    for task, tensor in found.items():
        assert tensor.shape == ((3, len(small_config(name).classes)) if task == "emotion" else (3,))
        assert tensor.isfinite().all()


@every_model
@settings(max_examples=8, deadline=None)
@given(sizes=lengths, frames=st.integers(0, 20), tokens=st.integers(0, 20))
def test_padded_length_changes_nothing(name: str, sizes: list[tuple[int, int]], frames: int, tokens: int) -> None:
    model, batch = built(name), kit.batch(*zip(*sizes, strict=True))
    torch.testing.assert_close(
        flat(model(batch)), flat(model(kit.longer(batch, frames=frames, tokens=tokens))), rtol=0, atol=1e-5
    )


@every_model
def test_what_stands_in_the_padding_changes_nothing(name: str) -> None:
    model, batch = built(name), kit.longer(kit.batch(), frames=4, tokens=4)
    before = flat(model(batch))
    assert batch.mel is not None
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    for row, length in enumerate(batch.mel_lengths):
        batch.mel[row, :, int(length) :] = torch.nan
        for name, lengths_B in batch.lengths.items():
            batch.arrays[name][row, int(lengths_B[row]) :] = torch.nan if batch.arrays[name].is_floating_point() else 9
    batch.input_ids[batch.attention_mask == 0] = 5
    torch.testing.assert_close(flat(model(batch)), before, rtol=0, atol=1e-5)


@every_model
def test_one_utterance_alone_is_predicted_as_in_a_batch(name: str) -> None:
    model, batch = built(name), kit.batch()
    alone = torch.cat([flat(model(kit.single(batch, row))) for row in range(3)])
    torch.testing.assert_close(alone, flat(model(batch)), rtol=0, atol=1e-5)


@every_model
def test_two_evaluations_are_equal(name: str) -> None:
    model, batch = built(name), kit.batch()
    assert torch.equal(flat(model(batch)), flat(model(batch)))


@every_model
def test_every_parameter_that_trains_gets_a_gradient(name: str) -> None:
    model = built(name).train()
    outputs = model(kit.batch((9, 12, 7, 10), (8, 6, 9, 7)))
    found = predictions(outputs)
    trained = [*(found[task] for task in find(name).tasks), *outputs.auxiliary.values()]
    torch.stack([one.square().sum() for one in trained]).sum().backward()
    kit.assert_what_trains_has_a_gradient(model, idle=find(name).idle)


@every_model
def test_a_batch_of_one_row_trains(name: str) -> None:
    """The last batch of an epoch may be one."""
    model = built(name).train()
    found = predictions(model(kit.batch((9,), (8,))))
    for task in find(name).tasks:
        assert found[task].isfinite().all()
        assert found[task].requires_grad


@every_model
def test_weights_depend_on_the_seed_alone_and_the_global_generator_stays(name: str, tmp_path: Path) -> None:
    config = small_config(name)
    if "text_encoder" in type(config).model_fields:
        config = config.model_copy(update={"text_encoder": str(kit.saved_bert(tmp_path))})
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build_model(config, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@every_model
def test_a_gpu_predicts_as_the_cpu_does_also_in_half_precision(name: str) -> None:
    model, batch = built(name), kit.batch()
    expected = flat(model(batch))
    model, moved = model.cuda(), batch.to("cuda")
    torch.testing.assert_close(flat(model(moved)).cpu(), expected, rtol=0, atol=1e-3)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        torch.testing.assert_close(flat(model(moved)).float().cpu(), expected, rtol=0, atol=0.1)
