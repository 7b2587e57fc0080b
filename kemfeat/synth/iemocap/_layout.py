"""Who speaks when in a synthetic IEMOCAP: sessions, dialogs, actors, turns and durations.

The sizes of the sessions and the sum of 151 dialogs are published. Which dialogs a session has, and the distribution of
durations (log-normal, mean about 4.5 s, 0.6 to 34 s), are guesses that agree with those sums.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.layout import speaking_order, starts_of
from kemfeat.synth.ratings import largest_remainder
from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE

SESSION_SIZES = (1819, 1811, 2136, 2103, 2170)
"""Published utterances per session."""
ACTORS = "FM"
TICKS = 10_000
"""Ticks per second: the annotation's times have four decimals."""

MEDIAN, SPREAD = 3.5, 0.70
SHORTEST, LONGEST = 0.6, 34.0
TURNS_PER_DIALOG = 6
"""A small corpus has fewer dialogs, rather than dialogs of fewer turns."""

_IMPROVISATIONS = {1: 7, 2: 8, 3: 8, 4: 8, 5: 8}
_SCRIPTS = ("script01_1", "script01_2", "script01_3", "script02_1", "script02_2", "script03_1", "script03_2")
_IN_PARTS = {
    "Ses03M_impro05": ("Ses03M_impro05a", "Ses03M_impro05b"),
    "Ses03M_impro08": ("Ses03M_impro08a", "Ses03M_impro08b"),
    "Ses05M_script01_1": ("Ses05M_script01_1", "Ses05M_script01_1b"),
}


@dataclass(frozen=True, slots=True)
class Turns:
    """The utterances of the corpus, ordered by session, dialog and start.

    Parameters
    ----------
    session : ndarray, shape (utterances,), int64
        From 1.
    dialog : ndarray, shape (utterances,), int64
        Index into :func:`dialogs` of the session.
    actor : ndarray, shape (utterances,), int64
        Who speaks, index into :data:`ACTORS`.
    number : ndarray, shape (utterances,), int64
        From 0, counted per dialog and actor.
    start, end : ndarray, shape (utterances,), int64 [1 / :data:`TICKS` s]
        Since the dialog began.
    """

    session: NDArray[np.int64]
    dialog: NDArray[np.int64]
    actor: NDArray[np.int64]
    number: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.session)

    def rows(self, chosen: Any) -> Turns:
        """The utterances at ``chosen``, a slice, a mask or indices."""
        return Turns(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def person(self) -> NDArray[np.int64]:
        """The speaker, 1 to 10: session N has 2N-1, the woman, and 2N, the man."""
        return 2 * self.session - 1 + self.actor

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Duration of each utterance."""
        return (self.end - self.start) / TICKS

    def identifiers(self) -> list[str]:
        """Such as ``Ses01F_impro01_M003``."""
        columns = zip(
            self.session.tolist(), self.dialog.tolist(), self.actor.tolist(), self.number.tolist(), strict=True
        )
        return [f"{dialogs(s)[d]}_{ACTORS[a]}{n:03}" for s, d, a, n in columns]


def dialogs(session: int) -> tuple[str, ...]:
    """Names of a session's dialogs, sorted; the letter after the session is the sex of who wears the markers."""
    scenes = [*(f"impro{number:02}" for number in range(1, _IMPROVISATIONS[session] + 1)), *_SCRIPTS]
    whole = [f"Ses{session:02}{wearer}_{scene}" for wearer in ACTORS for scene in scenes]
    return tuple(name for one in whole for name in _IN_PARTS.get(one, (one,)))


def draw_turns(seed: int, *, utterances: int, sessions: int) -> Turns:
    """Lay out exactly ``utterances`` turns, at least one per session, in dialogs of two actors."""
    rng = generator(seed, Stream.LAYOUT)
    lengths = durations(utterances, rng)
    parts, used = [], 0
    for session, size in enumerate(_session_sizes(utterances, sessions), start=1):
        for dialog, pair in _turns_per_actor(rng, session, size):
            parts.append(_dialog(rng, session, dialog, pair, lengths[used : used + sum(pair)]))
            used += sum(pair)
    return Turns(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def durations(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` log-normal durations in ticks, their quantiles stratified."""
    from scipy.special import ndtri

    quantiles = (rng.permutation(count) + rng.random(count)) / count
    seconds = np.clip(MEDIAN * np.exp(SPREAD * ndtri(quantiles)), SHORTEST, LONGEST)
    return np.asarray(np.rint(seconds * TICKS), dtype=np.int64)


def samples(turns: Turns) -> NDArray[np.int64]:
    """Samples that each utterance has at 16 kHz, a broken one left out [shape=(utterances,)]."""
    return (turns.end - turns.start) * SAMPLING_RATE // TICKS


def _session_sizes(utterances: int, sessions: int) -> list[int]:
    """One for each session, the rest by the published sizes; the real number gives exactly those."""
    if utterances == sum(SESSION_SIZES[:sessions]):
        return list(SESSION_SIZES[:sessions])
    return [1 + int(more) for more in largest_remainder(SESSION_SIZES[:sessions], utterances - sessions)]


def _turns_per_actor(rng: np.random.Generator, session: int, size: int) -> list[tuple[int, tuple[int, int]]]:
    """The dialogs that are used, and how many turns the woman and the man have in each."""
    known = len(dialogs(session))
    used = np.unique(np.linspace(0, known - 1, min(known, max(1, size // TURNS_PER_DIALOG))).astype(np.int64))
    counts = np.zeros((len(used), 2), dtype=np.int64)
    counts.flat[:size] = 1
    talkative = rng.gamma(12.0, size=(len(used), 1)) * rng.gamma(12.0, size=counts.shape)
    counts += rng.multinomial(size - counts.sum(), (talkative / talkative.sum()).ravel()).reshape(counts.shape)
    return [(int(dialog), (int(female), int(male))) for dialog, (female, male) in zip(used, counts, strict=True)]


def _dialog(
    rng: np.random.Generator, session: int, dialog: int, pair: tuple[int, int], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], ...]:
    """The columns of :class:`Turns` for one dialog."""
    actor = speaking_order(rng, np.array(pair))
    per_millisecond = TICKS // 1000
    # Milliseconds rounded up, and one offset for all, so that nobody overlaps themself by a tick.
    start = starts_of(rng, actor, -(-lengths // per_millisecond)) * per_millisecond + int(rng.integers(per_millisecond))
    number = np.where(actor == 0, np.cumsum(actor == 0), np.cumsum(actor == 1)) - 1
    return np.full(len(actor), session), np.full(len(actor), dialog), actor, number, start, start + lengths
