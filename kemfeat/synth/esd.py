"""Synthetic ESD: the tree, names and encodings of the real dataset, with invented content.

Published and kept: names, 350 sentences with five emotions of 20 speakers, the encoding of each speaker's words but for
Latin-1, which has no Hangul. What is said is Korean. Version ``parts`` has the official parts as folders, ``flat`` has
none; which sentence is in which part is a guess. Bytes depend on ``utterances``, ``sessions`` (speakers), ``seed`` and
``version`` alone, not on the number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kemfeat.synth import speech
from kemfeat.synth.sentences import sentence
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE, Options, SyntheticCorpus, write_wav

EMOTIONS = {
    "Neutral": 0.0,
    "Angry": 1.0,
    "Happy": 0.8,
    "Sad": -0.9,
    "Surprise": 0.9,
}
"""In the order of their numbers, each with its arousal."""
_PARTS = ("train", "train", "evaluation", "test")
_GB, _UTF16 = (1, 2, 4, 5, 9), (3, 6, 7, 8, 10, 12, 13, 14, 18, 19)
_BLOCK = 350


@dataclass(frozen=True, slots=True)
class Session:
    """A speaker: the part of the plan that one needs, with the folder it goes to."""

    out: Path
    seed: int
    number: int
    flat: bool
    sentences: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as ``0011``."""
        return f"{self.number:04}"

    def clips(self) -> list[tuple[str, str]]:
        """The emotion and the number of each clip.

        Returns
        -------
        list of tuple of (str, str)
            Such as ``("Angry", "0011_000351")``, by sentence, then by emotion.
        """
        count = len(EMOTIONS)
        return [
            (list(EMOTIONS)[place % count], f"{self.name}_{_BLOCK * (place % count) + place // count + 1:06}")
            for place in range(len(self.sentences))
        ]

    def write(self, folder: Path) -> int:
        """Write the clips; see :meth:`kemfeat.synth.writing.CorpusPart.write`."""
        voice = speech.draw_voice(generator(self.seed, Stream.VOICE, self.number), sex="MF"[self.number % 2])
        for place, ((emotion, name), words) in enumerate(zip(self.clips(), self.sentences, strict=True)):
            rng = generator(self.seed, Stream.SPEECH, self.number, place)
            part = "" if self.flat else _PARTS[place // len(EMOTIONS) % len(_PARTS)]
            target = folder / self.name / emotion / part
            target.mkdir(parents=True, exist_ok=True)
            energy, length = EMOTIONS[emotion], int(SAMPLING_RATE * rng.uniform(0.7, 1.6))
            write_wav(target / f"{name}.wav", speech.speak(rng, words, voice=voice, energy=energy, samples=length))
        return len(self.sentences)

    def text(self) -> bytes:
        """The content of the file with the words.

        Returns
        -------
        bytes
            In the encoding of the speaker.
        """
        lines = zip(self.clips(), self.sentences, strict=True)
        text = "".join(f"{name}\t{words}\t{emotion}\n" for (emotion, name), words in lines)
        encoding = "gb18030" if self.number in _GB else "utf-16" if self.number in _UTF16 else "utf-8"
        return text.encode(encoding)


class EsdSynth(SyntheticCorpus[Session]):
    """Writes a synthetic ESD."""

    name = "ESD"
    utterances = 35_000
    sessions = 20
    versions = ("parts", "flat")
    per_session = _BLOCK * len(EMOTIONS)

    def plan(self, out: Path, options: Options) -> Sequence[Session]:
        """Sentences of each speaker; see :meth:`SyntheticCorpus.plan`."""
        return [_session(out, options, number) for number in range(1, options.sessions + 1)]

    def finish(self, out: Path, options: Options, plan: Sequence[Session]) -> None:  # noqa: ARG002 - same in both
        """Write the words; see :meth:`SyntheticCorpus.finish`."""
        for session in plan:
            aside = out / session.name / "words.partial"
            aside.write_bytes(session.text())
            aside.rename(out / session.name / f"{session.name}.txt")


SYNTH = EsdSynth()


def _session(out: Path, options: Options, number: int) -> Session:
    count = options.utterances // options.sessions + (number <= options.utterances % options.sessions)
    spoken = [
        sentence(generator(options.seed, Stream.SENTENCE, place), tone=0.0, syllables=8.0)
        for place in range(-(-count // len(EMOTIONS)))
    ]
    words = tuple(spoken[place // len(EMOTIONS)] for place in range(count))
    return Session(out, options.seed, number, options.version == "flat", words)
