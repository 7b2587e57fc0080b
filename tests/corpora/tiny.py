"""A minimal corpus in KEMDy20's folder shape, written in milliseconds; ``from tests.corpora.tiny import ...``."""

from __future__ import annotations

import csv
import io
import math
import struct
import wave
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

RATERS = (
    "Eval01F", "Eval02M", "Eval03M", "Eval04F", "Eval05M", "Eval06F", "Eval07F", "Eval08M", "Eval09F", "Eval10M",
)  # fmt: skip
HEADER = ["Numb", "WAV", " ", "Segment ID", "Total Evaluation", " ", " "]
HEADER += [cell for rater in RATERS for cell in (rater, " ", " ")]
SECOND_HEADER = [" ", "start", "end", " ", *["Emotion", "Valence", "Arousal"] * (len(RATERS) + 1)]
CLOCK = datetime(2020, 8, 21, 11, 28, 57, 250_000)
VOTES = ("happy", "neutral", "neutral", "happy", "neutral", "happy", "happy", "neutral", "disqust", "sad")


@dataclass(frozen=True)
class TinyCorpus:
    """Where the corpus lies and its utterances' ids, in the order of the annotation."""

    root: Path
    ids: tuple[str, ...]

    def annotation(self, session: int = 1) -> Path:
        return self.root / "annotation" / f"Sess{session:02}_eval.csv"

    def wav(self, name: str) -> Path:
        return self.root / "wav" / f"Session{name[4:6]}" / f"{name}.wav"

    def txt(self, name: str) -> Path:
        return self.wav(name).with_suffix(".txt")

    def recording(self, folder: str, name: str) -> Path:
        """The EDA, TEMP or IBI file that holds the utterance's rows."""
        return self.root / folder / f"Session{name[4:6]}" / f"{name.rpartition('_')[0]}.csv"

    def cells(self, session: int = 1) -> list[list[str]]:
        text = self.annotation(session).read_text(encoding="utf-8")
        return list(csv.reader(io.StringIO(text, newline="")))

    def write_cells(self, cells: list[list[str]], session: int = 1) -> None:
        self.annotation(session).write_bytes(csv_bytes(cells))

    def set_cell(self, line: int, column: int, text: str, session: int = 1) -> None:
        """Replace one cell; ``line`` and ``column`` count from 1, headers included."""
        cells = self.cells(session)
        cells[line - 1][column - 1] = text
        self.write_cells(cells, session)


def csv_bytes(cells: list[list[str]], *, newline: str = "\n") -> bytes:
    return "".join(",".join(row) + newline for row in cells).encode()


def stamp(seconds: float) -> str:
    """Clock stamp of a moment of the conversation."""
    moment = CLOCK + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m%d-%H%M-%S-") + f"{moment.microsecond // 1000:03}"


def write_tiny_kemdy20(
    root: Path,
    *,
    sessions: tuple[int, ...] = (1, 2),
    scripts: int = 2,
    turns: int = 3,
    turn_seconds: float = 2.0,
    clip_seconds: float = 0.75,
) -> TinyCorpus:
    """Write a flawless corpus: both speakers of a session say ``turns`` utterances in each script, by turns."""
    ids: list[str] = []
    for session in sessions:
        rows = [HEADER, SECOND_HEADER]
        for script in range(1, scripts + 1):
            for speaker in (f"User{2 * session - 1:03}F", f"User{2 * session:03}M"):
                conversation = f"Sess{session:02}_script{script:02}_{speaker}"
                starts = {
                    f"{conversation}_{turn + 1:03}": turn_seconds * (2 * turn + (speaker[-1] == "M"))
                    for turn in range(turns)
                }
                rows += [_annotation_row(name, start, clip_seconds) for name, start in starts.items()]
                _write_media(root, starts, clip_seconds)
                _write_physiology(root, conversation, starts, clip_seconds, 2 * turns * turn_seconds)
                ids += starts
        for number, row in enumerate(rows[2:], start=1):
            row[0] = str(number)
        write_file(root / "annotation" / f"Sess{session:02}_eval.csv", csv_bytes(rows))
    return TinyCorpus(root, tuple(ids))


def _annotation_row(name: str, start: float, seconds: float) -> list[str]:
    votes = [cell for vote in VOTES for cell in (vote, "4", "3")]
    return ["", f"{start:.8g}", f"{start + seconds:.8g}", name, "happy;neutral", "4", "3.1", *votes]


def _write_media(root: Path, starts: dict[str, float], seconds: float) -> None:
    for turn, name in enumerate(starts):
        path = root / "wav" / f"Session{name[4:6]}" / name
        write_file(path.with_suffix(".wav"), wav_bytes(seconds, pitch=110.0 + 20.0 * turn))
        write_file(path.with_suffix(".txt"), f"n/ 안녕하세요, {turn + 1}번째 말이에요. l/\n".encode("cp949"))


@cache
def wav_bytes(seconds: float, *, pitch: float = 220.0, rate: int = 16000) -> bytes:
    """A 16-bit mono tone with one overtone."""
    angles = (2 * math.pi * pitch * sample / rate for sample in range(round(seconds * rate)))
    samples = [round(8000 * math.sin(angle) + 4000 * math.sin(2 * angle)) for angle in angles]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return buffer.getvalue()


def _write_physiology(root: Path, conversation: str, starts: dict[str, float], seconds: float, length: float) -> None:
    def row(fields: list[str], second: float) -> str:
        inside = [name for name, start in starts.items() if start <= second < start + seconds]
        return ",".join([*fields, stamp(second), *inside]) + "\n"

    times = [sample / 4 for sample in range(round(length * 4))]
    eda = "".join(row([f"{1 + 0.1 * math.sin(second):.6f}"], second) for second in times)
    temp = "".join(row([f"{33 + 0.02 * (second // 2):.2f}"], second) for second in times)
    beats = [0.8125 * beat for beat in range(round(length / 0.8125))]
    ibi = "".join(row([f"{second:.6f}", "0.812500"], second) for second in beats)
    for folder, text in (
        ("EDA", f"1597976937.000000\n4.000000\n{eda}"),
        ("TEMP", f"1597976937.000000\n4.000000\n{temp}"),
        ("IBI", f"1597976937.000000, IBI\n{ibi}"),
    ):
        write_file(root / folder / f"Session{conversation[4:6]}" / f"{conversation}.csv", text.encode())


def write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
