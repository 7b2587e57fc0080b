"""Synthetic KEMDy19: the tree, formats, statistics and defects of the real corpus, with invented content.

Everything that a reader of the real corpus must cope with is here at the published rate; see the private modules of
this package for what is published, what is a guess, and how each part is made. Bytes depend on ``utterances``,
``sessions``, ``seed``, ``version`` and ``speaker_effect`` alone, not on the number of workers.

There is one version, ``1.3``: no source tells what releases differ in.
ECG is there only around utterances, two seconds before and after; the real device may run on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kemfeat.synth.kemdy19._session import Session, plan_sessions
from kemfeat.synth.writing import Options, SyntheticCorpus, write_folder


class Kemdy19Synth(SyntheticCorpus[Session]):
    """Writes a synthetic KEMDy19."""

    name = "KEMDy19"
    utterances = 10279
    sessions = 20
    versions = ("1.3",)
    # Numbers have three digits and are counted per scene and speaker, of which a session has ten times two.
    per_session = 3000

    def plan(self, out: Path, options: Options) -> tuple[Session, ...]:
        """Turns, ratings, defects and sentences; see :meth:`SyntheticCorpus.plan`."""
        return plan_sessions(out, options)

    def finish(self, out: Path, options: Options, plan: Sequence[Session]) -> None:  # noqa: ARG002
        """Write the annotation; see :meth:`SyntheticCorpus.finish`."""
        files = {name: content for session in plan for name, content in session.annotation().items()}
        write_folder(out / "annotation", files)


SYNTH = Kemdy19Synth()
