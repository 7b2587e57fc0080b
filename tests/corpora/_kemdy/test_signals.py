"""A file of physiology in another format is an error that names it, in both corpora; an empty one is not."""

import gzip

import pytest

from kemfeat.corpora import kemdy19, kemdy20
from kemfeat.corpora._kemdy.signals import unreadable
from kemfeat.errors import CorpusError
from tests.corpora.tiny import stamp, write_tiny_kemdy20
from tests.corpora.tiny19 import write_tiny_kemdy19

FOREIGN = {
    "a zip archive": b"PK\x03\x04\x00\x00EDA.csv",
    "a gzip archive": gzip.compress(b"1\n", mtime=0),
    "an HTML or XML page": b"<!DOCTYPE html><html>Log in</html>",
    "a git-LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "a UTF-16 text": f"1560279825.0\n4.0\n0.5,{stamp(0.0)}\n".encode("utf-16"),
    "no line can be read": b"1560279825.0\n4.0\n0.5,2020-08-21 11:28\n",
}


@pytest.fixture(params=["KEMDy19", "KEMDy20"])
def corpus(request, tmp_path):
    """A reader, its corpus, and a file of EDA in it."""
    if request.param == "KEMDy19":
        return kemdy19.READER, write_tiny_kemdy19(tmp_path).root, "EDA/Session01/Original/Sess01F.csv"
    return kemdy20.READER, write_tiny_kemdy20(tmp_path).root, "EDA/Session01/Sess01_script01_User001F.csv"


@pytest.mark.parametrize("found", FOREIGN)
def test_another_format_is_an_error_that_names_it(corpus, found):
    reader, root, path = corpus
    assert (root / path).is_file()
    (root / path).write_bytes(FOREIGN[found])
    with pytest.raises(CorpusError, match=rf"{path}: .*{found}"):
        reader.read_manifest(root)
    skipped = {finding.rule: finding for finding in reader.read_manifest(root, on_error="skip").findings}
    assert skipped["unreadable-recording"].severity == "error"
    assert skipped["unreadable-recording"].count == 1
    _, findings = reader.read_signals(root, "Sess01")
    assert not {"bad-physiology-line", "empty-physiology"} & {finding.rule for finding in findings}


@pytest.mark.parametrize("content", [b"", b"\n", b"1560279825.0\n4.0\n", b"x, IBI\n"])
def test_a_file_without_rows_has_no_other_format(corpus, content):
    reader, root, path = corpus
    assert unreadable(content) is None
    (root / path).write_bytes(content)
    assert "unreadable-recording" not in {finding.rule for finding in reader.read_manifest(root).findings}
    assert "empty-physiology" in {finding.rule for finding in reader.read_signals(root, "Sess01")[1]}
