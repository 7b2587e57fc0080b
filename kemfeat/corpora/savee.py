"""SAVEE, the Surrey Audio-Visual Expressed Emotion database: its audio.

Size
    480 clips of 4 men, 120 each, 44.1 kHz, 16 bit.
Labels
    The emotion that the speaker was asked for: angry, disgust, fear, happy, neutral, sad, surprise; 15 clips of each a
    speaker, 30 neutral ones. No arousal, no valence.
Licence
    Free for research after registration with the University of Surrey.
Citation
    S. Haq and P. J. B. Jackson, Multimodal emotion recognition, in Machine Audition, IGI Global, 398-423, 2010.

Folders: ``AudioData/DC/a01.wav`` ... as the corpus comes, or ``DC_a01.wav`` ... as copies have it: speaker (DC, JE, JK,
KL), emotion (a, d, f, h, n, sa, su) and the number of the sentence.

Known defects, and what is done about them:

- **Sentences are TIMIT's**, of which some belong to one emotion alone; no table of them comes with the audio, so there
  is no text.
- **Four speakers, all men.**

The layout is that of the reader in TensorFlow Datasets and of EmoNet's description.
"""

from __future__ import annotations

import re

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.records import Terms

_PATH = re.compile(r"(?:.*/)?(DC|JE|JK|KL)[/_](sa|su|[adfhn])(\d\d)\.wav")
_EMOTIONS = {
    "a": "angry",
    "d": "disgust",
    "f": "fear",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprise",
}


def _clip(path: str) -> Clip | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    speaker, letters, number = found.groups()
    return Clip(
        id=f"{speaker}_{letters}{number}",
        speaker=speaker,
        script=f"{letters}{number}",
        sex="M",
        emotion=_EMOTIONS[letters],
        text="",
    )


READER: CorpusReader = ClipReader(
    name="SAVEE",
    clip=_clip,
    clips=480,
    example="DC/a01.wav",
    media=("audio",),
    settings={},
    terms=Terms(
        title="SAVEE, the Surrey Audio-Visual Expressed Emotion database: its audio",
        licence="Free for research after registration; read its terms before you pass on what is derived from it.",
        citation="S. Haq and P. J. B. Jackson, Multimodal emotion recognition, in Machine Audition, IGI Global, "
        "398-423, 2010",
        collection="Four men speak 15 sentences with each emotion",
        annotation="The emotion that the speaker was asked for",
    ),
)
