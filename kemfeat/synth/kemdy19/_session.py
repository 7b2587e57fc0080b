"""One session of a synthetic KEMDy19: its part of the plan, its media files and its two annotation files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.kemdy19 import _annotation as annotation
from kemfeat.synth.kemdy19 import _physiology as physiology
from kemfeat.synth.kemdy19._layout import PACE, Scenes, draw_scenes
from kemfeat.synth.kemdy19._ratings import draw_ratings
from kemfeat.synth.kemdy19._text import transcript
from kemfeat.synth.physiology import draw_body
from kemfeat.synth.ratings import Ratings
from kemfeat.synth.spoken import draw_sentences, write_speech
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import Options

PERSONS = ("F", "M")
EMPTY = 5 / 10279
"""Published share of the transcripts that are empty."""
_ENOUGH = 60
"""From so many utterances on, one transcript at least is empty."""


@dataclass(frozen=True, slots=True)
class Session:
    """The part of the plan that one session needs, with the folder it goes to; every array is cut to the session.

    Parameters
    ----------
    speaking, listening : Ratings
        What is said of the speaker and of the listener of each utterance.
    wordless : ndarray, shape (utterances,), bool
        Whether the transcript is empty.
    sentences : tuple of str
        What is said all the same.
    """

    out: Path
    seed: int
    number: int
    scenes: Scenes
    speaking: Ratings
    listening: Ratings
    wordless: NDArray[np.bool_]
    sentences: tuple[str, ...]

    def write(self, folder: Path) -> int:
        """Write audio, text and physiology below ``folder``; gives the number of utterances."""
        self._write_speech(folder / "wav")
        for person in PERSONS:
            self._write_physiology(folder, person)
        return len(self.scenes)

    def annotation(self) -> dict[str, bytes]:
        """Per file name its content."""
        return {
            f"Session{self.number:02}_{person}_res.csv": annotation.table(
                person,
                self.scenes,
                self._of(person),
                opened=self._openings(),
                bio_poor=physiology.bio_poor(self.scenes),
            ).encode()
            for person in PERSONS
        }

    def _of(self, person: str) -> Ratings:
        """What is said of a person at every utterance."""
        own = self.scenes.user == 2 * self.number - 1 + PERSONS.index(person)
        return self.listening.replaced(own, self.speaking)

    def _openings(self) -> NDArray[np.int64]:
        return physiology.openings(generator(self.seed, Stream.PHYSIOLOGY, self.number), self.scenes)

    def _write_speech(self, wav: Path) -> None:
        def transcribe(rng: np.random.Generator, index: int) -> bytes:
            text = transcript(rng, self.sentences[index], tone=float(self.speaking.tone[index]))
            return b"" if self.wordless[index] else f"{text}\n".encode()

        names = self.scenes.identifiers()
        stems = [wav / self.scenes.folder(name) / name for name in names]
        for folder in sorted({stem.parent for stem in stems}):
            folder.mkdir(parents=True)
        write_speech(self.seed, self.scenes, self.speaking, self.sentences, stems=stems, transcribe=transcribe)

    def _write_physiology(self, out: Path, person: str) -> None:
        rng = generator(self.seed, Stream.PHYSIOLOGY, self.number, PERSONS.index(person))
        opened = self._openings()
        wearing = physiology.Wearing(
            identifiers=self.scenes.identifiers(),
            begins=self.scenes.start + opened,
            ends=self.scenes.end + opened,
            energy=self._of(person).energy,
            lost=physiology.bio_poor(self.scenes),
            body=draw_body(rng),
            began=physiology.clock(self.number),
        )
        for medium, text in physiology.files(rng, wearing).items():
            folder = out / medium / f"Session{self.number:02}" / "Original"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"Sess{self.number:02}{person}.csv").write_bytes(text.encode())


def plan_sessions(out: Path, options: Options) -> tuple[Session, ...]:
    """Everything but the media of each session."""
    scenes = draw_scenes(options.seed, utterances=options.utterances, sessions=options.sessions)
    speaking, listening = draw_ratings(options.seed, scenes, speaker_effect=options.speaker_effect)
    wordless = _wordless(options.seed, len(scenes))
    plan = []
    for number in range(1, options.sessions + 1):
        rows = np.flatnonzero(scenes.session == number)
        mine, said = scenes.rows(rows), speaking.rows(rows)
        words = draw_sentences(options.seed, mine, said, pace=PACE)
        plan.append(Session(out, options.seed, number, mine, said, listening.rows(rows), wordless[rows], words))
    return tuple(plan)


def _wordless(seed: int, utterances: int) -> NDArray[np.bool_]:
    count = max(round(EMPTY * utterances), int(utterances >= _ENOUGH))
    return generator(seed, Stream.DEFECTS).permutation(np.arange(utterances) < count)
