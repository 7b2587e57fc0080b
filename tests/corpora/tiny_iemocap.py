"""A minimal corpus in IEMOCAP's folder shape, written in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.corpora.tiny import wav_bytes, write_file

DIALOGS = ("Ses01F_impro01", "Ses01M_impro01", "Ses01M_script02_1", "Ses02F_impro05a")
CODES = ("neu", "exc", "ang", "xxx")
WORDS = {"neu": "Neutral", "exc": "Excited", "ang": "Anger", "xxx": "Other", "hap": "Happiness", "sad": "Sadness"}
CLIP_SECONDS = 0.5
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


@dataclass(frozen=True)
class TinyIemocap:
    """Where the corpus lies and its utterances' ids, in the order of the annotation."""

    root: Path
    ids: tuple[str, ...]

    def evaluation(self, dialog: str) -> Path:
        return self._dialog(dialog) / "EmoEvaluation" / f"{dialog}.txt"

    def transcription(self, dialog: str) -> Path:
        return self._dialog(dialog) / "transcriptions" / f"{dialog}.txt"

    def dialog_wav(self, dialog: str) -> Path:
        return self._dialog(dialog) / "wav" / f"{dialog}.wav"

    def avi(self, dialog: str) -> Path:
        return self._dialog(dialog) / "avi" / "DivX" / f"{dialog}.avi"

    def wav(self, name: str) -> Path:
        return self.root / f"Session{name[4]}" / "sentences" / "wav" / name.rpartition("_")[0] / f"{name}.wav"

    def replace(self, path: Path, old: str, new: str) -> None:
        """Replace the first ``old`` in a text file of the corpus, which must be there."""
        text = path.read_text(encoding="latin-1")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="latin-1")

    def _dialog(self, dialog: str) -> Path:
        return self.root / f"Session{dialog[4]}" / "dialog"


def write_tiny_iemocap(
    root: Path, *, dialogs: Sequence[str] = DIALOGS, codes: Sequence[str] = CODES, turns: int = 2
) -> TinyIemocap:
    """Write a flawless corpus: in each dialog the woman's ``turns``, then the man's, with ``codes`` in their order."""
    corpus = TinyIemocap(root, tuple(name for dialog in dialogs for name in _names(dialog, turns)))
    for dialog in dialogs:
        names = _names(dialog, turns)
        places = [2.0 * turn + (name[-4] == "M") for turn, name in zip([*range(turns)] * 2, names, strict=True)]
        blocks = [_block(*turn) for turn in zip(names, places, _cycled(codes, len(names)), strict=True)]
        lines = [
            f"{name} [{place:08.4f}-{place + 0.5:08.4f}]: Said {name[-4:]}.\n"
            for name, place in zip(names, places, strict=True)
        ]
        write_file(corpus.evaluation(dialog), (HEADER + "".join(blocks)).encode("latin-1"))
        write_file(corpus.transcription(dialog), "".join(lines).encode("latin-1"))
        write_file(corpus.dialog_wav(dialog), wav_bytes(CLIP_SECONDS))
        write_file(corpus.avi(dialog), b"RIFF, not a video")
    for number, name in enumerate(corpus.ids):
        write_file(corpus.wav(name), wav_bytes(CLIP_SECONDS, pitch=110.0 + 20.0 * number))
    return corpus


def _names(dialog: str, turns: int) -> list[str]:
    return [f"{dialog}_{sex}{turn:03}" for sex in "FM" for turn in range(turns)]


def _cycled(codes: Sequence[str], length: int) -> list[str]:
    return [codes[place % len(codes)] for place in range(length)]


def _block(name: str, start: float, code: str) -> str:
    """Three observers' categories, two observers' attributes, and what the speaker thought."""
    word, own = WORDS[code], f"{name[-4]}1"
    other = "Sadness" if code == "xxx" else word
    return (
        f"[{start:.4f} - {start + CLIP_SECONDS:.4f}]\t{name}\t{code}\t[2.5000, 3.0000, 3.5000]\n"
        f"C-E1:\t{word};\t()\nC-E2:\t{other};\t(caf\xe9; \x85)\nC-E4:\tFrustration; Anger;\t()\n"
        f"C-{own}:\tNeutral state;\t(curious)\n"
        "A-E3:\tval 3; act 3; dom  3;\t()\nA-E4:\tval 2; act 3; dom  4;\t(mild)\n"
        f"A-{own}:\tval 1; act 5; dom  2;\t()\n\n"
    )
