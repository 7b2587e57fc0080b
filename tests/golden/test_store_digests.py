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
    "KEMDy20": "e01796fbd24a1062c4ebc15d268010d76ec2bccba8c04e32eac51cc888d57935",
    "KEMDy19": "408a1a3f62cd9c0599bf3ae5aaecb1616fa4827ee7a0d5b175e2b6a9d861d177",
    "IEMOCAP": "615fd455efbaf4f42988545fad6bfcbfcf5ce7631220341b6928e6943ff36235",
}
REAL = "b4511b99d9eb931f01b7d2002b69581af4668b88ad6a18cfa131512b4f3ffe4b"

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
