"""An S3 server that nobody here wrote (moto's), and faults between it and its clients."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

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
    before : called with each request, before anything else.
    """

    server: Application
    choose: Callable[[str, str], str | None] = lambda method, path: None
    seen: list[tuple[str, str]] = field(default_factory=list)
    latency: float = 0.0
    given: list[str] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda method, path: None

    def reset(self) -> None:
        self.choose, self.before, self.latency = (lambda method, path: None), (lambda method, path: None), 0.0
        self.seen.clear()
        self.given.clear()

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
        body = self.server(environ, start)
        return body if fault is None or method != "GET" else _damaged(b"".join(body), fault)


_REFUSALS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "slow down": ("503 Service Unavailable", "SlowDown"),
    "expired": ("403 Forbidden", "ExpiredToken"),
    "clock skew": ("403 Forbidden", "RequestTimeTooSkewed"),
}
DAMAGES = ("flipped", "truncated", "dropped")
FAULTS = (*_REFUSALS, *DAMAGES, "lost answer")


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


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    faults: Faults

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

    def open_to_all(self, *, no_longer: bool = False) -> None:
        """Let everybody read the objects of the bucket."""
        import boto3

        client = boto3.client("s3", endpoint_url=self.url)
        if no_longer:
            client.delete_bucket_policy(Bucket=BUCKET)
            return
        resource = f"arn:aws:s3:::{BUCKET}/*"
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    def content(self, key: str) -> bytes:
        """Content of an object."""
        import boto3

        return bytes(boto3.client("s3", endpoint_url=self.url).get_object(Bucket=BUCKET, Key=key)["Body"].read())


def serve() -> Iterator[Server]:
    """Start a server in a thread, and end it."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the signature is werkzeug's
            """Say nothing."""

    faults = Faults(DomainDispatcherApplication(create_backend_app))
    running = make_server("127.0.0.1", 0, faults, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{running.server_port}", faults)
    finally:
        running.shutdown()
        thread.join()


def some(seed: int, share: float) -> Callable[[str, str], str | None]:
    """Faults at random: that share of requests gets one."""
    rng, lock = random.Random(seed), threading.Lock()

    def choose(method: str, path: str) -> str | None:
        with lock:
            return rng.choice(FAULTS) if rng.random() < share else None

    return choose
