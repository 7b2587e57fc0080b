"""One session of a synthetic KEMDy20: its part of the plan, and its media files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kemfeat.synth import sentences as _sentences
from kemfeat.synth import wristband
from kemfeat.synth.defects import Defects, draw_defects
from kemfeat.synth.layout import Turns, draw_turns, speaker
from kemfeat.synth.physiology import draw_body
from kemfeat.synth.ratings import Ratings, draw_ratings
from kemfeat.synth.spoken import draw_sentences, write_speech
from kemfeat.synth.streams import Stream, generator


@dataclass(frozen=True, slots=True)
class Session:
    """The part of the plan that one session needs, with the folder it goes to; every array is cut to the session."""

    out: Path
    seed: int
    number: int
    turns: Turns
    ratings: Ratings
    defects: Defects
    sentences: tuple[str, ...]

    def write(self, folder: Path) -> int:
        """Write audio, text and physiology below ``folder``; gives the number of utterances."""
        _write_speech(self, folder / "wav" / f"Session{self.number:02}")
        _write_physiology(self, folder)
        return len(self.turns)


def plan_sessions(
    out: Path, *, utterances: int, sessions: int, seed: int, speaker_effect: float = 1.0
) -> tuple[Session, ...]:
    """Everything but the media: turns, ratings, defects and sentences of each session."""
    turns = draw_turns(seed, utterances=utterances, sessions=sessions)
    ratings, defects = draw_ratings(seed, turns, speaker_effect=speaker_effect), draw_defects(seed, turns)
    return tuple(
        _session(out, seed, turns.rows(rows), ratings.rows(rows), defects.rows(rows))
        for number in range(1, sessions + 1)
        if (rows := turns.session == number).any()
    )


def _session(out: Path, seed: int, turns: Turns, ratings: Ratings, defects: Defects) -> Session:
    return Session(out, seed, int(turns.session[0]), turns, ratings, defects, draw_sentences(seed, turns, ratings))


def _write_speech(session: Session, folder: Path) -> None:
    def transcribe(rng: np.random.Generator, index: int) -> bytes:
        text = _sentences.marked(rng, session.sentences[index], tone=float(session.ratings.tone[index]))
        return f"{text}\n".encode("cp949")

    folder.mkdir(parents=True)
    stems = [folder / name for name in session.turns.identifiers()]
    write_speech(session.seed, session.turns, session.ratings, session.sentences, stems=stems, transcribe=transcribe)


def _write_physiology(session: Session, out: Path) -> None:
    users = 2 * session.number - 1, 2 * session.number
    rng = generator(session.seed, Stream.PHYSIOLOGY, session.number)
    bodies = {user: draw_body(rng) for user in users}
    scripts = sorted(set(session.turns.script.tolist()))
    lengths = [int(session.turns.end[session.turns.script == script].max()) for script in scripts]
    begun = wristband.clocks(rng, session.number, lengths)
    identifiers = np.array(session.turns.identifiers())
    for script, length, (began, lead) in zip(scripts, lengths, begun, strict=True):
        for user in users:
            rows = (session.turns.script == script) & (session.turns.user == user)
            wearing = wristband.Wearing(
                turns=session.turns.rows(rows),
                defects=session.defects.rows(rows),
                identifiers=identifiers[rows].tolist(),
                energy=session.ratings.energy[rows],
                body=bodies[user],
                began=began,
                lead=lead,
                seconds=wristband.recording_seconds(length),
            )
            if rows.any():
                _write_wearing(session, wearing, out)


def _write_wearing(session: Session, wearing: wristband.Wearing, out: Path) -> None:
    script, user = int(wearing.turns.script[0]), int(wearing.turns.user[0])
    rng = generator(session.seed, Stream.PHYSIOLOGY, session.number, script, user)
    name = f"Sess{session.number:02}_script{script:02}_{speaker(user)}.csv"
    for medium, text in wristband.files(rng, wearing).items():
        folder = out / medium / f"Session{session.number:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
