"""One session of a synthetic IEMOCAP: its part of the plan, its media and its annotation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth import speech
from kemfeat.synth.iemocap import _evaluation as evaluation
from kemfeat.synth.iemocap import _sentences as english
from kemfeat.synth.iemocap._evaluation import Turn
from kemfeat.synth.iemocap._films import Part, draw_look, write_film
from kemfeat.synth.iemocap._layout import ACTORS, TICKS, Turns, dialogs, draw_turns, samples
from kemfeat.synth.iemocap._ratings import Ratings, draw_ratings
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE, Options, write_wav

ASIDES = 0.02
"""Sounds without an identifier of their own per turn, besides two in every dialog; a guess."""
DROPPING = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(58)
"""What macOS leaves as ``._NAME`` beside a file ``NAME``: an AppleDouble header, here with nothing after it."""


class Dialog(NamedTuple):
    """A dialog of a session: its place among them, its name, and its turns by start with their rows in the session."""

    place: int
    name: str
    rows: NDArray[np.int64]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """The part of the plan that one session needs, with the folder it goes to; every array is cut to the session."""

    out: Path
    seed: int
    number: int
    turns: Turns
    ratings: Ratings
    sentences: tuple[str, ...]
    video: bool

    @property
    def folder(self) -> str:
        """Its name in the corpus."""
        return f"Session{self.number}"

    def dialogs(self) -> Iterator[Dialog]:
        """The dialogs that have turns, in order of name."""
        identifiers = self.turns.identifiers()
        for place in np.unique(self.turns.dialog).tolist():
            rows = np.flatnonzero(self.turns.dialog == place)
            turns = (
                Turn(identifiers[row], int(self.turns.start[row]), int(self.turns.end[row]), self.ratings.rated[row])
                for row in rows
            )
            yield Dialog(place, dialogs(self.number)[place], rows, tuple(turns))

    def write(self, folder: Path) -> int:
        """Write everything but the annotation below ``folder``; gives the number of utterances."""
        home = folder / self.folder
        for name in (
            "dialog/wav",
            "dialog/transcriptions",
            "sentences/wav",
            *(f"dialog/lab/{self._lab(a)}" for a in ACTORS),
            *(["dialog/avi/DivX"] if self.video else []),
        ):
            (home / name).mkdir(parents=True)
        for index, dialog in enumerate(self.dialogs()):
            self._write_texts(home / "dialog", dialog)
            if self.video:
                self._write_film(home / "dialog" / "avi" / "DivX" / f"{dialog.name}.avi", dialog)
            spoken = self._write_sentences(home / "sentences" / "wav" / dialog.name, dialog)
            if index == 0:
                write_wav(home / "dialog" / "wav" / f"{dialog.name}.wav", _both_channels(dialog, spoken))
                _drop_beside(home / "dialog" / "transcriptions" / f"{dialog.name}.txt")
                _drop_beside(home / "sentences" / "wav" / dialog.name)
                _drop_beside(home / "sentences" / "wav" / dialog.name / f"{dialog.turns[0].identifier}.wav")
        return len(self.turns)

    def annotation(self) -> dict[str, bytes]:
        """Per path below ``EmoEvaluation`` the content of the file."""
        files = {}
        for dialog in self.dialogs():
            rng = generator(self.seed, Stream.RATINGS, self.number, dialog.place)
            files[f"{dialog.name}.txt"] = evaluation.evaluation(rng, dialog.turns)
            files |= {path.format(dialog.name): text for path, text in evaluation.folders(dialog.turns).items()}
        return {f"._{next(iter(files))}": DROPPING, **files}

    def _lab(self, actor: str) -> str:
        return f"Ses{self.number:02}_{actor}"

    def _write_texts(self, folder: Path, dialog: Dialog) -> None:
        rng = generator(self.seed, Stream.SENTENCE, self.number, len(self.turns) + dialog.place)
        tones = self.ratings.tone[dialog.rows].tolist()
        said = [
            english.marked(rng, self.sentences[row], tone=tone) for row, tone in zip(dialog.rows, tones, strict=True)
        ]
        text = _transcription(rng, dialog, said)
        (folder / "transcriptions" / f"{dialog.name}.txt").write_bytes(text.encode("latin-1"))
        for actor in ACTORS:
            lines = [_lab_line(turn) for turn in dialog.turns if turn.actor == actor]
            (folder / "lab" / self._lab(actor) / f"{dialog.name}.lab").write_bytes("".join(lines).encode("ascii"))

    def _write_film(self, path: Path, dialog: Dialog) -> None:
        parts = [
            Part(
                turn.start / TICKS,
                turn.end / TICKS,
                ACTORS.index(turn.actor),
                turn.rated.code,
                float(self.ratings.tone[row]),
                float(self.ratings.energy[row]),
            )
            for row, turn in zip(dialog.rows.tolist(), dialog.turns, strict=True)
        ]
        looks = {sex: draw_look(self.seed, 2 * self.number - 1 + place) for place, sex in enumerate(ACTORS)}
        write_film(path, parts, wearer=dialog.name[5], looks=looks)

    def _write_sentences(self, folder: Path, dialog: Dialog) -> list[NDArray[np.int16]]:
        """Write the audio of each utterance of a dialog, and give it."""
        folder.mkdir()
        voices = _voices(self.seed, self.number)
        lengths = samples(self.turns)
        spoken = []
        for row, turn in zip(dialog.rows.tolist(), dialog.turns, strict=True):
            spoken.append(
                speech.speak(
                    generator(self.seed, Stream.SPEECH, self.number, row),
                    english.sounds(self.sentences[row]),
                    voice=voices[turn.actor],
                    energy=float(self.ratings.energy[row]),
                    samples=int(lengths[row]),
                )
            )
            write_wav(folder / f"{turn.identifier}.wav", spoken[-1])
        return spoken


def plan_sessions(out: Path, options: Options) -> tuple[Session, ...]:
    """Everything but the media: turns, ratings and sentences of each session."""
    turns = draw_turns(options.seed, utterances=options.utterances, sessions=options.sessions)
    ratings = draw_ratings(options.seed, turns, speaker_effect=options.speaker_effect)
    return tuple(
        _session(out, options, number, turns.rows(rows), ratings.rows(rows))
        for number in range(1, options.sessions + 1)
        if len(rows := np.flatnonzero(turns.session == number))
    )


def _session(out: Path, options: Options, number: int, turns: Turns, ratings: Ratings) -> Session:
    seed = options.seed
    voices = _voices(seed, number)
    rows = zip(
        turns.actor.tolist(), ratings.tone.tolist(), ratings.energy.tolist(), turns.seconds.tolist(), strict=True
    )
    sentences = tuple(
        english.sentence(
            generator(seed, Stream.SENTENCE, number, index),
            tone=tone,
            syllables=speech.target_syllables(voices[ACTORS[actor]], energy=energy, seconds=seconds),
        )
        for index, (actor, tone, energy, seconds) in enumerate(rows)
    )
    return Session(out, seed, number, turns, ratings, sentences, options.video)


def _voices(seed: int, number: int) -> dict[str, speech.Voice]:
    """The voices of a session's woman and man."""
    persons = (2 * number - 1, 2 * number)
    return {
        sex: speech.draw_voice(generator(seed, Stream.VOICE, person), sex=sex)
        for sex, person in zip(ACTORS, persons, strict=True)
    }


