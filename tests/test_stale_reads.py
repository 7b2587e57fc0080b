"""A network disk that lost a handle is asked once more, and no more."""

import errno
import os
from pathlib import Path

import pytest

from kemfeat.corpora.layout import read_file
from kemfeat.errors import CorpusError, MediaError
from kemfeat.media import read_audio, scan_header
from kemfeat.stale_reads import asked_again
from tests.corpora.tiny import wav_bytes


@pytest.fixture
def failing(monkeypatch):
    """Make the next readings of a file fail with an error."""

    def fail(code, *, times):
        left, read_bytes = [times], Path.read_bytes

        def reading(path):
            left[0] -= 1
            if left[0] >= 0:
                raise OSError(code, os.strerror(code), str(path))
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", reading)
        return left

    return fail


@pytest.mark.parametrize("read", [read_audio, read_file, lambda path: asked_again(path, Path.read_bytes)])
def test_a_stale_handle_is_asked_once_more(tmp_path, failing, read):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(0.1))
    failing(errno.ESTALE, times=1)
    assert read(path) is not None


@pytest.mark.parametrize(("read", "error"), [(read_audio, MediaError), (read_file, CorpusError)])
@pytest.mark.parametrize(("code", "asked"), [(errno.ESTALE, 2), (errno.EIO, 1)])
def test_a_disk_that_stays_away_is_a_sentence(tmp_path, failing, read, error, code, asked):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(0.1))
    left = failing(code, times=9)
    with pytest.raises(error, match=rf"a\.wav: cannot be .*{os.strerror(code)}"):
        read(path)
    assert left[0] == 9 - asked


def test_a_header_that_libsndfile_cannot_open_says_what_the_system_says(tmp_path, failing):
    with pytest.raises(MediaError, match="cannot be opened"):
        scan_header(tmp_path / "absent.wav")
    path = tmp_path / "a.wav"
    path.write_bytes(b"")
    failing(errno.ESTALE, times=2)
    with pytest.raises(MediaError, match=os.strerror(errno.ESTALE)):
        scan_header(path)
