"""Stores of unchanged corpora keep their digests: whatever moves inside kemfeat, the bytes of a store do not.

A digest may change only with the version of a reader or an extractor, or with the format of a store; then it is
replaced here by hand. They were made on x86-64; another processor may round a transform differently.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest

from kemfeat import build_store, plugins

DIGESTS = {
    "KEMDy20": "53b4e58e754fba0fce5070c58861f4a4a8d358afcaf072fb18c4e54381bdb99c",
    "KEMDy19": "7ab745b7aaa4234241e7538f4651c4533c51c58bc11a54daaef1f1fdf776a73d",
    "IEMOCAP": "f3252297405a9bb187b99b61c6fab6e3c0a04f37af51659c14562d46dc832c08",
}
REAL = "1945f010e6fdae551498275c86a10e63d06815a5a5e6c00e22e5410acada8fe8"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the digests were made on x86-64"),
]


@pytest.mark.parametrize("dataset", DIGESTS)
def test_a_synthetic_corpus_keeps_the_digest_of_its_store(dataset: str, tmp_path: Path) -> None:
    sessions: dict[str, Any] = {"sessions": 4} if dataset == "KEMDy20" else {}
    plugins.find("synth", dataset).write(tmp_path / "corpus", utterances=60, **sessions)
    built = build_store(dataset, root=tmp_path / "corpus", out=tmp_path / "store")
    assert built.store.digest == DIGESTS[dataset]


def test_real_speech_and_physiology_keep_the_digest_of_their_store(shared: Path, tmp_path: Path) -> None:
    settings = {"tokens": {"tokenizer": str(shared / "data/kobert_tokenizer")}}
    built = build_store("KEMDy20", root=shared / "data/kemdy20_real_media", out=tmp_path / "store", settings=settings)
    assert built.store.digest == REAL
