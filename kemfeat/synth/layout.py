"""Who speaks when in a synthetic KEMDy20: sessions, speakers, conversations, turns and durations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.streams import Stream, generator
from kemfeat.synth.writing import SAMPLING_RATE

SCRIPTS = 6

FRAME_EDGES = (21, 129, 237, 345, 453, 561, 669, 777, 885, 993, 1101)
"""Edges of the published duration histogram, in mel frames of hop 512 (1 + samples // 512)."""
FRAME_COUNTS = (6080, 3871, 1819, 949, 422, 208, 90, 17, 4, 2)

STAY = 0.35
"""Chance that the speaker of a turn speaks the next one too."""

# Users whose sex is known from published identifiers; session 2 and 40 are same-sex pairs.
_KNOWN_SEX = {1: "F", 2: "M", 3: "F", 4: "F", 5: "M", 7: "M", 9: "M", 34: "F", 36: "M", 72: "F", 79: "F", 80: "F"}
_SAME_SEX = {9: "M", 14: "F", 23: "F", 31: "M"}


def sex(user: int) -> str:
    """The sex of a user; the same for every seed, so that the known defective identifiers exist.

    Parameters
    ----------
    user : int, 1 to 80
        Number of the user.

    Returns
    -------
    {"M", "F"}
        The letter of the identifier.
    """
    session, partner = (user + 1) // 2, user - 1 if user % 2 == 0 else user + 1
    if user in _KNOWN_SEX:
        return _KNOWN_SEX[user]
    if session in _SAME_SEX:
        return _SAME_SEX[session]
    if partner in _KNOWN_SEX:
        return "M" if _KNOWN_SEX[partner] == "F" else "F"
    return "F" if user % 2 else "M"


def speaker(user: int) -> str:
    """``User002M`` of user 2.

    Parameters
    ----------
    user : int, 1 to 80
        Number of the user.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> speaker(2)
    'User002M'
    """
    return f"User{user:03}{sex(user)}"


@dataclass(frozen=True, slots=True)
class Turns:
    """The utterances of the corpus, ordered by session, script and start.

    Parameters
    ----------
    session, script : ndarray, shape (utterances,), int64
        From 1.
    user : ndarray, shape (utterances,), int64
        1 to 80; session NN has the users 2NN-1 and 2NN.
    number : ndarray, shape (utterances,), int64
        From 1, counted per script and user.
    start, end : ndarray, shape (utterances,), int64 [ms]
        Since the conversation began.
    """

    session: NDArray[np.int64]
    script: NDArray[np.int64]
    user: NDArray[np.int64]
    number: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.session)

    def rows(self, chosen: Any) -> Self:
        """The utterances at ``chosen``.

        Parameters
        ----------
        chosen : slice, mask or indices
            Which utterances.

        Returns
        -------
        Turns
            Of the same class.
        """
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def sex(self, user: int) -> str:
        """The sex of a user of this corpus.

        Parameters
        ----------
        user : int
            Number of the user.

        Returns
        -------
        {"M", "F"}
            The letter of the identifier.
        """
        return sex(user)

    def identifiers(self) -> list[str]:
        """Segment IDs.

        Returns
        -------
        list of str
            Such as ``Sess01_script01_User002M_001``.
        """
        columns = zip(self.session, self.script, self.user, self.number, strict=True)
        return [f"Sess{s:02}_script{c:02}_{speaker(u)}_{n:03}" for s, c, u, n in columns]


