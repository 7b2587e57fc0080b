"""Building in a bucket, of a corpus in a folder or in a bucket: the same store, whoever is killed on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kemfeat.build import BuildOptions, BuildReport, build_store
from kemfeat.errors import ConfigError, CorpusError, ExtractionError, KemfeatError, StoreError, StoreLockedError
from kemfeat.store import remote_claim, schema
from kemfeat.store.address import Address
from kemfeat.store.bucket import Bucket
from kemfeat.store.reader import Store, open_store
from kemfeat.store.remote_claim import RemoteClaim
from kemfeat.store.verify import verify
from tests.cloud.conftest import ADDRESS
from tests.cloud.server import BUCKET, Server, some
from tests.corpora.tiny import TinyCorpus
from tests.e2e.command import kemfeat, sentence

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
