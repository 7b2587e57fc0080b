"""Small corpora of a user's own, and the same ones in a single folder; for the tests of joined stores."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kemfeat.build import BuildReport, build_store
from tests.corpora.tiny import wav_bytes

SETTINGS: Mapping[str, Any] = {
    "features": ["mel", "delta", "text", "eda", "temp", "clip_audio", "temporal_graph"],
    "rows_per_shard": 4,
    "mel": {"max_frames": 32, "n_mels": 16},
    "eda": {"max_length": 12},
    "temp": {"max_length": 12},
    "clip_audio": {"length": 0.3, "sampling_rate": 2000},
}
HEADER = (
    *("id", "audio", "speaker", "session", "partner", "start", "end", "text", "emotion", "valence"),
    *("rater1_emotion", "rater2_emotion", "eda", "eda_rate", "temp", "temp_rate"),
)
_EMOTIONS = ("happy", "sad", "neutral", "angry")


def write_corpora(root: Path, sizes: Mapping[str, int]) -> dict[str, Path]:
    """One folder for each corpus, with a table and files that differ between corpora; returns the folders by name."""
    for place, (corpus, size) in enumerate(sizes.items()):
        write_corpus(root / corpus, size, pitch=90.0 + 70 * place, own="boredom" if place else "calm")
    return {corpus: root / corpus for corpus in sizes}


def write_corpus(folder: Path, size: int, *, pitch: float = 100.0, own: str = "calm") -> None:
    """Some utterances of speakers in conversations of two."""
    rows = []
    for number in range(size):
        seconds = 0.4 + 0.05 * (number % 9)
        for name, content in _files(number, seconds, pitch).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        session = number // 3
        emotion = own if number % 5 == 4 else _EMOTIONS[number % 4]
        who = [f"p{2 * session + number % 2}", f"s{session}", f"p{2 * session + (number + 1) % 2}"]
        rest = [f"eda/{number}.txt", 4, f"temp/{number}.txt", 4]
        said = [number % 3, number % 3 + seconds, f"word {number}", emotion, 1 + number % 5, emotion, "sad", *rest]
        rows.append([f"u{number}", f"wav/{number}.wav", *who, *said])
    write_table(folder, rows)


def write_table(folder: Path, rows: Sequence[Sequence[Any]]) -> None:
    with (folder / "utterances.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


def write_together(root: Path, corpora: Sequence[str]) -> None:
    """The table of one corpus of all of them, with the names that they have in a joined store."""
    rows = []
    for corpus in corpora:
        with (root / corpus / "utterances.csv").open(newline="") as file:
            for cells in list(csv.reader(file))[1:]:
                row = dict(zip(HEADER, cells, strict=True))
                row |= {name: f"{corpus}.{row[name]}" for name in ("id", "speaker", "session", "partner")}
                row |= {name: f"{corpus}/{row[name]}" for name in ("audio", "eda", "temp")}
                rows.append(list(row.values()))
    write_table(root, rows)


def build(root: Path, out: Path, **changes: Any) -> BuildReport:
    """Build a folder under :data:`SETTINGS`, with changes."""
    return build_store("folder", root=root, out=out, settings={**SETTINGS, **changes})


def _files(number: int, seconds: float, pitch: float) -> dict[str, bytes]:
    samples = range(int(4 * seconds) + 1)
    return {
        f"wav/{number}.wav": wav_bytes(seconds, pitch=pitch + 3 * number, rate=8000),
        f"eda/{number}.txt": "".join(f"{0.5 + 0.01 * number + 0.1 * sample}\n" for sample in samples).encode(),
        f"temp/{number}.txt": "".join(f"{33 + 0.01 * (number + sample)}\n" for sample in samples).encode(),
    }
