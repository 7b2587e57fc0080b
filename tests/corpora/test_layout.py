"""Listing never leaves the root."""

import os
import re

import pandas as pd
import pytest

from kemfeat.corpora.layout import (
    entries,
    is_folder,
    list_files,
    list_folders,
    nearby,
    read_file,
    require_folder,
    show_contents,
    source_file,
)
from kemfeat.errors import CorpusError, CorpusLayoutError

TXT = re.compile(r"[a-z]\.txt")


def test_fitting_names_and_others_are_sorted(tmp_path):
    for name in ("b.txt", "a.txt", "A.txt", "x.pickle"):
        (tmp_path / name).touch()
    (tmp_path / "c.txt").mkdir()
    assert list_files(tmp_path, TXT, root=tmp_path) == (("a.txt", "b.txt"), ("A.txt", "c.txt", "x.pickle"))
    assert list_folders(tmp_path, TXT, root=tmp_path).fitting == ("c.txt",)


def test_an_absent_folder_holds_nothing(tmp_path):
    assert list_files(tmp_path / "no", TXT, root=tmp_path) == ((), ())
    assert not is_folder(tmp_path / "no")
    assert not is_folder(tmp_path / ("x" * 300))


def test_a_link_out_of_the_root_is_refused_and_one_inside_is_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "secret.txt"
    root.mkdir()
    outside.write_text("secret")
    (root / "a.txt").write_text("a")
    (root / "b.txt").symlink_to("a.txt")
    assert list_files(root, TXT, root=root).fitting == ("a.txt", "b.txt")
    (root / "c.txt").symlink_to(outside)
    with pytest.raises(CorpusError, match=r"c\.txt: a link to .*secret\.txt, outside"):
        list_files(root, TXT, root=root)


def test_a_folder_that_is_a_link_out_of_the_root_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root" / "wav").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(CorpusError, match="outside the corpus"):
        list_files(tmp_path / "root" / "wav", TXT, root=tmp_path / "root")


def test_the_root_itself_may_be_a_link_and_files_may_be_hard_links(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "original").write_text("x")
    os.link(tmp_path / "original", tmp_path / "real" / "a.txt")
    (tmp_path / "root").symlink_to(tmp_path / "real", target_is_directory=True)
    assert list_files(tmp_path / "root", TXT, root=tmp_path / "root").fitting == ("a.txt",)


def test_a_pipe_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "a.txt")
    assert list_files(tmp_path, TXT, root=tmp_path) == ((), ("a.txt",))


def test_a_link_to_itself_is_no_file(tmp_path):
    (tmp_path / "a.txt").symlink_to("a.txt")
    assert list_files(tmp_path, TXT, root=tmp_path) == ((), ("a.txt",))


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CorpusError, match="cannot be read"):
        read_file(tmp_path)
    with pytest.raises(CorpusError, match="cannot be listed"):
        entries(tmp_path / "no")


def test_contents_are_shown_sorted_and_cut(tmp_path):
    assert show_contents(tmp_path) == "nothing"
    for name in "gfedcba":
        (tmp_path / name).touch()
    assert show_contents(tmp_path) == "a, b, c, d, e and 2 more"


def test_a_root_must_be_a_folder(tmp_path):
    (tmp_path / "file").touch()
    require_folder(tmp_path, corpus="X", holds="wav/")
    for name, found in (("file", "a file"), ("no", "nothing")):
        with pytest.raises(CorpusLayoutError, match=f"found {found}, expected the folder of X, which contains wav/"):
            require_folder(tmp_path / name, corpus="X", holds="wav/")


def test_a_corpus_nearby(tmp_path):
    def is_corpus(folder):
        return (folder / "wav").is_dir()

    corpus = tmp_path / "a" / "corpus"
    (corpus / "wav" / "Session01").mkdir(parents=True)
    (corpus / "notes.txt").touch()
    assert nearby(corpus / "wav" / "Session01", is_corpus=is_corpus, above=2) == corpus
    assert nearby(corpus / "wav" / "Session01", is_corpus=is_corpus, above=1) is None
    assert nearby(tmp_path / "a", is_corpus=is_corpus, above=0) == corpus
    assert nearby(tmp_path, is_corpus=is_corpus, above=1) is None


@pytest.mark.parametrize("name", ["a\0b.wav", "loop.wav"])
def test_a_path_that_leads_nowhere_is_a_sentence(tmp_path, name):
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    sources = pd.DataFrame({"path": [name], "size": [1]})
    with pytest.raises(CorpusError, match="leads nowhere"):
        source_file(tmp_path, name, sources=sources)
