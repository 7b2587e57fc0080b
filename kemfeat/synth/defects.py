"""What is broken in a synthetic KEMDy20, at the published rates.

Rates are those of a reader that matches identifiers literally against the true ones: 747 of 13,462 utterances have no
EDA and TEMP rows, 700 identifiers in the physiology match no utterance, 3,258 utterances have no IBI. The 700 are the
whole of session 17, whose identifiers say session 42, and utterances of other sessions whose number is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kemfeat.synth.layout import Turns
from kemfeat.synth.streams import Stream, generator

WITHOUT_EDA = 747 / 13462
ORPHANS = 700 / 13462
WITHOUT_IBI = 3258 / 13462
EMPTY_IBI = 0.01
"""Share of the IBI files that are empty, besides those of the broken conversations; a guess."""

MISLABELLED_SESSION, MISLABELLED_AS = 17, 42
_WRONG_NUMBERS = (12, 5)  # sessions that public readers skip: candidates for the other wrong identifiers

BROKEN = ((1, 5, 2), (1, 6, 2), (3, 4, 5), (4, 6, 7), (5, 4, 9), (5, 6, 9), (18, 3, 36), (36, 3, 72))
"""(session, script, user) of the eight conversations whose physiology is known to be broken: EDA and TEMP are flat, the
IBI file is empty. The first has no annotated row at all, the next have holes in their clock."""


@dataclass(frozen=True, slots=True)
class Defects:
    """What is wrong with the physiology of each utterance.

    Parameters
    ----------
    orphaned : ndarray, shape (utterances,), bool
        Its rows carry an identifier that matches no utterance.
    unannotated : ndarray, shape (utterances,), bool
        Its EDA and TEMP rows carry no identifier.
    lost : ndarray, shape (utterances,), bool
        Its EDA and TEMP rows are absent.
    no_beats : ndarray, shape (utterances,), bool
        No heart beat is detected in it.
    empty_ibi : ndarray, shape (utterances,), bool
        Its IBI file is empty.
    """

    orphaned: NDArray[np.bool_]
    unannotated: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    no_beats: NDArray[np.bool_]
    empty_ibi: NDArray[np.bool_]

    def rows(self, chosen: Any) -> Defects:
        """The utterances at ``chosen``.

        Parameters
        ----------
        chosen : slice, mask or indices
            Which utterances.

        Returns
        -------
        Defects
            Their defects.
        """
        return Defects(*(getattr(self, field.name)[chosen] for field in fields(self)))


def draw_defects(seed: int, turns: Turns) -> Defects:
    """Choose the defective utterances; each kind that the sessions allow occurs at least once.

    Parameters
    ----------
    seed : int, >= 0
        Seed of the corpus.
    turns : Turns
        All utterances.

    Returns
    -------
    Defects
        One entry per utterance.
    """
    rng = generator(seed, Stream.DEFECTS)
    orphaned = _orphaned(turns)
    unannotated = _in_conversation(turns, *BROKEN[0]) & ~orphaned
    lost = _lost(turns, already=orphaned | unannotated)
    empty = _empty_ibi(rng, turns)
    return Defects(orphaned, unannotated, lost, _no_beats(rng, turns, orphaned | empty), empty)


def wrong_identifier(identifier: str) -> str:
    """The identifier that physiology rows of an orphaned utterance carry.

    Parameters
    ----------
    identifier : str
        The true one.

    Returns
    -------
    str
        The wrong one.
    """
    session, script, user, number = identifier.split("_")
    if session == f"Sess{MISLABELLED_SESSION:02}":
        # The real files number the speakers as those of session 42, too.
        shifted = int(user[4:7]) + 2 * (MISLABELLED_AS - MISLABELLED_SESSION)
        return f"Sess{MISLABELLED_AS}_{script}_User{shifted:03}{user[7]}_{number}"
    return f"{session}_{script}_{user}_{(int(number) + 500) % 1000:03}"


def _quota(rate: float, count: int) -> int:
    return max(1, round(rate * count))


def _orphaned(turns: Turns) -> NDArray[np.bool_]:
    mislabelled = turns.session == MISLABELLED_SESSION
    preference = np.array([_rank(int(session)) for session in range(int(turns.session.max()) + 1)])
    others = np.argsort(preference[turns.session], kind="stable")
    quota = max(_quota(ORPHANS, len(turns)), int(mislabelled.sum()))
    chosen = np.zeros(len(turns), dtype=bool)
    chosen[others[:quota]] = True
    return chosen


def _rank(session: int) -> int:
    order = (MISLABELLED_SESSION, *_WRONG_NUMBERS)
    return order.index(session) if session in order else 100 - session


def _in_conversation(turns: Turns, session: int, script: int, user: int) -> NDArray[np.bool_]:
    return np.asarray((turns.session == session) & (turns.script == script) & (turns.user == user))


def _lost(turns: Turns, *, already: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Utterances in the other broken conversations, until the published share has no EDA."""
    left = max(1, _quota(WITHOUT_EDA, len(turns)) - int(already.sum()))
    candidates = [np.flatnonzero(_in_conversation(turns, *broken) & ~already) for broken in BROKEN[1:]]
    chosen = np.zeros(len(turns), dtype=bool)
    chosen[np.concatenate(candidates)[:left]] = True
    return chosen


def _empty_ibi(rng: np.random.Generator, turns: Turns) -> NDArray[np.bool_]:
    conversations = (turns.user * 10 + turns.script).astype(np.int64)
    names = np.unique(conversations)
    empty = {int(name) for name in rng.choice(names, size=round(EMPTY_IBI * len(names)), replace=False)}
    empty |= {user * 10 + script for _, script, user in BROKEN}
    return np.isin(conversations, sorted(empty))


def _no_beats(rng: np.random.Generator, turns: Turns, already: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The shortest utterances of the worst-worn wristbands, until the published share has no IBI."""
    fit = rng.normal(size=(int(turns.user.max()) + 1, 7))[turns.user, turns.script]
    score = fit + np.log(turns.end - turns.start) + rng.normal(size=len(turns))
    # Shorter than a beat: none could be inside.
    score = np.where(turns.end - turns.start < 1300, -100.0, score)
    score = np.where(already, np.inf, score)
    left = max(0, round(WITHOUT_IBI * len(turns)) - int(already.sum()))
    chosen = np.zeros(len(turns), dtype=bool)
    chosen[np.argsort(score, kind="stable")[:left]] = True
    return chosen & ~already
