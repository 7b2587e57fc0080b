"""kemfeat.learn.models.audio."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.models.audio import AudioExtractor
from tests.learn.models import kit


def test_a_frame_becomes_a_token_of_768_numbers_and_sees_no_neighbour() -> None:
    extractor = AudioExtractor((8, 24))
    x_BCTF = torch.randn(2, 2, 5, 128, generator=torch.Generator().manual_seed(0))
    tokens = extractor(x_BCTF)
    assert tokens.shape == (2, 5, 768)
    torch.testing.assert_close(extractor(x_BCTF[:, :, 2:3]), tokens[:, 2:3])


def test_tokens_are_channels_by_frequency() -> None:
    extractor = AudioExtractor((8, 24))
    x_BCTF = torch.randn(1, 2, 3, 128, generator=torch.Generator().manual_seed(0))
    y = x_BCTF
    for place, convolution in enumerate(extractor.convolutions):
        y = convolution(y) if place == 3 else nn.functional.relu(convolution(y))
    assert y.shape == (1, 24, 3, 32)
    assert torch.equal(extractor(x_BCTF)[0, 1, 32:64], y[0, 1, 1])


def test_padding_is_zero_for_the_published_model_whatever_the_store_holds() -> None:
    model = kit.audio_model(kit.audio_config(**kit.PUBLISHED, dropout=0.0, positions="none"))
    floor = kit.batch()
    assert floor.mel is not None
    real = torch.arange(9) < floor.mel_lengths[:, None]
    zero = replace(floor, mel=floor.mel.masked_fill(~real[:, None, :, None], 0.0))
    assert torch.equal(model(floor).arousal, model(zero).arousal)
    assert torch.equal(model.read(floor).mask, real)  # K4 works as long as no feature is dead


def test_a_dead_feature_masks_real_frames_of_the_published_model() -> None:
    model = kit.audio_model(kit.audio_config(**kit.PUBLISHED))
    with torch.no_grad():
        model.extractor.convolutions[3].weight[0] = 0.0
    assert not model.read(kit.batch()).mask.any()  # K4


def test_order_of_frames_counts_only_with_positions() -> None:
    batch = kit.batch((6,), (2,))
    assert batch.mel is not None
    backwards = replace(batch, mel=batch.mel.flip(2))
    for positions, equal in (("none", True), ("sinusoidal", False)):
        model = kit.audio_model(kit.audio_config(positions=positions))
        forth, back = model.read(batch).tokens, model.read(backwards).tokens.flip(1)
        assert torch.allclose(forth, back, atol=1e-5) == equal  # K21


def test_a_batch_without_mel_or_with_other_bands_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no mel"):
        kit.audio_model()(replace(kit.batch(), mel=None))
    with pytest.raises(AnalysisError, match="no delta"):
        kit.audio_model()(replace(kit.batch(), mel=torch.zeros(3, 1, 9, kit.BANDS)))
    with pytest.raises(ConfigError, match=r"--set model\.n_mels=8"):
        kit.audio_model(kit.audio_config(n_mels=16))(kit.batch())
