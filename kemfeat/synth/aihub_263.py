"""Synthetic AI Hub 263: the tables, names and encoding of the real dataset, with invented content.

Published and kept: three releases, the columns and their spelling, cp949, five raters, and that a few recordings have
no row; that a few are missing is left out. How raters agree is a guess. A release is a session here. Bytes depend on
``utterances``, ``sessions`` and ``seed`` alone, not on the number of workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kemfeat.synth import speech
from kemfeat.synth.sentences import sentence
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE, Options, SyntheticCorpus, write_wav

RELEASES = ("4차년도", "5차년도", "5차년도_2차")
EMOTIONS = {
    "angry": (1.0, -1.0),
    "sadness": (-0.8, -0.9),
    "disgust": (0.3, -0.8),
    "happiness": (0.8, 1.0),
    "fear": (0.6, -0.7),
    "neutral": (0.0, 0.0),
    "surprise": (0.9, 0.2),
}
"""Arousal and valence that each is spoken with."""
_HEADER = (
    "wav_id,발화문,상황,1번 감정,1번 감정세기,2번 감정,2번 감정세기,3번 감정,3번 감정세기,4번 감정,4번감정세기,"
    "5번 감정,5번 감정세기,나이,성별"
)
_AGREES = 0.7
"""Share of votes for the emotion that the words were written for."""
_EVERY = 24
"""There is a recording without a row after so many with one."""


@dataclass(frozen=True, slots=True)
class Session:
    """A release: the part of the plan that it needs, with the folder it goes to."""

    out: Path
    seed: int
    number: int
    emotions: tuple[str, ...]
    sentences: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as ``4차년도``."""
        return RELEASES[self.number - 1]

    def id(self, place: int) -> str:
        """The name of an utterance.

        Parameters
        ----------
        place : int, >= 0
            Its place in the table.

        Returns
        -------
        str
            24 hexadecimal digits.
        """
        return hashlib.sha256(f"{self.seed} {self.number} {place}".encode()).hexdigest()[:24]

    def write(self, folder: Path) -> int:
        """Write the recordings; see :meth:`kemfeat.synth.writing.CorpusPart.write`."""
        target = folder / self.name / "wav"
        target.mkdir(parents=True)
        for place, (emotion, words) in enumerate(zip(self.emotions, self.sentences, strict=True)):
            rng = generator(self.seed, Stream.SPEECH, self.number, place)
            voice = speech.draw_voice(generator(self.seed, Stream.VOICE, self.number, place), sex="FM"[place % 2])
            energy, length = EMOTIONS[emotion][0], int(SAMPLING_RATE * rng.uniform(0.7, 2.0))
            numbers = [place, 1_000_000 + place] if place % _EVERY == _EVERY - 1 else [place]
            for name in map(self.id, numbers):
                samples = speech.speak(rng, words, voice=voice, energy=energy, samples=length)
                write_wav(target / f"{name}.wav", samples)
        return len(self.sentences)

    def table(self) -> bytes:
        """The table of the release.

        Returns
        -------
        bytes
            In cp949.
        """
        lines = [self._line(place) for place in range(len(self.sentences))]
        return "\r\n".join([_HEADER, *lines, ""]).encode("cp949")

    def _line(self, place: int) -> str:
        rng = generator(self.seed, Stream.RATINGS, self.number, place)
        written = self.emotions[place]
        cells = [self.id(place), f'"{self.sentences[place]}"', written]
        for _ in range(5):
            vote = written if rng.random() < _AGREES else list(EMOTIONS)[rng.integers(len(EMOTIONS))]
            cells += [vote.capitalize(), str(rng.integers(1, 3) if vote != "neutral" else 0)]
        return ",".join([*cells, f"{10 * rng.integers(2, 6)}대", ("female", "male")[place % 2]])


class AiHub263Synth(SyntheticCorpus[Session]):
    """Writes a synthetic AI Hub 263."""

    name = "AIHub_263"
    utterances = 44_000
    sessions = len(RELEASES)
    versions = ("1.0",)
    per_session = 100_000

    def plan(self, out: Path, options: Options) -> Sequence[Session]:
        """Emotions and sentences of each release; see :meth:`SyntheticCorpus.plan`."""
        return [_session(out, options, number) for number in range(1, options.sessions + 1)]

    def finish(self, out: Path, options: Options, plan: Sequence[Session]) -> None:  # noqa: ARG002 - one release only
        """Write the tables; see :meth:`SyntheticCorpus.finish`."""
        for session in plan:
            aside = out / f"{session.name}.partial"
            aside.write_bytes(session.table())
            aside.rename(out / f"{session.name}.csv")


SYNTH = AiHub263Synth()


def _session(out: Path, options: Options, number: int) -> Session:
    count = options.utterances // options.sessions + (number <= options.utterances % options.sessions)
    emotions = tuple(list(EMOTIONS)[place % len(EMOTIONS)] for place in range(count))
    words = tuple(
        sentence(generator(options.seed, Stream.SENTENCE, number, place), tone=EMOTIONS[emotion][1], syllables=12.0)
        for place, emotion in enumerate(emotions)
    )
    return Session(out, options.seed, number, emotions, words)
