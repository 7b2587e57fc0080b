"""kemfeat.film_sound, and kemfeat.media over mp4 files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kemfeat.errors import ConfigError, MediaError
from kemfeat.film_sound import film_sound
from kemfeat.media import decode_audio, read_audio, read_header, scan_header
from kemfeat.waveform import channel_levels
from tests.film_kit import tone, write_mp4

RATE = 48_000


def pitch_of(values: np.ndarray, rate: int) -> float:
    """The strongest frequency."""
    power = np.abs(np.fft.rfft(values * np.hanning(len(values))))
    return float(np.fft.rfftfreq(len(values), 1 / rate)[power.argmax()])


@pytest.mark.parametrize(("pitch", "channels", "rate"), [(220.0, 1, 48_000), (330.0, 2, 44_100), (150.0, 6, 48_000)])
def test_the_sound_of_a_film_is_what_was_written(tmp_path: Path, pitch: float, channels: int, rate: int) -> None:
    written = tone(1.5, pitch=pitch, channels=channels, rate=rate)
    signal = read_audio(write_mp4(tmp_path / "a.mp4", written, rate=rate, pictures=4))
    values = signal.values.reshape(len(signal.values), -1)
    assert (signal.sampling_rate, values.shape[1], values.dtype) == (rate, channels, np.float32)
    assert len(values) / rate == pytest.approx(1.5, abs=0.1)
    assert pitch_of(values[:, 0], rate) == pytest.approx(pitch, abs=2)
    assert channel_levels(signal)[0] == pytest.approx(20 * np.log10(0.4 / np.sqrt(2)), abs=0.5)


def test_channels_keep_their_levels(tmp_path: Path) -> None:
    signal = read_audio(write_mp4(tmp_path / "a.mp4", tone(1.0, pitch=200.0, channels=2)))
    left, right = channel_levels(signal)
    assert left - right == pytest.approx(6.02, abs=0.5)


def test_a_header_says_what_decoding_gives_whatever_the_case_of_the_suffix(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "A.MP4", tone(1.0, pitch=200.0, channels=2))
    header, signal = scan_header(path), read_audio(path)
    assert header == read_header(path.read_bytes(), name=str(path))
    assert (header.frames, header.channels, header.subtype) == (*signal.values.shape, "aac")


def damaged(content: bytes) -> bytes:
    """The sound in the middle is overwritten."""
    middle = content.index(b"mdat") + (content.index(b"moov") - content.index(b"mdat")) // 2
    return content[:middle] + bytes(400) + content[middle + 400 :]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda whole: b"", "is empty"),
        (lambda whole: whole[: len(whole) // 2], "cannot be read as mp4"),
        (lambda whole: b"#EXTM3U\nfile:///etc/hosts\n", "cannot be read as mp4"),
        (lambda whole: b"RIFF" + bytes(40), "cannot be read as mp4"),
        (lambda whole: b"\x00\x05\x16\x07" + bytes(99), "is an AppleDouble file"),
        (damaged, r"its sound is damaged at 0\.\d\d s"),
    ],
)
def test_what_is_not_a_whole_film_is_refused(tmp_path: Path, broken, said: str) -> None:
    whole = write_mp4(tmp_path / "a.mp4", tone(1.0, pitch=200.0)).read_bytes()
    for read in (decode_audio, read_header):
        with pytest.raises(MediaError, match=rf"clip\.mp4: {said}.*; expected .*; copy the file"):
            read(broken(whole), name="clip.mp4")


def test_sound_that_was_cut_off_after_its_header_is_refused(tmp_path: Path) -> None:
    content = write_mp4(tmp_path / "a.mp4", tone(2.0, pitch=200.0), header_first=True).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with pytest.raises(MediaError, match=r"damaged|of the 2\.\d\d s of sound that it announces"):
        film_sound(content[: len(content) // 2], name="clip.mp4")


@pytest.mark.parametrize(("tracks", "said"), [(0, "has no sound"), (2, "has 2 sound tracks")])
def test_a_film_with_no_sound_or_two_is_refused(tmp_path: Path, tracks: int, said: str) -> None:
    path = write_mp4(tmp_path / "a.mp4", *[tone(0.5, pitch=200.0)] * tracks, pictures=4)
    with pytest.raises(MediaError, match=f"{said}; expected an mp4 file with one sound track"):
        read_audio(path)


def test_without_pyav_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_mp4(tmp_path / "a.mp4", tone(0.5, pitch=200.0))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ConfigError, match=r"pip install 'kemfeat\[video\]'"):
        read_audio(path)
