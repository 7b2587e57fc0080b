"""Where the files are, and the sentences for where they are not."""

import shutil

import pytest

from kemfeat.corpora._kemdy.tree import session_of
from kemfeat.corpora.kemdy20._manifest import in_session, scan, script_and_speaker, session_recordings
from kemfeat.errors import CorpusError, CorpusLayoutError
from tests.corpora.tiny import write_tiny_kemdy20


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_kemdy20(tmp_path / "한 글 path" / "KEMDy20_v1_1", turns=1, scripts=1)


def refusal(root):
    with pytest.raises(CorpusLayoutError) as caught:
        scan(root)
    return str(caught.value)


def test_every_file_is_listed_once(tiny):
    tree = scan(tiny.root)
    assert tree.annotation == ("annotation/Sess01_eval.csv", "annotation/Sess02_eval.csv")
    assert tree.audio == tuple(f"wav/Session{name[4:6]}/{name}.wav" for name in tiny.ids)
    assert tree.transcript == tuple(f"wav/Session{name[4:6]}/{name}.txt" for name in tiny.ids)
    assert list(tree.signals) == ["Sess01", "Sess02"]
    assert {path.split("/")[0] for path in tree.signals["Sess01"]} == {"EDA", "TEMP", "IBI"}
    assert tree.strays == ()
    listed = {*tree.annotation, *tree.audio, *tree.transcript, *sum(tree.signals.values(), ())}
    on_disk = {path.relative_to(tiny.root).as_posix() for path in tiny.root.rglob("*") if path.is_file()}
    assert listed == on_disk


def test_what_does_not_fit_the_grammar_is_stray(tiny):
    strays = [
        "EDA/notes.txt", "EDA/Session01/Sess01_script01.csv", "annotation/readme.txt", "wav/KESDy20_all_zscore.pickle",
        "wav/Session01/Sess01_script01_User001F_001.pickle", "wav/Session01/._Sess01_script01_User001F_001.wav",
        "wav/Session01/Sess01_script01_User001F_٠٠١.wav", "wav/Session1",
    ]  # fmt: skip
    for stray in strays:
        (tiny.root / stray).write_bytes(b"\x80\x04never opened")
    assert sorted(scan(tiny.root).strays) == sorted(strays)


def test_recordings_of_one_session(tiny):
    found = [(path, medium.name) for path, medium in session_recordings(tiny.root, "Sess02")]
    assert [name for _, name in found] == ["eda", "eda", "temp", "temp", "ibi", "ibi"]
    assert tuple(path for path, _ in found) == scan(tiny.root).signals["Sess02"]
    assert not list(session_recordings(tiny.root, "Sess03"))


@pytest.mark.parametrize("session", ["../..", "Sess1", "Sess01/..", ""])
def test_a_session_is_a_name_not_a_path(tiny, session):
    with pytest.raises(CorpusError, match="expected a name such as 'Sess01'"):
        list(session_recordings(tiny.root, session))


def test_names():
    assert session_of("wav/Session17/Sess42_x.wav") == session_of("annotation/Sess17_eval.csv") == "Sess17"
    assert script_and_speaker("EDA/Session01/Sess01_script02_User001F.csv") == ("script02", "User001F")


def test_no_folder(tmp_path):
    assert "found nothing, expected the folder of KEMDy20" in refusal(tmp_path / "no")
    (tmp_path / "file").touch()
    assert "found a file, expected the folder" in refusal(tmp_path / "file")


def test_an_empty_folder(tmp_path):
    said = refusal(tmp_path)
    assert "keeps annotation/SessNN_eval.csv; found nothing in" in said
    assert "pass --root the folder that contains annotation/ and wav/" in said


def test_the_folder_above(tiny):
    assert f"pass --root {tiny.root}, which contains annotation/" in refusal(tiny.root.parent)


@pytest.mark.parametrize("inside", ["annotation", "wav", "wav/Session01", "EDA"])
def test_a_folder_inside(tiny, inside):
    assert f"pass --root {tiny.root}, which contains annotation/" in refusal(tiny.root / inside)


@pytest.mark.parametrize(("folder", "files"), [("annotation", "SessNN_eval.csv"), ("wav", "SessionNN/<utterance>.wav")])
def test_half_a_copy(tiny, folder, files):
    shutil.rmtree(tiny.root / folder)
    said = refusal(tiny.root)
    assert f"keeps {folder}/{files}; found EDA, IBI, TEMP, " in said
    assert f"copy {folder}/ from the corpus again" in said
    (tiny.root / folder).mkdir()
    assert f"found nothing in {tiny.root / folder}" in refusal(tiny.root)


def test_another_corpus_shows_what_is_there(tiny):
    for number in range(1, 8):
        (tiny.root / f"annotation/Session{number:02}_F_res.csv").touch()
    for path in (tiny.root / "annotation").glob("*_eval.csv"):
        path.unlink()
    assert "found Session01_F_res.csv, Session02_F_res.csv, " in refusal(tiny.root)
    assert "and 2 more" in refusal(tiny.root)


def test_a_link_out_of_the_root_is_refused(tiny, tmp_path):
    outside = tmp_path / "outside.wav"
    tiny.wav(tiny.ids[0]).rename(outside)
    tiny.wav(tiny.ids[0]).symlink_to(outside)
    with pytest.raises(CorpusError, match="a link to"):
        scan(tiny.root)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Sess42_script06_User084F_038", "Sess17_script06_User034F_038"),
        ("Sess42_script06_User083M_001", "Sess17_script06_User033M_001"),
        ("Sess42_script01_User033M_001", "Sess17_script01_User033M_001"),
        ("Sess17_script01_User033M_001", "Sess17_script01_User033M_001"),
    ],
)
def test_a_wrong_session_takes_its_users_along(written: str, read: str) -> None:
    assert in_session(written, "Sess17") == read


def test_a_recording_in_the_folder_of_another_session_is_of_that_session_s_speaker() -> None:
    assert script_and_speaker("TEMP/Session17/Sess42_script06_User084F.csv") == ("script06", "User034F")
