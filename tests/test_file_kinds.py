"""Files that are not what their name says are called what they are; text and sound are not."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.file_kinds import foreign_kind, is_utf16


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("EDA.csv", "1\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (archive(), "a zip archive; unpack"),
        (gzip.compress(b"1\n", mtime=0), "a gzip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a git-LFS pointer; run git lfs pull"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "an AppleDouble file"),
        (b"\n <!DOCTYPE html><title>Log in</title>", "an HTML or XML page"),
        (b"\xef\xbb\xbf<html>", "an HTML or XML page"),
        (b"/annex/objects/SHA256E-s5--abc.txt\n", "a git-annex pointer; run git annex get"),
        (b'{"message":"Not Found"}', "a JSON document"),
        (b'\xef\xbb\xbf[\n  { "error": 403 }\n]', "a JSON document"),
        (b"<Error><Code>AccessDenied</Code></Error>", "an HTML or XML page"),
        (b"404: Not Found", "the answer of a server"),
        (b"{\\rtf1\\ansi hi}", "an RTF document"),
        (b"\x00\x00\x00\x18ftypmp42", "an MP4 file"),
        (b"ID3\x04", "an MP3 file"),
    ],
)
def test_the_kind_is_named(content, kind):
    assert foreign_kind(content).startswith(kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RIFF",
        "id,audio",
        "ID3,a",
        "PAR1: so",
        "OggS",
        "<3 this",
        "<laugh> yes",
        "0.5\n0.25",
        "{laugh} oh",
        "[noise] {",
        "<error> no",
        "/annex",
        "404",
    ],
)
def test_text_and_sound_are_nothing_foreign(text):
    assert foreign_kind(text.encode()) is None


@given(st.text(), st.sampled_from(["utf-16", "utf-8"]))
def test_only_utf_16_has_its_mark(text, encoding):
    assert is_utf16(text.encode(encoding)) == (encoding == "utf-16")
