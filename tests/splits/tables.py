"""Tables of utterances with sessions of two speakers, for the tests of splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

FIVE = ("neutral", "sad", "happy", "surprise", "angry")


def utterances(labels: Sequence[str | None], sessions: Sequence[int], *, seed: int = 0) -> pd.DataFrame:
    """One row per label; the speaker is one of two in the session, ids say nothing about the row's place."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(len(labels))
    label = pd.Series(labels, dtype="str")
    return pd.DataFrame(
        {
            "id": [f"u{number:05}" for number in numbers],
            "session": [f"s{session:02}" for session in sessions],
            "speaker": [f"p{2 * session + number % 2:03}" for session, number in zip(sessions, numbers, strict=True)],
            "script": [f"t{number % 3}" for number in numbers],
            "text_clean": [f"문장 {number}" for number in numbers],
            "emotion": label,
            "emotion_first": label,
            "emotion_annotated": label,
            "majority": [[each] for each in labels],
        }
    )


def like_kemdy20(rows: int = 1200, sessions: int = 12, *, seed: int = 0) -> pd.DataFrame:
    """Mostly neutral, sessions of uneven size and mood, some rows without a label."""
    rng = np.random.default_rng(seed)
    moods = rng.dirichlet(40 * np.array([0.86, 0.02, 0.08, 0.02, 0.02]), size=sessions)
    where = np.sort(rng.choice(sessions, size=rows, p=rng.dirichlet(np.full(sessions, 20.0))))
    labels: list[str | None] = [FIVE[rng.choice(5, p=moods[session])] for session in where]
    for row in rng.choice(rows, size=rows // 20, replace=False):
        labels[row] = None
    return utterances(labels, where.tolist(), seed=seed)


def of_two_corpora(table: pd.DataFrame) -> pd.DataFrame:
    """The same utterances as those of a joined store: every second session is of another corpus."""
    return table.assign(corpus=["AB"[int(session[1:]) % 2] for session in table["session"]])


def columns_of(split, table: pd.DataFrame) -> pd.DataFrame:
    """The split's rows with what the table says of them."""
    return split.rows.merge(table, on="id", validate="many_to_one")
