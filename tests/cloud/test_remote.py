"""A store behind an address is the store that was pushed, whatever serves it, and says so where it is not."""

from __future__ import annotations

import functools
import http.server
import pickle
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kemfeat.errors import ConfigError, KemfeatError, StoreCorruptError, StoreError
from kemfeat.publish import push_store
from kemfeat.store import schema
from kemfeat.store.address import Address, place
from kemfeat.store.reader import Store, open_store
from kemfeat.store.verify import verify
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import BUCKET, Server


@pytest.fixture
def pushed(server: Server, finished: Store) -> Store:
    """The store at ``ADDRESS``."""
    push_store(finished, ADDRESS, may_pass_on=True)
    server.faults.reset()
    return open_store(ADDRESS)


@pytest.fixture
def web(finished: Store) -> Iterator[str]:
    """The folder of the store on a web server that knows no ranges."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    serving = functools.partial(Silent, directory=str(finished.path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serving) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/{finished.path.name}"
        running.shutdown()


@pytest.fixture
def zipped(finished: Store, tmp_path: Path) -> str:
    """The folder of the store in a zip file, links left out."""
    with zipfile.ZipFile(tmp_path / "store.zip", "w") as file:
        for path in sorted(finished.path.rglob("*")):
            inside = path.relative_to(finished.path.parent)
            if path.is_file() and not any(
                (finished.path.parent / each).is_symlink() for each in [inside, *inside.parents]
            ):
                file.write(path, inside)
    return f"zip://{tmp_path}/store.zip"


def _same(found: Store, finished: Store) -> None:
    assert found.digest == finished.digest
    assert found.utterances.equals(finished.utterances)
    assert found.ratings.equals(finished.ratings)
    rows = np.array([17, 0, 3, 3, 12])
    for name, values in found.take(rows, finished.arrays).items():
        np.testing.assert_array_equal(values, finished.take(rows, [name])[name])
        np.testing.assert_array_equal(found.array(name)[2:11], finished.array(name)[2:11])
    for session in finished.header.sessions:
        assert found.signals(session).equals(finished.signals(session))
    assert found.local("README.md").read_bytes() == finished.local("README.md").read_bytes()


def test_a_bucket_has_the_store(pushed: Store, finished: Store) -> None:
    _same(pushed, finished)
    assert verify(pushed).problems == ()


def test_a_bucket_is_cached(pushed: Store, finished: Store, server: Server, tmp_path: Path) -> None:
    _same(open_store(ADDRESS, cache=tmp_path), finished)
    server.faults.seen.clear()
    again = open_store(ADDRESS, cache=tmp_path)
    _same(again, finished)
    assert [path for _, path in server.faults.seen] == [f"/{BUCKET}/stores/KEMDy20/kemfeat.json"]


def test_a_cache_that_was_changed_is_fetched_again(pushed: Store, finished: Store, tmp_path: Path) -> None:
    open_store(ADDRESS, cache=tmp_path).take(slice(None), ("mel",))
    for path in tmp_path.rglob("c/*/0/0"):
        path.write_bytes(bytes(path.stat().st_size))
    _same(open_store(ADDRESS, cache=tmp_path), finished)


def test_a_cache_has_a_size(pushed: Store, finished: Store, tmp_path: Path) -> None:
    kept = open_store(ADDRESS, cache=tmp_path, cache_gb=60e3 / 1e9)
    np.testing.assert_array_equal(kept.take(slice(None))["mel"], finished.take(slice(None))["mel"])
    kept.take(slice(None), ("delta",))
    largest = max(receipt.bytes for part in finished.header.parts for receipt in part.files.values())
    assert sum(path.stat().st_size for path in tmp_path.rglob("c/*/0/0")) <= 60e3 + largest


def test_a_web_server_without_ranges_has_the_store(web: str, finished: Store) -> None:
    pytest.importorskip("obstore")
    _same(open_store(web), finished)
    assert verify(open_store(web)).problems == ()


def test_a_zip_file_has_the_store(zipped: str, finished: Store) -> None:
    _same(open_store(zipped), finished)
    assert verify(open_store(zipped)).problems == ()


def test_opening_costs_one_request_and_a_table_one_more(pushed: Store, server: Server) -> None:
    server.faults.seen.clear()
    found = open_store(ADDRESS)
    assert len(server.faults.seen) == 1
    assert len(found.utterances) == 20
    assert len(server.faults.seen) == 2


def test_rows_of_a_shard_cost_its_metadata_its_index_and_one_request(pushed: Store, server: Server) -> None:
    found = open_store(ADDRESS)
    found.utterances  # noqa: B018 - read
    found.take([0], ("mel",))
    server.faults.seen.clear()
    found.take([1, 2, 3, 5, 7], ("mel",))
    assert len(server.faults.seen) == 1


def test_a_store_behind_an_address_can_be_sent(pushed: Store, finished: Store) -> None:
    pushed.take([0])
    _same(pickle.loads(pickle.dumps(pushed)), finished)  # noqa: S301 - made here


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_object_is_never_believed(
    pushed: Store, finished: Store, server: Server, data: st.DataObject
) -> None:
    """Any byte of any object flipped: the right values, or an error; never other values."""
    keys = [key for key in server.objects() if not key.endswith("sources.parquet")]
    key = data.draw(st.sampled_from(keys))
    content = server.content(key)
    at = data.draw(st.integers(0, len(content) - 1))
    server.change(key, content[:at] + bytes([content[at] ^ (1 << data.draw(st.integers(0, 7)))]) + content[at + 1 :])
    try:
        found = open_store(ADDRESS)
        if found.digest == finished.digest:
            _same(found, finished)
    except KemfeatError:
        pass
    finally:
        server.change(key, content)


@pytest.mark.parametrize("rows", [slice(0, 1), slice(2, 7), slice(0, 8), slice(None)])
def test_slices_of_an_array_do_not_believe_a_damaged_shard_either(
    pushed: Store, finished: Store, server: Server, rows: slice
) -> None:
    key = next(key for key in server.objects() if "/mel/mel/c/0" in key)
    content = server.content(key)
    for at in range(0, len(content), max(1, len(content) // 23)):
        server.change(key, content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        try:
            found = open_store(ADDRESS).array("mel")[rows]
        except StoreError as error:
            assert "mel/mel/c/0/0/0" in str(error)  # noqa: PT017 - of rows that are whole there is none
        else:
            np.testing.assert_array_equal(found, finished.array("mel")[rows])
    server.change(key, content)


def test_a_missing_object_is_a_sentence(pushed: Store, server: Server) -> None:
    key = next(key for key in server.objects() if "/mel/mel/c/1" in key)
    server.change(key, None)
    with pytest.raises(StoreCorruptError, match=r"s3://bucket/.*mel/mel/c/1/0/0: is missing; run `kemfeat verify`"):
        pushed.take([9])
    (problem,) = verify(open_store(ADDRESS)).problems
    assert "mel/mel/c/1/0/0" in problem


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "the server answers 500"),
        ("slow down", "the server answers 503"),
        ("expired", "access is denied; give credentials"),
        ("clock skew", "access is denied; give credentials"),
        ("dropped", "does not answer as expected"),
    ],
)
def test_a_server_that_refuses_is_a_sentence_after_a_few_tries(server: Server, fault: str, said: str) -> None:
    server.change("stores/KEMDy20/kemfeat.json", b"{}")
    server.faults.reset()
    server.faults.choose = lambda method, path: fault
    with pytest.raises(StoreError, match=f"s3://bucket/stores/KEMDy20/kemfeat.json: .*{said}") as caught:
        open_store(ADDRESS)
    assert "secret-of-the-tests" not in str(caught.value)
    assert "http://" not in str(caught.value)
    assert len(server.faults.seen) <= 5


def test_nothing_behind_an_address_is_a_sentence(server: Server) -> None:
    with pytest.raises(StoreError, match="s3://bucket/none: is not a store"):
        open_store("s3://bucket/none")


def test_another_version_is_opened_or_said_to_be_gone(pushed: Store) -> None:
    assert open_store(ADDRESS, at=pushed.digest[:8]).digest == pushed.digest
    with pytest.raises(StoreError, match=f"no version begins with abcdef; it has had {pushed.digest[:12]}"):
        open_store(ADDRESS, at="abcdef")


def test_results_need_a_folder(pushed: Store) -> None:
    with pytest.raises(ConfigError, match=r"s3://bucket/.*nothing is written there; choose a folder .* with --out"):
        pushed.own_folder  # noqa: B018 - read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://host/store", "stores are not read from there"),
        ("s3://key:secret@bucket/store", "contains credentials"),
        ("s3://", "is not the address of a store"),
        ("s3://bucket/../other", "is not the address of a store"),
        ("https://host/store?X-Amz-Signature=secret", "is not the address of a store"),
        ("s3://bucket/a\nb", "is not the address of a store"),
    ],
)
def test_an_address_that_is_none_is_a_sentence_without_its_secrets(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        open_store(text)
    assert "secret" not in str(caught.value)


def test_a_path_that_was_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="s3://: an address is not used here"):
        open_store(Path("s3://bucket/store"))


@given(st.text(alphabet="abc/._-", min_size=1, max_size=20))
def test_an_address_has_no_slash_at_its_end(name: str) -> None:
    try:
        found = place(f"s3://{name}/")
    except ConfigError:
        return
    assert isinstance(found, Address)
    assert found == f"s3://{name}".rstrip("/")
    assert str(found / schema.HEADER) == f"{found}/kemfeat.json"
