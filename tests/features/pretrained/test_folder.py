"""What a pretrained folder from elsewhere may ask for, and what happens instead."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from kemfeat.errors import ConfigError
from kemfeat.features.pretrained.folder import Wanted, check_folder, check_size
from kemfeat.learn.models import load_text_encoder
from tests.learn.models import kit

BERT = Wanted("bert", role="text encoder", setting="model.text_encoder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return kit.saved_bert(tmp_path / "bert")


def change(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"auto_map": {"AutoModel": "modeling_evil.Evil"}}, "asks for code that comes with the weights"),
        ({"auto_map": {"AutoConfig": "someone/else--configuration.C"}}, "which kemfeat never runs"),
        ({"_attn_implementation": "someone/kernel"}, "asks for code from elsewhere"),
        ({"attn_implementation": {"": "someone/kernel"}}, "asks for code from elsewhere"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers 1,000,000,000, expected at most 1,000"),
        ({"vocab_size": 10**9}, "but its weight files have only"),
        ({"hidden_size": 2**20, "num_attention_heads": 2}, "but its weight files have only"),
    ],
)
def test_a_configuration_that_asks_for_too_much_is_refused(folder: Path, values: dict[str, Any], said: str) -> None:
    (folder / "modeling_evil.py").write_text("raise SystemExit('code was run')")
    change(folder, **values)
    with pytest.raises(ConfigError, match=said) as caught:
        load_text_encoder(str(folder))
    assert "trust_remote_code" not in str(caught.value)
    assert "--set model.text_encoder=DIR" in str(caught.value)


@pytest.mark.parametrize(
    "values", [{"hidden_size": "wide"}, {"num_attention_heads": 0}, {"model_type": 7}, {"dtype": 3}]
)
def test_a_configuration_of_nonsense_is_a_sentence(folder: Path, values: dict[str, Any]) -> None:
    change(folder, **values)
    try:
        load_text_encoder(str(folder))
    except ConfigError as error:
        assert str(error).startswith(f"text encoder {folder}: ")  # noqa: PT017 - some of them transformers ignores


@pytest.mark.parametrize("text", ["[" * 10**5, "[1]", "{", "\x00", '{"a": ' + "9" * 5000 + "}"])
def test_a_file_that_is_not_a_table_is_a_sentence(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json (cannot be read|is not a JSON object)"):
        load_text_encoder(str(folder))


@pytest.mark.parametrize("file", ["../other.safetensors", "/etc/passwd", "a\\b.safetensors", ".."])
def test_weights_outside_the_folder_are_refused(folder: Path, file: str) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"embeddings.weight": file}}))
    with pytest.raises(ConfigError, match="which is not in the folder"):
        check_folder(folder, BERT)


def test_an_adapter_is_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/somewhere/else"}')
    with pytest.raises(ConfigError, match="has an adapter"):
        load_text_encoder(str(folder))


def test_compressed_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"w": torch.zeros(100_000)}, folder / "plain.bin")
    with (
        zipfile.ZipFile(folder / "plain.bin") as plain,
        zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for record in plain.namelist():
            small.writestr(record, plain.read(record))
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin has the compressed record"):
        load_text_encoder(str(folder))


def test_a_sound_folder_passes(folder: Path) -> None:
    check_folder(folder, BERT)
    parameters = sum(parameter.numel() for parameter in kit.bert().parameters())
    check_size(parameters, folder, BERT)
    with pytest.raises(ConfigError, match="describes a model of 1,000,000,000 numbers"):
        check_size(10**9, folder, BERT)
