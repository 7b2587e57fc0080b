"""Synthetic IEMOCAP: the tree, formats, statistics and oddities of the full release, with invented content.

Published and kept: names, the sizes of the sessions and the 151 dialogs, the counts of the final labels, the
annotation and transcription lines, 16 kHz audio. The private modules of this package say what is a guess, and how each
part is made. Bytes depend on ``utterances``, ``sessions``, ``seed``, ``version``, ``speaker_effect`` and ``video``
alone, not on the number of workers; those of films also on the version of PyAV.

Left out: motion capture, forced alignment and, unless ``video`` is asked for, films. Only the first dialog of each
session has its stereo file below ``dialog/wav``: all of them would be twice as large as the sentences. Its first
channel is the woman's, a guess.

The folders ``EmoEvaluation`` are written last, each by a rename: an interrupted run leaves a folder that no reader
takes for a whole corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kemfeat.synth.iemocap._layout import SESSION_SIZES
from kemfeat.synth.iemocap._ratings import KINDS
from kemfeat.synth.iemocap._session import Session, plan_sessions
from kemfeat.synth.writing import Options, SyntheticCorpus, write_folder

_README = "A synthetic corpus in the shape of the full release of IEMOCAP; see SYNTHETIC.txt.\n"


class IemocapSynth(SyntheticCorpus[Session]):
    """Writes a synthetic IEMOCAP."""

    name = "IEMOCAP"
    utterances = sum(SESSION_SIZES)
    sessions = len(SESSION_SIZES)
    versions = ("1.0",)
    filmed = True
    per_session = 4000
    """Numbers have three digits and are counted per dialog and actor."""

    def plan(self, out: Path, options: Options) -> Sequence[Session]:
        """Turns, ratings and sentences of each session; see :meth:`SyntheticCorpus.plan`."""
        return plan_sessions(out, options)

    def finish(self, out: Path, options: Options, plan: Sequence[Session]) -> None:  # noqa: ARG002 - one release only
        """Write ``README.txt``, ``Documentation`` and the annotation; see :meth:`SyntheticCorpus.finish`."""
        (out / "README.txt").write_bytes(_README.encode("ascii"))
        codes = "".join(f"{code}\t{kind.category or 'no majority'}\n" for code, kind in KINDS.items())
        write_folder(out / "Documentation", {"emotion_codes.txt": codes.encode("ascii")})
        for session in plan:
            write_folder(out / session.folder / "dialog" / "EmoEvaluation", session.annotation())


SYNTH = IemocapSynth()
