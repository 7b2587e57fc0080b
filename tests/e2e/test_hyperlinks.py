"""The path of what was written is a hyperlink at a terminal that shows them, and plain text elsewhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from tests.e2e.command import at_terminal, kemfeat

LINK = re.compile("\x1b\\]8;;([^\x1b]*)\x1b\\\\([^\x1b]*)\x1b\\]8;;\x1b\\\\")


def links(*command, **where):
    """The address and the text of every hyperlink that a command shows at a terminal."""
    code, shown = at_terminal(*command, **{"NO_COLOR": "", **where})
    assert code == 0, shown
    return LINK.findall(shown)


def split_of(store, out):
    return ("split", store, "--scheme", "speaker", "--folds", 2, "--labels", "annotated", "--out", out)


@pytest.mark.parametrize("name", ["a split.parquet", "감정.parquet", "[link=x]%20#?.parquet"])
def test_a_link_leads_to_the_file_whatever_its_name_is(finished, tmp_path, name):
    [(address, text)] = links(*split_of(finished.out, name), cwd=tmp_path)
    parsed = urlparse(address)
    assert (parsed.scheme, parsed.query, parsed.fragment) == ("file", "", "")
    assert address.isascii()
    assert text == name
    assert Path(unquote(parsed.path)) == tmp_path / name
    assert (tmp_path / name).is_file()


def test_a_name_cannot_end_the_link_or_steer_the_terminal(finished, tmp_path):
    hostile = "x\x1b]8;;\x1b\\\x07y.parquet"
    code, shown = at_terminal(*split_of(finished.out, hostile), cwd=tmp_path, NO_COLOR="")
    assert (code, len(LINK.findall(shown))) == (0, 1)
    assert not {"\x1b", "\x07"} & set(LINK.sub("", shown))


def test_other_results_are_links_too(finished, tmp_path):
    [(address, _)] = links("report", finished.out, "--out", "page.html", cwd=tmp_path)
    assert address == (tmp_path / "page.html").as_uri()
    [(address, _)] = links("analyze", "balance", finished.out, "--out", "balance", cwd=tmp_path)
    assert address == (tmp_path / "balance").as_uri()
    [(address, _)] = links("export", finished.out, "--to", "tsv-npy", "--out", "rows", "--no-progress", cwd=tmp_path)
    assert address == (tmp_path / "rows").as_uri()


@pytest.mark.parametrize("where", [{"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}])
def test_a_terminal_without_links_is_given_none(finished, tmp_path, where):
    assert links(*split_of(finished.out, "s.parquet"), cwd=tmp_path, **where) == []


def test_a_program_is_given_plain_text(finished, tmp_path):
    said = kemfeat(*split_of(finished.out, "s.parquet"), cwd=tmp_path, FORCE_COLOR="", TERM="xterm")
    assert "\x1b" not in said.out
    assert said.out.splitlines()[-1].startswith("s.parquet, digest ")
