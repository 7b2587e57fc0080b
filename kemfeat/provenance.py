"""With which versions, when, by which command and from which kind of data something was made; never in a digest."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "kemfeat",
    "av",
    "kmedoids",
    "librosa",
    "matplotlib",
    "numba",
    "numcodecs",
    "numpy",
    "opensmile",
    "pandas",
    "pingouin",
    "praat-parselmouth",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "sleepecg",
    "soundfile",
    "soxr",
    "tokenizers",
    "zarr",
)


NOTICE = "SYNTHETIC.txt"
"""The file by which a synthetic corpus says what it is."""

BANNER = (
    "SYNTHETIC DATA: computer-generated in the shape of the corpus. It contains no recording of any person, and "
    "results on it say nothing about people."
)
"""What is shown with everything that is made from a synthetic corpus."""

WATERMARK = "SYNTHETIC DATA"
"""What is written across its figures."""


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


def is_synthetic(root: Path) -> bool:
    """Whether a corpus is computer-generated: it, or a folder above it, contains the notice that ``synth`` writes.

    Parameters
    ----------
    root : Path
        Folder of the corpus.

    Returns
    -------
    bool
        True where :data:`NOTICE` is found, whatever its content.

    Examples
    --------
    >>> from pathlib import Path
    >>> is_synthetic(Path("corpora/KEMDy20/wav"))
    True
    """
    folder = root.resolve()
    return any(os.path.isfile(each / NOTICE) for each in (folder, *folder.parents))  # noqa: PTH113 - denied is absent


def now() -> str:
    """The current time.

    Returns
    -------
    str
        UTC, ISO 8601, to the second.
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


_LOCAL = re.compile(r"(?P<option>[^/~]*=)?(?:[/~].*/(?P<name>[^/]+)/*|[a-z]+://[^/]*:\d+)", re.DOTALL)
"""An argument, or the value in one, that is an absolute path or a host with a port."""


def command() -> str:
    """The command line of this process, for those who get what it made: without what only concerns its workplace.

    Returns
    -------
    str
        Arguments joined by spaces: of absolute paths the last part, as ``.../NAME``, and ``HOST:PORT`` for the address
        of a scheduler. Bytes that are not valid Unicode are written as escapes.
    """
    words = [Path(sys.argv[0]).name, *map(_shared, sys.argv[1:])]
    return " ".join(words).encode("utf-8", "backslashreplace").decode("utf-8")


def _shared(argument: str) -> str:
    """An argument as it may be passed on."""
    found = _LOCAL.fullmatch(argument)
    if found is None:
        return argument
    return (found["option"] or "") + (f".../{found['name']}" if found["name"] else "HOST:PORT")
