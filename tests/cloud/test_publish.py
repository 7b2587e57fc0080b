"""Pushing and pulling: old or new and nothing between, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kemfeat.build import build_store
from kemfeat.errors import ConfigError, KemfeatError, StoreError, StoreLockedError
from kemfeat.publish import Copied, pull_store, push_store
from kemfeat.store import bucket, schema
from kemfeat.store.address import Address
from kemfeat.store.reader import Store, open_store
from kemfeat.store.verify import verify
from kemfeat.store.versions import versions
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import Server, some
from tests.corpora.tiny import TinyCorpus
from tests.e2e.command import kemfeat, sentence
from tests.store.kit import as_format_1


@pytest.fixture(scope="session")
def newer(
    finished: Store, corpus: TinyCorpus, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Store:
    """The same store after an update: other tokens, the same mel."""
    out = tmp_path_factory.mktemp("newer") / "KEMDy20"
    shutil.copytree(finished.path, out, symlinks=True)
    return build_store("KEMDy20", root=corpus.root, out=out, settings=settings | {"tokens": {"max_length": 10}}).store


def push(store: Store, to: str = ADDRESS) -> Copied:
    return push_store(store, to, may_pass_on=True)


def test_what_was_pushed_is_pulled(server: Server, finished: Store, tmp_path: Path) -> None:
    sent = push(finished)
    assert sent == Copied(finished.digest, sent=len(schema.files(finished.header)), bytes=sent.bytes)
    fetched = pull_store(ADDRESS, tmp_path / "pulled")
    assert (fetched.digest, fetched.bytes) == (finished.digest, sent.bytes)
    pulled = open_store(tmp_path / "pulled")
    assert verify(pulled).problems == ()
    assert schema.files(pulled.header) == schema.files(finished.header)


def test_a_second_push_or_pull_does_nothing(server: Server, finished: Store, tmp_path: Path) -> None:
    push(finished)
    pull_store(ADDRESS, tmp_path / "pulled")
    server.faults.seen.clear()
    assert push(finished).there == pull_store(ADDRESS, tmp_path / "pulled").there == len(schema.files(finished.header))
    seen = [(method, path) for method, path in server.faults.seen if ".tried-" not in path and method != "POST"]
    assert {method for method, _ in seen} == {"GET", "HEAD"}  # but for what tries out who can read
    assert len(seen) == 5  # the header thrice, and the list of objects twice


def test_an_update_sends_what_changed(server: Server, finished: Store, newer: Store, tmp_path: Path) -> None:
    push(finished)
    pull_store(ADDRESS, tmp_path / "pulled")
    sent = push(newer)
    shards = sum(
        len(part.files) for part in newer.header.parts if part.feature in ("mel", "delta", "eda", "temp", "ibi")
    )
    assert sent.copied >= shards
    assert sent.sent < sent.copied
    fetched = pull_store(ADDRESS, tmp_path / "pulled")
    assert (fetched.sent, fetched.copied) == (sent.sent, sent.copied)
    assert open_store(tmp_path / "pulled").digest == open_store(ADDRESS).digest == newer.digest
    assert [version.record.digest for version in versions(open_store(ADDRESS).path)] == [newer.digest, finished.digest]
    old = open_store(ADDRESS, at=finished.digest)
    assert verify(old).problems == ()
    assert open_store(tmp_path / "pulled", at=finished.digest).digest == finished.digest


def test_an_interrupted_push_goes_on(server: Server, finished: Store) -> None:
    puts = 0

    def third(method: str, path: str) -> str | None:
        nonlocal puts
        puts += method == "PUT"
        return "expired" if puts > 30 else None

    server.faults.choose = third
    with pytest.raises(StoreError, match=f"{ADDRESS}: access is denied.*; run the same command again"):
        push(finished)
    server.faults.reset()
    with pytest.raises(StoreError, match="is not a store"):
        open_store(ADDRESS)
    done = push(finished)
    assert done.there >= 10
    assert verify(open_store(ADDRESS)).problems == ()


def test_an_interrupted_pull_goes_on(server: Server, finished: Store, tmp_path: Path) -> None:
    push(finished)
    gets = 0

    def later(method: str, path: str) -> str | None:
        nonlocal gets
        gets += method == "GET"
        return "expired" if gets > 30 else None

    server.faults.choose = later
    with pytest.raises(StoreError, match=r"access is denied.*; run the same command again: what has been fetched"):
        pull_store(ADDRESS, tmp_path / "pulled")
    server.faults.reset()
    with pytest.raises(StoreError, match="never finished"):
        open_store(tmp_path / "pulled")
    assert pull_store(ADDRESS, tmp_path / "pulled").there >= 10
    assert verify(open_store(tmp_path / "pulled")).problems == ()


def test_of_two_pushes_at_once_one_wins_and_the_other_is_told(server: Server, finished: Store, newer: Store) -> None:
    header = "/bucket/stores/KEMDy20/kemfeat.json"
    other = threading.Event()

    def between(method: str, path: str) -> None:
        if method == "PUT" and path == header and not other.is_set():
            other.set()
            push(newer)

    server.faults.before = between
    with pytest.raises(StoreLockedError, match=f"somebody else put version {newer.digest[:12]} there meanwhile"):
        push(finished)
    server.faults.reset()
    found = open_store(ADDRESS)
    assert found.digest == newer.digest
    assert verify(found).problems == ()
    push(finished)
    assert open_store(ADDRESS).digest == finished.digest


def test_a_put_whose_answer_was_lost_counts(server: Server, finished: Store) -> None:
    lost = iter(["lost answer"])
    header = "/bucket/stores/KEMDy20/kemfeat.json"
    server.faults.choose = lambda method, path: next(lost, None) if (method, path) == ("PUT", header) else None
    push(finished)
    assert open_store(ADDRESS).digest == finished.digest


def test_readers_see_the_old_or_the_new_version_all_the_time(server: Server, finished: Store, newer: Store) -> None:
    push(finished)
    seen: set[str] = set()

    def look(method: str, path: str) -> None:
        if method == "PUT":
            server.faults.before = lambda method, path: None
            seen.add(open_store(ADDRESS).digest)
            open_store(ADDRESS).take([0, 9, 19])
            server.faults.before = look

    server.faults.before = look
    push(newer)
    server.faults.reset()
    assert seen == {finished.digest}
    assert open_store(ADDRESS).digest == newer.digest


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("KEMFEAT_FAULT_SEEDS", "12"))))
def test_faults_at_random_lose_nothing(
    server: Server,
    finished: Store,
    newer: Store,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    seed: int,
) -> None:
    """One request in eight fails somehow: every command ends well or with one sentence, and no wrong value is read."""
    push(finished)
    server.faults.choose = some(seed, 0.125)
    answered = [_tried(lambda: push(newer)) for _ in range(4)]
    looked = [_tried(lambda: _read(finished, newer)) for _ in range(6)]
    fetched = [_tried(lambda: pull_store(ADDRESS, tmp_path / "pulled")) for _ in range(4)]
    checked = _tried(lambda: verify(open_store(ADDRESS)))
    record_property("faults", len(server.faults.given))
    assert len(server.faults.given) >= 10
    server.faults.reset()
    assert all(isinstance(each, KemfeatError | Copied) for each in (*answered, *fetched))
    assert not [each for each in (*answered, *looked, *fetched, checked) if "\n" in str(each)]
    assert all(each is None or isinstance(each, KemfeatError) for each in looked)
    assert checked is not None
    there = open_store(ADDRESS)
    assert there.digest in (finished.digest, newer.digest)
    assert verify(there).problems == ()
    push(newer)
    assert verify(open_store(ADDRESS)).problems == ()
    pull_store(ADDRESS, tmp_path / "pulled")
    assert verify(open_store(tmp_path / "pulled")).problems == ()
    assert open_store(tmp_path / "pulled").digest == newer.digest


def _tried(command: Callable[[], Any]) -> Any:
    try:
        return command()
    except KemfeatError as error:
        return error


def _read(finished: Store, newer: Store) -> None:
    found = open_store(ADDRESS)
    expected = {store.digest: store for store in (finished, newer)}[found.digest]
    for name in ("mel", "eda", "input_ids"):
        assert found.take([3, 18, 9], [name])[name].tobytes() == expected.take([3, 18, 9], [name])[name].tobytes()
    assert found.utterances.equals(expected.utterances)


def test_what_is_large_may_take_longer_to_send(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A put that is broken off begins anew, and would never end on a slow line."""
    monkeypatch.setattr(bucket, "_READING", timedelta(seconds=0.5))
    monkeypatch.setattr(bucket, "_SMALL", 1000)
    server.faults.before = lambda method, path: time.sleep(1.0 if method == "PUT" else 0.0)
    there = bucket.Bucket(Address(ADDRESS))
    there.write("large", bytes(1001))
    assert [method for method, _ in server.faults.seen] == ["PUT"]
    with pytest.raises(OSError, match="does not answer"):
        there.write("small", bytes(1000))


