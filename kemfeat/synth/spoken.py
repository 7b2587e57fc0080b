"""Words and voices of one session of a synthetic KEMDy20 or KEMDy19; every array is cut to the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kemfeat.synth import sentences as _sentences
from kemfeat.synth import speech
from kemfeat.synth.layout import Turns
from kemfeat.synth.ratings import Ratings
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE, write_wav


def draw_sentences(seed: int, turns: Turns, ratings: Ratings, *, pace: float = 1.0) -> tuple[str, ...]:
    """Words of each turn in the tone of its valence: as many as are spoken in its time.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the corpus.
    turns : Turns
        The session's turns.
    ratings : Ratings
        What their media should show.
    pace : float, > 0
        Factor on the usual rate of speech.

    Returns
    -------
    tuple of str
        One sentence per turn.
    """
    voices = _voices(seed, turns)
    return tuple(
        _sentences.sentence(
            generator(seed, Stream.SENTENCE, int(turns.session[index]), index),
            tone=float(ratings.tone[index]),
            syllables=speech.target_syllables(
                voices[int(turns.user[index])],
                energy=float(ratings.energy[index]),
                seconds=pace * _milliseconds(turns, index) / 1000,
            ),
        )
        for index in range(len(turns))
    )


def write_speech(
    seed: int,
    turns: Turns,
    ratings: Ratings,
    sentences: Sequence[str],
    *,
    stems: Sequence[Path],
    transcribe: Callable[[np.random.Generator, int], bytes],
) -> None:
    """Write wav and txt of every turn.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the corpus.
    turns : Turns
        The session's turns.
    ratings : Ratings
        What their media should show.
    sentences : sequence of str
        What is said, one per turn.
    stems : sequence of Path
        Paths without suffix, one per turn; the folders must exist.
    transcribe : callable
        Gives the content of the txt file of the turn at an index.
    """
    voices = _voices(seed, turns)
    for index, stem in enumerate(stems):
        rng = generator(seed, Stream.SPEECH, int(turns.session[index]), index)
        stem.with_suffix(".txt").write_bytes(transcribe(rng, index))
        samples = speech.speak(
            rng,
            sentences[index],
            voice=voices[int(turns.user[index])],
            energy=float(ratings.energy[index]),
            samples=_milliseconds(turns, index) * SAMPLING_RATE // 1000,
        )
        write_wav(stem.with_suffix(".wav"), samples)


def _milliseconds(turns: Turns, index: int) -> int:
    return int(turns.end[index] - turns.start[index])


def _voices(seed: int, turns: Turns) -> dict[int, speech.Voice]:
    users = sorted(set(turns.user.tolist()))
    return {user: speech.draw_voice(generator(seed, Stream.VOICE, user), sex=turns.sex(user)) for user in users}
