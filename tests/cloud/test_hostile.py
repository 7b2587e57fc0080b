"""What a server, a zip file, a cache or an address may contain must neither leave its folder nor be believed."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kemfeat.errors import ConfigError, KemfeatError, StoreCorruptError, StoreError
from kemfeat.publish import pull_store, push_store
from kemfeat.store import schema
from kemfeat.store.reader import Store, open_store
from kemfeat.store.verify import verify
from kemfeat.store.versions import versions
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import BUCKET, Server
from tests.e2e.command import kemfeat

HEADER = f"stores/KEMDy20/{schema.HEADER}"


def _zip(finished: Store, path: Path, change: Callable[[dict[str, Any]], object] = lambda header: None) -> str:
    """A zip file of the store whose header was changed."""
    header = json.loads((finished.path / schema.HEADER).read_bytes())
    change(header)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(schema.HEADER, json.dumps(header))
        for each in sorted((finished.path / schema.VERSIONS).rglob("*")):
            file.write(each, each.relative_to(finished.path))
    return f"zip://{path}"


@pytest.mark.parametrize("digest", ["../../../evil/", "/tmp/evil", "0" * 63, "G" * 64, ""])  # noqa: S108 - not used
@pytest.mark.parametrize("member", ["digest", "history"])
def test_a_digest_that_is_none_is_refused(finished: Store, tmp_path: Path, digest: str, member: str) -> None:
    record = {"digest": digest, "created": "", "command": "", "kemfeat": "", "changes": []}

    def change(header: dict[str, Any]) -> None:
        header[member] = digest if member == "digest" else [record | {"config": header["config"]}]

    address = _zip(finished, tmp_path / "evil.zip", change)
    for use in (
        lambda: open_store(address, cache=tmp_path / "a" / "b" / "cache").take([0]),
        lambda: pull_store(address, tmp_path / "pulled"),
        lambda: versions(open_store(address).path),
    ):
        with pytest.raises(StoreCorruptError, match=member):
            use()
    assert {path.name for path in tmp_path.iterdir()} == {"evil.zip"}


@pytest.mark.parametrize("name", [schema.HEADER, "notes.txt", "swapped", "../out", "/out", " "])
def test_a_pull_refuses_files_that_are_not_part_of_a_store(finished: Store, tmp_path: Path, name: str) -> None:
    receipt = {"sha256": "0" * 64, "bytes": 1}
    address = _zip(finished, tmp_path / "odd.zip", lambda header: header["documents"].update({name: receipt}))
    shutil.copytree(finished.path, tmp_path / "mine", symlinks=True)
    with pytest.raises(StoreCorruptError, match="do not trust"):
        pull_store(address, tmp_path / "mine")
    assert verify(open_store(tmp_path / "mine")).problems == ()
    assert not (tmp_path / "mine" / schema.BUILDING).exists()


def test_a_cache_removes_nothing_but_its_own(finished: Store, tmp_path: Path) -> None:
    shutil.copytree(finished.path, tmp_path / "stores" / "mine", symlinks=True)
    for path in (tmp_path / "stores").rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))
    kept = open_store(_zip(finished, tmp_path / "a.zip"), cache=tmp_path, cache_gb=1e-6)
    for name in ("mel", "delta", "eda", "temp", "mel"):
        kept.take(slice(None), (name,))
    assert verify(open_store(tmp_path / "stores" / "mine")).problems == ()


def test_a_cache_is_not_in_a_store(finished: Store, copied: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is inside the store"):
        open_store(_zip(finished, tmp_path / "a.zip"), cache=copied.path / "cache")


def test_a_link_does_not_lead_out_of_a_cache(finished: Store, tmp_path: Path) -> None:
    own = tmp_path / "cache" / "kemfeat-cache" / finished.digest[:16]
    own.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (own / schema.FEATURES).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="a link leads out of the cache"):
        open_store(_zip(finished, tmp_path / "a.zip"), cache=tmp_path / "cache").take([0])
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.slow
def test_threads_read_through_a_cache_that_is_too_small(finished: Store, tmp_path: Path) -> None:
    address = _zip(finished, tmp_path / "a.zip")
    names = ("mel", "eda", "temp", "delta", "input_ids")
    expected = {name: finished.take(slice(None), (name,))[name] for name in names}
    wrong: list[object] = []

    def read() -> None:
        try:
            found = open_store(address, cache=tmp_path / "cache", cache_gb=1e-6)
            for _ in range(3):
                for name in names:
                    np.testing.assert_array_equal(found.take(slice(None), (name,))[name], expected[name])
        except (AssertionError, OSError) as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def _take(store: Store) -> object:
    try:
        return store.take([0, 12, 19])["mel"].tobytes()
    except KemfeatError as error:
        return str(error)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_read_a_zip_file_and_are_refused_a_bucket(
    server: Server, finished: Store, tmp_path: Path
) -> None:
    push_store(finished, ADDRESS, may_pass_on=True)
    zipped, bucket = open_store(_zip(finished, tmp_path / "a.zip")), open_store(ADDRESS)
    expected = _take(finished)
    assert _take(zipped) == _take(bucket) == expected
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map_async(_take, [zipped] * 6).get(60) == [expected] * 6
    done, other = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=lambda: other.send(_take(bucket)))
    process.start()
    assert done.poll(60)
    assert "this process was forked after the store was opened" in done.recv()
    process.join(60)


def test_the_licence_of_a_corpus_holds_where_nobody_knows_who_reads(server: Server, finished: Store) -> None:
    server.open_to_all()
    server.faults.choose = lambda method, path: "500" if method == "GET" and "tried" in path else None
    try:
        with pytest.raises(StoreError, match="the server answers 500"):
            push_store(finished, ADDRESS, may_pass_on=True)
    finally:
        server.faults.reset()
        server.open_to_all(no_longer=True)
    assert server.objects() == []


@pytest.mark.parametrize("ignored", ["HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"])
def test_a_server_that_minds_one_condition_only_is_refused(server: Server, finished: Store, ignored: str) -> None:
    own = server.faults.server
    server.faults.server = lambda environ, start: own({k: v for k, v in environ.items() if k != ignored}, start)
    try:
        with pytest.raises(ConfigError, match="its condition is not met"):
            push_store(finished, ADDRESS, may_pass_on=True)
    finally:
        server.faults.server = own


def test_a_push_mends_what_is_missing_or_damaged(server: Server, finished: Store) -> None:
    push_store(finished, ADDRESS, may_pass_on=True)
    first, second = [key for key in server.objects() if "/mel/mel/c/" in key][:2]
    server.change(first, None)
    server.change(second, server.content(second)[:-1] + b"x")
    assert len(verify(open_store(ADDRESS)).problems) == 2
    done = push_store(finished, ADDRESS, may_pass_on=True)
    assert (done.sent, done.there) == (2, len(schema.files(finished.header)) - 2)
    assert verify(open_store(ADDRESS)).problems == ()


def test_a_pull_mends_what_is_missing_or_damaged(server: Server, finished: Store, tmp_path: Path) -> None:
    push_store(finished, ADDRESS, may_pass_on=True)
    pull_store(ADDRESS, tmp_path / "pulled")
    shard = next((open_store(tmp_path / "pulled").folder / "features.zarr/mel/mel/c").rglob("*/0/0"))
    shard.unlink()
    assert pull_store(ADDRESS, tmp_path / "pulled").sent == 1
    assert verify(open_store(tmp_path / "pulled")).problems == ()


def test_another_corpus_is_not_put_in_the_place_of_one(server: Server, finished: Store, tmp_path: Path) -> None:
    push_store(finished, ADDRESS, may_pass_on=True)
    header = json.loads(server.content(HEADER))
    server.change(HEADER, json.dumps(header | {"dataset": "IEMOCAP"}).encode())
    with pytest.raises(ConfigError, match="is a store of IEMOCAP, this one is of KEMDy20"):
        push_store(finished, ADDRESS, may_pass_on=True)
    shutil.copytree(finished.path, tmp_path / "mine", symlinks=True)
    with pytest.raises(ConfigError, match="is a store of KEMDy20, this one is of IEMOCAP"):
        pull_store(ADDRESS, tmp_path / "mine")


def _encrypted(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(schema.HEADER, "{}")
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(content)


def _damaged(path: Path, method: int) -> None:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(schema.HEADER, json.dumps({"format_version": 2, "more": "x" * 4000}))
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)


def _unknown_method(path: Path) -> None:
    _damaged(path, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[8] = content[content.index(b"PK\x01\x02") + 10] = 99
    path.write_bytes(content)


BROKEN: dict[str, Callable[[Path], object]] = {
    "encrypted": _encrypted,
    "deflate": lambda path: _damaged(path, zipfile.ZIP_DEFLATED),
    "lzma": lambda path: _damaged(path, zipfile.ZIP_LZMA),
    "bzip2": lambda path: _damaged(path, zipfile.ZIP_BZIP2),
    "unknown method": _unknown_method,
    "no zip": lambda path: path.write_bytes(b"PK" * 50),
    "empty": lambda path: path.write_bytes(b""),
    "absent": lambda path: None,
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_zip_file_is_a_sentence(tmp_path: Path, broken: str) -> None:
    BROKEN[broken](tmp_path / "a.zip")
    with pytest.raises(StoreError, match=r"zip://.*a\.zip"):
        open_store(f"zip://{tmp_path}/a.zip")


def test_a_header_of_spaces_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kemfeat.store.remote_versions.MOST_HEADER_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(schema.HEADER, " " * (1 << 24))
    with pytest.raises(StoreError, match="has more than the 1,048,576 bytes"):
        open_store(f"zip://{tmp_path}/a.zip")


def test_an_object_that_is_too_large_is_not_read(server: Server, finished: Store) -> None:
    push_store(finished, ADDRESS, may_pass_on=True)
    key = next(key for key in server.objects() if key.endswith(schema.RATINGS))
    server.change(key, server.content(key) + b"x")
    with pytest.raises(StoreError, match="more than"):
        open_store(ADDRESS).ratings  # noqa: B018 - read


@pytest.mark.parametrize("rest", ["bucket/./x", "bucket//x", "bucket/\udcff", "bucket/x/../y"])
def test_odd_addresses_are_a_sentence(rest: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a store"):
        open_store(f"s3://{rest}")


@pytest.mark.parametrize("name", ["한국어 말", "a b", "100%", "a+b&c"])
def test_names_of_any_kind_work(server: Server, finished: Store, name: str) -> None:
    address = f"s3://{BUCKET}/{name}/store"
    push_store(finished, address, may_pass_on=True)
    assert open_store(address).take([3])["mel"].tobytes() == finished.take([3])["mel"].tobytes()


@pytest.mark.slow
def test_no_secret_is_repeated(finished: Store, tmp_path: Path) -> None:
    secret = "s3://key:hunter2@bucket/x"  # noqa: S105 - none
    for command in (
        ("info", secret),
        ("report", finished.path, "--out", f"{secret}.html"),
        ("split", finished.path, "--out", secret, "--labels", "annotated"),
        ("pull", _zip(finished, tmp_path / "a.zip"), secret),
        ("push", finished.path, secret),
        ("push", "s3:/key:hunter2@b/x", "s3://b/x"),
        ("build", "--dataset", "KEMDy20", "--root", secret, "--out", tmp_path / "out"),
        ("validate", "--dataset", "KEMDy20", "--root", secret),
    ):
        said = kemfeat(*command)
        assert said.code in (2, 3)
        assert "hunter2" not in said.out + said.err, command


def test_no_folder_for_copies_is_a_sentence(finished: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(StoreError):
        open_store(_zip(finished, tmp_path / "a.zip"))


@pytest.mark.slow
def test_without_the_extra_zip_files_are_read_and_buckets_are_a_sentence(finished: Store, tmp_path: Path) -> None:
    """In a process that cannot import obstore."""
    code = """
import sys
sys.modules["obstore"] = sys.modules["obstore.store"] = None
from kemfeat.errors import ConfigError
from kemfeat.store.reader import open_store
print(len(open_store(sys.argv[1]).take([0, 1])["mel"]))
for address in ("s3://bucket/store", "https://host/store", "memory://x/y"):
    try:
        open_store(address)
    except ConfigError as error:
        print(error)
"""
    zipped = _zip(finished, tmp_path / "a.zip")
    done = subprocess.run([sys.executable, "-c", code, zipped], capture_output=True, text=True, check=True)
    count, *said = done.stdout.splitlines()
    assert count == "2"
    assert len(said) == 3
    assert all("addresses need the extra `cloud`: pip install 'kemfeat[cloud]'" in each for each in said)
