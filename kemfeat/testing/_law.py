"""What a law raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Laws = Mapping[str, Callable[[Any, Any], None]]
"""Per law what it says of a plug-in, and the function that tries it on the object and a bench."""


class LawBroken(AssertionError):  # noqa: N818 - it says what happened
    """A plug-in does not keep a law; the message is the first thing found."""


def require(holds: object, told: str) -> None:
    """Raise what was found unless something holds."""
    if not holds:
        raise LawBroken(told)


def tree(folder: object) -> dict[str, bytes]:
    """The content of every file below a folder, by its path in it."""
    top = Path(str(folder))
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}
