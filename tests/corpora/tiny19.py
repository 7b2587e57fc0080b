"""A minimal corpus in KEMDy19's folder shape, written in milliseconds; ``from tests.corpora.tiny19 import ...``."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from tests.corpora.tiny import csv_bytes, stamp, wav_bytes, write_file

RATERS = tuple(f"Eval{number:02}" for number in range(1, 11))
HEADER = ["Numb", "Wav", "", "ECG", "", "E4-EDA", "", "E4-TEMP", "", "Segment ID", "Total Evaluation", "", ""]
HEADER += [cell for rater in RATERS for cell in (rater, "", "")]
SECOND_HEADER = ["", *["start", "end"] * 4, "", *["Emotion", "Valence", "Arousal"] * (len(RATERS) + 1)]
OWN = ("happy", "neutral", "neutral", "happy", "neutral", "happy", "happy", "neutral", "disgust", "sad")
HEARD = ("sad", "sad", "neutral", "sad", "sad", "neutral", "sad", "disqust", "sad", "sad;neutral")
SECONDS = 0.75
TURN = 1.0
ID = 10
"""Column of the id, counted from 1."""


@dataclass(frozen=True)
class TinyCorpus19:
    """Where the corpus lies and its utterances' ids, in the order of the annotation."""

    root: Path
    ids: tuple[str, ...]

    def annotation(self, session: int = 1, sex: str = "F") -> Path:
        return self.root / "annotation" / f"Session{session:02}_{sex}_res.csv"

    def wav(self, name: str) -> Path:
        return self.root / "wav" / f"Session{name[4:6]}" / name.rpartition("_")[0] / f"{name}.wav"

    def txt(self, name: str) -> Path:
        return self.wav(name).with_suffix(".txt")

    def recording(self, folder: str, session: int = 1, sex: str = "F") -> Path:
        return self.root / folder / f"Session{session:02}" / "Original" / f"Sess{session:02}{sex}.csv"

    def cells(self, session: int = 1, sex: str = "F") -> list[list[str]]:
        text = self.annotation(session, sex).read_text(encoding="utf-8")
        return list(csv.reader(io.StringIO(text, newline="")))

    def write_cells(self, cells: list[list[str]], session: int = 1, sex: str = "F") -> None:
        self.annotation(session, sex).write_bytes(csv_bytes(cells))

    def line(self, name: str, session: int = 1, sex: str = "F") -> int:
        """Line of an utterance's row, counted from 1."""
        return next(line for line, cells in enumerate(self.cells(session, sex), 1) if cells[ID - 1] == name)

    def set_cell(self, name: str, column: int, text: str, session: int = 1, sex: str = "F") -> None:
        """Replace one cell in the row of an utterance; ``column`` counts from 1."""
        cells = self.cells(session, sex)
        cells[self.line(name, session, sex) - 1][column - 1] = text
        self.write_cells(cells, session, sex)


def write_tiny_kemdy19(
    root: Path, *, sessions: tuple[int, ...] = (1, 2), scenes: tuple[str, ...] = ("script01", "impro01"), turns: int = 2
) -> TinyCorpus19:
    """Write a flawless corpus: in each scene the woman and the man say ``turns`` utterances each, by turns."""
    ids: list[str] = []
    for session in sessions:
        names = [
            f"Sess{session:02}_{scene}_{sex}{turn:03}"
            for scene in scenes
            for turn in range(1, turns + 1)
            for sex in "FM"
        ]
        for sex in "FM":
            rows = [_annotation_row(number, name, sex) for number, name in enumerate(names, 1)]
            write_file(
                root / "annotation" / f"Session{session:02}_{sex}_res.csv", csv_bytes([HEADER, SECOND_HEADER, *rows])
            )
            _write_physiology(root, session, sex, names)
        for number, name in enumerate(names):
            place = root / "wav" / f"Session{session:02}" / name.rpartition("_")[0] / name
            write_file(place.with_suffix(".wav"), wav_bytes(SECONDS, pitch=110.0 + 20.0 * (number % 4)))
            write_file(place.with_suffix(".txt"), f"o/ 안녕하세요, {number + 1}번째 (말이에요+말예요). s/\n".encode())
        ids += names
    return TinyCorpus19(root, tuple(ids))


def start_of(name: str) -> float:
    """Seconds since the scene began."""
    return TURN * (2 * (int(name[-3:]) - 1) + (name[-4] == "M"))


def _annotation_row(number: int, name: str, sex: str) -> list[str]:
    start = start_of(name)
    own = name[-4] == sex
    total = ["happy;neutral", "4", "3.1"] if own else ["sad", "2.2", "2"]
    votes = [cell for vote in (OWN if own else HEARD) for cell in (vote, "4", "3")]
    spans = ["1.5", "2.5", "0.25", "0.5", "33.1", "NaN"] if own else [""] * 6
    return [str(number), f"{start:g}", f"{start + SECONDS:g}", *spans, name, *total, *votes]


def _write_physiology(root: Path, session: int, sex: str, names: list[str]) -> None:
    """Every scene begins where the last one ended; both actors' recordings name both actors' utterances."""
    shift = 0.0 if sex == "F" else 0.5
    for folder, rate, level in (("EDA", 4, 5), ("TEMP", 4, 33), ("ECG", 250, 5)):
        lines = []
        for sample in range(round(TURN * len(names) * rate)):
            second = sample / rate
            place, inside = divmod(second, TURN)
            value = f"{level + shift + math.sin(second):.6f}"
            fields = [f"{second:.3f}", value] if folder == "ECG" else [value, f"{1 / rate:g}"]
            lines.append([*fields, stamp(second), *([names[int(place)]] if inside < SECONDS else [])])
        write_file(root / folder / f"Session{session:02}" / "Original" / f"Sess{session:02}{sex}.csv", csv_bytes(lines))
