"""``python -m kemfeat.testing MODULE``: try the laws of kemfeat on a plug-in; exit 1 where one is broken."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kemfeat.errors import KemfeatError
from kemfeat.findings import printable
from kemfeat.plural import many
from kemfeat.testing import check


def _main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m kemfeat.testing", description="Try the laws of its room on a plug-in of another package."
    )
    parser.add_argument("module", metavar="MODULE", help="a module as after import, such as my_package.loudness")
    parser.add_argument("--root", metavar="DIR", type=Path, help="a small corpus, where the plug-in reads one")
    given = parser.parse_args()
    try:
        verdicts = check(given.module, root=given.root)
    except KemfeatError as error:
        sys.stderr.write(f"kemfeat.testing: {printable(str(error))}\n")
        return error.exit_code
    for each in verdicts:
        sys.stdout.write(f"broken  {each.law}: {_line(each.broken)}\n" if each.broken else f"kept    {each.law}\n")
    broken = sum(bool(each.broken) for each in verdicts)
    sys.stdout.write(f"{given.module}: {many(len(verdicts), 'law')}, {broken} broken\n")
    return int(broken > 0)


def _line(told: str) -> str:
    return printable(" ".join(told.split()))


if __name__ == "__main__":
    sys.exit(_main())
