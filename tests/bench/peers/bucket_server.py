"""A read-only S3 server for one folder, with latency: ``python bucket_server.py FOLDER SECONDS`` prints its port."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from email.utils import formatdate
from functools import partial
from pathlib import Path
from urllib.parse import unquote


def _answer(folder: Path, method: str, path: str, span: str) -> tuple[str, bytes, int]:
    """Status, body and size of an object; ``path`` begins with the name of a bucket, which is any."""
    file = folder.joinpath(*unquote(path).strip("/").split("/")[2:])
    if method not in ("GET", "HEAD") or ".." in file.parts or not file.is_file():
        return "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", 0
    size = file.stat().st_size
    first, last = (int(each) for each in span.removeprefix("bytes=").split("-")) if span else (0, size - 1)
    with file.open("rb") as opened:
        opened.seek(first)
        content = b"" if method == "HEAD" else opened.read(last - first + 1)
    where = f"\r\nContent-Range: bytes {first}-{last}/{size}" if span else ""
    return f"{'206 Partial Content' if span else '200 OK'}{where}", content, size


async def _serve(folder: Path, latency: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            request, *lines = head.split("\r\n")
            method, path, _ = request.split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            await asyncio.sleep(latency)
            status, content, size = _answer(folder, method, path.partition("?")[0], headers.get("range", ""))
            tag = hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()
            told = f'ETag: "{tag}"\r\nLast-Modified: {formatdate(0, usegmt=True)}'
            length = size if method == "HEAD" else len(content)
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{told}\r\n\r\n".encode() + content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(folder: Path, latency: float) -> None:
    server = await asyncio.start_server(partial(_serve, folder, latency), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), float(sys.argv[2])))