def test_a_damaged_store_is_not_pushed(server: Server, copied: Store) -> None:
    path = next((copied.folder / "features.zarr/mel/mel/c").rglob("*/0/0"))
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(StoreError, match="is not what was written"):
        push(copied)
    with pytest.raises(StoreError, match="is not a store"):
        open_store(ADDRESS)


def test_a_store_with_a_lost_file_is_not_pushed(server: Server, copied: Store) -> None:
    (copied.folder / schema.RATINGS).unlink()
    with pytest.raises(StoreError, match=r"ratings\.parquet: cannot be read .*run `kemfeat verify`"):
        push(copied)


def test_format_1_is_neither_pushed_nor_pulled(server: Server, finished: Store, tmp_path: Path) -> None:
    old = as_format_1(finished, tmp_path / "old")
    with pytest.raises(StoreError, match="has format 1, which has no versions; build it again"):
        push(old)
    for path in sorted(old.path.rglob("*")):
        if path.is_file():
            server.change(f"old/{path.relative_to(old.path).as_posix()}", path.read_bytes())
    found = open_store("s3://bucket/old")
    assert verify(found).problems == ()
    with pytest.raises(StoreError, match="has format 1"):
        pull_store("s3://bucket/old", tmp_path / "pulled")


def test_of_a_version_that_is_gone_the_error_says_how_it_was_made(
    server: Server, finished: Store, newer: Store
) -> None:
    push(newer)
    with pytest.raises(StoreError, match=f"version {finished.digest[:12]} is no longer kept. kemfeat .* made it on"):
        open_store(ADDRESS, at=finished.digest)


