"""TESS, the Toronto Emotional Speech Set.

Size
    2,800 clips of 2 speakers, women of 26 (YAF) and 64 years (OAF): 200 words with each of 7 emotions, 24 kHz, 16 bit.
Labels
    The emotion that the speaker was asked for: angry, disgust, fear, happy, surprise (pleasant), sad, neutral. No
    arousal, no valence.
Licence
    CC BY-NC-ND 4.0.
Citation
    M. K. Pichora-Fuller and K. Dupuis, Toronto emotional speech set (TESS), Borealis, doi 10.5683/SP2/E8H2MF, 2020.

Folders: ``OAF_angry/OAF_back_angry.wav`` ...: speaker, word, emotion, where ``ps`` is pleasant surprise; the word is
spoken in "Say the word back." The folders have several spellings (``YAF_pleasant_surprised``,
``OAF_Pleasant_surprise``); only the name of a clip counts.

Known defects, and what is done about them:

- **``OA_bite_neutral.wav``** has lost a letter: read as OAF.
- **A second copy.** One distribution has everything again in a folder inside: pass the inner one, or ``--on-error
  skip``, which keeps the first (``duplicate-id``).
- **Two speakers** make any split by speaker a test on one person.

The layout is that of nkululeko's description of it and of the corpus' page.
"""

from __future__ import annotations

import re

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.records import Terms

_NAME = re.compile(r"(OAF|YAF|OA)_([a-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)\.wav", re.IGNORECASE)


def _clip(path: str) -> Clip | None:
    found = _NAME.fullmatch(path.rpartition("/")[2])
    if found is None:
        return None
    speaker, word, emotion = found[1].upper(), found[2].lower(), found[3].lower()
    speaker = "OAF" if speaker == "OA" else speaker
    return Clip(
        id=f"{speaker}_{word}_{emotion}",
        speaker=speaker,
        script=word,
        sex="F",
        emotion="surprise" if emotion == "ps" else emotion,
        text=f"Say the word {word}.",
    )


READER: CorpusReader = ClipReader(
    name="TESS",
    clip=_clip,
    clips=2_800,
    example="OAF_angry/OAF_back_angry.wav",
    terms=Terms(
        title="TESS, the Toronto Emotional Speech Set",
        licence="CC BY-NC-ND 4.0: may be passed on unchanged for purposes that are not commercial; a store is derived "
        "from it.",
        citation="M. K. Pichora-Fuller and K. Dupuis, Toronto emotional speech set (TESS), Borealis, "
        "doi 10.5683/SP2/E8H2MF, 2020",
        collection="Two women speak 200 words in one sentence with each emotion",
        annotation="The emotion that the speaker was asked for",
    ),
)
