"""``kemfeat browse`` as it is installed: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.build.kit import KEMFEAT, Bench
from tests.e2e.command import kemfeat, sentence

pytestmark = pytest.mark.slow  # processes are started


@contextmanager
def browsing(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command, and the address that it printed."""
    command = [str(KEMFEAT), "browse", *map(str, arguments), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        first = running.stdout.readline()
        try:
            yield running, re.fullmatch(r"Open (http://127\.0\.0\.1:\d+/\?token=[\w-]{43})\n", first)[1]
        finally:
            running.kill()


def test_it_prints_an_address_is_quiet_and_ends_by_ctrl_c(finished: Bench) -> None:
    with browsing(finished.out, "--root", finished.corpus.root) as (running, address):
        assert b"kemfeat browse" in urllib.request.urlopen(address).read()  # noqa: S310 - our own server
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(address + "x")  # noqa: S310 - our own server
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 0
        assert (running.stdout.read(), running.stderr.read()) == ("Ctrl-C ends it.\n\n", "")


def test_it_listens_on_this_machine_alone(finished: Bench) -> None:
    with browsing(finished.out) as (running, address):
        port = int(re.search(r":(\d+)/", address)[1])
        with pytest.raises(OSError, match="refused"):  # another address of the same machine
            socket.create_connection(("127.0.0.2", port), timeout=10)
        assert sentence("browse", finished.out, "--port", port, code=2).startswith(
            f"kemfeat: --port {port}: cannot be used"
        )
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60) == 143


def test_a_port_of_your_own(finished: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with browsing(finished.out, "--port", port) as (_, address):
        assert address.startswith(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_cannot_be_is_refused(finished: Bench, port: str) -> None:
    assert kemfeat("browse", finished.out, "--port", port).code == 2


def test_what_is_not_a_store_or_damaged_is_refused(bench: Bench) -> None:
    assert "kemfeat build" in sentence("browse", bench.corpus.root, code=4)
    table = bench.out / "utterances.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    assert "differs from its receipt" in sentence("browse", bench.out, code=4)


def test_what_is_not_a_run_split_or_corpus_is_refused(finished: Bench) -> None:
    assert "not a folder" in sentence("browse", finished.out, "--run", "none", code=3)
    assert "cannot be read" in sentence("browse", finished.out, "--split", "none", code=2)
    assert "found nothing, expected the folder of KEMDy20" in sentence("browse", finished.out, "--root", "none", code=3)
