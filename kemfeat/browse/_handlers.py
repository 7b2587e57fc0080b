"""What the server answers: the files of the page, values as JSON, sound in ranges."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from kemfeat.browse.browser import Browser
from kemfeat.browse.ranges import UnsatisfiableRangeError, byte_range
from kemfeat.browse.views import Query
from kemfeat.errors import KemfeatError
from kemfeat.findings import printable

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Kemfeat-Token"  # noqa: S105 - the name of the header
_POLICY = (
    *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "media-src 'self'"),
    *("connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
)
_HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_BLOCK = 2**18


class Handler(RequestHandler):
    """Answers only this page; errors are ``{"error": sentence}``."""

    browser: Browser
    token: str
    lock: threading.Lock

    def initialize(self, browser: Browser, token: str, lock: threading.Lock) -> None:
        """Take what all handlers share."""
        self.browser, self.token, self.lock = browser, token, lock

    def set_default_headers(self) -> None:
        """What every answer has."""
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """None: nothing is kept."""

    @property
    def port(self) -> int:
        """The port that was asked."""
        return int(self.request.connection.stream.socket.getsockname()[1])  # type: ignore[union-attr] # over HTTP/1

    def prepare(self) -> None:
        """Refuse requests to another host, and those without the token."""
        if self.request.host not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            raise HTTPError(HTTPStatus.FORBIDDEN, reason="Another host was asked for")
        given = (
            self.get_cookie(f"kemfeat_{self.port}"),
            self.request.headers.get(TOKEN_HEADER),
            self.get_query_argument("token", None),
        )
        if not any(hmac.compare_digest(each.encode("utf-8", "replace"), self.token.encode()) for each in given if each):
            raise HTTPError(HTTPStatus.FORBIDDEN, reason="Open the whole address that kemfeat browse printed")

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002 - tornado gives it
        """Say what is wrong in one sentence."""
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, HTTPError) or error is None:
            told = self._reason
        else:
            told = f"this is a defect of kemfeat; please report it: {type(error).__name__}: {error}"
        self.finish({"error": printable(told)})

    def log_exception(self, *_: Any) -> None:
        """Nothing: the page says it."""

    async def aside(self, work: Callable[[], Any]) -> Any:
        """Run what takes time in a thread, one after the other; a sentence of kemfeat becomes the answer."""
        try:
            return await _in_thread(work, self.lock)
        except (KemfeatError, OSError) as error:
            self.set_status(HTTPStatus.UNPROCESSABLE_ENTITY)
            await self.finish({"error": printable(str(error))})
            return None

    def number(self, name: str) -> int:
        """A number of the address."""
        given = self.get_query_argument(name, "")
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            raise HTTPError(HTTPStatus.BAD_REQUEST, reason=f"{name}: expected a whole number")
        return int(given)

    def query(self) -> Query:
        """The query of the address."""
        names = sorted(name for name in self.request.query_arguments if name.startswith("facet."))
        return Query(
            search=self.get_query_argument("search", ""),
            chosen=tuple((name.removeprefix("facet."), tuple(self.get_query_arguments(name))) for name in names),
            sort=self.get_query_argument("sort", ""),
            descending=self.get_query_argument("descending", "") == "true",
            lens=self.get_query_argument("lens", ""),
        )


class Missing(Handler):
    """Any other address."""

    def get(self) -> None:
        """Nothing is there."""
        raise HTTPError(HTTPStatus.NOT_FOUND)


class Page(Handler):
    """The files of the page, which are all in memory: no name leads anywhere else."""

    def get(self, name: str = "index.html") -> None:
        """Send one."""
        content = page_files().get(name)
        if content is None:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        if name == "index.html":
            self.set_cookie(f"kemfeat_{self.port}", self.token, httponly=True, samesite="Strict", path="/")
        self.set_header("Content-Type", _KINDS[Path(name).suffix])
        self.finish(content)


class Api(Handler):
    """The values of the page, as JSON."""

    async def get(self, what: str) -> None:
        """Answer one question."""
        browser, query = self.browser, self.query()
        questions: dict[str, Callable[[], Any]] = {
            "store": browser.facts,
            "rows": lambda: browser.rows(query, offset=self.number("offset"), limit=self.number("limit")),
            "lenses": browser.lenses.listed,
            "facets": lambda: browser.facets(query),
            "place": lambda: {"place": browser.place_of(query, self.number("row"))},
            "utterance": lambda: browser.utterance(self.number("row")),
            "picture": lambda: browser.picture(self.number("row"), self.get_query_argument("array", "")),
        }
        if what not in questions:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        answer = await self.aside(questions[what])
        if answer is not None:
            self.set_header("Content-Type", "application/json; charset=utf-8")
            await self.finish(
                json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
            )


class Look(Handler):
    """A lens, which looks for as long as it takes while the rest of the page is answered."""

    async def get(self, name: str) -> None:
        """Say how many it finds."""
        self.lock = threading.Lock()
        found = await self.aside(lambda: self.browser.look(name))
        if found is not None:
            await self.finish(found)


class Places(Handler):
    """The numbers of all rows of a view."""

    async def get(self) -> None:
        """Send them as little-endian int32."""
        query = self.query()
        found = await self.aside(lambda: self.browser.places(query))
        if found is not None:
            self.set_header("Content-Type", "application/octet-stream")
            await self.finish(found)


class Ids(Handler):
    """The ids of a selection, for the browser to save; nothing is written here."""

    async def post(self) -> None:
        """Send them as CSV."""
        rows = _row_numbers(self.request.headers.get("Content-Type", ""), self.request.body)
        found = await self.aside(lambda: self.browser.ids(rows))
        if found is not None:
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.set_header("Content-Disposition", 'attachment; filename="ids.csv"')
            await self.finish(found)


def _row_numbers(kind: str, body: bytes) -> list[int]:
    """The rows of a selection; only a page of this server may send JSON."""
    try:
        rows = json.loads(body) if kind.startswith("application/json") else None
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not all(type(row) is int for row in rows):
        raise HTTPError(HTTPStatus.BAD_REQUEST, reason="expected a JSON list of row numbers")
    return rows


class Audio(Handler):
    """The sound of one utterance, whole or in ranges."""

    async def get(self) -> None:
        """Send it."""
        row = self.number("row")
        sound = await self.aside(lambda: self.browser.sound(row))
        if sound is None:
            return
        self.set_header("Content-Type", sound.kind)
        self.set_header("Accept-Ranges", "bytes")
        size = sound.content.stat().st_size if isinstance(sound.content, Path) else len(sound.content)
        try:
            wanted = byte_range(self.request.headers.get("Range"), size=size)
        except UnsatisfiableRangeError as error:
            self.set_header("Content-Range", str(error))
            self.set_status(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        first, after = wanted or (0, size)
        if wanted:
            self.set_status(HTTPStatus.PARTIAL_CONTENT)
            self.set_header("Content-Range", f"bytes {first}-{after - 1}/{size}")
        self.set_header("Content-Length", str(after - first))
        await self._send(sound.content, first, after)

    async def _send(self, content: Path | bytes, first: int, after: int) -> None:
        try:
            if isinstance(content, bytes):
                await self.finish(content[first:after])
                return
            with content.open("rb") as file:
                file.seek(first)
                while first < after and (block := file.read(min(_BLOCK, after - first))):
                    self.write(block)
                    await self.flush()
                    first += len(block)
        except StreamClosedError:  # the player has what it wanted
            return


@cache
def page_files() -> dict[str, bytes]:
    """The files of the page by name."""
    folder = resources.files("kemfeat.browse") / "page"
    return {file.name: file.read_bytes() for file in folder.iterdir() if Path(file.name).suffix in _KINDS}


async def _in_thread(work: Callable[[], Any], lock: threading.Lock) -> Any:
    """Run something in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        try:
            with lock:
                found, set_it = work(), answer.set_result
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            found, set_it = error, answer.set_exception
        loop.call_soon_threadsafe(lambda: None if answer.done() else set_it(found))

    threading.Thread(target=run, daemon=True).start()
    return await answer
