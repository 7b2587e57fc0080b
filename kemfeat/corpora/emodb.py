"""EmoDB, the Berlin Database of Emotional Speech.

Size
    535 clips of 10 speakers (5 women, 5 men) in German, 16 kHz, 16 bit.
Labels
    The emotion that the actor was asked for, in clips that at least 80 % of 20 listeners recognised and 60 % found
    natural: angry, boredom, disgust, fear, happy, sad, neutral. ``boredom`` has no counterpart among the seven and
    stays itself. No arousal, no valence.
Licence
    Freely available; cite it.
Citation
    F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier and B. Weiss, Interspeech 2005, 1517-1520.

Folders: ``wav/03a01Fa.wav`` ...: speaker (2 digits), sentence (a01 ... b10), the first letter of the German word for
the emotion (W Wut, L Langeweile, E Ekel, A Angst, F Freude, T Trauer, N neutral), and the take (a, b, ...).

Known defects, and what is done about them:

- **Emotions are not balanced**: 127 clips are angry, 46 disgusted.
- **The same ten sentences from everybody**: a text says nothing of the emotion.

The layout is that of the corpus' own page (emodb.bilderbar.info), and is read in the same way by the public readers of
audformat and TensorFlow Datasets.
"""

from __future__ import annotations

import re

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.records import Terms

_NAME = re.compile(r"(03|08|09|1[0-6])([ab]\d\d)([WLEAFTN])([a-z])\.wav")
_SEX = {"03": "M", "08": "F", "09": "F", "10": "M", "11": "M", "12": "M", "13": "F", "14": "F", "15": "M", "16": "F"}
_EMOTIONS = {
    "W": "angry",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def _clip(path: str) -> Clip | None:
    found = _NAME.fullmatch(path.rpartition("/")[2])
    if found is None or found[2] not in _SENTENCES:
        return None
    speaker, sentence, letter, take = found.groups()
    return Clip(
        id=found[0].removesuffix(".wav"),
        speaker=f"speaker{speaker}",
        script=sentence,
        sex=_SEX[speaker],
        emotion=_EMOTIONS[letter],
        text=_SENTENCES[sentence],
        own={"take": take},
    )


READER: CorpusReader = ClipReader(
    name="EmoDB",
    clip=_clip,
    clips=535,
    example="wav/03a01Fa.wav",
    terms=Terms(
        title="EmoDB, the Berlin Database of Emotional Speech",
        licence="Freely available; cite it.",
        citation="F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier and B. Weiss, A database of German emotional "
        "speech, Interspeech 2005, 1517-1520",
        collection="Ten actors speak ten German sentences with each emotion",
        annotation="The emotion that the actor was asked for, where listeners recognised it",
    ),
    columns={"take": "which take of the sentence, a for the first"},
    further=("boredom",),
)
