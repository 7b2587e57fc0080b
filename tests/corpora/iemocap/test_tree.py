"""Where the files are, and the sentences for where they are not."""

import shutil

import pytest

from kemfeat.corpora.iemocap._tree import DIALOG, UTTERANCE, scan
from kemfeat.errors import CorpusError, CorpusLayoutError
from tests.corpora.tiny_iemocap import DIALOGS, write_tiny_iemocap


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_iemocap(tmp_path / "above" / "IEMOCAP_full release")


def refusal(root):
    with pytest.raises(CorpusLayoutError) as caught:
        scan(root)
    return str(caught.value)


def test_every_file_is_listed_once(tiny):
    tree = scan(tiny.root)
    assert [tiny.root / path for path in tree.evaluations] == [tiny.evaluation(dialog) for dialog in DIALOGS]
    assert [tiny.root / path for path in tree.transcriptions] == [tiny.transcription(dialog) for dialog in DIALOGS]
    assert [tiny.root / path for path in tree.audio] == [tiny.wav(name) for name in tiny.ids]
    listed = [*tree.evaluations, *tree.transcriptions, *tree.audio, *tree.dialog_audio, *tree.videos]
    on_disk = {path.relative_to(tiny.root).as_posix() for path in tiny.root.rglob("*") if path.is_file()}
    assert len(listed) == len(on_disk)
    assert set(listed) == on_disk
    assert tree.strays == []


def test_what_does_not_fit_the_grammar_is_stray(tiny):
    strays = [
        "dialog/EmoEvaluation/._Ses01F_impro01.txt", "dialog/EmoEvaluation/Ses02F_impro01.txt",
        "dialog/transcriptions/._Ses01F_impro01.txt", "dialog/wav/._Ses01F_impro01.wav",
        "dialog/avi/DivX/._Ses01F_impro01.avi", "sentences/wav/._Ses01F_impro01", "sentences/wav/readme.txt",
        "sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav",
        "sentences/wav/Ses01F_impro01/Ses01M_impro01_F000.wav", "sentences/wav/Ses01F_impro01/notes.pickle",
    ]  # fmt: skip
    for stray in strays:
        (tiny.root / "Session1" / stray).write_bytes(b"\x00\x05\x16\x07 never opened")
    for folder in ("Attribute", "Categorical", "Self-evaluation"):
        (tiny.root / "Session1/dialog/EmoEvaluation" / folder).mkdir()
    (tiny.root / "._Session1").write_bytes(b"")
    (tiny.root / "Documentation").mkdir()
    assert sorted(scan(tiny.root).strays) == sorted(f"Session1/{stray}" for stray in strays)


@pytest.mark.parametrize("name", ["Ses01F_impro01", "Ses03M_impro05a", "Ses05F_script01_1b", "Ses05M_script03_2"])
def test_names(name):
    assert DIALOG.fullmatch(name)
    assert UTTERANCE.fullmatch(f"{name}_M007").groups() == (name, "M")


@pytest.mark.parametrize("name", ["Ses06F_impro01", "Ses01X_impro01", "Ses01F_impro1", "Ses01F_impro0\u0661", "../x"])
def test_no_names(name):
    assert not DIALOG.fullmatch(name)


def test_no_folder(tmp_path):
    assert "found nothing, expected the folder of IEMOCAP, which contains Session1/ to Session5/" in refusal(
        tmp_path / "no"
    )
    (tmp_path / "file").touch()
    assert "found a file" in refusal(tmp_path / "file")


def test_an_empty_folder(tmp_path):
    said = refusal(tmp_path)
    assert "keeps SessionN/dialog/EmoEvaluation/<dialog>.txt; found nothing in" in said
    assert said.endswith("pass --root the folder that contains Session1/ to Session5/")


def test_the_folder_above(tiny):
    assert f"pass --root {tiny.root}, which contains the sessions" in refusal(tiny.root.parent)


@pytest.mark.parametrize("inside", ["Session1", "Session2/dialog/wav", "Session1/sentences/wav/Ses01F_impro01"])
def test_a_folder_inside(tiny, inside):
    assert f"pass --root {tiny.root}, which contains the sessions" in refusal(tiny.root / inside)


@pytest.mark.parametrize("folder", ["dialog/EmoEvaluation", "sentences/wav"])
def test_half_a_copy(tiny, folder):
    for session in ("Session1", "Session2"):
        shutil.rmtree(tiny.root / session / folder)
    said = refusal(tiny.root)
    assert f"keeps SessionN/{folder}/" in said
    assert "found Session1, Session2 in" in said
    assert f"copy SessionN/{folder}/ from the corpus again" in said


def test_sessions_may_be_absent(tiny):
    shutil.rmtree(tiny.root / "Session1")
    assert [path[:8] for path in scan(tiny.root).evaluations] == ["Session2"]


def test_a_link_out_of_the_root_is_refused(tiny, tmp_path):
    outside = tmp_path / "outside.wav"
    tiny.wav(tiny.ids[0]).rename(outside)
    tiny.wav(tiny.ids[0]).symlink_to(outside)
    with pytest.raises(CorpusError, match="a link to"):
        scan(tiny.root)
