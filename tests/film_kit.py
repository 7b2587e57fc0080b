"""Films of 360 by 240 pixels whose frames carry their own number and side, and ways to break a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kemfeat.video import pyav, write_avi

FRAME_RATE = 10
BITS, STRIPE = 8, 12
TOP, LEFT = 62, 48
"""Where the part that video_frames keeps begins in a half, in pixels of these films (rounded)."""
LEVELS = {"left": 220, "right": 90}


def picture(number: int) -> np.ndarray:
    """A frame: in each half the bits of its number as stripes, and below them the level of the side."""
    halves = []
    for level in LEVELS.values():
        half = np.full((240, 180, 3), 30, dtype=np.uint8)
        for bit in range(BITS):
            left = LEFT + bit * STRIPE
            half[TOP : TOP + 30, left : left + STRIPE] = 235 if number >> bit & 1 else 15
        half[TOP + 30 : TOP + 60] = level
        halves.append(half)
    return np.concatenate(halves, axis=1)


def pattern(frames: int, *, first: int = 0) -> Iterator[np.ndarray]:
    return (picture(number) for number in range(first, first + frames))


def write_pattern(path: Path, *, frames: int, first: int = 0) -> Path:
    """Write a film of so many frames, whose numbers begin at ``first`` and are below 256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_avi(path, pattern(frames, first=first), frame_rate=FRAME_RATE, bit_rate=1_000_000)
    return path


def number_of(kept: np.ndarray) -> int:
    """The number in a frame of video_frames, shape (60, 100, 3)."""
    stripes = [kept[5:25, bit * STRIPE + 4 : bit * STRIPE + 9].mean() for bit in range(BITS)]
    return sum(int(level > 128) << bit for bit, level in enumerate(stripes))


def number_in(whole: np.ndarray) -> int:
    """The number in a whole picture of a film."""
    return number_of(whole[TOP : TOP + 60, LEFT - 1 : LEFT + 99])


def side_of(kept: np.ndarray) -> str:
    """The half that a frame of video_frames shows."""
    level = float(kept[38:55].mean())
    return min(LEVELS, key=lambda side: abs(LEVELS[side] - level))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "cannot be opened"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "text": (lambda path: path.write_text("no film, but some words\n" * 40), "cannot be read as avi"),
    "playlist": (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hosts\n"), "cannot be read as avi"),
    "header": (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read as avi|no moving picture"),
    "archive": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(600)), "is a zip archive"),
}
"""For each way to break a film, what does it, and a pattern of what is said."""


def tone(seconds: float, *, pitch: float, channels: int = 1, rate: int = 48_000) -> np.ndarray:
    """A tone, shape (channels, n), float32; each channel has half of the level of the one before it."""
    wave = 0.4 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave / 2**channel for channel in range(channels)]).astype(np.float32)


def write_mp4(
    path: Path, *tracks: np.ndarray, rate: int = 48_000, pictures: int = 0, header_first: bool = False
) -> Path:
    """Write an mp4 file with sound tracks of shape (channels, n) as AAC, and so many pictures."""
    av = pyav(what=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    options = {"movflags": "faststart"} if header_first else {}
    with av.open(str(path), mode="w", format="mp4", options=options) as container:
        streams = []
        for track in tracks:
            stream = container.add_stream("aac", rate=rate)
            stream.layout = layouts[len(track)]
            streams.append(stream)
        film = container.add_stream("mpeg4", rate=FRAME_RATE) if pictures else None
        if film is not None:
            film.height, film.width, film.pix_fmt = 240, 360, "yuv420p"
            for number in range(pictures):
                container.mux(film.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
            container.mux(film.encode())
        for stream, track in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(track), format="fltp", layout=layouts[len(track)])
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path
