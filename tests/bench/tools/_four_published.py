"""One optimiser step of a recipe at its published size: ``python -m kemfeat_bench.tools._four_published NAME ENCODER``.

Numbers and weights are random; shapes, batch and variant (``faithful``) are the published ones. A process measures one
recipe and prints a line of JSON, so that its peak memory is that of the recipe alone.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kemfeat.errors import WorkerError
from kemfeat.learn.data.batch import Batch
from kemfeat.learn.models import build_model
from kemfeat.learn.training.contrastive import ContrastiveLoss
from kemfeat.learn.training.losses import Loss, make_loss
from kemfeat.learn.training.optimiser import optimiser_of
from kemfeat.learn.training.recipe import Recipe, load_recipe

VOCABULARY = 8002
"""Tokens of KoBERT."""
NODES, EDGES = 2000, 114_000
"""Of a chunk of the graph: 57 edges of each node."""


def _mel(rows: int) -> dict[str, Any]:
    mel = torch.cat([-80 * torch.rand(rows, 1, 512, 128), torch.randn(rows, 1, 512, 128)], dim=1)
    return {"mel": mel, "mel_lengths": torch.full((rows,), 512), "mel_pads": (0.0, 0.0)}


def _tokens(rows: int, length: int) -> dict[str, Any]:
    return {
        "input_ids": torch.randint(5, VOCABULARY, (rows, length)),
        "attention_mask": torch.ones(rows, length, dtype=torch.long),
    }


def _arrays(rows: int, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Arrays of real numbers, each of full length."""
    arrays = {name: torch.randn(rows, *shape) for name, shape in shapes.items()}
    return {"arrays": arrays, "lengths": {name: torch.full((rows,), shape[0]) for name, shape in shapes.items()}}


def _cross_modal(rows: int) -> dict[str, Any]:
    tokens = {f"{name}@100": value for name, value in _tokens(rows, 100).items()}
    found = _arrays(rows, mfcc=(465, 100))
    return {"arrays": {**found["arrays"], **tokens}, "lengths": found["lengths"], "pads": {"mfcc": 0.0}}


def _windows(rows: int) -> dict[str, Any]:
    arrays: dict[str, Tensor] = _arrays(rows, tick_eda=(11,), tick_temp=(11,), tick_audio=(274, 13))["arrays"]
    masks = {f"{name}_mask": torch.ones(array.shape[:2], dtype=torch.bool) for name, array in arrays.items()}
    return {"arrays": {**arrays, **masks}}


def _graph(chunks: int) -> dict[str, Any]:
    edges = torch.cat([torch.randint(NODES, (2, EDGES)) + NODES * chunk for chunk in range(chunks)], dim=1)
    nodes = {"embedding": torch.randn(NODES * chunks, 1536)}
    return {"arrays": nodes, "edges": edges, "directions": torch.sign(edges[0] - edges[1]).to(torch.int8)}


def _bytes(*shape: int) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8)


def _sound(rows: int) -> dict[str, Any]:
    return {"arrays": {"stft_image": _bytes(rows, 200, 300)}}


def _faces(rows: int) -> dict[str, Any]:
    films = {"video_frames": _bytes(rows, 20, 60, 100, 3)}
    return {"arrays": films, "lengths": {"video_frames": torch.full((rows,), 20)}}


def _both(rows: int) -> dict[str, Any]:
    films = _faces(rows)
    return {**films, "arrays": {**films["arrays"], **_sound(rows)["arrays"]}}


