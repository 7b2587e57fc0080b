"""kemfeat.learn.models.fusion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from kemfeat.errors import ConfigError
from kemfeat.learn.models import FusionClassifier, build_model
from kemfeat.learn.models.frozen import Frozen
from tests.learn.models import kit


def dropouts(part: nn.Module | None) -> set[bool]:
    assert part is not None
    return {inner.training for inner in part.modules() if isinstance(inner, nn.Dropout)}


def test_it_passes_the_regressors_predictions_on() -> None:
    batch, outputs = kit.batch(), kit.fusion_model()(kit.batch())
    assert outputs.logits.shape == (3, 5)
    torch.testing.assert_close(outputs.arousal, kit.audio_model()(batch).arousal.detach())
    torch.testing.assert_close(outputs.valence, kit.text_model()(batch).valence.detach())


def test_the_published_mask_hides_the_loudest_frame() -> None:
    model, batch = kit.fusion_model(kit.fusion_config(**kit.PUBLISHED)), kit.batch((6, 9, 4), (3, 3, 3))
    assert batch.mel is not None
    hidden = (torch.arange(9) < batch.mel_lengths[:, None]) & ~model._mask_of_mel(batch)
    loudest = batch.mel[:, 0].amax(dim=2).argmax(dim=1)
    assert torch.equal(hidden, nn.functional.one_hot(loudest, 9).bool())  # K3


def test_training_leaves_the_frozen_models_in_evaluation_mode() -> None:
    model = kit.fusion_model().train()
    assert dropouts(model.encoder) == {True}
    assert dropouts(model.audio) == {False}
    assert dropouts(model.text) == {False}


def test_training_as_published_wakes_their_dropout_but_not_that_of_the_text_encoder() -> None:
    model = kit.fusion_model(kit.fusion_config(extractors="train")).train()
    assert dropouts(model.audio) == {True}  # K21
    assert model.text is not None
    assert dropouts(model.text.inner.encoder) == {True}
    assert dropouts(model.text.inner.text_encoder) == {False}
    assert dropouts(model.eval().audio) == {False}


def test_weights_trained_with_other_heads_load_without_an_error_and_predict_something_else() -> None:
    trained = kit.audio_model()
    config = kit.fusion_config(audio_heads=4)
    fusion = kit.fusion_model(config)
    assert fusion.audio is not None
    fusion.audio.inner.load_state_dict(trained.state_dict())
    batch = kit.batch()
    assert not torch.allclose(fusion(batch).arousal, trained(batch).arousal)  # K8


@pytest.mark.parametrize(("modality", "absent"), [("audio", "input_ids"), ("text", "mel")])
def test_one_modality_reads_nothing_of_the_other(modality: str, absent: str) -> None:
    model = kit.fusion_model(kit.fusion_config(modalities=modality))
    assert model(replace(kit.batch(), **{absent: None})).logits.shape == (3, 5)
    assert [name for name, part in model.named_children() if isinstance(part, Frozen)] == [modality]


def test_an_utterance_without_sound_is_judged_by_its_text() -> None:
    batch = kit.batch((5, 4), (4, 6))
    silent = replace(batch, mel_lengths=torch.tensor([5, 0]))
    logits = kit.fusion_model()(silent).logits
    assert logits.isfinite().all()
    assert not torch.allclose(logits[1], kit.fusion_model()(batch).logits[1])


def test_as_many_logits_as_emotions() -> None:
    assert kit.fusion_model(kit.fusion_config(emotions=("sad", "happy")))(kit.batch()).logits.shape == (3, 2)


def test_tokens_of_two_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"conv_channels\[1\] = 8"):
        kit.fusion_model(kit.fusion_config(audio=kit.audio_config(conv_channels=(4, 12))))


def test_it_is_built_from_its_configuration(tmp_path: Path) -> None:
    folder = kit.saved_bert(tmp_path)
    model = build_model(kit.fusion_config(text_encoder=str(folder)), seed=3)
    assert isinstance(model, FusionClassifier)
    assert model.eval()(kit.batch()).logits.shape == (3, 5)
    again = build_model(kit.fusion_config(text_encoder=str(folder)), seed=3)
    again.load_state_dict(model.state_dict())


def test_one_modality_needs_no_text_encoder() -> None:
    model = build_model(kit.fusion_config(modalities="audio", text_encoder="no/such"))
    assert isinstance(model, FusionClassifier)
    assert model.text is None
