"""The small size at which ``four_systems.py`` trains the recipes of the four published systems: stores and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kemfeat_bench.tools import experiments

from kemfeat.learn.training.recipe import Recipe, load_recipe

MEL = {"n_mels": 32, "hop_length": 2048}
COEFFICIENTS = 24
"""Cepstra and tokens, as many of each: the published fusion pairs them (J5)."""
CEPSTRA = 160
"""Frames of cepstra: 4 s."""


@dataclass(frozen=True)
class System:
    """A published system: its synthetic corpus, its store, and how it is split.

    Parameters
    ----------
    dataset : str
        Corpus.
    settings : mapping
        Settings of the store.
    utterances, sessions, folds : int
        Sizes.
    read : int
        Utterances of another corpus that the text encoder is fitted to.
    seed : int
        Seed of the corpus, which is not the one that settings were found on.
    labels : str or None
        Label rule; None takes the usual one.
    video : bool
        Whether the corpus has films.
    recipes : tuple of str
        In the order in which they are trained.
    """

    dataset: str
    settings: Mapping[str, Any]
    recipes: tuple[str, ...]
    utterances: int = 600
    sessions: int = 12
    read: int = 4000
    folds: int = 4
    seed: int = 2
    labels: str | None = None
    video: bool = False


SYSTEMS: Mapping[str, System] = {
    "1": System(
        dataset="KEMDy20",
        utterances=1200,
        settings={"features": ["mel", "delta", "text", "tokens"], "mel": MEL},
        recipes=("kor/audio-arousal", "kor/text-valence", "kor/fusion"),
    ),
    "2": System(
        dataset="KEMDy19",
        utterances=1600,
        settings={
            "features": ["text", "tokens", "tokens@100", "log-spectrogram", "mfcc"],
            "tokens": {"max_length": 32},
            "tokens@100": {"max_length": COEFFICIENTS},
            "log_spectrogram": {"sampling_rate": 8000, "n_fft": 256, "hop_length": 256, "max_frames": 80},
            "mfcc": {"n_mfcc": COEFFICIENTS, "n_mels": COEFFICIENTS, "hop_length": 400, "max_frames": CEPSTRA},
        },
        recipes=("stacked/text", "stacked/audio", "stacked/cross-modal"),
        read=2000,
        folds=3,
        labels="first",
    ),
    "3": System(
        dataset="KEMDy20",
        settings={
            "features": ["mel", "eda", "temp", "tick-physiology", "tick-audio", "temporal-graph"],
            "mel": MEL,
            "tick_audio": {"n_mels": 8},
            "temporal_graph": {"chunk_nodes": 500},
        },
        recipes=("graph/encoder", "graph/spell"),
        folds=3,
    ),
    "4-sound": System(
        dataset="IEMOCAP",
        settings={"features": ["stft-image", "mel"], "mel": MEL},
        recipes=("av/cnn", "av/cnn-rnn", "av/cnn-lstm"),
        utterances=2400,  # less than half have one of the four labels
        sessions=5,
        folds=3,
        labels="4class-unmerged",
    ),
    "4-film": System(
        dataset="IEMOCAP",
        settings={"features": ["stft-image", "video-frames", "mel"], "mel": MEL},
        recipes=("av/video", "av/two-stream", "av/contrastive"),
        sessions=5,
        folds=3,
        seed=0,  # the one that settings were found on: films are slow to draw
        labels="4class-unmerged",
        video=True,
    ),
}

TEXT = {"train.learning_rate": 1e-3, "train.patience": 8}
TWO = ["neutral", "happy"]
"""The other emotions of KEMDy20 are 4 % of it: too few to learn or to test."""
WINDOWS = {
    "model.emotions": TWO,
    "model.width": 4,
    "train.learning_rate": 1e-3,
    "train.batch_size": 64,
    "train.epochs": 3,
    "train.draw": "all",
}
GRAPHS = {
    "model.emotions": TWO,
    "model.parts": [32, 32, 32],
    "train.learning_rate": 3e-3,
    "train.batch_size": 2,
    "train.accumulate": 1,
    "train.epochs": 12,
    "train.period": 12,
}
IMAGES = {"train.learning_rate": 1e-3, "train.batch_size": 32, "train.epochs": 12, "train.patience": 12}
FILMS = {"train.learning_rate": 1e-3, "train.batch_size": 16, "train.epochs": 6, "train.patience": 6}
FACES = {**FILMS, "model.size": [45, 45]}
STREAMS = {**FILMS, "model.audio.size": [24, 36], "model.video.size": [45, 45]}
SMALL: Mapping[str, Mapping[str, Any]] = {
    "kor/audio-arousal": {**experiments.AUDIO, "train.epochs": experiments.AUDIO_EPOCHS},
    "kor/text-valence": {**experiments.SMALL, "train.epochs": experiments.TEXT_EPOCHS},
    "kor/fusion": {**experiments.SMALL, "train.epochs": experiments.FUSION_EPOCHS},
    "stacked/text": {**TEXT, "train.epochs": 10},
    "stacked/audio": {"train.learning_rate": 3e-4, "train.epochs": 10, "train.patience": 10},
    "stacked/cross-modal": {**TEXT, "train.epochs": 10, "model.n_mfcc": COEFFICIENTS, "model.frames": CEPSTRA},
    "graph/encoder": WINDOWS,
    "graph/spell": GRAPHS,
    "av/cnn": {**IMAGES, "model.size": [50, 75]},
    "av/cnn-rnn": {**IMAGES, "model.size": [32, 48]},
    "av/cnn-lstm": {**IMAGES, "model.size": [32, 48]},
    "av/video": FACES,
    "av/two-stream": STREAMS,
    "av/contrastive": {**STREAMS, "train.epochs": 8, "train.contrastive.epochs": 2},
}
"""Settings of both variants."""
PUBLISHED_WIDTH = {"train.frames": 128}
"""16.4 s, as published, at a frame every 0.128 s."""
FAITHFUL: Mapping[str, Mapping[str, Any]] = {"kor/audio-arousal": PUBLISHED_WIDTH, "kor/fusion": PUBLISHED_WIDTH}
"""Settings of ``faithful`` alone."""
ENCODERS = ("kor/text-valence", "stacked/text", "stacked/cross-modal")
"""Recipes that read a text encoder."""


def small(name: str, variant: str, *, encoder: Path | None = None, values: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe at its small size.

    Parameters
    ----------
    name : str
        Recipe.
    variant : {"corrected", "faithful"}
        Which.
    encoder : Path or None
        Text encoder, for the recipes that read one.
    values : mapping or None
        Further settings, such as the runs that it builds on.
    """
    mine = {"variant": variant, **SMALL[name], **(FAITHFUL.get(name, {}) if variant == "faithful" else {})}
    if name in ENCODERS:
        mine["model.text_encoder"] = str(encoder)
    return load_recipe(name, {**mine, **(values or {})})
