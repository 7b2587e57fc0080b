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
    "KEMDy20": "c0ca40633a8d6d123f2834ef439cb334a3158d58b0838982477fd351203eab63",
    "KEMDy19": "974d432ddf81f47ddf15aa6491561efa01452cffe396a596372d290dcd08eb81",
    "IEMOCAP": "f76206117883c5288bda6c07fbfb7b8016ff1eb68b67f6d2dc50f25fdc359e3c",
}
REAL = "78eeb09da1a796a87e0e71649166d5af9c78f353bccb778896c617ba7f87bfd1"

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
