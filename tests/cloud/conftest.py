"""One S3 server for all tests of this folder, emptied before each; skipped where moto is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.cloud.server import Server, serve
from tests.store.conftest import copied, corpus, finished, settings  # noqa: F401 - fixtures

ADDRESS = "s3://bucket/stores/KEMDy20"


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    """The server."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'kemfeat[cloud]'")
    pytest.importorskip("moto", reason="moto is not installed: pip install 'kemfeat[dev]'")
    yield from serve()


def credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process and its children reach a server."""
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, empty, with credentials and fast retries; the address is ``ADDRESS``."""
    from kemfeat.store import bucket

    credentials(running, monkeypatch)
    pause = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=50), "base": 2}
    monkeypatch.setattr(bucket, "_RETRY", {"max_retries": 3, "retry_timeout": timedelta(seconds=10), "backoff": pause})
    running.faults.reset()
    running.empty()
    running.faults.reset()
    return running
