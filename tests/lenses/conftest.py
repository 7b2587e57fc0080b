from __future__ import annotations

import pytest

from kemfeat.lenses import Context
from tests.lenses import kit


@pytest.fixture(scope="session")
def lens_store(tmp_path_factory):
    return kit.build(tmp_path_factory.mktemp("lenses"))


@pytest.fixture(scope="session")
def context(lens_store):
    return Context(
        lens_store,
        predictions=kit.predictions(lens_store),
        findings=kit.findings(lens_store),
        root=lens_store.path.parent / "corpus",
    )
