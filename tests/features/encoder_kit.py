"""Tiny encoders of speech and text, saved as a person has them in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

TINY: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
SPEECH: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2": ("Wav2Vec2", TINY),
    "wav2vec2-layer": ("Wav2Vec2", {**TINY, **LAYER_NORM}),
    "hubert": ("Hubert", TINY),
    "wavlm": ("WavLM", TINY),
    "data2vec-audio": ("Data2VecAudio", {**TINY, "conv_pos_kernel_size": 19}),
    "unispeech": ("UniSpeech", TINY),
    "unispeech-sat": ("UniSpeechSat", TINY),
}
WHISPER: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "vocab_size": 50,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "max_target_positions": 8,
}


def save_speech_encoder(folder: Path, kind: str = "wav2vec2", **changes: Any) -> Path:
    """A model of random weights, and its preprocessor."""
    import transformers

    whisper = kind == "whisper"
    name, settings = ("Whisper", WHISPER) if whisper else SPEECH[kind]
    config = getattr(transformers, f"{name}Config")(**{**settings, **changes})
    _saved(getattr(transformers, f"{name}Model"), config, folder)
    prepare = transformers.WhisperFeatureExtractor() if whisper else transformers.Wav2Vec2FeatureExtractor()
    prepare.save_pretrained(folder)
    return folder


def save_text_encoder(folder: Path, tokenizer: Path, **changes: Any) -> Path:
    """A BERT of random weights, with the tokenizer of another folder."""
    import transformers

    sizes = {name: TINY[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    vocabulary = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    positions = {"intermediate_size": 24, "max_position_embeddings": 160, "vocab_size": len(vocabulary)}
    _saved(transformers.BertModel, transformers.BertConfig(**{**sizes, **positions, **changes}), folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_bytes((tokenizer / file).read_bytes())
    return folder


def _saved(model: Any, config: Any, folder: Path) -> None:
    from kemfeat.features.pretrained.loading import silent

    with torch.random.fork_rng(), silent():
        torch.manual_seed(7)
        model(config).save_pretrained(folder)
