"""Other servers than moto's: pushed, read, verified and pulled, or refused where they do not mind conditions."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kemfeat.build import BuildOptions, build_store
from kemfeat.errors import ConfigError, StoreLockedError
from kemfeat.publish import pull_store, push_store
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket
from kemfeat.store.reader import Store, open_store
from kemfeat.store.remote_claim import RemoteClaim
from kemfeat.store.verify import verify
from tests.corpora.tiny import TinyCorpus

pytestmark = pytest.mark.slow

AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The published key of the emulator's only account."""


def _program(name: str) -> str:
    """A program on the path, or among the packages that npm put into ``$KEMFEAT_NODE_MODULES``."""
    more = os.environ.get("KEMFEAT_NODE_MODULES", "")
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), f"{more}/.bin" if more else ""]))
    if found is None:
        pytest.skip(f"{name} is not installed: npm install {name.removesuffix('-blob')}, KEMFEAT_NODE_MODULES=DIR")
    return found


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _running(command: Sequence[str | Path], port: int) -> Iterator[None]:
    with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with socket.socket() as asked:
                    if asked.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def _round(finished: Store, address: str, folder: Path) -> None:
    push_store(finished, address, may_pass_on=True)
    found = open_store(address)
    assert found.digest == finished.digest
    assert found.take([3, 19, 0])["mel"].tobytes() == finished.take([3, 19, 0])["mel"].tobytes()
    assert verify(found).problems == ()
    pull_store(address, folder)
    assert verify(open_store(folder)).problems == ()


def _build(finished: Store, corpus: TinyCorpus, settings: dict[str, Any], out: str) -> None:
    """Build twice; the second one has a version to put another in the place of."""
    options = BuildOptions(may_pass_on=True)
    for each in (settings | {"tokens": {"max_length": 10}}, settings):
        built = build_store("KEMDy20", root=corpus.root, out=out, settings=each, options=options).store
        assert verify(built).problems == ()
    assert built.digest == finished.digest


def test_azure(
    finished: Store,
    corpus: TinyCorpus,
    settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("obstore")
    port = _free_port()
    command = (_program("azurite-blob"), "--blobPort", str(port), "--location", tmp_path / "azurite", "--silent")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURITE_KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{port}/devstoreaccount1")
    with _running([*command, "--skipApiVersionCheck"], port):
        _make_container(port)
        _round(finished, "az://container/stores/KEMDy20", tmp_path / "pulled")
        _build(finished, corpus, settings, "az://container/built/KEMDy20")


def test_google(
    finished: Store, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    python = os.environ.get("KEMFEAT_STORAGE_TESTBENCH", "")
    if not python:
        pytest.skip("KEMFEAT_STORAGE_TESTBENCH is not set: the Python that has Google's storage-testbench")
    port = _free_port()
    monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "a token of the tests")
    with _running((python, Path(__file__).with_name("google_xml.py"), str(port), "bucket"), port):
        _round(finished, "gs://bucket/stores/KEMDy20", tmp_path / "pulled")
        _build(finished, corpus, settings, "gs://bucket/built/KEMDy20")
        two = [RemoteClaim(Bucket(Address("gs://bucket/built/KEMDy20"))) for _ in range(2)]
        two[0].take()
        with pytest.raises(StoreLockedError, match="is building this store"):
            two[1].take()


def _make_container(port: int) -> None:
    """Put the container, signed as Azure asks for it."""
    import base64
    import hashlib
    import hmac
    import urllib.request
    from email.utils import formatdate

    date, version = formatdate(usegmt=True), "2021-08-06"
    path = "/devstoreaccount1/devstoreaccount1/container\nrestype:container"
    text = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{version}\n{path}"
    key = hmac.new(base64.b64decode(AZURITE_KEY), text.encode(), hashlib.sha256).digest()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/devstoreaccount1/container?restype=container",
        method="PUT",
        headers={
            "x-ms-date": date,
            "x-ms-version": version,
            "Authorization": f"SharedKey devstoreaccount1:{base64.b64encode(key).decode()}",
        },
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - http on this machine
        assert answer.status == 201


def test_a_server_that_ignores_conditions_is_refused(
    finished: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """s3rver is an S3 server that knows no conditional put; what others pushed there is read all the same."""
    pytest.importorskip("obstore")
    port = _free_port()
    command = (_program("s3rver"), "-p", str(port), "-a", "127.0.0.1", "-d", tmp_path / "s3rver", "--configure-bucket")
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "S3RVER",
        "AWS_SECRET_ACCESS_KEY": "S3RVER",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with _running([*command, "bucket"], port):
        with pytest.raises(ConfigError, match="puts an object although its condition is not met"):
            push_store(finished, "s3://bucket/stores/KEMDy20", may_pass_on=True)
        bucket = Bucket(Address("s3://bucket/copied"))
        for path in sorted(finished.folder.rglob("*")):
            if path.is_file():
                bucket.write(path.relative_to(finished.folder).as_posix(), path.read_bytes())
        found = open_store("s3://bucket/copied")
        assert verify(found).problems == ()
        pull_store("s3://bucket/copied", tmp_path / "pulled")
        assert open_store(tmp_path / "pulled").digest == finished.digest


_NGINX = """
{user} daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
  access_log {folder}/requests;
  server {{ listen 127.0.0.1:{port}; root "{root}"; }}
}}
"""


def test_a_web_server_gives_parts(finished: Store, tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    port = _free_port()
    user = "user root;" if os.getuid() == 0 else ""
    (tmp_path / "conf").write_text(_NGINX.format(user=user, folder=tmp_path, port=port, root=finished.path.parent))
    with _running((_nginx(), "-p", tmp_path, "-c", tmp_path / "conf"), port):
        found = open_store(f"http://127.0.0.1:{port}/{finished.path.name}")
        assert found.take([3, 19, 0])["mel"].tobytes() == finished.take([3, 19, 0])["mel"].tobytes()
        assert verify(found).problems == ()
    answers = [line.split('" ')[1].split()[0] for line in (tmp_path / "requests").read_text().splitlines()]
    assert answers.count("206") >= 3  # parts of shards
    assert set(answers) == {"200", "206"}


def _nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("nginx is not installed")
    return found
