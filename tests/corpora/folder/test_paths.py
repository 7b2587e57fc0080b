"""Paths of a user's own table: spelled in many ways, found below the root, and nowhere else."""

import os
import unicodedata
from pathlib import Path

import pytest

from kemfeat.corpora.folder._paths import Files, relative_path
from kemfeat.errors import CorpusError

WHERE = "sub/utterances.csv"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("./a//b/./c d.wav", "a/b/c d.wav"),
        ("..a/b..c", "..a/b..c"),
        ("wav\\a\\b.wav", "wav/a/b.wav"),
        ("/data/corpus/wav/a.wav", "wav/a.wav"),
        (unicodedata.normalize("NFD", "음성/가.wav"), "음성/가.wav"),
    ],
)
def test_paths_are_normal(text, path):
    assert relative_path(text, where=WHERE, root=Path("/data/corpus")) == path


def test_a_root_behind_a_link_is_the_root(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for root in (tmp_path / "real", tmp_path / "link"):
        assert relative_path(f"{tmp_path}/real/a.wav", where=WHERE, root=root) == "a.wav"
    with pytest.raises(CorpusError, match="expected one below the root"):
        relative_path(f"{tmp_path}/other/a.wav", where=WHERE, root=tmp_path / "real")


@pytest.mark.parametrize("folder_form", ["NFC", "NFD"])
@pytest.mark.parametrize("name_form", ["NFC", "NFD"])
@pytest.mark.parametrize("cell_form", ["NFC", "NFD"])
def test_names_are_found_in_either_form_of_unicode(folder_form, name_form, cell_form, tmp_path):
    folder, name = unicodedata.normalize(folder_form, "음성"), unicodedata.normalize(name_form, "가é.wav")
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).touch()
    path = relative_path(unicodedata.normalize(cell_form, "음성/가é.wav"), where=WHERE, root=tmp_path)
    assert Files(tmp_path, "t.csv").find(path, line=2, column="audio") == f"{folder}/{name}"
    assert Files(tmp_path, "t.csv").find("음성/나.wav", line=2, column="audio") is None


def test_files_are_found_below_the_root_and_links_out_of_it_refused(tmp_path):
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (tmp_path / "rooted").mkdir()
    for path in (root / "in/a.wav", tmp_path / "b.wav", tmp_path / "rooted/c.wav"):
        path.touch()
    (root / "same.wav").symlink_to("in/a.wav")
    (root / "out.wav").symlink_to(tmp_path / "b.wav")
    (root / "beside").symlink_to(tmp_path / "rooted", target_is_directory=True)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    for base in (root, tmp_path / "link"):
        files = Files(base, "t.csv")
        assert [files.find(path, line=2, column="audio") for path in ("in/a.wav", "same.wav")] == [
            "in/a.wav",
            "same.wav",
        ]
        lacking = ("in", "no.wav", "pipe", "loop", "in/a.wav/b", "x" * 300)
        assert not any(files.find(path, line=2, column="audio") for path in lacking)
        for path in ("out.wav", "beside/c.wav"):
            with pytest.raises(CorpusError, match=rf"^t\.csv:7 column eda: {path} leads by a link to .*outside"):
                files.find(path, line=7, column="eda")