def test_a_restricted_corpus_is_passed_on_only_when_the_user_says_so(server: Server, finished: Store) -> None:
    with pytest.raises(ConfigError, match=r"ETRI provides KEMDy20 .*--i-may-pass-this-on"):
        push_store(finished, ADDRESS)
    assert server.objects() == []


def test_a_restricted_corpus_is_not_put_where_everybody_reads(server: Server, finished: Store) -> None:
    server.open_to_all()
    try:
        with pytest.raises(ConfigError, match=r"everybody can read what is there.*ETRI"):
            push(finished)
    finally:
        server.open_to_all(no_longer=True)
    assert server.objects() == []


@pytest.mark.parametrize("to", ["https://host/store", "zip://a.zip", "folder", "file:///x"])
def test_only_buckets_are_pushed_to(finished: Store, to: str) -> None:
    with pytest.raises(ConfigError):
        push(finished, to)


def test_only_a_folder_is_pushed(server: Server, finished: Store) -> None:
    push(finished)
    with pytest.raises(ConfigError, match="only a store in a folder of this machine is pushed"):
        push(open_store(ADDRESS), f"{ADDRESS}-2")


def test_a_pull_spares_what_is_there(server: Server, finished: Store, corpus: TinyCorpus, tmp_path: Path) -> None:
    push(finished)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"contains thesis\.tex, and is not a store"):
        pull_store(ADDRESS, tmp_path / "mine")
    (tmp_path / "half" / schema.BUILDING / "parts").mkdir(parents=True)
    with pytest.raises(ConfigError, match="an unfinished build is there"):
        pull_store(ADDRESS, tmp_path / "half")
    with pytest.raises(ConfigError, match="is a folder; copy it"):
        pull_store(str(finished.path), tmp_path / "copy")


def test_a_pull_of_another_version_begins_anew(server: Server, finished: Store, newer: Store, tmp_path: Path) -> None:
    push(finished)
    gets = iter([None] * 40)
    server.faults.choose = lambda method, path: next(gets, "expired")
    with pytest.raises(StoreError):
        pull_store(ADDRESS, tmp_path / "pulled")
    server.faults.reset()
    push(newer)
    pull_store(ADDRESS, tmp_path / "pulled")
    assert verify(open_store(tmp_path / "pulled")).problems == ()
    assert open_store(tmp_path / "pulled").digest == newer.digest


@pytest.mark.slow
def test_the_commands_from_bucket_to_training(server: Server, finished: Store, tmp_path: Path) -> None:
    said = kemfeat("push", finished.path, ADDRESS, "--i-may-pass-this-on")
    assert said.code == 0
    assert f"{ADDRESS}: version {finished.digest[:12]}; " in said.out
    assert f"digest {finished.digest[:12]}" in kemfeat("info", ADDRESS).out
    assert kemfeat("log", ADDRESS).out.startswith(finished.digest[:12])
    assert "sound" in kemfeat("verify", ADDRESS).out
    assert kemfeat("pull", ADDRESS, tmp_path / "pulled").code == 0
    assert kemfeat("diff", ADDRESS, tmp_path / "pulled").code == 0
    assert kemfeat("report", ADDRESS, "--out", tmp_path / "report.html").code == 0
    cache = ("--cache", tmp_path / "cache")
    assert kemfeat("export", ADDRESS, "--to", "tsv-npy", "--arrays", "eda", "--out", tmp_path / "out", *cache).code == 0
    assert list((tmp_path / "cache").rglob("eda/c/0/0"))
    for command in (("report", ADDRESS, "--out", f"{ADDRESS}.html"), ("prune", ADDRESS)):
        assert kemfeat(*command).code == 2
    assert sentence("info", "s3://bucket/none", code=4).startswith("kemfeat: s3://bucket/none: is not a store")
