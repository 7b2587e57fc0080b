from __future__ import annotations

import errno
import wave

import numpy as np
import pytest

from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.synth import writing
from kemfeat.synth.kemdy20 import SYNTH
from kemfeat.synth.writing import write_folder, write_wav


@pytest.mark.parametrize("shape", [(100,), (100, 1), (100, 2)])
def test_a_wav_reads_back_with_its_channels(tmp_path, shape):
    samples = np.arange(np.prod(shape), dtype=np.int16).reshape(shape) - 50
    write_wav(tmp_path / "a.wav", samples)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (samples.size // 100, 2, 16000, 100)
        assert np.array_equal(np.frombuffer(file.readframes(100), dtype="<i2"), samples.ravel())


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    with pytest.raises(FileExistsError):
        write_folder(tmp_path / "annotation", {"a.csv": b"1", "a.csv/b.csv": b"2"})
    assert not (tmp_path / "annotation").exists()
    write_folder(tmp_path / "tokenizer", {"a.json": b"{}"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "tokenizer").iterdir()} == {"a.json": b"{}"}
    assert not (tmp_path / "tokenizer.partial").exists()


def _real_corpus(path):
    (path / "annotation").mkdir(parents=True)


def _file(path):
    path.write_text("mine", encoding="utf-8")


def _dangling_link(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (_real_corpus, r"is not empty \(found annotation\)"),
        (_file, "is not a folder"),
        (_dangling_link, "is a link to nothing"),
    ],
)
def test_nothing_is_written_over_and_no_advice_destroys(tmp_path, made, found):
    made(tmp_path / "KEMDy20")
    with pytest.raises(ConfigError, match=f"KEMDy20: {found}.*choose an absent or empty folder with --out") as refused:
        SYNTH.write(tmp_path / "KEMDy20", utterances=12, sessions=1)
    assert not any(word in str(refused.value) for word in ("delete", "remove", "empty it"))


def test_a_full_disk_leaves_the_folder_and_names_another(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "_write_tokenizer", full)
    with pytest.raises(StoreWriteError, match=r"free space.*another --out; .*out is left unfinished") as refused:
        SYNTH.write(tmp_path / "out", utterances=12, sessions=1)
    assert "delete" not in str(refused.value)
    assert (tmp_path / "out/SYNTHETIC.txt").is_file()
