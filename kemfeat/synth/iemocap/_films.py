"""Films of a synthetic IEMOCAP: two drawn faces side by side, 360 by 240 pixels, ten frames per second.

As in the corpus, the actor who wears the markers is in the left half, there is black above and below, and faces are
where users of the corpus found them, at half of its size. Who speaks opens the mouth with every syllable, moves the
head, and shows the emotion: corners of the mouth follow valence, the opening of mouth and eyes activation, the
eyebrows the category. Who listens is neutral and blinks. Every actor has a skin and a face of their own; all of this is
invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.iemocap._layout import ACTORS
from kemfeat.synth.streams import Stream, generator
from kemfeat.video import write_avi

FRAME_RATE = 10
WIDTH, HEIGHT = 360, 240
BIT_RATE = 150_000
TAIL = 1.0
"""Seconds that a film lasts after the last turn."""

_MIDDLES = ((90.0, 90.0), (102.5, 95.0))
"""Middle of the face in each half: column and row."""
_BARS = (30, 210)
"""Rows between which there is a picture; black above and below."""
_BROWS = {"ang": -1.0, "fru": -0.7, "dis": -0.5, "sad": 0.9, "fea": 1.0, "sur": 0.2, "hap": 0.1, "exc": 0.2}
"""Slant of the eyebrows by label: negative where they go down towards the nose."""
_RAISED = {"sur": 1.0, "fea": 0.8, "exc": 0.5, "hap": 0.3}
_WALL = (70, 80, 95)
_AROUND = (50, 44)
"""Rows and columns on each side of the middle of a face that it is drawn in."""


Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


class Part(NamedTuple):
    """What an actor does during one turn.

    Parameters
    ----------
    start, end : float [s]
        Since the dialog began.
    actor : int
        Index into ``ACTORS``.
    code : str
        The final label.
    tone, energy : float
        Latent valence and activation minus the corpus' mean, in points of the scale.
    """

    start: float
    end: float
    actor: int
    code: str
    tone: float
    energy: float


class Look(NamedTuple):
    """The face of a person: skin and hair as RGB, half its width and height, and how fast syllables follow [Hz]."""

    skin: Colour
    hair: Colour
    width: float
    height: float
    syllables: float


class Face(NamedTuple):
    """An expression: corners of the mouth (1 is a smile), openings, slant and height of brows, moves [pixels]."""

    smile: float = 0.0
    mouth: float = 0.0
    eyes: float = 1.0
    slant: float = 0.0
    raised: float = 0.0
    across: float = 0.0
    down: float = 0.0


def write_film(path: Path, parts: list[Part], *, wearer: str, looks: dict[str, Look]) -> None:
    """Write the film of a dialog.

    Parameters
    ----------
    path : Path
        The file.
    parts : list of Part
        The turns of both actors.
    wearer : str
        Sex of the actor with the markers, who is on the left.
    looks : mapping of str to Look
        The faces, by sex.
    """
    write_avi(path, pictures(parts, wearer=wearer, looks=looks), frame_rate=FRAME_RATE, bit_rate=BIT_RATE)


def pictures(parts: list[Part], *, wearer: str, looks: dict[str, Look]) -> Iterator[NDArray[np.uint8]]:
    """The frames of a film, from its beginning to a second after the last turn; parameters as :func:`write_film`."""
    order = (ACTORS.index(wearer), 1 - ACTORS.index(wearer))
    for number in range(round((max(part.end for part in parts) + TAIL) * FRAME_RATE)):
        time = number / FRAME_RATE
        halves = [
            _drawn(looks[ACTORS[actor]], _face(parts, actor, time, looks[ACTORS[actor]]), middle)
            for actor, middle in zip(order, _MIDDLES, strict=True)
        ]
        yield np.concatenate(halves, axis=1)


def draw_look(seed: int, person: int) -> Look:
    """The face of a person, 1 to 10."""
    rng = generator(seed, Stream.FACE, person)
    skin = np.array([225, 180, 150]) * rng.uniform(0.6, 1.05) + rng.uniform(-12, 12, size=3)
    hair = np.array([90, 60, 40]) * rng.uniform(0.3, 1.4)
    width, height = rng.uniform((24.0, 32.0), (29.0, 38.0)).tolist()
    return Look(_colour(skin), _colour(hair), width, height, float(rng.uniform(2.0, 3.5)))


def _colour(values: NDArray[np.float64]) -> Colour:
    red, green, blue = np.clip(values, 0, 255).astype(int).tolist()
    return red, green, blue


def _face(parts: list[Part], actor: int, time: float, look: Look) -> Face:
    """What an actor shows at a time: the emotion of the turn, or a neutral face that blinks."""
    sway = float(np.sin(2 * np.pi * time / (5.3 + actor)))
    own = next((part for part in parts if part.actor == actor and part.start <= time < part.end), None)
    if own is None:
        return Face(eyes=0.1 if time % (3.7 + actor) < 0.2 else 1.0, across=sway)
    beat = abs(float(np.sin(np.pi * look.syllables * (time - own.start))))
    lively = float(np.clip(1 + own.energy / 2, 0.2, 2.0))
    return Face(
        smile=float(np.clip(own.tone, -1.5, 1.5)),
        mouth=(0.25 + 0.75 * beat) * lively,
        eyes=float(np.clip(1 + own.energy / 3, 0.5, 1.6)),
        slant=_BROWS.get(own.code, 0.0),
        raised=_RAISED.get(own.code, 0.0),
        across=sway + lively * float(np.sin(2 * np.pi * 1.1 * time)),
        down=lively * float(np.sin(2 * np.pi * 0.7 * time)),
    )


def _drawn(look: Look, face: Face, middle: tuple[float, float]) -> NDArray[np.uint8]:
    """One half of a frame, shape (240, 180, 3)."""
    whole = np.zeros((HEIGHT, WIDTH // 2, 3), dtype=np.uint8)
    whole[slice(*_BARS)] = _WALL
    top, left = (int(place) - around for place, around in zip(middle[::-1], _AROUND, strict=True))
    canvas = whole[top : top + 2 * _AROUND[0], left : left + 2 * _AROUND[1]]
    rows, columns = np.ogrid[top : top + canvas.shape[0], left : left + canvas.shape[1]]
    x, y = columns - middle[0] - face.across, rows - middle[1] - face.down
    _paint(canvas, _ellipse(x, y + 6, look.width + 5, look.height + 6), look.hair)
    _paint(canvas, _ellipse(x, y, look.width, look.height), look.skin)
    for sign in (-1, 1):
        _paint(canvas, _ellipse(x - sign * 11, y + 8, 5.5, 3.2 * face.eyes), (245, 245, 245))
        _paint(canvas, _ellipse(x - sign * 11, y + 8, 2.2, min(2.2, 3.2 * face.eyes)), (25, 25, 35))
        inward = sign * (x - sign * 11)
        brow = y + 16 + 4 * face.raised - 0.4 * face.slant * inward
        _paint(canvas, (np.abs(brow) < 1.6) & (np.abs(inward) < 7.5), look.hair)
    bent = y - 17 + face.smile * 5 * ((x / 12) ** 2 - 0.5)
    _paint(canvas, (np.abs(x) < 12) & (np.abs(bent) < 1.4 + 4.5 * face.mouth * (1 - (x / 12) ** 2)), (120, 30, 40))
    return whole


def _ellipse(x: NDArray[np.float64], y: NDArray[np.float64], width: float, height: float) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (x / width) ** 2 + (y / max(height, 0.3)) ** 2 < 1
    return inside


def _paint(canvas: NDArray[np.uint8], where: NDArray[np.bool_], colour: Colour) -> None:
    canvas[where] = colour
