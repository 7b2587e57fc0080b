"""Read and write films; the only file that uses PyAV, which comes with the extra ``video``.

A film is an avi file. It is opened by kemfeat and decoded from that handle as avi and nothing else, so that no content
of it, such as a playlist, can make the decoder open another file. Times are those of the frames, not numbers of frames
divided by a rate. Decoding ends at the first damage that the decoder or the film's index shows: frames after it would
be made up, or shown at a wrong time. Damage within a single frame may go unnoticed, as films have no checksums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kemfeat.errors import ConfigError, CorpusError, MediaError
from kemfeat.file_kinds import foreign_kind
from kemfeat.stale_reads import asked_again

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kemfeat.records import Shots

_REORDERED = 2
"""Frames by which B-frames may delay the first picture of an avi file, which has no times of its own."""
_COPY_AGAIN = "copy the file from the corpus again"


class Frame:
    """A frame of a film, converted to RGB when it is first looked at.

    Parameters
    ----------
    time : float [s]
        When it is shown, since the film began.
    convert : callable
        Gives its picture, shape (height, width, 3), uint8.
    """

    def __init__(self, time: float, convert: Callable[[], NDArray[np.uint8]]) -> None:
        self.time = time
        self._convert = convert

    @cached_property
    def picture(self) -> NDArray[np.uint8]:
        """The picture, shape (height, width, 3), uint8."""
        return self._convert()


@dataclass(slots=True)
class Film:
    """An open film, whose frames can be read once.

    Parameters
    ----------
    name : str
        The file, for messages.
    frame_rate : float [Hz]
        Frames per second.
    damage : str
        What ended the decoding early; empty until then, and where nothing did.
    end : float [s]
        When the last frame that was read is no longer shown, since the film began.
    """

    name: str
    frame_rate: float
    container: Any = field(repr=False)
    damage: str = ""
    end: float = 0.0

    def frames(self) -> Iterator[Frame]:
        """The frames in order of time, until the film ends or is damaged.

        Yields
        ------
        Frame
            The first is at 0 s.

        Raises
        ------
        CorpusError
            The disk fails.
        """
        delay = None
        with self._decoding():
            for frame in (frame for packet in self._packets() for frame in packet.decode()):
                if frame.is_corrupt:
                    self.damage = f"is damaged at {self.end:.2f} s"
                    return
                if delay is None:
                    begins = float(frame.time or 0)
                    delay = begins if begins <= (_REORDERED + 0.5) / self.frame_rate else 0.0
                shown = self.end if frame.time is None else float(frame.time) - delay
                self.end = shown + 1 / self.frame_rate
                yield Frame(shown, partial(self._rgb, frame))

    def rest(self) -> float:
        """Read all of it without decoding.

        Returns
        -------
        float [s]
            When the last frame is no longer shown, since the film began.

        Raises
        ------
        CorpusError
            The disk fails.
        """
        with self._decoding():
            for packet in self._packets():
                if packet.size and packet.dts is not None:
                    self.end = max(self.end, float(packet.dts * packet.time_base) + 1 / self.frame_rate)
        return self.end

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        """Damage ends the film; an error of the disk, which may pass, must not look like damage."""
        from av.error import FFmpegError

        try:
            yield
        except FFmpegError as error:
            self.damage = f"is damaged at {self.end:.2f} s ({error.strerror})"
        except OSError as error:
            raise _of_the_disk(self.name, error) from None

    def _rgb(self, frame: Any) -> NDArray[np.uint8]:
        from av.error import FFmpegError

        try:
            picture: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
        except FFmpegError as error:
            raise MediaError(
                f"{self.name}: its pictures cannot be converted to RGB ({error.strerror}); expected a film such as "
                f"DivX; {_COPY_AGAIN}"
            ) from None
        return picture

    def _packets(self) -> Iterator[Any]:
        """The coded frames, up to where they are not at the places that the film's own index gives.

        A reader that has lost its place in a damaged film goes on with a later frame and counts it as the next one, so
        that all times after it are wrong. The frame before the first misplaced one may be what was damaged.
        """
        stream = self.container.streams.video[0]
        places = {entry.timestamp: entry.pos for entry in stream.index_entries}
        distance, before = None, None
        for packet in self.container.demux(stream):
            if len(places) > 1 and packet.size and packet.dts in places:
                found = packet.pos - places[packet.dts]
                distance = found if distance is None else distance
                if found != distance:
                    self.damage = f"is damaged at {self.end:.2f} s"
                    return
            if before is not None:
                yield before
            before = packet
        if before is not None:
            yield before


@contextmanager
def open_film(path: Path, *, name: str) -> Iterator[Film]:
    """Open an avi file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name of the file, for messages.

    Yields
    ------
    Film
        Open until the context ends.

    Raises
    ------
    MediaError
        The file is missing, is not a regular file, cannot be read as avi, or has no picture.
    CorpusError
        The disk fails.
    ConfigError
        PyAV is not installed.
    """
    av = pyav(what=name)
    with _opened(path, name) as file:
        try:
            container = av.open(file, mode="r", format="avi")
        except av.error.FFmpegError as error:
            raise MediaError(f"{name}: {_found(path, error)}; expected an avi file; {_COPY_AGAIN}") from None
        except OSError as error:
            raise _of_the_disk(name, error) from None
        with container:
            yield Film(name, _rate(container, name), container)


def measured(path: Path, *, name: str) -> float:
    """How long a film lasts, by its frames and not by its header, which says nothing of what was cut off.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    float [s]
        When the last frame is no longer shown. Only the first is decoded, so damage in the middle goes unnoticed.

    Raises
    ------
    MediaError
        The file cannot be read as avi, has no moving picture, or its first frame cannot be decoded.
    ConfigError
        PyAV is not installed.
    """
    with open_film(path, name=name) as film:
        if next(film.frames(), None) is None:
            damage = film.damage or "contains no frame"
            raise MediaError(f"{name}: {damage}; expected a film whose first frame can be decoded; {_COPY_AGAIN}")
    with open_film(path, name=name) as film:
        return film.rest()


def pyav(*, what: str) -> Any:
    """PyAV.

    Parameters
    ----------
    what : str
        What needs it, for the message.

    Returns
    -------
    module
        The package ``av``.

    Raises
    ------
    ConfigError
        It is not installed.
    """
    try:
        import av
    except ImportError:
        raise ConfigError(
            f"{what}: needs PyAV to read and write films, which is not installed; pip install 'kemfeat[video]', or "
            "leave it out"
        ) from None
    return av


def shoot(
    frames: Iterable[Frame], wanted: Sequence[Shots], *, frame_rate: float
) -> list[tuple[NDArray[np.uint8] | None, NDArray[np.float64]]]:
    """Take the pictures of several utterances in one pass over a film.

    Each is the frame nearest to its time, of two at the same distance the earlier one. A frame is shown for one period,
    so what is asked for later than one period after the last frame does not exist.

    Parameters
    ----------
    frames : iterable of Frame
        In order of time; it is not read further than needed, and only one frame before the current one is kept.
    wanted : sequence of Shots
        Of each utterance.
    frame_rate : float [Hz]
        Frames per second.

    Returns
    -------
    list of tuple of (ndarray or None, ndarray)
        Of each utterance its pictures, shape (n, rows, columns, 3), uint8, or None where it has none; and the times of
        the frames [s], NaN where there is none.
    """
    takes = [_Take(shots) for shots in wanted]
    order = sorted(
        (float(time), take, place)
        for take, shots in enumerate(wanted)
        for place, time in enumerate(shots.times)
        if time == time
    )
    done, before = 0, None
    for frame in frames if order else ():
        while done < len(order) and order[done][0] <= frame.time:
            time, take, place = order[done]
            near = before if before is not None and time - before.time <= frame.time - time else frame
            takes[take].keep(place, near)
            done += 1
        if done == len(order):
            break
        before = frame
    for time, take, place in order[done:]:
        if before is not None and time < before.time + 1 / frame_rate:
            takes[take].keep(place, before)
    return [(take.pictures, take.times) for take in takes]


class _Take:
    """The pictures of one utterance while a film passes."""

    def __init__(self, shots: Shots) -> None:
        self._cut = shots.cut
        self.times = np.full(len(shots.times), np.nan)
        self.pictures: NDArray[np.uint8] | None = None

    def keep(self, place: int, frame: Frame) -> None:
        kept = self._cut(frame.picture)
        if self.pictures is None:
            self.pictures = np.zeros((len(self.times), *kept.shape), dtype=np.uint8)
        self.pictures[place] = kept
        self.times[place] = frame.time


def write_avi(path: Path, pictures: Iterable[NDArray[np.uint8]], *, frame_rate: int, bit_rate: int) -> None:
    """Write a film without sound, as MPEG-4 in avi, the codec of DivX.

    Parameters
    ----------
    path : Path
        The file.
    pictures : iterable of ndarray, shape (height, width, 3), uint8
        All of one size, an even number of rows and columns.
    frame_rate : int [Hz]
        Pictures per second.
    bit_rate : int [bit/s]
        About how large the film becomes.

    Raises
    ------
    ConfigError
        PyAV is not installed.
    """
    av = pyav(what=str(path))
    with av.open(str(path.absolute()), mode="w", format="avi") as container:
        stream = None
        for picture in pictures:
            if stream is None:
                stream = container.add_stream("mpeg4", rate=frame_rate)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.bit_rate = "yuv420p", bit_rate
                stream.codec_context.thread_count = 1  # more would make other bytes
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode())


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise MediaError(f"{name}: is not a regular file; expected an avi file; put the file itself there")
    try:
        file = asked_again(path, lambda path: path.open("rb"))
    except OSError as error:
        raise MediaError(
            f"{name}: cannot be opened ({error.strerror}); expected an avi file; {_COPY_AGAIN}, or wait until a "
            "network disk is back"
        ) from None
    with file:
        yield file


def _of_the_disk(name: str, error: OSError) -> CorpusError:
    return CorpusError(
        f"{name}: cannot be read ({error.strerror}), but could be opened; check the disk, then run the same command "
        "again"
    )


def _found(path: Path, error: Any) -> str:
    """What a file is that is not avi."""
    with path.open("rb") as file:
        begin = file.read(512)
    if not begin:
        return "is empty"
    kind = (foreign_kind(begin) or "").partition(";")[0]
    return f"is {kind}" if kind else f"cannot be read as avi ({error.strerror})"


def _rate(container: Any, name: str) -> float:
    streams = container.streams.video
    rate = float(streams[0].average_rate or 0) if streams else 0.0
    if not 0.1 <= rate <= 1000:
        raise MediaError(f"{name}: contains no moving picture; expected an avi file with one; {_COPY_AGAIN}")
    streams[0].codec_context.thread_count = 1
    return rate
