"""One session of a synthetic KEMDy20: its part of the plan, and its media files."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth import _sentences, _speech, _wristband
from kemfeat.synth._defects import Defects, draw_defects
from kemfeat.synth._layout import SAMPLING_RATE, Turns, draw_turns, sex, speaker
from kemfeat.synth._physiology import draw_body
from kemfeat.synth._ratings import Ratings, draw_ratings
from kemfeat.synth._streams import Stream, generator


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


def plan_sessions(
    out: Path, *, utterances: int, sessions: int, seed: int, speaker_effect: float = 1.0
) -> tuple[Session, ...]:
    """Everything but the media: turns, ratings, defects and sentences of each session."""
    turns = draw_turns(seed, utterances=utterances, sessions=sessions)
    ratings, defects = draw_ratings(seed, turns, speaker_effect=speaker_effect), draw_defects(seed, turns)
    return tuple(
        _session(out, seed, number, turns.rows(rows), ratings.rows(rows), defects.rows(rows))
        for number in range(1, sessions + 1)
        if (rows := turns.session == number).any()
    )


def write_session(session: Session) -> int:
    """Write audio, text and physiology of one session; gives its number of utterances."""
    folder = session.out / "wav" / f"Session{session.number:02}"
    folder.mkdir(parents=True)
    voices = _voices(session)
    for index, name in enumerate(session.turns.identifiers()):
        rng = generator(session.seed, Stream.SPEECH, session.number, index)
        plain, tone = session.sentences[index], float(session.ratings.tone[index])
        transcript = _sentences.marked(rng, plain, tone=tone) + "\n"
        (folder / f"{name}.txt").write_bytes(transcript.encode("cp949"))
        samples = _speech.speak(
            rng,
            plain,
            voice=voices[int(session.turns.user[index])],
            energy=float(session.ratings.energy[index]),
            samples=_milliseconds(session.turns)[index] * SAMPLING_RATE // 1000,
        )
        _write_wav(folder / f"{name}.wav", samples)
    _write_physiology(session)
    return len(session.turns)


def _session(out: Path, seed: int, number: int, turns: Turns, ratings: Ratings, defects: Defects) -> Session:
    session = Session(out, seed, number, turns, ratings, defects, ())
    voices = _voices(session)
    rows = zip(turns.user.tolist(), ratings.tone.tolist(), ratings.energy.tolist(), _milliseconds(turns), strict=True)
    sentences = tuple(
        _sentences.sentence(
            generator(seed, Stream.SENTENCE, number, index),
            tone=tone,
            syllables=_speech.target_syllables(voices[user], energy=energy, seconds=length / 1000),
        )
        for index, (user, tone, energy, length) in enumerate(rows)
    )
    return Session(out, seed, number, turns, ratings, defects, sentences)


def _milliseconds(turns: Turns) -> list[int]:
    return [int(length) for length in turns.end - turns.start]


def _users(session: Session) -> tuple[int, int]:
    return 2 * session.number - 1, 2 * session.number


def _voices(session: Session) -> dict[int, _speech.Voice]:
    return {
        user: _speech.draw_voice(generator(session.seed, Stream.VOICE, user), sex=sex(user)) for user in _users(session)
    }


def _write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLING_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def _write_physiology(session: Session) -> None:
    rng = generator(session.seed, Stream.PHYSIOLOGY, session.number)
    bodies = {user: draw_body(rng) for user in _users(session)}
    scripts = sorted(set(session.turns.script.tolist()))
    lengths = [int(session.turns.end[session.turns.script == script].max()) for script in scripts]
    begun = _wristband.clocks(rng, session.number, lengths)
    identifiers = np.array(session.turns.identifiers())
    for script, length, (began, lead) in zip(scripts, lengths, begun, strict=True):
        for user in _users(session):
            rows = (session.turns.script == script) & (session.turns.user == user)
            wearing = _wristband.Wearing(
                turns=session.turns.rows(rows),
                defects=session.defects.rows(rows),
                identifiers=identifiers[rows].tolist(),
                energy=session.ratings.energy[rows],
                body=bodies[user],
                began=began,
                lead=lead,
                seconds=_wristband.recording_seconds(length),
            )
            if rows.any():
                _write_wearing(session, script, user, wearing)


def _write_wearing(session: Session, script: int, user: int, wearing: _wristband.Wearing) -> None:
    rng = generator(session.seed, Stream.PHYSIOLOGY, session.number, script, user)
    name = f"Sess{session.number:02}_script{script:02}_{speaker(user)}.csv"
    for medium, text in _wristband.files(rng, wearing).items():
        folder = session.out / medium / f"Session{session.number:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
