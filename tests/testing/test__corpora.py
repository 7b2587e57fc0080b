"""Every law of corpora can be broken, and says what was found."""

import os
from pathlib import Path
from typing import Any

import pytest

from kemfeat import plugins
from kemfeat.build import recompute
from kemfeat.corpora import open_reader
from kemfeat.errors import KemfeatError
from kemfeat.testing import LawBroken
from kemfeat.testing import _corpora as laws
from tests.corpora.test_tess import write_small

READER = plugins.find("corpora", "tess")


class Other:
    """A reader, some of whose members are replaced."""

    def __init__(self, inner: Any, **members: Any) -> None:
        self._inner, self._members = inner, members

    def __getattr__(self, name: str) -> Any:
        return self._members[name] if name in self._members else getattr(self._inner, name)


class Bench(laws.Bench):
    """A corpus that is read by a reader of its own."""

    change: Any = None

    def reader(self, reader, root=None):
        opened = open_reader(reader.name, root=root or self.root)
        return type(self).change(opened)


def bench(root, change):
    return type("Changed", (Bench,), {"change": staticmethod(change)})(root)


def naming(**groups):
    return lambda reader: Other(reader, sources=lambda root: {**reader.sources(root), **groups})


def reading(change):
    """A reader whose manifest has another table of utterances."""

    def read(reader, root, **options):
        manifest = reader.read_manifest(root, **options)
        table = change(manifest.utterances)
        return Other(manifest, utterances=table)

    return lambda reader: Other(reader, read_manifest=lambda root, **options: read(reader, root, **options))


def as_listed(reader):
    """A reader whose fingerprint depends on the order in which the system lists a folder."""

    def read(root, **options):
        with os.scandir(root) as found:
            first = next(iter(found)).name
        return Other(reader.read_manifest(root, **options), fingerprint=first)

    return Other(reader, read_manifest=read)


def every_file(reader):
    def sources(root):
        names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return {"annotation": (), "audio": tuple(names), "transcript": ()}

    return Other(reader, sources=sources)


def silent(reader):
    """A reader that reads rubbish without a word."""
    return Other(
        reader,
        sources=lambda root: {**reader.sources(root), "annotation": reader.sources(root)["audio"][:1], "audio": ()},
        read_manifest=lambda root, **options: Other(object(), faults=(), findings=()),
    )


BROKEN = {
    "says who it is and what it brings": (lambda reader: Other(reader, media=("smell",)), "media is"),
    "says what holds for it and what its columns mean": (
        reading(lambda table: table.assign(odd=2)),
        "columns does not say what odd means",
    ),
    "names its files, each once, in order and below the folder": (
        naming(transcript=("../outside.txt",)),
        r"sources: \.\./outside\.txt is outside of the corpus",
    ),
    "has the columns of a manifest": (
        reading(lambda table: table.assign(id=table["id"].iloc[0])),
        "two utterances have one id",
    ),
    "says the same of its films everywhere": (naming(video=()), "do not agree whether there are films"),
    "reads the same in whatever order a folder is listed": (as_listed, "depends on the order"),
    "reads signals as a table of signals": (naming(**{"signals/one": ()}), "1 groups signals/SESSION"),
    "refuses another folder, with its name": (naming(), ""),
    "refuses a link out of the corpus": (every_file, "a link out of the corpus is followed"),
    "says a sentence about a file of rubbish": (silent, "is read without a word"),
    "passes over files that are not of the corpus": (every_file, r"sources names \._droppings\.wav, surprise\.pickle"),
}
ELSEWHERE = {
    "reports findings that are known rules",
    "is built byte for byte again by any number of workers",
    "refuses another folder, with its name",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "TESS"
    write_small(folder)
    return folder


def test_every_law_is_broken_here_or_below():
    assert {*BROKEN, *ELSEWHERE} == set(laws.LAWS)


@pytest.mark.parametrize("law", [law for law in BROKEN if law not in ELSEWHERE])
def test_a_broken_law_says_what_was_found(corpus, law):
    change, told = BROKEN[law]
    with pytest.raises(LawBroken, match=told):
        laws.LAWS[law](READER, bench(corpus, change))
    laws.LAWS[law](READER, laws.Bench(corpus))


def test_a_folder_of_something_else_that_is_read_is_found(corpus):
    with pytest.raises(LawBroken, match="a folder without a corpus is read as one"):
        laws.LAWS["refuses another folder, with its name"](READER, bench(corpus, every_file))


def test_findings_and_stores_that_do_not_hold_are_found(corpus, monkeypatch):
    monkeypatch.setattr(laws, "_RULES", set())
    (corpus / "notes.wav").write_bytes(b"not a recording")
    with pytest.raises(LawBroken, match="has no rule"):
        laws.LAWS["reports findings that are known rules"](READER, laws.Bench(corpus))
    monkeypatch.setattr(laws, "recompute", lambda store, **options: ["mel: another value"])
    assert recompute is not laws.recompute
    with pytest.raises((LawBroken, KemfeatError), match="gives other rows"):
        laws.LAWS["is built byte for byte again by any number of workers"](READER, laws.Bench(corpus))
