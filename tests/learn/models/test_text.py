"""kemfeat.learn.models.text and its pretrained encoder."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kemfeat.errors import AnalysisError, ConfigError
from kemfeat.learn.models import TextRegressor, build_model, load_text_encoder
from tests.learn.models import kit


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("pickle was opened",)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_a_saved_encoder_is_read_silently(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = kit.saved_bert(tmp_path / "bert")
    capfd.readouterr()
    model = build_model(kit.text_config(text_encoder=str(folder)))
    assert isinstance(model, TextRegressor)
    assert capfd.readouterr() == ("", "")
    for name, weight in kit.bert().state_dict().items():
        assert torch.equal(model.text_encoder.inner.state_dict()[name], weight)


def test_tokens_are_the_encoders_last_hidden_states() -> None:
    batch, model = kit.batch(), kit.text_model()
    expected = kit.bert().eval()(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
    assert batch.input_ids is not None
    assert batch.attention_mask is not None
    assert torch.equal(model.text_encoder(batch).tokens, expected)


def test_the_encoder_stays_frozen_and_in_evaluation_mode() -> None:
    model = kit.text_model().train()
    assert model.training
    assert not any(part.training for part in model.text_encoder.inner.modules())
    assert not any(p.requires_grad for p in model.text_encoder.parameters())


def test_the_published_mask_reads_padding_as_text() -> None:
    batch = kit.batch()
    assert kit.text_model(kit.text_config(**kit.PUBLISHED)).read(batch).mask.all()  # K5
    assert torch.equal(kit.text_model().read(batch).mask, batch.attention_mask == 1)


def test_an_encoder_of_another_size(tmp_path: Path) -> None:
    folder = kit.saved_bert(tmp_path, width=24)
    model = build_model(kit.text_config(text_encoder=str(folder)))
    assert isinstance(model, TextRegressor)
    assert model.hidden_size == 24
    assert model.eval()(kit.batch()).valence.shape == (3,)


def test_an_absent_encoder_says_where_it_looked_and_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text_encoder("skt/no-such-model")
    message = str(caught.value)
    assert "is not a folder and not in the Hugging Face cache" in message
    assert "hf download skt/no-such-model" in message
    assert "--set model.text_encoder=DIR" in message


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the model in the folder cannot be loaded"):
        load_text_encoder(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"123", b"\xff" * 30_000], ids=["empty", "short", "noise"])
def test_broken_weights(tmp_path: Path, content: bytes) -> None:
    (kit.saved_bert(tmp_path) / "model.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match=r"the model in the folder cannot be loaded|weight files have only \d bytes"):
        load_text_encoder(str(tmp_path))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_is_never_opened(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = kit.saved_bert(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"embeddings": Evil(), "rest": bytes(30_000)}))
    with pytest.raises(ConfigError, match="the model in the folder cannot be loaded"):
        load_text_encoder(str(folder))
    assert "pickle was opened" not in capfd.readouterr().out


def test_weights_of_torch_are_read_safely(tmp_path: Path) -> None:
    folder = kit.saved_bert(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(kit.bert().state_dict(), folder / "pytorch_model.bin")
    expected = kit.bert().state_dict()
    assert all(
        torch.equal(value, expected[name]) for name, value in load_text_encoder(str(folder)).state_dict().items()
    )


def test_weights_that_are_not_in_the_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = kit.saved_bert(tmp_path) / "model.safetensors"
    weights = load_file(path)
    save_file({k: v for k, v in weights.items() if "layer.1.attention" not in k}, path, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="would be random"):
        load_text_encoder(str(tmp_path))


def test_a_missing_pooler_is_no_loss(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = kit.saved_bert(tmp_path) / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "pooler" not in k}, path, metadata={"format": "pt"})
    first, again = (build_model(kit.text_config(text_encoder=str(tmp_path))).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_ids_the_encoder_does_not_know_are_refused() -> None:
    batch, model = kit.batch(), kit.text_model()
    assert batch.input_ids is not None
    with pytest.raises(ConfigError, match="token id 40, but its vocabulary has 40"):
        model(replace(batch, input_ids=batch.input_ids.clamp_min(kit.VOCABULARY)))
    with pytest.raises(ConfigError, match="rows have 57 tokens, but it has 48 positions"):
        model(kit.longer(batch, tokens=50))
    with pytest.raises(AnalysisError, match="no token ids"):
        model(replace(batch, input_ids=None))
