"""Commands whose calls of the file system fail, one in each run: a sentence, and the same command goes on.

``python -m tests.bench.tools.faults`` refuses every call of a first build, an update, an analysis, a report and an
export in turn, and prints a Markdown table; a failure is printed with the call that makes it again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.bench.tools._commands import commands, scene
from tests.build.kit import Bench
from tests.fault_kit import CALLS, failing


def case(name: str, whole: Bench, scratch: Path, *, call: str, at: int | None, code: int) -> tuple[int, str]:
    """How many such calls a run makes, and what is wrong when the one ``at`` fails; nothing where all is well."""
    store = shutil.copytree(whole.out, scratch / "store")
    command = commands(store, whole.corpus.root, scratch)[name]
    with failing(call, command.folder, at=at, code=code) as fault:
        end = command.run()
    again = command.run() if end == "refused" else "done"
    left = [path.name for path in scratch.rglob("*") if path.name.endswith(".aside")]
    shutil.rmtree(scratch)
    scratch.mkdir()
    if end not in {"done", "refused"}:
        return fault.calls, end
    return fault.calls, f"the same command then: {again}" if again != "done" else f"left {left[0]}" if left else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th call")
    parser.add_argument("--only", help="one command, such as export")
    given = parser.parse_args()
    every = given.every
    sys.stdout.write("| command | calls refused | failures |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="kemfeat-faults-") as folder:
        whole = scene(Path(folder))
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        for name in commands(whole.out, whole.corpus.root, scratch):
            if given.only not in {None, name}:
                continue
            found: Counter[str] = Counter()
            for call, (_, _, codes) in CALLS.items():
                calls, wrong = case(name, whole, scratch, call=call, at=None, code=0)
                if wrong:
                    raise SystemExit(f"{name} without a fault: {wrong}")
                for at in range(1, calls + 1, every):
                    code = codes[at % len(codes)]
                    _, wrong = case(name, whole, scratch, call=call, at=at, code=code)
                    found["calls"] += 1
                    found["failures"] += bool(wrong)
                    if wrong:
                        sys.stderr.write(f"{name}: {call} number {at} gives {os.strerror(code)}: {wrong}\n")
            sys.stdout.write(f"| {name} | {found['calls']} | {found['failures']} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
