"""A small store of every kind of file, built once; tests that change it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kemfeat.build import build_store
from kemfeat.store.reader import Store, open_store
from kemfeat.synth.tokenizer import train
from tests.corpora.tiny import TinyCorpus, wav_bytes, write_tiny_kemdy20


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """What the store is made of: three partitions, and rows too short for the audio."""
    return {
        "features": ("mel", "delta", "text", "tokens", "eda", "temp", "ibi"),
        "rows_per_shard": 8,
        "mel": {"max_frames": 20},
        "delta": {"max_frames": 20},
        "tokens": {"max_length": 12},
    }


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> TinyCorpus:
    """20 utterances with audio of 24 frames, each its own; one has no physiology."""
    corpus = write_tiny_kemdy20(tmp_path_factory.mktemp("corpora") / "KEMDy20", scripts=1, turns=5)
    for number, name in enumerate(corpus.ids):
        corpus.wav(name).write_bytes(wav_bytes(0.75, pitch=100.0 + 9.0 * number))
    (corpus.root / "tokenizer").mkdir()
    for name, content in train(["안녕하세요, 1번째 말이에요."], vocab_size=60).items():
        (corpus.root / "tokenizer" / name).write_bytes(content)
    for folder in ("EDA", "TEMP", "IBI"):
        recording = corpus.recording(folder, corpus.ids[0])
        recording.write_text(recording.read_text().replace(f",{corpus.ids[0]}", ""))
    return corpus


@pytest.fixture(scope="session")
def finished(corpus: TinyCorpus, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store as it was built; never changed."""
    out = tmp_path_factory.mktemp("stores") / "KEMDy20"
    return build_store("KEMDy20", root=corpus.root, out=out, settings=settings).store


@pytest.fixture
def copied(finished: Store, tmp_path: Path) -> Store:
    """A copy that a test may damage."""
    shutil.copytree(finished.folder, tmp_path / "store")
    return open_store(tmp_path / "store")
