"""The server of the page in this process, and requests to it without a browser."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from kemfeat.browse import Browser
from kemfeat.browse.server import application

TOKEN = "x" * 43  # as long as a real one
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&\u202e"
HANGUL = "안녕하세요"


@dataclass(frozen=True)
class Answer:
    """What a request got."""

    code: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Served:
    """A page that can be asked."""

    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={TOKEN}"

    def ask(
        self, path: str, *, method: str = "GET", token: str | None = TOKEN, body: Any = None, **headers: str
    ) -> Answer:
        """One request; names of headers have ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["X-Kemfeat-Token"] = token
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return Answer(answer.status, dict(answer.getheaders()), content)


@contextmanager
def served(browser: Browser) -> Iterator[Served]:
    """Serve the page from a thread."""
    sockets, started = bind_sockets(0, "127.0.0.1"), threading.Event()
    ends: list[Any] = []

    async def run() -> None:
        server, end = HTTPServer(application(browser, TOKEN)), asyncio.Event()
        ends.extend((asyncio.get_running_loop(), end))
        server.add_sockets(sockets)
        started.set()
        await end.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield Served(sockets[0].getsockname()[1])
    finally:
        ends[0].call_soon_threadsafe(ends[1].set)
        thread.join()
