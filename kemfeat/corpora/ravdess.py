"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song: its speech.

Size
    1,440 clips of 24 actors (12 women, 12 men), 60 each, 48 kHz, 16 bit.
Labels
    The emotion that the actor was asked for: neutral, calm, happy, sad, angry, fear, disgust, surprise. ``calm`` has no
    counterpart among the seven and stays itself. No arousal, no valence; the ratings of the validation study are
    not part of the clips.
Licence
    CC BY-NC-SA 4.0.
Citation
    S. R. Livingstone and F. A. Russo, PLoS ONE 13(5):e0196391, 2018.

Folders: ``Actor_01/03-01-06-01-02-01-01.wav`` ..., at any place up to three folders below the root. The seven numbers
are modality (03 audio), vocal channel (01 speech, 02 song), emotion (01 to 08), intensity (01 normal, 02 strong),
statement (01 "Kids are talking by the door", 02 "Dogs are sitting by the door"), repetition, and actor, odd for men
and even for women.

Known defects, and what is done about them:

- **Songs** (``03-02-...``) have other emotions and a given melody. They are not read, and are reported as stray files.
- **A second copy.** Some distributions have all actors twice, once below ``audio_speech_actors_01-24``: pass the inner
  folder, or ``--on-error skip``, which keeps the first (``duplicate-id``).
- **The same two sentences from everybody**: a text says nothing of the emotion.

The layout is that of the corpus' own README (Zenodo, doi 10.5281/zenodo.1188976) and of EmoNet's description of it.
"""

from __future__ import annotations

import re

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.records import Terms

_NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1[0-9]|2[0-4])\.wav")
_SONG = re.compile(r"(?:.*/)?03-02-\d\d-\d\d-\d\d-\d\d-\d\d\.wav")
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
_STATEMENTS = ("Kids are talking by the door.", "Dogs are sitting by the door.")


def _clip(path: str) -> Clip | None:
    found = _NAME.fullmatch(path.rpartition("/")[2])
    if found is None:
        return None
    emotion, intensity, statement, repetition, actor = map(int, found.groups())
    return Clip(
        id=found[0].removesuffix(".wav"),
        speaker=f"Actor_{actor:02d}",
        script=f"statement{statement}",
        sex="M" if actor % 2 else "F",
        emotion=_EMOTIONS[emotion - 1],
        text=_STATEMENTS[statement - 1],
        own={"intensity": ("normal", "strong")[intensity - 1], "repetition": str(repetition)},
    )


READER: CorpusReader = ClipReader(
    name="RAVDESS",
    clip=_clip,
    clips=1_440,
    stray=_SONG,
    example="Actor_01/03-01-06-01-02-01-01.wav",
    terms=Terms(
        title="RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song: its speech",
        licence="CC BY-NC-SA 4.0: may be passed on for purposes that are not commercial, under the same licence.",
        citation="S. R. Livingstone and F. A. Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song, "
        "PLoS ONE 13(5):e0196391, 2018",
        collection="24 actors speak two sentences with each emotion, at two intensities",
        annotation="The emotion that the actor was asked for",
    ),
    columns={
        "intensity": "how strongly the emotion was to be shown: normal or strong",
        "repetition": "first or second time that the actor spoke it",
    },
    further=("calm",),
)
