"""With which versions, when and by which command something was made. Never part of a digest."""

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
    """Versions of Python and of every library that affects the bytes of a store or the numbers of an analysis.

    Returns
    -------
    dict of str to str
        Version by name; ``"not installed"`` where a library is absent.
    """
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def now() -> str:
    """The current time.

    Returns
    -------
    str
        UTC, ISO 8601, to the second.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def command() -> str:
    """The command line of this process.

    Returns
    -------
    str
        Arguments joined by spaces; bytes that are not valid Unicode are written as escapes.
    """
    return " ".join(sys.argv).encode("utf-8", "backslashreplace").decode("utf-8")
