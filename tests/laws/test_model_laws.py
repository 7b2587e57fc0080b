"""Laws that every model keeps: a file put into ``kemfeat/learn/models`` is tested here before it has tests of its own.

Most are those of :mod:`kemfeat.testing`. A model whose settings have ``n_mels`` gets the bands of the batch; one that
cannot be built from its other defaults is added to :data:`SMALL` and :data:`BUILT`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kemfeat import plugins
from kemfeat.learn.models import ModelSpec, seeded
from kemfeat.learn.models.spectrogram_image import SpectrogramImageConfig
from kemfeat.learn.models.spell import SpellConfig
from kemfeat.learn.models.tick_encoder import TickEncoderConfig
from kemfeat.learn.models.two_stream import AudioStreamSettings, TwoStreamConfig
from kemfeat.learn.models.video import VideoConfig, VideoSettings
from kemfeat.learn.settings import ModelConfig
from kemfeat.testing import _models as laws
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


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> laws.Bench:
    """Small models; those of text with an encoder in a folder."""
    encoder = str(kit.saved_bert(tmp_path_factory.mktemp("bert")))

    def config(spec: ModelSpec[ModelConfig]) -> ModelConfig:
        small = small_config(spec.name)
        known = "text_encoder" in type(small).model_fields
        return small.model_copy(update={"text_encoder": encoder}) if known else small

    return laws.Bench(config=config, model=lambda spec, config: built(spec.name))


@every_model
def test_a_model_is_called_as_its_file(name: str) -> None:
    assert find(name).name == name


@every_model
@pytest.mark.parametrize("law", laws.LAWS)
def test_a_model_keeps_the_law(name: str, law: str, bench: laws.Bench) -> None:
    laws.LAWS[law](find(name), bench)


@every_model
@settings(max_examples=8, deadline=None)
@given(sizes=lengths, frames=st.integers(0, 20), tokens=st.integers(0, 20))
def test_padded_length_changes_nothing(name: str, sizes: list[tuple[int, int]], frames: int, tokens: int) -> None:
    model, batch = built(name), kit.batch(*zip(*sizes, strict=True))
    torch.testing.assert_close(
        laws.flat(model(batch)), laws.flat(model(kit.longer(batch, frames=frames, tokens=tokens))), rtol=0, atol=1e-5
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@every_model
def test_a_gpu_predicts_as_the_cpu_does_also_in_half_precision(name: str) -> None:
    model, batch = built(name), kit.batch()
    expected = laws.flat(model(batch))
    model, moved = model.cuda(), batch.to("cuda")
    torch.testing.assert_close(laws.flat(model(moved)).cpu(), expected, rtol=0, atol=1e-3)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        torch.testing.assert_close(laws.flat(model(moved)).float().cpu(), expected, rtol=0, atol=0.1)
