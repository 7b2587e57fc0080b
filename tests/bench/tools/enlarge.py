"""Make a synthetic KEMDy20 several times as long, with hard links: ``python -m kemfeat_bench.tools.enlarge IN OUT``.

Every clip and transcript appears again under new utterance numbers, and its annotation row with it. Physiology stays
as it is, so the copies have none.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from kemfeat.errors import ConfigError

_UTTERANCE = re.compile(r"(Sess\d\d_script\d\d_User\d{3}[FM]_)(\d{3})")
_HEADER_LINES = 2
_ID_CELL = 3


def enlarge(corpus: Path, out: Path, *, times: int) -> None:
    """Write a corpus of ``times`` as many utterances.

    Raises
    ------
    ConfigError
        Three digits do not suffice for the numbers of the copies.
    """
    highest = max(int(found[2]) for path in (corpus / "wav").rglob("*.wav") if (found := _UTTERANCE.match(path.name)))
    if times * highest > 999:
        raise ConfigError(f"{corpus}: {times} times {highest} utterances of a speaker need numbers beyond 999")
    for path in sorted(corpus.rglob("*")):
        target = out / path.relative_to(corpus)
        if path.is_dir():
            target.mkdir(parents=True)
        elif path.parent.name == "annotation":
            target.write_bytes(_annotation(path.read_bytes(), times=times, step=highest))
        else:
            for name in _names(path.name, times=times, step=highest):
                os.link(path, target.with_name(name))


def _names(name: str, *, times: int, step: int) -> list[str]:
    """The name, and those of the copies of an utterance; physiology is named after a conversation and stays alone."""
    return [_moved(name, copy * step) for copy in range(times)] if _UTTERANCE.match(name) else [name]


def _moved(name: str, by: int) -> str:
    return _UTTERANCE.sub(lambda found: f"{found[1]}{int(found[2]) + by:03d}", name, count=1)


def _annotation(content: bytes, *, times: int, step: int) -> bytes:
    """The table with its rows repeated, numbered on."""
    header, rows = (lines := content.decode().splitlines())[:_HEADER_LINES], lines[_HEADER_LINES:]
    made: list[str] = []
    for copy in range(times):
        for row in rows:
            _, *cells = row.split(",")
            cells[_ID_CELL - 1] = _moved(cells[_ID_CELL - 1], copy * step)
            made.append(",".join([str(len(made) + 1), *cells]))
    return "\n".join([*header, *made, ""]).encode()


def main() -> None:
    """Enlarge the corpus named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    enlarge(options.corpus, options.out, times=options.times)


if __name__ == "__main__":
    main()
