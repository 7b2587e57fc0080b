"""A read-only S3 server for one folder, with latency: ``python bucket_server.py FOLDER SECONDS`` prints its port.

Contents go from the disk to the connection within the kernel, so that the server takes little of the reader's cores.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote


class _Answer(NamedTuple):
    """Status, size of an object, and the part of its file that is sent."""

    status: str
    size: int = 0
    file: Path | None = None
    first: int = 0
    count: int = 0


def _answer(folder: Path, method: str, path: str, span: str) -> _Answer:
    """What is answered; ``path`` begins with the names of a bucket and of a store, which are any."""
    file = folder.joinpath(*unquote(path).strip("/").split("/")[2:])
    if method not in ("GET", "HEAD") or ".." in file.parts or not file.is_file():
        return _Answer("404 Not Found")
    size = file.stat().st_size
    first, last = (int(each) for each in span.removeprefix("bytes=").split("-")) if span else (0, size - 1)
    where = f"\r\nContent-Range: bytes {first}-{last}/{size}" if span else ""
    status = f"{'206 Partial Content' if span else '200 OK'}{where}"
    return _Answer(status, size, file if method == "GET" else None, first, last - first + 1)


async def _serve(folder: Path, latency: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            request, *lines = head.split("\r\n")
            method, path, _ = request.split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            await asyncio.sleep(latency)
            found = _answer(folder, method, path.partition("?")[0], headers.get("range", ""))
            tag = hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()
            told = f'ETag: "{tag}"\r\nLast-Modified: {formatdate(0, usegmt=True)}'
            length = found.size if method == "HEAD" else found.count
            writer.write(f"HTTP/1.1 {found.status}\r\nContent-Length: {length}\r\n{told}\r\n\r\n".encode())
            if found.file is not None:
                with found.file.open("rb") as file:
                    await loop.sendfile(writer.transport, file, found.first, found.count)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(folder: Path, latency: float) -> None:
    server = await asyncio.start_server(partial(_serve, folder, latency), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), float(sys.argv[2])))
