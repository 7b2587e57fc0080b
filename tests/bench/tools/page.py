"""Put the table of a run into a page, between its marks: ``python -m kemfeat_bench.tools.page FILE.json PAGE.md``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kemfeat.errors import ConfigError

from .._record import read
from .._table import table

BEGIN, END = "<!-- kemfeat bench: begin -->\n", "<!-- kemfeat bench: end -->\n"


def with_table(page: str, made: str) -> str:
    """The page with what stands between its marks replaced.

    Raises
    ------
    ConfigError
        The page does not have both marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ConfigError(f"the page has no place for the table; expected the lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def main() -> None:
    """Rewrite the page named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("page", type=Path)
    options = parser.parse_args()
    page = with_table(options.page.read_text(encoding="utf-8"), table(read(options.results)))
    options.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
