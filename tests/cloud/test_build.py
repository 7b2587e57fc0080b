"""Building in a bucket, of a corpus in a folder or in a bucket: the same store, whoever is killed on the way."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kemfeat.build import BuildOptions, BuildReport, build_store
from kemfeat.errors import ConfigError, CorpusError, KemfeatError, StoreError, StoreLockedError
from kemfeat.publish import push_store
from kemfeat.store import remote_claim, schema
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket
from kemfeat.store.reader import Store, open_store
from kemfeat.store.remote_claim import RemoteClaim
from kemfeat.store.verify import verify
from kemfeat.user_settings import read_user_settings
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import BUCKET, Server, some
from tests.corpora.tiny import TinyCorpus, write_tiny_kemdy20
from tests.dask_kit import wait
from tests.e2e.command import kemfeat

CORPUS = f"s3://{BUCKET}/corpora/KEMDy20"
ANY = BuildOptions(may_pass_on=True)


def build(root: str | Path, settings: dict[str, Any], options: BuildOptions = ANY) -> BuildReport:
    return build_store("KEMDy20", root=root, out=ADDRESS, settings=settings, options=options)


def upload(corpus: TinyCorpus) -> None:
    bucket = Bucket(Address(CORPUS))
    for path in sorted(corpus.root.rglob("*")):
        if path.is_file():
            bucket.write(path.relative_to(corpus.root).as_posix(), path.read_bytes())


def require_same(built: Store, finished: Store) -> None:
    assert built.digest == finished.digest
    assert built.header.parts == finished.header.parts
    assert built.header.tables == finished.header.tables
    assert verify(built).problems == ()
    assert (built.take(slice(None), arrays=("mel",))["mel"] == finished.take(slice(None), arrays=("mel",))["mel"]).all()


def test_a_bucket_gets_the_same_store_as_a_folder(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    report = build(corpus.root, settings)
    assert (report.written, report.kept) == (len(finished.header.parts), 0)
    require_same(report.store, finished)
    require_same(open_store(ADDRESS), finished)
    assert [name for name in server.objects("stores/KEMDy20/.building") if "claim" not in name] == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corpus_in_a_bucket_gives_the_same_store(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any], workers: int
) -> None:
    upload(corpus)
    require_same(build(CORPUS, settings, replace(ANY, workers=workers)).store, finished)


def test_a_second_build_does_nothing(server: Server, corpus: TinyCorpus, settings: dict[str, Any]) -> None:
    build(corpus.root, settings)
    before = server.objects()
    again = build(corpus.root, settings)
    assert again.up_to_date
    assert server.objects() == before


def test_an_update_extracts_what_changed_and_copies_the_rest(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    build(corpus.root, settings)
    server.faults.seen.clear()
    report = build(corpus.root, settings | {"tokens": {"max_length": 10}})
    tokens = [part for part in finished.header.parts if part.feature == "tokens"]
    assert (report.written, report.kept) == (len(tokens), len(finished.header.parts) - len(tokens))
    new = f"/{BUCKET}/stores/KEMDy20/versions/{report.store.digest[:16]}/{schema.FEATURES}/mel/"
    assert [path for method, path in server.faults.seen if method == "GET" and "/mel/mel/c/" in path] == []
    assert {method for method, path in server.faults.seen if path.startswith(f"{new}mel/c/")} == {"PUT"}  # copies
    assert verify(report.store).problems == ()
    assert open_store(ADDRESS, at=finished.digest).digest == finished.digest


def test_rows_are_copied_from_the_version_before(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path
) -> None:
    build(corpus.root, settings)
    other = settings | {"rows_per_shard": 5}
    there = build(corpus.root, other)
    here = build_store("KEMDy20", root=corpus.root, out=tmp_path / "store", settings=other)
    require_same(there.store, here.store)


def test_force_begins_anew_and_leaves_what_was_there(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    build(corpus.root, settings | {"tokens": {"max_length": 10}})
    before = open_store(ADDRESS).digest
    report = build(corpus.root, settings, replace(ANY, force=True))
    assert report.written == len(finished.header.parts)
    require_same(report.store, finished)
    assert open_store(ADDRESS, at=before).digest == before


@pytest.mark.slow
@pytest.mark.parametrize("nth", [2, 5, 9, 14, 20, 27, 35, 45, 60])
def test_a_build_that_is_stopped_anywhere_goes_on(
    server: Server,
    corpus: TinyCorpus,
    finished: Store,
    settings: dict[str, Any],
    nth: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = 0

    def stop(method: str, path: str) -> str | None:
        nonlocal seen
        seen += method == "PUT"
        return "500" if seen >= nth else None

    server.faults.choose = stop
    with pytest.raises(StoreError, match="run the same command again"):
        build(corpus.root, settings)
    server.faults.reset()
    monkeypatch.setattr(remote_claim, "_VOID", 0.0)  # nobody could release the claim
    parts = len(server.objects("stores/KEMDy20/.building/finished/receipts"))
    report = build(corpus.root, settings)
    assert report.kept == parts
    require_same(report.store, finished)


def test_two_builds_at_once_are_refused(server: Server, corpus: TinyCorpus, settings: dict[str, Any]) -> None:
    claim = RemoteClaim(Bucket(Address(ADDRESS)))
    claim.take()
    with pytest.raises(StoreLockedError, match=r"process \d+ on .+ is building this store, and said so \d+ s ago"):
        build(corpus.root, settings)
    claim.release()
    build(corpus.root, settings)


def test_a_build_whose_claim_was_taken_over_commits_nothing(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[RemoteClaim] = []

    def take_over(method: str, path: str) -> None:
        if "/versions/" in path and "tried" not in path and not taken:  # the files of the version are being put
            taken.append(RemoteClaim(Bucket(Address(ADDRESS))))
            monkeypatch.setattr(remote_claim, "_VOID", 0.0)
            taken[0].take()

    server.faults.before = take_over
    with pytest.raises(StoreLockedError, match="has begun to build this store meanwhile"):
        build(corpus.root, settings)
    assert f"stores/KEMDy20/{schema.HEADER}" not in server.objects()
    taken[0].require()  # it is still theirs


def test_a_claim_is_kept_alive(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_claim, "_RENEWAL", 0.05)
    claim = RemoteClaim(Bucket(Address(ADDRESS)))
    claim.take()
    with remote_claim.kept_alive(claim):
        wait(lambda: sum(method == "PUT" for method, path in server.faults.seen if "claim" in path) >= 5, "renewals")
    RemoteClaim(Bucket(Address(ADDRESS))).take()  # it was released


def test_a_put_of_the_claim_whose_answer_was_lost_counts(server: Server) -> None:
    claim = RemoteClaim(Bucket(Address(ADDRESS)))
    lost: list[str] = []

    def lose(method: str, path: str) -> str | None:
        if method == "PUT" and "claim" in path and len(lost) < 3:
            lost.append(path)
            return "lost answer"
        return None

    server.faults.choose = lose
    claim.take()
    claim.require()
    assert len(lost) == 3


def test_damage_on_the_way_is_sent_again(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    count = 0

    def damage(method: str, path: str) -> str | None:
        nonlocal count
        count += method == "PUT"
        return "damaged request" if method == "PUT" and count % 7 == 0 and "claim" not in path else None

    server.faults.choose = damage
    report = build(corpus.root, settings)
    server.faults.reset()
    require_same(report.store, finished)


def test_what_is_staged_and_damaged_is_not_believed(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_claim, "_VOID", 0.0)
    server.faults.choose = lambda method, path: "500" if "/features.zarr/" in path and "/versions/" in path else None
    with pytest.raises(StoreError):
        build(corpus.root, settings)
    server.faults.reset()
    for name in server.objects("stores/KEMDy20/.building/finished")[::3]:
        content = server.content(name)
        server.change(name, content[:100] + bytes([content[100] ^ 1]) + content[101:])
    for name in server.objects("stores/KEMDy20/.building/objects")[::5]:
        content = server.content(name)
        server.change(name, content[:-1] + bytes([content[-1] ^ 1]))
    report = build(corpus.root, settings)
    assert 0 < report.written < len(finished.header.parts)
    require_same(report.store, finished)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("KEMFEAT_FAULT_SEEDS", "12"))))
def test_faults_at_random_give_the_same_store_or_a_sentence(
    server: Server,
    corpus: TinyCorpus,
    finished: Store,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(remote_claim, "_VOID", 0.0)
    upload(corpus)
    server.faults.choose = some(seed, share=0.08)
    said = [_tried(lambda: build(CORPUS if seed % 2 else corpus.root, settings)) for _ in range(4)]
    assert not [sentence for sentence in said if "\n" in sentence]
    server.faults.reset()
    require_same(build(corpus.root, settings).store, finished)


def _tried(command: Callable[[], object]) -> str:
    """What a command says where it fails."""
    try:
        command()
    except KemfeatError as error:
        return str(error)
    return ""


def test_a_restricted_corpus_needs_a_word_or_a_private_bucket(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"--i-may-pass-this-on, or once and for all in kemfeat\.toml"):
        build(corpus.root, settings, BuildOptions())
    (tmp_path / "kemfeat.toml").write_text(f'[cloud]\nprivate = ["s3://{BUCKET}x"]\n')
    with pytest.raises(ConfigError, match="licence"):
        build(corpus.root, settings, BuildOptions())
    (tmp_path / "kemfeat.toml").write_text(f'[cloud]\nprivate = ["s3://{BUCKET}"]\n')
    server.open_to_all()
    with pytest.raises(ConfigError, match="everybody can read"):
        build(corpus.root, settings, BuildOptions())
    server.open_to_all(no_longer=True)
    assert build(corpus.root, settings, BuildOptions()).written > 0


@pytest.mark.parametrize("name", ["../escape.wav", "a/../../b", "a//b", "a\\b"])
def test_names_that_lead_out_of_the_corpus_are_refused(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], name: str
) -> None:
    upload(corpus)
    server.change(f"corpora/KEMDy20/{name}", b"x")
    with pytest.raises((CorpusError, ConfigError), match="corpora/KEMDy20"):
        build(CORPUS, settings)


def test_a_copy_of_a_corpus_is_kept(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path
) -> None:
    upload(corpus)
    options = replace(ANY, cache=tmp_path / "cache")
    build(CORPUS, settings, options)
    server.faults.seen.clear()
    assert build(CORPUS, settings, options).up_to_date
    assert [path for method, path in server.faults.seen if method == "GET" and path.endswith(".wav")] == []
    server.change(f"corpora/KEMDy20/{corpus.wav(corpus.ids[0]).relative_to(corpus.root)}", None)
    with pytest.raises(CorpusError, match=corpus.ids[0]):
        build(CORPUS, settings, options)


def test_a_corpus_that_is_not_there(server: Server, settings: dict[str, Any]) -> None:
    with pytest.raises(CorpusError, match="there is nothing"):
        build(CORPUS, settings)
    with pytest.raises(ConfigError, match="https://host/corpus: is not a bucket"):
        build("https://host/corpus", settings)


def test_an_utterance_that_fails_is_named_by_its_address(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any]
) -> None:
    upload(corpus)
    broken = corpus.wav(corpus.ids[3]).relative_to(corpus.root)
    server.change(f"corpora/KEMDy20/{broken}", b"RIFF" + bytes(60))
    with pytest.raises(CorpusError, match=str(corpus.ids[3])) as raised:
        build(CORPUS, settings)
    assert tempfile.gettempdir() not in str(raised.value)
    report = build(CORPUS, settings, replace(ANY, on_error="skip", max_failures=0.5))
    assert report.failures == 1


@pytest.mark.slow
def test_the_command(server: Server, corpus: TinyCorpus, finished: Store, tmp_path: Path) -> None:
    upload(corpus)
    arguments = ["build", "--dataset", "KEMDy20", "--root", CORPUS, "--out", ADDRESS, "--features", "mel,text"]
    refused = kemfeat(*arguments, cwd=tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert "--i-may-pass-this-on" in refused.err
    built = kemfeat(*arguments, "--i-may-pass-this-on", "-j", "2", cwd=tmp_path)
    assert built.code == 0, built.err
    assert ADDRESS in built.out
    again = kemfeat(*arguments, "--i-may-pass-this-on", "--json", cwd=tmp_path)
    assert again.json["up_to_date"]
    assert kemfeat("verify", ADDRESS, cwd=tmp_path).code == 0


def damage(server: Server, name: str, *, cut: bool = False) -> None:
    """Flip a bit in the middle of an object, or cut its end off."""
    content = bytearray(server.content(name))
    content[len(content) // 2] ^= 1
    server.change(name, bytes(content[:-5] if cut else content))


def objects_of(server: Server, part: str) -> list[str]:
    return [name for name in server.objects("stores/KEMDy20/versions") if part in name]


def test_rows_are_not_copied_from_a_version_that_somebody_puts_meanwhile(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path
) -> None:
    """Row numbers are those of the version that the build began from."""
    other = write_tiny_kemdy20(tmp_path / "other" / "KEMDy20", scripts=1, turns=5)
    (other.root / "tokenizer").symlink_to(corpus.root / "tokenizer")
    names = sorted(path.relative_to(corpus.root) for path in corpus.root.rglob("*.wav"))
    for name, content in zip(names, reversed(names), strict=True):  # the same clips under other names
        (other.root / name).write_bytes((corpus.root / content).read_bytes())
    only_mel = settings | {"features": ("mel",)}
    meanwhile = build_store("KEMDy20", root=other.root, out=tmp_path / "meanwhile", settings=only_mel).store
    build(corpus.root, only_mel)
    began: list[bool] = []

    def put_another(method: str, path: str) -> None:
        if method == "PUT" and "/.building/objects/" in path and not began:
            began.append(True)
            push_store(meanwhile, ADDRESS, may_pass_on=True)

    server.faults.before = put_another
    finer = only_mel | {"rows_per_shard": 5}
    with pytest.raises(StoreLockedError, match="somebody else put version"):
        build(corpus.root, finer)
    server.faults.reset()
    here = build_store("KEMDy20", root=corpus.root, out=tmp_path / "here", settings=finer).store
    require_same(build(corpus.root, finer).store, here)


@pytest.mark.parametrize("cut", [True, False])
def test_force_takes_nothing_from_a_damaged_version(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any], cut: bool
) -> None:
    build(corpus.root, settings | {"tokens": {"max_length": 10}})
    for name in objects_of(server, "/mel/"):
        damage(server, name, cut=cut)
    require_same(build(corpus.root, settings, replace(ANY, force=True)).store, finished)


def test_a_damaged_shard_is_extracted_again_rather_than_copied(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path
) -> None:
    build(corpus.root, settings)
    damage(server, objects_of(server, "/mel/mel/c/")[0])
    damage(server, objects_of(server, "/mel/mel/c/")[1], cut=True)
    finer = settings | {"rows_per_shard": 5}
    here = build_store("KEMDy20", root=corpus.root, out=tmp_path / "here", settings=finer).store
    require_same(build(corpus.root, finer).store, here)


def test_rehash_finds_what_has_been_damaged(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    build(corpus.root, settings)
    for name in (*objects_of(server, "/mel/mel/c/"), *objects_of(server, "zarr.json")):
        damage(server, name)
    report = build(corpus.root, settings | {"tokens": {"max_length": 10}}, replace(ANY, rehash=True))
    assert verify(report.store).problems == ()


def test_a_damaged_header_is_refused_and_replaced_by_force(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    build(corpus.root, settings)
    server.change("stores/KEMDy20/kemfeat.json", b"{}")
    with pytest.raises(StoreError):
        build(corpus.root, settings)
    require_same(build(corpus.root, settings, replace(ANY, force=True)).store, finished)


def test_a_store_of_another_corpus_stays_also_under_force(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any]
) -> None:
    build(corpus.root, settings)
    content = server.content("stores/KEMDy20/kemfeat.json").replace(b'"dataset": "KEMDy20"', b'"dataset": "KEMDy19"')
    server.change("stores/KEMDy20/kemfeat.json", content)
    with pytest.raises((ConfigError, StoreError), match=r"KEMDy19|digest"):
        build(corpus.root, settings, replace(ANY, force=True))


def test_damage_on_the_way_from_a_corpus_is_fetched_again(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    upload(corpus)
    given: list[str] = []

    def damaged(method: str, path: str) -> str | None:
        if method == "GET" and "/corpora/" in path and path not in given:
            given.append(path)
            return "flipped"
        return None

    server.faults.choose = damaged
    require_same(build(CORPUS, settings).store, finished)


def test_a_copy_of_a_corpus_follows_its_bucket(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], tmp_path: Path
) -> None:
    """By tags: within a second an object may be replaced by one of the same size."""
    upload(corpus)
    options = replace(ANY, cache=tmp_path / "cache")
    first = build(CORPUS, settings, options).store
    wav = corpus.wav(corpus.ids[0]).relative_to(corpus.root).as_posix()
    content = bytearray(server.content(f"corpora/KEMDy20/{wav}"))
    content[-2:] = b"\x07\x07"
    server.change(f"corpora/KEMDy20/{wav}", bytes(content))
    assert build(CORPUS, settings, options).store.digest != first.digest
    server.change("corpora/KEMDy20/more", b"x")
    build(CORPUS, settings, options)
    server.change("corpora/KEMDy20/more", None)
    server.change("corpora/KEMDy20/more/inside", b"x")
    assert build(CORPUS, settings, options).up_to_date


def test_markers_of_folders_are_not_files(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    upload(corpus)
    for name in ("", "annotation/", "wav/", "wav/Session01/"):
        server.change(f"corpora/KEMDy20/{name}", b"")
    require_same(build(CORPUS, settings).store, finished)


def test_whoever_may_not_remove_anything_commits_all_the_same(
    server: Server, corpus: TinyCorpus, finished: Store, settings: dict[str, Any]
) -> None:
    server.faults.choose = lambda method, path: "expired" if method in ("DELETE", "POST") else None
    report = build(corpus.root, settings)
    server.faults.reset()
    require_same(report.store, finished)


def test_what_is_staged_by_others_is_not_removed(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(corpus.root, settings)
    taken: list[RemoteClaim] = []

    def take_over(method: str, path: str) -> None:
        if method == "GET" and path.endswith("sources.parquet") and not taken:
            monkeypatch.setattr(remote_claim, "_VOID", 0.0)
            taken.append(RemoteClaim(Bucket(Address(ADDRESS))))
            taken[0].take()
            Bucket(Address(ADDRESS)).write(".building/objects/theirs-1", b"x")

    server.faults.before = take_over
    assert build(corpus.root, settings).up_to_date
    assert taken
    assert "stores/KEMDy20/.building/objects/theirs-1" in server.objects()


@pytest.mark.parametrize("private", ["s3://", "s3:", "*", "bucket"])
def test_not_every_bucket_is_private(private: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kemfeat.toml").write_text(f'[cloud]\nprivate = ["{private}"]\n')
    with pytest.raises(ConfigError, match=r"kemfeat\.toml: expected nothing but \[cloud\]"):
        read_user_settings()


@pytest.mark.parametrize("open_below", ["stores/KEMDy20/.building/*", "stores/KEMDy20/versions/*", "stores/KEMDy20/*"])
def test_a_bucket_that_is_open_in_part_is_refused(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], open_below: str
) -> None:
    server.open_to_all(below=open_below)
    try:
        with pytest.raises(ConfigError, match="everybody can read"):
            build(corpus.root, settings)
    finally:
        server.open_to_all(no_longer=True)


@pytest.mark.parametrize(
    "out", [CORPUS, f"{CORPUS}/store", f"s3://{BUCKET}/corpora", f"{ADDRESS}/versions/0123456789abcdef"]
)
def test_a_store_is_not_built_into_its_corpus_or_a_version(
    server: Server, corpus: TinyCorpus, settings: dict[str, Any], out: str
) -> None:
    upload(corpus)
    before = server.objects()
    with pytest.raises(ConfigError, match=r"is in the corpus, or the corpus in it|is a version of a store"):
        build_store("KEMDy20", root=CORPUS, out=out, settings=settings, options=ANY)
    assert server.objects() == before


@pytest.mark.parametrize("table", ["../../x.csv", "/etc/x.csv", "s3:/bucket/x.csv"])
def test_a_table_of_a_corpus_in_a_bucket_is_in_it(server: Server, corpus: TinyCorpus, table: str) -> None:
    upload(corpus)
    with pytest.raises(ConfigError, match="expected a path in the corpus"):
        build_store("folder", root=CORPUS, out=ADDRESS, table=Path(table), options=ANY)


def test_a_bucket_that_is_not_there(server: Server, corpus: TinyCorpus, settings: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="no such bucket"):
        build_store("KEMDy20", root=corpus.root, out="s3://none/store", settings=settings, options=ANY)


@pytest.mark.parametrize("content", [b"x" * (1 << 17), b"[]", b"not json", b'{"host": "a\\nb", "pid": "\\u001b[31m"}'])
def test_a_claim_that_cannot_be_read_is_void_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    server.change("stores/KEMDy20/.building/claim.json", content)
    with pytest.raises(StoreLockedError) as raised:
        RemoteClaim(Bucket(Address(ADDRESS))).take()
    assert str(raised.value).isprintable()
    monkeypatch.setattr(remote_claim, "_VOID", 0.0)
    RemoteClaim(Bucket(Address(ADDRESS))).take()
