"""Embeddings of a tiny wav2vec 2.0: a whole build in a fresh process, beside transformers in a loop over the clips."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from . import Comparison, _process
from ._context import WORKERS, Context
from ._record import Row
from ._rounds import Contestant, Turn, rows

UTTERANCES = 960


def measure(context: Context) -> Iterator[Row]:
    """The ratio of utterances per second."""
    if find_spec("torch") is None:
        yield Row(
            key="embedding", what="embeddings of an encoder", unit="times", missing="pip install 'kemfeat[encoders]'"
        )
        return
    utterances = context.pick(full=UTTERANCES, quick=UTTERANCES // 4)
    corpus, encoder = context.corpus(utterances), _saved(context.folder("encoder"))
    contestants = {
        "kemfeat": Contestant(open=lambda: _build(context, corpus, encoder, utterances)),
        "transformers": Contestant(
            open=lambda: _loop(corpus, encoder, utterances),
            what=f"whole build of speech-embedding, {utterances:,} utterances, beside transformers in a loop",
            library="transformers",
            note="the loop keeps nothing, and its imports are not counted; those of kemfeat are.",
        ),
    }
    outcome = context.contest(contestants, rounds=context.pick(full=5, quick=2))
    yield from rows("embedding", contestants, outcome, item="utterance")


def _saved(folder: Path) -> Path:
    """Random weights: 2 layers of 32, and convolutions as wide."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    convolutions = {"conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    Wav2Vec2Model(Wav2Vec2Config(**sizes, **convolutions)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def _build(context: Context, corpus: Path, encoder: Path, utterances: int) -> Turn:
    options = ("--features", "speech-embedding", "--set", f"speech-embedding.encoder={encoder}", "--workers", WORKERS)

    def turn() -> float:
        out = context.folder("store")
        made = _process.kemfeat("build", "--dataset", "KEMDy20", "--root", corpus, "--out", out, *options)
        shutil.rmtree(out)
        return made.seconds / utterances

    return turn


def _loop(corpus: Path, encoder: Path, utterances: int) -> Turn:
    def turn() -> float:
        ran = _process.module("peers.encoder_loop", corpus, encoder)
        return float(ran.out.splitlines()[-1]) / utterances

    return turn


COMPARISON = Comparison(measure=measure, libraries=("torch", "transformers"))
