"""A small corpus of every kind, by the name of its reader."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kemfeat import plugins
from kemfeat.corpora import CorpusReader, open_reader

NAMES = plugins.names("corpora")
SYNTHETIC = plugins.names("synth")
UTTERANCES, SESSIONS = 48, 2
DESCRIBED = "iemocap"
"""The corpus whose clips a user describes in a table."""

SETTINGS: dict[str, Any] = {
    "rows_per_shard": 16,
    "mel": {"max_frames": 64, "n_mels": 16},
    "tokens": {"max_length": 16},
}


def make(name: str, folder: Path, *, seed: int = 0, workers: int = 1) -> Path:
    """Write a small corpus, synthetic where there is one; a free corpus is written by its own test."""
    if name in SYNTHETIC:
        corpus = plugins.find("synth", name)
        corpus.write(folder, utterances=UTTERANCES, sessions=SESSIONS, seed=seed, workers=workers)
        return folder
    if name != "folder":
        write_small: Callable[[Path], None] = importlib.import_module(f"tests.corpora.test_{name}").write_small
        write_small(folder)
        return folder
    return _described(make(DESCRIBED, folder, seed=seed, workers=workers))


def reader(name: str, root: Path) -> CorpusReader:
    return open_reader(name, root=root)


def _described(root: Path) -> Path:
    """Describe the clips of another corpus in a table, as a user would."""
    source = open_reader(DESCRIBED, root=root).read_manifest(root, on_error="skip")
    columns = ["id", "audio", "text", "speaker", "session", "emotion", "valence", "arousal", "start", "end"]
    with (root / "utterances.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(source.utterances[columns].astype(object).where(source.utterances[columns].notna(), "").values)
    return root