READ: Mapping[str, tuple[int, str, Callable[[int], dict[str, Any]]]] = {
    "kor/audio-arousal": (32, "512 frames x 128", _mel),
    "kor/text-valence": (16, "64 tokens", lambda rows: _tokens(rows, 64)),
    "kor/fusion": (16, "512 frames, 64 tokens", lambda rows: {**_mel(rows), **_tokens(rows, 64)}),
    "stacked/text": (16, "128 tokens", lambda rows: _tokens(rows, 128)),
    "stacked/audio": (1, "1,024 frames x 321", lambda rows: _arrays(rows, log_spectrogram=(1024, 321))),
    "stacked/cross-modal": (24, "100 tokens, 465 x 100 cepstra", _cross_modal),
    "graph/encoder": (128, "windows of 11 + 11 + 274 x 13", _windows),
    "graph/spell": (16, "2,000 nodes x 1,536, 114,000 edges", _graph),
    "av/cnn": (64, "200 x 300 pixels", _sound),
    "av/cnn-rnn": (64, "200 x 300 pixels", _sound),
    "av/cnn-lstm": (64, "200 x 300 pixels", _sound),
    "av/video": (64, "20 x 60 x 100 pixels", _faces),
    "av/two-stream": (64, "both", _both),
    "av/contrastive": (64, "both, pairs of them", _both),
}
"""Per recipe: rows of a batch as published, what a row is, and how to draw them."""


def batch_of(name: str, rows: int) -> Batch:
    """A batch of random numbers for a recipe; of ``graph/spell``, rows are chunks."""
    inputs = READ[name][2](rows)
    count = len(inputs["arrays"]["embedding"]) if "edges" in inputs else rows
    defaults = {"mel_lengths": torch.zeros(count, dtype=torch.long), "pads": {"log_spectrogram": 0.0}}
    return Batch(
        ids=tuple(map(str, range(count))),
        rows=torch.arange(count),
        copies=torch.zeros(count, dtype=torch.long),
        emotion=torch.arange(count) % 4,
        arousal=1 + 4 * torch.rand(count),
        valence=1 + 4 * torch.rand(count),
        **{**defaults, **inputs},
    )


def step(name: str, encoder: Path, *, rows: int = 0, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Take one step of the optimiser, and say what it cost.

    Parameters
    ----------
    name : str
        Recipe.
    encoder : Path
        Text encoder.
    rows : int
        Rows of the batch; 0 takes as many as published.
    values : mapping or None
        Further settings.

    Returns
    -------
    dict
        ``recipe rows seconds peak_gb parameters loss``.
    """
    recipe = recipe_of(name, encoder, values)
    batch, loss = batch_of(name, rows or READ[name][0]), loss_of(recipe)
    model = build_model(recipe.model).train()
    optimizer = optimiser_of(model, recipe.train, recipe.model)
    began = time.monotonic()
    value = loss.value(loss.sums(model(batch), batch))
    value.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return {
        "recipe": name,
        "rows": rows or READ[name][0],
        "seconds": time.monotonic() - began,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "parameters": sum(one.numel() for one in model.parameters() if one.requires_grad),
        "loss": value.item(),
    }


def recipe_of(name: str, encoder: Path, values: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe as published, with further settings."""
    text = {"kor/fusion": "model.text.text_encoder"}.get(name, "model.text_encoder")
    reads = name in ("kor/fusion", "kor/text-valence", "stacked/text", "stacked/cross-modal")
    return load_recipe(name, {"variant": "faithful", **({text: str(encoder)} if reads else {}), **(values or {})})


def loss_of(recipe: Recipe) -> Loss | ContrastiveLoss:
    """What the first epochs of a recipe minimise."""
    before = recipe.train.contrastive
    return ContrastiveLoss(before) if before.epochs else make_loss(recipe.train.loss, task=recipe.task)


def save_encoder(folder: Path) -> Path:
    """Write a BERT of the size of KoBERT, with random weights."""
    from transformers import BertConfig, BertModel

    if not folder.exists():
        BertModel(BertConfig(vocab_size=VOCABULARY, pad_token_id=1)).save_pretrained(folder)
    return folder


def measured(name: str, encoder: Path) -> dict[str, Any]:
    """:func:`step` in a process of its own."""
    command = [sys.executable, "-m", "kemfeat_bench.tools._four_published", name, str(encoder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkerError(f"{name}: one step at published size failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(step(sys.argv[1], Path(sys.argv[2]))) + "\n")
