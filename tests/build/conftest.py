"""Fixtures of the tests of the build."""

from __future__ import annotations

import pytest

from kemfeat.build import _sources


@pytest.fixture(autouse=True)
def every_corpus_is_worth_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds of tiny corpora start as many processes as they are told to."""
    monkeypatch.setattr(_sources, "WORTH_A_WORKER", 0)
