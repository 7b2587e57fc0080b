"""Synthetic KEMDy20: the tree, formats, statistics and defects of the real corpus, with invented content.

Everything that a reader of the real corpus must cope with is here at the published rate; see the private modules of
this package for what is published, what is a guess, and how each part is made. Bytes depend on ``utterances``,
``sessions``, ``seed``, ``version`` and ``speaker_effect`` alone, not on the number of workers.

``SYNTHETIC.txt`` is written first and the folder ``annotation`` last, by a rename: an interrupted run leaves a folder
that says what it is and that no reader takes for a corpus.
"""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kemfeat import parallel
from kemfeat.errors import ConfigError, StoreWriteError
from kemfeat.synth import _annotation
from kemfeat.synth._defects import MISLABELLED_AS, MISLABELLED_SESSION
from kemfeat.synth._session import Session, plan_sessions, write_session

VERSIONS = ("1.0", "1.1", "1.2")
MAX_SESSIONS = 40
MAX_PER_SESSION = 1800
"""Segment numbers have three digits and are counted per conversation and speaker."""
VOCAB_SIZE = 2000

STRAY_FILES = (
    "KESDy20_all_zscore.pickle",
    "KESDy20_RNNarousal.pickle",
    "KESDy20_RNNcategory.pickle",
    "KESDy20_RNNvalence.pickle",
    "KESDy20_speech_1.pickle",
    "testData_.pickle",
    "testResult_arousal.pickle",
    "testResult_valence.pickle",
)
_NOTICE = """This folder is a SYNTHETIC corpus made by kemfeat in the shape of KEMDy20.
It holds no recording of any person. Signals, sentences, ratings and defects are computer-generated;
results on it say nothing about people.

utterances = {utterances}
sessions = {sessions}
seed = {seed}
version = {version}
"""


class Kemdy20Synth:
    """Writes a synthetic KEMDy20."""

    name = "KEMDy20"

    def write(
        self,
        out: Path,
        *,
        utterances: int = 13462,
        sessions: int = 40,
        seed: int = 0,
        version: str = "1.0",
        speaker_effect: float = 1.0,
        workers: int = 1,
        scheduler: str | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Write the corpus below ``out``.

        Parameters
        ----------
        out : folder, absent or empty.
        utterances : how many, at least one per session and at most 1800.
        sessions : 1 to 40; session 17 has a defect of its own.
        seed : not negative.
        version : ``1.0`` has ``Sess42`` identifiers in the annotation of session 17 and stray files in ``wav``;
            ``1.1`` and ``1.2`` have neither.
        speaker_effect : 0 or more; factor on how far speakers differ in the valence and arousal they are given, which
            neither speech nor words show.
        workers : processes.
        scheduler : address of a Dask scheduler whose workers write instead, such as ``tcp://HOST:8786``.
        progress : gets the utterances done and in all, after each session.

        Raises
        ------
        ConfigError
            An option is out of range, or ``out`` holds something.
        StoreWriteError
            The disk refused a write.
        WorkerError
            A worker died, or the scheduler's cannot be used.
        """
        _check(out, utterances=utterances, sessions=sessions, seed=seed, version=version)
        if not 0 <= speaker_effect < math.inf:
            raise ConfigError(f"speaker effect: found {speaker_effect}; expected a number of 0 or more")
        try:
            with parallel.open_pool(workers=workers, scheduler=scheduler) as pool:
                notice = _NOTICE.format(utterances=utterances, sessions=sessions, seed=seed, version=version)
                _begin(out, notice if speaker_effect == 1 else f"{notice}speaker effect = {speaker_effect}\n")
                plan = plan_sessions(
                    pool.writes(out),
                    utterances=utterances,
                    sessions=sessions,
                    seed=seed,
                    speaker_effect=speaker_effect,
                )
                _write_tokenizer(out / "tokenizer", plan)
                done = 0
                progress(0, utterances)
                for count in pool.run(_write_whole, plan, name=lambda session: f"session {session.number}"):
                    done += count
                    progress(done, utterances)
            if version == "1.0":
                _write_strays(out / "wav")
            _write_annotation(out, plan, version=version)
        except OSError as error:
            raise StoreWriteError(
                f"{error.filename or out}: the disk refused a write ({error.strerror}); "
                f"free space or permit writing, delete {out} and run again"
            ) from None


SYNTH = Kemdy20Synth()


def _check(out: Path, *, utterances: int, sessions: int, seed: int, version: str) -> None:
    if not 1 <= sessions <= MAX_SESSIONS:
        raise ConfigError(f"sessions: found {sessions}; KEMDy20 has 1 to {MAX_SESSIONS}")
    if not sessions <= utterances <= sessions * MAX_PER_SESSION:
        raise ConfigError(
            f"utterances: found {utterances} for {sessions} sessions; "
            f"expected {sessions} to {sessions * MAX_PER_SESSION}; change --utterances or --sessions"
        )
    if seed < 0:
        raise ConfigError(f"seed: found {seed}; expected 0 or more")
    if version not in VERSIONS:
        raise ConfigError(f"version: found {version!r}; expected one of {', '.join(VERSIONS)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: is not empty; pass a folder that is absent or empty, or delete this one first")


def _begin(out: Path, notice: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "SYNTHETIC.txt").write_text(notice, encoding="utf-8")


def _write_whole(session: Session) -> int:
    """Write a session aside and put it in place, so that a second go at it finds nothing half-written."""
    aside = session.out / f"session{session.number:02}.{uuid.uuid4().hex}.partial"
    try:
        count = write_session(replace(session, out=aside))
        for folder in sorted(aside.glob("*/*")):
            target = session.out / folder.relative_to(aside)
            target.parent.mkdir(exist_ok=True)
            if not target.exists():  # else another worker was faster; the bytes are the same
                folder.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return count


def _write_tokenizer(folder: Path, plan: Sequence[Session]) -> None:
    from kemfeat.synth._tokenizer import train

    folder.mkdir()
    files = train([text for session in plan for text in session.sentences], vocab_size=VOCAB_SIZE)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _write_strays(folder: Path) -> None:
    for name in STRAY_FILES:
        (folder / name).write_text("Not a pickle: KEMDy20 v1.0 has a stray file of this name here.\n", encoding="utf-8")


def _write_annotation(out: Path, plan: Sequence[Session], *, version: str) -> None:
    folder = out / "annotation.partial"
    folder.mkdir()
    for session in plan:
        identifiers = session.turns.identifiers()
        if version == "1.0" and session.number == MISLABELLED_SESSION:
            identifiers = [f"Sess{MISLABELLED_AS}{name[6:]}" for name in identifiers]
        text = _annotation.table(session.turns, session.ratings, identifiers)
        (folder / f"Sess{session.number:02}_eval.csv").write_bytes(text.encode())
    folder.rename(out / "annotation")
