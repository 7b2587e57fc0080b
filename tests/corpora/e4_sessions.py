"""Sessions of a wristband as E4 connect gives them, written by tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

START = 1_560_279_825.0
"""2019-06-11T19:03:45Z."""


def session_files(
    *, start: float = START, seconds: float = 60.0, rate: float = 4.0, seed: int = 0, tags: Iterable[float] = ()
) -> dict[str, bytes]:
    """The files of a session; ``tags`` are seconds after its start."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    eda = 0.4 + np.abs(np.cumsum(rng.normal(0, 0.02, count)))
    temp = 32 + np.cumsum(rng.normal(0, 0.01, count))
    intervals = np.round(rng.normal(0.8, 0.05, int(seconds / 0.9)) * 64) / 64
    beats = 3.0 + np.cumsum(intervals)
    return {
        "EDA.csv": _samples(start, rate, [f"{value:.6f}" for value in eda]),
        "TEMP.csv": _samples(start, rate, [f"{value:.2f}" for value in temp]),
        "IBI.csv": _lines(
            [
                f"{start:.6f}, IBI",
                *(f"{at:.6f},{by:.6f}" for at, by in zip(beats, intervals, strict=True) if at < seconds),
            ]
        ),
        "HR.csv": _samples(start + 10, 1.0, ["75.00"] * max(int(seconds) - 10, 1)),
        "BVP.csv": _samples(start, 64.0, ["-0.00"] * 64),
        "ACC.csv": _lines([", ".join([f"{start:.6f}"] * 3), ", ".join(["32.000000"] * 3), "-10,23,61"]),
        "tags.csv": _lines([f"{start + at:.2f}" for at in tags]),
        "info.txt": b".csv files in this archive are in the following format:\n",
    }


def _samples(start: float, rate: float, values: Iterable[str]) -> bytes:
    return _lines([f"{start:.6f}", f"{rate:.6f}", *values])


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def write_session(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a session into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """An archive of some files, always the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return made.getvalue()


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a session as an archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zip_bytes(files))


def write_windows(root: Path, lines: Iterable[str], *, header: str = "id,session,participant,start,end") -> None:
    """Write the table of windows."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "windows.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
