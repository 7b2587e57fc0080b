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
    "KEMDy20": "df691d691ea4f1ede658187ad90bdd3c43c89d2f098bce63f71aea380ba3b8a7",
    "KEMDy19": "c8ea80acd4f1125494ee0901b4e4046831ceedba27b3231a3044b094e6676124",
    "IEMOCAP": "b8cf8598e669b621e717c76cef0af62c55f8debdb5f4b2ae96069270917d0ab2",
}
REAL = "304a3982815da38974d03026d45cf5329dae592a6ed71b78b318b7746ec873fb"

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
