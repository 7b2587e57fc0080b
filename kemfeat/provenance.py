"""Who made this, with which versions, when and by which command. Never part of a digest."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "kemfeat",
    "kmedoids",
    "librosa",
    "matplotlib",
    "numba",
    "numcodecs",
    "numpy",
    "pandas",
    "pingouin",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "sleepecg",
    "soundfile",
    "soxr",
    "tokenizers",
    "zarr",
)


@cache
def versions() -> dict[str, str]:
    """Version of Python and of every library whose code touches the bytes of a store or the numbers of an analysis."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def now() -> str:
    """The current time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command() -> str:
    """The command line that is running; bytes of it that are no Unicode are written as escapes."""
    return " ".join(sys.argv).encode("utf-8", "backslashreplace").decode("utf-8")
