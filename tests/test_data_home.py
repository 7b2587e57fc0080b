"""Where a corpus is looked for, in which order, and what is said when it is nowhere."""

import pytest

from kemfeat.data_home import VARIABLE, find_root
from kemfeat.errors import CorpusLayoutError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to stand in, with nothing set."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


def test_what_the_user_says_is_taken_as_it_is(here, tmp_path):
    (here / "KEMDy20").mkdir()
    other = tmp_path / "다른 곳"
    other.mkdir()
    assert find_root("KEMDy20", root=other) == other


@pytest.mark.parametrize(("make", "said"), [(None, "does not exist"), ("write_text", "is a file")])
def test_what_the_user_says_must_be_a_folder(here, make, said):
    if make:
        (here / "corpus").write_text("")
    with pytest.raises(CorpusLayoutError, match=f"corpus: {said}; pass --root the folder of the corpus"):
        find_root("KEMDy20", root=here / "corpus")


def test_the_variable_comes_before_data_and_data_before_here(here, tmp_path, monkeypatch):
    far = tmp_path / "far"
    for folder in (far / "KEMDy20", here / "data" / "KEMDy20", here / "KEMDy20"):
        folder.mkdir(parents=True)
    monkeypatch.setenv(VARIABLE, str(far))
    found = []
    for folder in (far / "KEMDy20", here / "data" / "KEMDy20", here / "KEMDy20"):
        found.append(find_root("KEMDy20").resolve())
        folder.rmdir()
    assert found == [far / "KEMDy20", here / "data" / "KEMDy20", here / "KEMDy20"]
    with pytest.raises(CorpusLayoutError):
        find_root("KEMDy20")


@pytest.mark.parametrize(
    "name", ["KEMDy20", "kemdy20", "KEMDY20_v1.1", "KEMDy20v1.2", "KEMDy20 복사본", "KEMDy20-full"]
)
def test_the_name_may_go_on_and_its_case_does_not_matter(here, name):
    (here / name).mkdir()
    assert find_root("KEMDy20").name == name
    assert find_root("kemdy20").name == name


def test_the_newest_release_is_taken(here):
    for name in ("KEMDy20_v1_0", "KEMDy20_v1_2", "KEMDy20_v1_1"):
        (here / name).mkdir()
    assert find_root("KEMDy20").name == "KEMDy20_v1_2"


def test_files_and_other_corpora_are_passed_over(here):
    (here / "KEMDy20.zip").write_text("")
    (here / "KEMDy19").mkdir()
    (here / "my_KEMDy20").mkdir()
    (here / "KEMDy2019").mkdir()
    (here / "KEMDy20video").mkdir()
    with pytest.raises(CorpusLayoutError):
        find_root("KEMDy20")
    (here / "KEMDy20").mkdir()
    assert find_root("KEMDy20").name == "KEMDy20"


def test_a_miss_names_every_place_looked_at(here, tmp_path, monkeypatch):
    with pytest.raises(CorpusLayoutError) as caught:
        find_root("KEMDy20")
    assert str(caught.value) == (
        "no folder of KEMDy20 found: looked at data/KEMDy20*, KEMDy20* ($KEMFEAT_DATA is not set); "
        "pass --root the folder of the corpus"
    )
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(CorpusLayoutError, match=r"looked at \S+/nowhere/KEMDy20\*, data/KEMDy20\*, KEMDy20\*; pass"):
        find_root("KEMDy20")


def test_a_corpus_of_ones_own_is_nowhere_by_itself(here):
    with pytest.raises(CorpusLayoutError, match="--dataset folder needs --root"):
        find_root("folder")


@pytest.mark.parametrize("said", ["variable", "root"])
def test_a_place_that_the_disk_refuses_is_a_sentence(here, monkeypatch, said):
    long = here / ("x" * 300)
    monkeypatch.setenv(VARIABLE, str(long))
    with pytest.raises(CorpusLayoutError, match=r"xxx: cannot be listed \(File name too long\); .*another folder"):
        find_root("KEMDy20", root=long if said == "root" else None)


def test_an_empty_variable_is_no_variable(here, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    with pytest.raises(CorpusLayoutError, match="is not set"):
        find_root("KEMDy20")
