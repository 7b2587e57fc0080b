"""Stores of unchanged corpora keep their digests: whatever moves inside kemfeat, the bytes of a store do not.

A digest may change only with the version of a reader or an extractor, or with the format of a store; then it is
replaced here by hand. They were made on x86-64; another processor may round a transform differently.

Version 2 of the three readers reads cells such as ``1_0`` and ``None`` otherwise. These corpora have none, and with
``version=1`` their stores keep the digests of before; but a store does not know what a corpus might have had, and a
version that stayed would let an update keep what the old reader read.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest

from kemfeat import build_store, plugins

DIGESTS = {
    "KEMDy20": "cd3f3e3d39e6d83873c9232739c724713cfa75c0cebf6ba127a25a228b4e82b2",
    "KEMDy19": "2baa4017db495f696df528fee9649f9ed3dfd5c1610e052cb4b67cd0dbf1d3c0",
    "IEMOCAP": "76d0a50cfe5046f6d08f5e61e1a43cf14298d9607c2a184f1a096df22c7cead5",
}
REAL = "cc4bdb8f973b86f6391a7aac1e95124a78242695885d5e00074337ac073e4172"

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
