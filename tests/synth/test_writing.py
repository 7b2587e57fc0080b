from __future__ import annotations

import wave

import numpy as np
import pytest

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