def _both_channels(dialog: Dialog, spoken: list[NDArray[np.int16]]) -> NDArray[np.int16]:
    """The dialog as both microphones heard it, the woman's first, each its own actor alone [shape=(samples, 2)]."""
    begins = [turn.start * SAMPLING_RATE // TICKS for turn in dialog.turns]
    ends = [begin + len(voice) for begin, voice in zip(begins, spoken, strict=True)]
    channels = np.zeros((max(ends) + SAMPLING_RATE, 2), dtype=np.int16)
    for turn, begin, end, voice in zip(dialog.turns, begins, ends, spoken, strict=True):
        channels[begin:end, ACTORS.index(turn.actor)] = voice
    return channels


def _transcription(rng: np.random.Generator, dialog: Dialog, said: list[str]) -> str:
    """The turns by start; some are followed by a sound that has no number, or no identifier at all."""
    lines = [
        f"{turn.identifier} {_span(turn.start, turn.end)}: {text}"
        for turn, text in zip(dialog.turns, said, strict=True)
    ]
    extra = 2 + int(rng.binomial(len(lines), ASIDES))
    behind = rng.integers(len(lines), size=extra).tolist()
    for kind, place in enumerate(behind):
        actor = ACTORS[int(rng.integers(2))]
        begin = dialog.turns[place].end
        unnumbered = f"{dialog.name}_{actor}XXX {_span(begin, begin + int(rng.integers(3000, 9000)))}: [LAUGHTER]"
        lines[place] += "\n" + (f"{actor}: [BREATHING]" if kind % 2 else unnumbered)
    return "\n".join([*lines, ""])


def _span(start: int, end: int) -> str:
    """Such as ``[006.2901-008.2357]``."""
    return "[" + "-".join(evaluation.seconds(ticks).rjust(8, "0") for ticks in (start, end)) + "]"


def _lab_line(turn: Turn) -> str:
    return f"{evaluation.seconds(turn.start)} {evaluation.seconds(turn.end)} {turn.identifier}\n"


def _drop_beside(path: Path) -> None:
    path.with_name(f"._{path.name}").write_bytes(DROPPING)
