"""Films of 360 by 240 pixels whose frames carry their own number and side, and ways to break a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kemfeat.video import write_avi

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
