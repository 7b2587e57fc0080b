"""Small corpora of clips whose names say everything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.corpora.tiny import wav_bytes


def write_clips(folder: Path, paths: Iterable[str]) -> None:
    """Write a clip of its own pitch and length under each path."""
    for place, path in enumerate(paths):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(wav_bytes(0.6 + 0.01 * place, pitch=100.0 + 7.0 * place))
