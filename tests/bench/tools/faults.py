"""Commands whose calls of the file system fail, one in each run: a sentence, and the same command goes on.

``python -m tests.bench.tools.faults`` refuses every call of a first build, an update, an analysis, a report and an
export in turn, and prints a Markdown table; a failure is printed with the call that makes it again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kemfeat_cli.app import app

from kemfeat import KemfeatError
from tests.build.kit import Bench, with_settings, write_corpus
from tests.fault_kit import CALLS, failing

FEATURES = {"first build": "mel,text,eda", "update": "mel,text,eda,temp"}


@dataclass(frozen=True)
class Command:
    """A command line, and the folder that it writes."""

    line: tuple[str, ...]
    folder: Path

    def run(self) -> str:
        """How it ends: ``done``, ``refused``, or a failure with what is to be said of it."""
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                app(args=list(self.line))
        except SystemExit as end:
            return "done" if not end.code else f"exit code {end.code}"
        except (KemfeatError, OSError):  # the command line makes a sentence of both
            return "refused"
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            return f"traceback\n{traceback.format_exc(limit=-4)}"
        return "done"


def commands(store: Path, root: Path, scratch: Path) -> dict[str, Command]:
    """Each command on a store that is a copy, so that it may be spoiled."""
    build = ("build", "--dataset", "KEMDy20", "--root", str(root), "-j", "1", "--no-progress")
    small = ("--set", "mel.max_frames=32", "--set", "mel.n_mels=16", "--set", "rows_per_shard=12")
    new = scratch / "new"
    return {
        "first build": Command((*build, *small, "--out", str(new), "--features", FEATURES["first build"]), new),
        "update": Command((*build, *small, "--out", str(store), "--features", FEATURES["update"]), store),
        "analyze balance": Command(("analyze", "balance", str(store)), store),
        "report": Command(("report", str(store), "--out", str(scratch / "report.html")), scratch),
        "export": Command(("export", str(store), "--to", "tsv-npy", "--out", str(scratch / "export")), scratch),
    }


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
    every = parser.parse_args().every
    sys.stdout.write("| command | calls refused | failures |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="kemfeat-faults-") as folder:
        whole = Bench(write_corpus(Path(folder) / "corpus"), Path(folder) / "store")
        whole.build(settings=with_settings(features=FEATURES["first build"].split(","), rows_per_shard=12))
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        for name in commands(whole.out, whole.corpus.root, scratch):
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
