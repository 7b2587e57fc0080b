"""The annotation files of a synthetic KEMDy19: 43 columns below two header rows, one file per session and person.

Each file lists all utterances of the session and what is said of its person at each: of the speaker in the person's own
utterances, of the listener in the other's. Five kinds of row are wrong, where their sessions exist; the places of the
first three are published, the others bring the rows to their published numbers, 10,279 that judge a speaker and 10,287
more:

- ``Sess03_F``: the first utterance of ``impro02``, hers, is called ``M001``.
- ``Sess09_F``: the first utterances of ``script06`` and ``impro01``, hers, occur a second time as ``M001``.
- ``Sess04``: after the last of ``impro03`` a row for an utterance of the other that does not exist.
- Three files end in a row whose Segment ID is empty.
- ``Sess18_F`` ends in a row for an utterance of hers that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kemfeat.labels import EMOTIONS
from kemfeat.synth.annotation import evaluation, seconds
from kemfeat.synth.kemdy19._layout import SCENES, SPARE_NUMBER, Scenes
from kemfeat.synth.kemdy19._ratings import KEMDY19
from kemfeat.synth.ratings import RATERS, Ratings

_DEVICES = ("ECG", "E4-EDA", "E4-TEMP")
HEADER = (
    ",".join(["Numb", "Wav,", *(f"{device}," for device in _DEVICES), "Segment ID", "Total Evaluation,,"])
    + "".join(f",{name},," for name in RATERS),
    "," + "start,end," * (1 + len(_DEVICES)) + ",Emotion,Valence,Arousal" * (1 + len(RATERS)),
)

MISNAMED = ("Sess03_impro02_F001", "Sess03_impro02_M001")
STRAYS = {"Sess09_script06_F001": "Sess09_script06_M001", "Sess09_impro01_F001": "Sess09_impro01_M001"}
NAMELESS = ((2, "M"), (8, "F"), (13, "M"))
"""(session, person) of the files whose last row has no Segment ID; a guess, as which files they are."""
UNHEARD = (18, "F", "Sess18_impro04_F999")
"""(session, person) of the file that ends in a row for an utterance of the person's own that does not exist."""


def table(
    person: str, scenes: Scenes, ratings: Ratings, *, opened: NDArray[np.int64], bio_poor: NDArray[np.bool_]
) -> str:
    """Text of one file.

    Parameters
    ----------
    person : {"F", "M"}
        Whose file.
    scenes, ratings : Scenes, Ratings
        The utterances of the session, and what is said of the person at each.
    opened : ndarray, shape (utterances,), int64 [ms]
        From the start of the devices to that of each utterance's scene.
    bio_poor : ndarray, shape (utterances,), bool
        Whether there is no physiology; then its times are empty or NaN.
    """
    rows: list[list[str]] = []
    for index, name in enumerate(scenes.identifiers()):
        times = _times(scenes, index, int(opened[index]), lost=bool(bio_poor[index]))
        said = evaluation(ratings, index, kinds=KEMDY19.kinds, names=EMOTIONS)
        rows += [[*times, written, said] for written in _written(name, person)]
        if _last_before_spare(scenes, index):
            rows.append([*_spare_times(scenes, index), _spare(person), said])
    here = int(scenes.session[0]), person
    if here in NAMELESS or here == UNHEARD[:2]:
        rows.append([*rows[-1][:-2], "" if here in NAMELESS else UNHEARD[2], rows[-1][-1]])
    lines = [",".join([str(number), *row]) for number, row in enumerate(rows, 1)]
    return "\n".join([*HEADER, *lines, ""])


def _times(scenes: Scenes, index: int, opened: int, *, lost: bool) -> list[str]:
    """Start and end in seconds: in the wav's own recording, then three times in those of the devices."""
    start, end = int(scenes.start[index]), int(scenes.end[index])
    absent = ("", "NaN")[index % 2]
    on_devices = [absent, absent] if lost else [seconds(opened + start), seconds(opened + end)]
    return [seconds(start), seconds(end), *on_devices * len(_DEVICES)]


def _written(name: str, person: str) -> Sequence[str]:
    """The identifiers under which the file lists an utterance."""
    if person == "F" and name == MISNAMED[0]:
        return MISNAMED[1:]
    if person == "F" and name in STRAYS:
        return (STRAYS[name], name)
    return (name,)


def _last_before_spare(scenes: Scenes, index: int) -> bool:
    session, scene, _ = SPARE_NUMBER
    here = (scenes.session == session) & (scenes.script == SCENES.index(scene) + 1)
    return bool(here[index] and not here[index + 1 :].any())


def _spare_times(scenes: Scenes, index: int) -> list[str]:
    """Some second after the utterance at ``index``."""
    end = int(scenes.end[index])
    return [seconds(end + 200), seconds(end + 1200), *[""] * 2 * len(_DEVICES)]


def _spare(person: str) -> str:
    session, scene, number = SPARE_NUMBER
    return f"Sess{session:02}_{scene}_{'M' if person == 'F' else 'F'}{number:03}"
