"""Several hosts that share no folder: network namespaces with addresses and temporary folders of their own.

A scheduler and workers on hosts of their own, the command on another, and a bucket server that all of them reach.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kemfeat.build import build_store
from kemfeat.store.reader import Store, open_store
from kemfeat.toml_settings import read_toml
from tests.cloud.conftest import ADDRESS, credentials
from tests.cloud.server import Server, serve
from tests.cloud.test_build import CORPUS, require_same, upload
from tests.corpora.tiny import TinyCorpus
from tests.dask_kit import DASK, wait

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare")),
        reason="needs root, ip and unshare",
    ),
]
KEMFEAT = Path(sys.executable).with_name("kemfeat")
QUICK = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "6s",
}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """Hosts on a bridge of this machine; their names and addresses belong to this process alone."""

    def __init__(self) -> None:
        self._mark = f"k{os.getpid() % 100_000}"
        self._third = f"10.{77 + os.getpid() % 100}.{os.getpid() // 100 % 250}"
        self.gateway = f"{self._third}.1"
        self._hosts: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Network:
        probe = f"{self._mark}-0"
        try:
            ip("netns", "add", probe)
            self._hosts.append(probe)
            ip("netns", "exec", probe, "unshare", "--mount", "sh", "-c", "mount -t tmpfs none /tmp")
            ip("link", "add", self._mark, "type", "bridge")
        except subprocess.CalledProcessError as error:
            for name in self._hosts:
                ip("netns", "delete", name)
            pytest.skip(f"no network can be made here: {error.stderr.decode().strip()}")
        ip("address", "add", f"{self.gateway}/24", "dev", self._mark)
        ip("link", "set", self._mark, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for name in self._hosts:
            ip("netns", "delete", name)
        ip("link", "delete", self._mark)

    def host(self) -> str:
        """A new host; returns its name."""
        number = len(self._hosts) + 1  # after the gateway
        name = f"{self._mark}-{number}"
        ip("netns", "add", name)
        self._hosts.append(name)
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", name, "master", self._mark, "up")
        ip("-n", name, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")
        return name

    def address(self, name: str) -> str:
        return f"{self._third}.{name.rpartition('-')[2]}"

    def cut(self, name: str) -> None:
        ip("link", "set", name, "down")

    def mend(self, name: str) -> None:
        ip("link", "set", name, "up")

    def start(self, name: str, *command: str | Path, log: Path) -> subprocess.Popen[bytes]:
        """Run a program on a host, whose temporary folder is its own."""
        inside = ["sh", "-c", 'mount -t tmpfs none /tmp && cd /tmp && exec "$@"', "sh", *map(str, command)]
        with log.open("ab") as file:
            process = subprocess.Popen(
                ["ip", "netns", "exec", name, "unshare", "--mount", *inside],
                env={**os.environ, **QUICK, "TMPDIR": "/tmp"},  # noqa: S108 - a file system of its own
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process


class Hosts:
    """A scheduler, workers and a bucket server."""

    def __init__(self, network: Network, server: Server, folder: Path) -> None:
        self.network, self.server, self._folder = network, server, folder
        scheduler = network.host()
        self.address = f"tcp://{network.address(scheduler)}:8786"
        self._start(scheduler, "scheduler", "--no-dashboard", "--host", network.address(scheduler), "--port", "8786")

    def _start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        return self.network.start(name, DASK, *command, log=self._folder / f"{name}.log")

    def worker(self) -> tuple[str, subprocess.Popen[bytes]]:
        """A worker on a host of its own."""
        name = self.network.host()
        return name, self.begin(name)

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--no-dashboard")
        return self._start(name, "worker", self.address, "--host", self.network.address(name), *options)

    def build(self, config: Path, *more: str) -> subprocess.Popen[bytes]:
        """The command, on this machine."""
        arguments = ["--dataset", "KEMDy20", "--root", CORPUS, "--out", ADDRESS, "--config", str(config)]
        return subprocess.Popen(
            [KEMFEAT, "build", *arguments, "--scheduler", self.address, "--i-may-pass-this-on", *more],
            cwd=self._folder,
            env={**os.environ, **QUICK},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def parts(self) -> int:
        """Parts that are finished and staged."""
        return len(self.server.objects("stores/KEMDy20/.building/finished/receipts"))


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: TinyCorpus) -> Iterator[Hosts]:
    """A scheduler and a bucket server that has the corpus; no workers yet."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'kemfeat[cloud]'")
    pytest.importorskip("moto", reason="moto is not installed: pip install 'kemfeat[dev]'")
    with Network() as network, contextmanager(serve)(network.gateway) as server:
        credentials(server, monkeypatch)
        server.empty()
        upload(corpus)
        yield Hosts(network, server, tmp_path)


@pytest.fixture
def config(tmp_path: Path, settings: dict[str, Any]) -> Path:
    """The settings, with one row a part, so that there are many."""
    lines = [f"features = {list(settings['features'])}", "rows_per_shard = 1"]
    for name in ("mel", "delta", "tokens"):
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in settings[name].items())]
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(lines))
    return path


def ended(process: subprocess.Popen[bytes]) -> str:
    out, err = process.communicate(timeout=240)
    assert "Traceback" not in err.decode()
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.fixture
def local(corpus: TinyCorpus, config: Path, tmp_path: Path) -> Store:
    """The same store, as one machine builds it."""
    return build_store("KEMDy20", root=corpus.root, out=tmp_path / "local", settings=read_toml(config)).store


def test_workers_share_nothing_but_the_bucket(hosts: Hosts, config: Path, local: Store) -> None:
    for _ in range(2):
        hosts.worker()
    assert ADDRESS in ended(hosts.build(config))
    require_same(open_store(ADDRESS), local)


def test_a_host_that_is_cut_off_and_comes_back(hosts: Hosts, config: Path, local: Store) -> None:
    lost, process = hosts.worker()
    hosts.worker()
    hosts.server.faults.latency = 0.02
    build = hosts.build(config)
    wait(lambda: hosts.parts() >= 10, "ten parts")
    hosts.network.cut(lost)
    there = hosts.parts()
    wait(lambda: hosts.parts() >= there + 10, "parts of the other worker")
    assert build.poll() is None
    hosts.network.mend(lost)
    if process.poll() is not None:  # it gave up; whoever watches its host starts it again
        hosts.begin(lost)
    ended(build)
    require_same(open_store(ADDRESS), local)


def test_whoever_is_killed_the_same_command_goes_on(hosts: Hosts, config: Path, local: Store) -> None:
    _, process = hosts.worker()
    hosts.server.faults.latency = 0.02
    build = hosts.build(config)
    wait(lambda: hosts.parts() >= 10, "ten parts")
    build.send_signal(signal.SIGKILL)
    build.communicate()
    process.kill()
    hosts.server.end()
    time.sleep(1.0)
    hosts.server.begin()
    hosts.worker()
    hosts.server.faults.reset()
    refused = hosts.build(config)
    _, said = refused.communicate(timeout=120)
    assert refused.returncode == 4
    assert b"if it no longer runs, run the same command again in" in said
    hosts.server.change("stores/KEMDy20/.building/claim.json", None)  # rather than wait a minute and a half
    there = hosts.parts()
    told = json.loads(ended(hosts.build(config, "--json")))
    assert (told["kept"], told["written"]) == (there, len(local.header.parts) - there)
    require_same(open_store(ADDRESS), local)
