"""An S3 server that nobody here wrote (moto's), and faults between it and its clients."""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

BUCKET = "bucket"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Faults:
    """WSGI middleware that answers some requests otherwise than the server would.

    Parameters
    ----------
    server : the application.
    choose : for each request, given its method and path, the name of a fault, or None.
    seen : method and path of every request since the last reset.
    latency : seconds before every answer.
    given : the faults since the last reset.
    listings : the first answer to each listing since the last reset.
    before : called with each request, before anything else.
    """

    server: Application
    choose: Callable[[str, str], str | None] = lambda method, path: None
    seen: list[tuple[str, str]] = field(default_factory=list)
    latency: float = 0.0
    given: list[str] = field(default_factory=list)
    listings: dict[str, bytes] = field(default_factory=dict)
    before: Callable[[str, str], None] = lambda method, path: None

    def reset(self) -> None:
        self.choose, self.before, self.latency = (lambda method, path: None), (lambda method, path: None), 0.0
        self.seen.clear()
        self.given.clear()
        self.listings.clear()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append((method, path))
        self.before(method, path)
        time.sleep(self.latency)
        fault = self.choose(method, path)
        self.given += [fault] if fault else []
        if fault in _REFUSALS:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            status, code = _REFUSALS[fault]
            start(status, [("Content-Type", "application/xml")])
            return [f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()]
        if fault == "lost answer":  # the request is carried out, and its client never knows
            list(self.server(environ, lambda *_: None))
            start("500 Internal Server Error", [])
            return [b""]
        if fault == "damaged request" and method == "PUT":
            environ["wsgi.input"] = _flipped(environ)
        if fault == "stale listing" and (first := self.listings.get(environ["QUERY_STRING"])):
            start("200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(first)))])
            return [first]
        body = self.server(environ, start)
        if "list-type" in environ["QUERY_STRING"]:
            body = [b"".join(body)]
            self.listings.setdefault(environ["QUERY_STRING"], body[0])
        return _damaged(b"".join(body), fault) if fault in DAMAGES and method == "GET" else body


_REFUSALS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "slow down": ("503 Service Unavailable", "SlowDown"),
    "expired": ("403 Forbidden", "ExpiredToken"),
    "clock skew": ("403 Forbidden", "RequestTimeTooSkewed"),
}
DAMAGES = ("flipped", "truncated", "dropped")
FAULTS = (*_REFUSALS, *DAMAGES, "lost answer", "damaged request", "stale listing")


def _flipped(environ: dict[str, Any]) -> io.BytesIO:
    """The body of a request with one bit flipped."""
    content = bytearray(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if content:
        content[len(content) // 3] ^= 1
    return io.BytesIO(bytes(content))


def _damaged(content: bytes, fault: str) -> Iterator[bytes]:
    if not content:
        return
    if fault == "flipped":
        at = len(content) // 3
        yield content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        return
    yield content[: len(content) // 2]
    if fault == "dropped":
        raise ConnectionResetError("the connection is dropped in the middle of a body")


@dataclass
class Server:
    """A server that can be ended and begun again, with the same objects and at the same port."""

    host: str
    faults: Faults
    port: int = 0
    running: BaseWSGIServer | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def begin(self) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Silent(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the signature is werkzeug's
                """Say nothing."""

        self.running = make_server(self.host, self.port, self.faults, threaded=True, request_handler=Silent)
        self.port = self.running.server_port
        threading.Thread(target=self.running.serve_forever, daemon=True).start()

    def end(self) -> None:
        assert self.running is not None
        self.running.shutdown()
        self.running.server_close()

    def empty(self) -> None:
        """Remove all objects of the bucket, and make it where it is not there."""
        import boto3

        client = boto3.client("s3", endpoint_url=self.url)
        client.create_bucket(Bucket=BUCKET)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for each in page.get("Contents", ()):
                client.delete_object(Bucket=BUCKET, Key=each["Key"])

    def objects(self, prefix: str = "") -> list[str]:
        """Keys of all objects below a prefix."""
        import boto3

        pages = boto3.client("s3", endpoint_url=self.url).get_paginator("list_objects_v2")
        found = (page.get("Contents", ()) for page in pages.paginate(Bucket=BUCKET, Prefix=prefix))
        return sorted(each["Key"] for page in found for each in page)

    def change(self, key: str, content: bytes | None) -> None:
        """Put other content into an object, or remove it."""
        import boto3

        client = boto3.client("s3", endpoint_url=self.url)
        if content is None:
            client.delete_object(Bucket=BUCKET, Key=key)
        else:
            client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def open_to_all(self, *, no_longer: bool = False, below: str = "*") -> None:
        """Let everybody read the objects of the bucket."""
        import boto3

        client = boto3.client("s3", endpoint_url=self.url)
        if no_longer:
            client.delete_bucket_policy(Bucket=BUCKET)
            return
        resource = f"arn:aws:s3:::{BUCKET}/{below}"
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    def content(self, key: str) -> bytes:
        """Content of an object."""
        import boto3

        return bytes(boto3.client("s3", endpoint_url=self.url).get_object(Bucket=BUCKET, Key=key)["Body"].read())


def serve(host: str = "127.0.0.1") -> Iterator[Server]:
    """Start a server in a thread, and end it."""
    from moto.server import DomainDispatcherApplication, create_backend_app

    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = Server(host, faults)
    server.begin()
    try:
        yield server
    finally:
        server.end()


def some(seed: int, share: float) -> Callable[[str, str], str | None]:
    """Faults at random: that share of requests gets one."""
    rng, lock = random.Random(seed), threading.Lock()

    def choose(method: str, path: str) -> str | None:
        with lock:
            return rng.choice(FAULTS) if rng.random() < share else None

    return choose