def durations(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Durations that follow the published histogram.

    The quantile function is a monotone cubic through the histogram's edges; quantiles are stratified, so that each
    bin has its share to within one utterance.

    Parameters
    ----------
    count : int, >= 0
        How many.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    ndarray, shape (count,), int64, 640 to 35200 [ms]
        In random order.
    """
    from scipy.interpolate import PchipInterpolator

    edges = (np.array(FRAME_EDGES) - 1) * 512 * 1000 / SAMPLING_RATE
    cumulative = np.concatenate([[0], np.cumsum(FRAME_COUNTS)]) / sum(FRAME_COUNTS)
    grid = np.linspace(edges[0], edges[-1], 20001)
    quantiles = (rng.permutation(count) + rng.random(count)) / count
    drawn = np.interp(quantiles, PchipInterpolator(edges, cumulative)(grid), grid)
    return np.clip(np.floor(drawn), edges[0], edges[-1]).astype(np.int64)


def draw_turns(seed: int, *, utterances: int, sessions: int) -> Turns:
    """Lay out the turns of six conversations of two speakers per session.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the corpus.
    utterances : int
        Exactly how many turns.
    sessions : int
        In how many sessions.

    Returns
    -------
    Turns
        By session, script and start.
    """
    rng = generator(seed, Stream.LAYOUT)
    counts = _turns_per_speaker(rng, utterances=utterances, sessions=sessions)
    lengths = durations(utterances, rng)
    parts, used = [], 0
    for session in range(1, sessions + 1):
        for script in range(1, SCRIPTS + 1):
            pair = counts[session - 1, script - 1]
            parts.append(_conversation(rng, session, script, pair, lengths[used : used + pair.sum()]))
            used += int(pair.sum())
    return Turns(*(np.concatenate([part[name] for part in parts]) for name in Turns.__dataclass_fields__))


def _turns_per_speaker(rng: np.random.Generator, *, utterances: int, sessions: int) -> NDArray[np.int64]:
    """Turns of each speaker [shape=(sessions, 6, 2)]: one each while they last, then uneven shares."""
    shape = (SCRIPTS, 2, sessions)
    counts = np.zeros(shape, dtype=np.int64)
    counts.flat[: min(utterances, counts.size)] = 1
    talkative = rng.gamma(12.0, size=(SCRIPTS, 1, sessions)) * rng.gamma(12.0, size=shape)
    counts += rng.multinomial(utterances - counts.sum(), (talkative / talkative.sum()).ravel()).reshape(shape)
    return counts.transpose(2, 0, 1)


def _conversation(
    rng: np.random.Generator, session: int, script: int, pair: NDArray[np.int64], lengths: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    who = speaking_order(rng, pair)
    start = starts_of(rng, who, lengths)
    number = np.where(who == 0, np.cumsum(who == 0), np.cumsum(who == 1))
    return {
        "session": np.full(len(who), session),
        "script": np.full(len(who), script),
        "user": 2 * session - 1 + who,
        "number": number,
        "start": start,
        "end": start + lengths,
    }


def speaking_order(rng: np.random.Generator, pair: NDArray[np.int64], *, first: int | None = None) -> NDArray[np.int64]:
    """Who speaks each turn.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    pair : ndarray, shape (2,), int64
        Turns of each speaker.
    first : {0, 1} or None
        Who begins, if that is known.

    Returns
    -------
    ndarray, shape (turns,), int64
        0 or 1.
    """
    left = pair.tolist()
    order: list[int] = []
    now = int(rng.integers(2)) if first is None else first
    for stays in rng.random(sum(left)) < STAY:
        if order and not stays:
            now = 1 - now
        if left[now] == 0:
            now = 1 - now
        left[now] -= 1
        order.append(now)
    return np.array(order, dtype=np.int64)


def starts_of(rng: np.random.Generator, who: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Start of each turn: nobody overlaps themself, the partners often overlap one another.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draw.
    who : ndarray, shape (turns,), int64
        Speaker of each turn, 0 or 1.
    lengths : ndarray, shape (turns,), int64 [ms]
        Duration of each turn.

    Returns
    -------
    ndarray, shape (turns,), int64 [ms]
        Since the conversation began.
    """
    gaps = rng.normal(150.0, 700.0, size=len(who)).astype(np.int64)
    free = [0, 0]
    starts: list[int] = []
    now = int(rng.integers(800, 6000))
    for speaking, length, gap in zip(who.tolist(), lengths.tolist(), gaps.tolist(), strict=True):
        if starts:
            wished = max(free) + gap if free[1 - speaking] >= free[speaking] else free[speaking] + max(gap, 0)
            now = max(wished, free[speaking], starts[-1] + 10)
        starts.append(now)
        free[speaking] = now + length
    return np.array(starts, dtype=np.int64)
