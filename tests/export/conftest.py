"""Stores to export: one of utterances with awkward text, a missing row and dropped labels, and one of ticks."""

from __future__ import annotations

import pytest

from kemfeat.store.reader import Store
from tests.build.kit import Bench, with_settings, write_corpus

AWKWARD = 'a\ttab, a "quote", \\n no line,\na line\u2028and 한글'
"""What a transcript may hold."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """12 utterances in 3 shards: the second has awkward text, the third no audio, the fourth another label."""
    folder = tmp_path_factory.mktemp("export")
    bench = Bench(write_corpus(folder / "corpus"), folder / "store")
    ids = bench.corpus.ids
    bench.corpus.txt(ids[1]).write_text(AWKWARD, encoding="utf-8")
    bench.corpus.wav(ids[2]).write_bytes(b"")
    bench.corpus.set_cell(6, 5, "sad")
    return bench.build(on_error="skip", max_failures=0.5).store


@pytest.fixture(scope="session")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same with three ticks for each utterance."""
    folder = tmp_path_factory.mktemp("ticks")
    settings = with_settings(features=("eda", "temp", "tick_physiology"), rows_per_shard=1)
    return Bench(write_corpus(folder / "corpus"), folder / "store").build(settings=settings).store
