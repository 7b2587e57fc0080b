"""Where KEMDy19's files are, one folder deeper than KEMDy20's, and what lies beside them."""

import pytest

from kemfeat.corpora.kemdy19._tree import place_of, scan, session_recordings, speaker_of
from kemfeat.errors import CorpusError, CorpusLayoutError
from tests.corpora.tiny import write_tiny_kemdy20
from tests.corpora.tiny19 import write_tiny_kemdy19


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_kemdy19(tmp_path / "한 글 path" / "KEMDy19", turns=1)


def test_every_file_is_listed_once(tiny):
    tree = scan(tiny.root)
    assert tree.annotation == tuple(
        f"annotation/Session{session}_{sex}_res.csv" for session in ("01", "02") for sex in "FM"
    )
    assert sorted(tree.audio) == sorted(f"{place_of(name)}.wav" for name in tiny.ids)
    assert sorted(tree.transcript) == sorted(f"{place_of(name)}.txt" for name in tiny.ids)
    assert tree.signals["Sess02"] == tuple(
        f"{folder}/Session02/Original/Sess02{sex}.csv" for folder in ("EDA", "TEMP", "ECG") for sex in "FM"
    )
    assert tree.strays == ()
    listed = {*tree.annotation, *tree.audio, *tree.transcript, *sum(tree.signals.values(), ())}
    assert listed == {path.relative_to(tiny.root).as_posix() for path in tiny.root.rglob("*") if path.is_file()}


STRAYS = [
    "ECG/Processed", "ECG/Session01/Processed", "ECG/Session01/Original/Sess01F_seg.csv", "ECG_NAdelete", "EDA_old",
    "EDA/Session01/Original/Sess02F.csv", "annotation/Session01_res.csv", "wav/Session01/Sess01_script01.pickle",
    "wav/Session01/Sess01_script01/Sess01_impro01_F001.wav", "wav/Session01/Sess02_script01",
    "wav/Session01/Sess01_script01/._Sess01_script01_F001.wav", "wav/Session01/Sess01_script01/Sess01_script01_X1.wav",
]  # fmt: skip


def test_users_own_products_and_misplaced_files_are_stray(tiny):
    for stray in STRAYS:
        (tiny.root / stray).write_bytes(b"\x80\x04never opened")
    tree = scan(tiny.root)
    assert sorted(tree.strays) == sorted(STRAYS)
    assert [path for path, _ in session_recordings(tiny.root, "Sess01")] == list(tree.signals["Sess01"])


def test_the_folder_of_another_scene_or_session_holds_strays(tiny):
    (tiny.root / "wav/Session01/Sess02_script01").mkdir()
    misplaced = tiny.root / "wav/Session01/Sess02_script01/Sess02_script01_F001.wav"
    misplaced.write_bytes(b"")
    assert scan(tiny.root).strays == (misplaced.relative_to(tiny.root).as_posix(),)


def test_recordings_of_one_session(tiny):
    found = [(path, medium.name) for path, medium in session_recordings(tiny.root, "Sess02")]
    assert [name for _, name in found] == ["eda", "eda", "temp", "temp", "ecg", "ecg"]
    assert speaker_of(found[-1][0]) == "Sess02M"
    assert not list(session_recordings(tiny.root, "Sess03"))


@pytest.mark.parametrize("session", ["../..", "Sess1", "Sess01/..", ""])
def test_a_session_is_a_name_not_a_path(tiny, session):
    with pytest.raises(CorpusError, match="expected a name such as 'Sess01'"):
        list(session_recordings(tiny.root, session))


def test_another_corpus_is_refused_by_its_name(tmp_path):
    other = write_tiny_kemdy20(tmp_path, sessions=(1,), scripts=1, turns=1)
    with pytest.raises(
        CorpusLayoutError, match=r"KEMDy19 keeps annotation/SessionNN_F_res\.csv and .*found Sess01_eval"
    ):
        scan(other.root)
    with pytest.raises(CorpusLayoutError, match="expected the folder of KEMDy19"):
        scan(tmp_path / "nothing")


@pytest.mark.parametrize("part", ["wav/Session01/Sess01_impro01", "wav/Session02", "ECG/Session01/Original"])
def test_a_link_out_of_the_root_is_refused(tiny, tmp_path, part):
    (tiny.root / part).rename(tmp_path / "outside")
    (tiny.root / part).symlink_to(tmp_path / "outside", target_is_directory=True)
    with pytest.raises(CorpusError, match="a link to"):
        scan(tiny.root)
