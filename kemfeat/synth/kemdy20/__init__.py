"""Synthetic KEMDy20: the tree, formats, statistics and defects of the real corpus, with invented content.

Everything that a reader of the real corpus must cope with is here at the published rate; see the private modules of
this package for what is published, what is a guess, and how each part is made. Bytes depend on ``utterances``,
``sessions``, ``seed``, ``version`` and ``speaker_effect`` alone, not on the number of workers.

Version ``1.0`` has ``Sess42`` identifiers in the annotation of session 17 and stray files in ``wav``; ``1.1`` and
``1.2`` have neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kemfeat.synth import annotation
from kemfeat.synth.defects import MISLABELLED_AS, MISLABELLED_SESSION
from kemfeat.synth.kemdy20._session import Session, plan_sessions
from kemfeat.synth.writing import Options, SyntheticCorpus, write_folder

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


class Kemdy20Synth(SyntheticCorpus[Session]):
    """Writes a synthetic KEMDy20."""

    name = "KEMDy20"
    utterances = 13462
    sessions = 40
    versions = ("1.0", "1.1", "1.2")
    # Segment numbers have three digits and are counted per conversation and speaker.
    per_session = 1800

    def plan(self, out: Path, options: Options) -> tuple[Session, ...]:
        """Turns, ratings, defects and sentences; see :meth:`SyntheticCorpus.plan`."""
        return plan_sessions(
            out,
            utterances=options.utterances,
            sessions=options.sessions,
            seed=options.seed,
            speaker_effect=options.speaker_effect,
        )

    def finish(self, out: Path, options: Options, plan: Sequence[Session]) -> None:
        """Write the stray files, then the annotation; see :meth:`SyntheticCorpus.finish`."""
        if options.version == "1.0":
            _write_strays(out / "wav")
        files = [_annotation_file(session, version=options.version) for session in plan]
        write_folder(out / "annotation", dict(files))


SYNTH = Kemdy20Synth()


def _write_strays(folder: Path) -> None:
    for name in STRAY_FILES:
        (folder / name).write_text("Not a pickle: KEMDy20 v1.0 has a stray file of this name here.\n", encoding="utf-8")


def _annotation_file(session: Session, *, version: str) -> tuple[str, bytes]:
    identifiers = session.turns.identifiers()
    if version == "1.0" and session.number == MISLABELLED_SESSION:
        identifiers = [f"Sess{MISLABELLED_AS}{name[6:]}" for name in identifiers]
    text = annotation.table(session.turns, session.ratings, identifiers)
    return f"Sess{session.number:02}_eval.csv", text.encode()
