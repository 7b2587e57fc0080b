"""Trainings that take a second, and ways to look at what they leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from kemfeat.learn import run_folder
from kemfeat.learn.models import seeded
from kemfeat.learn.training.progress import Silent
from kemfeat.learn.training.recipe import Recipe, load_recipe
from kemfeat.learn.training.trainer import Options, train
from kemfeat.splits import Split, make_split
from kemfeat.store.reader import Store

SMALL = {
    "model.n_layers": 1,
    "model.n_heads": 2,
    "model.inner_size": 8,
    "model.recurrent_size": 4,
    "train.learning_rate": 0.01,
    "train.batch_size": 16,
    "train.frames": 24,
    "train.epochs": 2,
}
AUDIO = {**SMALL, "model.n_mels": 16, "model.conv_channels": [2, 4]}
WIDTH = 16
"""Numbers of a token in both modalities."""

CPU = Options(device="cpu")


def session_split(store: Store, **options: Any) -> Split:
    return make_split(store.utterances, **{"scheme": "session", "folds": 4, "store": store.digest, **options})


def audio_recipe(**values: Any) -> Recipe:
    return load_recipe("kor/audio-arousal", {**AUDIO, **dotted(values)})


def text_recipe(encoder: Path, **values: Any) -> Recipe:
    return load_recipe("kor/text-valence", {**SMALL, "model.text_encoder": str(encoder), **dotted(values)})


def fusion_recipe(audio: Path, text: Path, **values: Any) -> Recipe:
    runs = {"model.audio_run": str(audio), "model.text_run": str(text)}
    return load_recipe("kor/fusion", {**SMALL, **runs, **dotted(values)})


def dotted(values: dict[str, Any]) -> dict[str, Any]:
    """``train__epochs=3`` as ``{"train.epochs": 3}``."""
    return {name.replace("__", "."): value for name, value in values.items()}


def saved_bert(folder: Path, store: Store) -> Path:
    """A text encoder for the tokens of a store, made on the spot."""
    from transformers import BertConfig, BertModel
    from transformers.utils import logging

    ids = store.array("input_ids")
    config = BertConfig(
        vocab_size=int(ids[:].max()) + 1,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=ids.shape[1],
        pad_token_id=int(ids.attrs["pad"]),
    )
    logging.disable_progress_bar()
    with seeded(11):
        BertModel(config).save_pretrained(folder)
    return folder


def losses(run: Path) -> pd.DataFrame:
    """The curve of a run: all of its history but the time it took."""
    return pd.read_csv(run / run_folder.HISTORY).drop(columns="seconds")


class StopError(Exception):
    """What stops a training in the middle."""


class StoppedAt(Silent):
    """Ends training at a step, as a crash would."""

    def __init__(self, step: int) -> None:
        self._step = step

    def stepped(self, done: int, total: int) -> None:  # noqa: ARG002 - as Progress has it
        if done == self._step:
            raise StopError


def trained(recipe: Recipe, store: Store, split: Split, out: Path, **options: Any) -> Path:
    train(recipe, store=store, split=split, out=out, options=Options(device="cpu", **options))
    return out


def weights(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["weights"]
    return found
