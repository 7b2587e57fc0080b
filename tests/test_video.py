"""Films: an oracle for which frame is decoded when, and every broken file as a sentence."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat import video
from kemfeat.errors import ConfigError, CorpusError, MediaError
from kemfeat.records import Shots
from kemfeat.video import Frame, measured, open_film, shoot, write_avi
from tests.film_kit import BROKEN, FRAME_RATE, cut_off, number_in, pattern, write_pattern

av = pytest.importorskip("av", reason="the extra `video` is not installed")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pattern(tmp_path_factory.mktemp("film") / "film.avi", frames=45)


def read(path: Path) -> tuple[list[float], list[int], str]:
    """Times and numbers of all frames, and what ended the film."""
    with open_film(path, name="film.avi") as opened:
        frames = [(frame.time, number_in(frame.picture)) for frame in opened.frames()]
        return [time for time, _ in frames], [number for _, number in frames], opened.damage


def test_every_frame_is_decoded_at_its_time(film: Path) -> None:
    times, numbers, damage = read(film)
    assert numbers == list(range(45))
    np.testing.assert_allclose(times, np.arange(45) / FRAME_RATE, atol=1e-9)
    assert damage == ""
    assert measured(film, name="film.avi") == pytest.approx(4.5)


def test_reordered_frames_have_the_times_of_those_that_are_not(film: Path, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "b.avi"), mode="w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 360, 240, "yuv420p", 1_000_000
        stream.codec_context.max_b_frames = 2
        for each in pattern(45):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(each, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(tmp_path / "b.avi")) as container:
        assert av.video.frame.PictureType.B in {frame.pict_type for frame in container.decode(video=0)}
    times, numbers, _ = read(tmp_path / "b.avi")
    expected, _, _ = read(film)
    assert numbers == list(range(45))
    np.testing.assert_allclose(times, expected, atol=1e-9)


def test_a_film_is_the_same_bytes_each_time(film: Path, tmp_path: Path) -> None:
    again = write_pattern(tmp_path / "again.avi", frames=45)
    assert again.read_bytes() == film.read_bytes()


def test_what_is_cut_off_is_missing_and_the_rest_is_right(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.avi"
    path.write_bytes(film.read_bytes())
    cut_off(path)
    _, numbers, _ = read(path)
    assert 5 < len(numbers) < 40
    assert numbers == list(range(len(numbers)))
    assert measured(path, name="cut.avi") == pytest.approx(len(numbers) / FRAME_RATE, abs=1.01 / FRAME_RATE)


@pytest.mark.parametrize("place", [*range(12_000, 34_000, 1_571), 27_419])
def test_after_damage_no_frame_is_made_up_or_shown_at_another_time(film: Path, tmp_path: Path, place: int) -> None:
    content = bytearray(film.read_bytes())
    content[place : place + 1500] = np.random.default_rng(place).bytes(1500)
    path = tmp_path / "film.avi"
    path.write_bytes(content)
    times, numbers, damage = read(path)
    assert damage.startswith("is damaged at ")
    assert 5 < len(numbers) < 45
    assert numbers == list(range(len(numbers)))
    np.testing.assert_allclose(times, np.arange(len(numbers)) / FRAME_RATE, atol=1e-9)


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_film_is_refused_in_a_sentence(
    film: Path, tmp_path: Path, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "film.avi"
    path.write_bytes(film.read_bytes())
    damage, said = BROKEN[how]
    damage(path)
    for reads in (lambda: measured(path, name="a/film.avi"), lambda: read(path)):
        with pytest.raises(MediaError, match=rf"film\.avi: (?:{said}).*expected an avi file") as refused:
            reads()
        assert str(tmp_path) not in str(refused.value)
    assert capfd.readouterr().err == ""


def test_a_film_without_a_frame_is_refused(tmp_path: Path) -> None:
    path = write_pattern(tmp_path / "one.avi", frames=1)
    content = path.read_bytes()
    place = content.index(b"movi") + 12
    path.write_bytes(content[:place] + bytes(len(content) - place))
    with pytest.raises(MediaError, match=r"one\.avi: .*first frame can be decoded|one\.avi: .*expected an avi file"):
        measured(path, name="one.avi")


@pytest.mark.parametrize("place", [0, 12_000, 37_000], ids=["at once", "while decoding", "in the index"])
def test_an_error_of_the_disk_is_no_damage(film: Path, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            if self.tell() >= place and self.tell() - len(content) <= place:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return content

    @contextlib.contextmanager
    def opened(path: Path, name: str) -> Iterator[io.BytesIO]:
        yield Failing(path.read_bytes())

    monkeypatch.setattr(video, "_opened", opened)
    with pytest.raises(
        CorpusError, match=r"film\.avi: cannot be read \(Input/output error\).*run the same command again"
    ):
        read(film)


def test_a_pipe_and_a_folder_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.avi")
    (tmp_path / "folder.avi").mkdir()
    for name in ("pipe.avi", "folder.avi"):
        with pytest.raises(MediaError, match=f"{name}: is not a regular file"):
            measured(tmp_path / name, name=name)


def test_without_pyav_it_says_what_to_install(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (
        lambda: measured(film, name="film.avi"),
        lambda: write_avi(tmp_path / "x.avi", [], frame_rate=5, bit_rate=9),
    ):
        with pytest.raises(ConfigError, match=r"needs PyAV.*pip install 'kemfeat\[video\]'"):
            use()


def frames_at(times: list[float]) -> list[Frame]:
    """Frames whose every pixel is their place."""
    return [
        Frame(time, lambda place=place: np.full((2, 2, 3), place, dtype=np.uint8)) for place, time in enumerate(times)
    ]


def nearest(times: list[float], wanted: float, period: float) -> int | None:
    """What shoot is to choose, by looking at all frames."""
    if wanted >= times[-1] + period:
        return None
    return min(range(len(times)), key=lambda place: (abs(times[place] - wanted), times[place]))


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=30),
    st.lists(st.lists(st.integers(0, 900), max_size=12), min_size=1, max_size=4),
)
def test_the_nearest_frame_is_taken_in_one_pass(steps: list[int], asked: list[list[int]]) -> None:
    times = [float(time) / 10 for time in np.cumsum(steps)]
    wanted = [Shots(times=np.array(some, dtype=np.float64) / 10, cut=np.array, side="whole") for some in asked]
    taken = shoot(iter(frames_at(times)), wanted, frame_rate=2.0)
    for shots, (pictures, found) in zip(wanted, taken, strict=True):
        expected = [nearest(times, time, 0.5) for time in shots.times.tolist()]
        assert [None if np.isnan(time) else times.index(time) for time in found] == expected
        for place, number in enumerate(expected):
            if number is not None:
                assert pictures is not None
                assert (pictures[place] == number).all()
        assert (pictures is None) == all(number is None for number in expected)


def test_a_film_is_read_no_further_than_needed_and_only_what_is_taken_is_converted() -> None:
    converted: list[int] = []
    passed: list[int] = []

    def frames() -> object:
        for place in range(100):
            passed.append(place)
            yield Frame(place / 10, lambda place=place: converted.append(place) or np.zeros((2, 2, 3), dtype=np.uint8))

    wanted = [Shots(times=np.array([1.0, 1.01, np.nan]), cut=np.array, side="left") for _ in range(2)]
    taken = shoot(frames(), wanted, frame_rate=10.0)
    assert converted == [10]
    assert passed[-1] == 11
    assert [times.tolist()[:2] for _, times in taken] == [[1.0, 1.0]] * 2
    assert all(np.isnan(times[2]) for _, times in taken)
