"""Commands that read and write stores, on copies that may be spoiled."""

from __future__ import annotations

import contextlib
import io
import traceback
from dataclasses import dataclass
from pathlib import Path

from kemfeat_cli.app import app

from kemfeat import KemfeatError
from tests.build.kit import Bench, with_settings, write_corpus

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


def scene(folder: Path) -> Bench:
    """A corpus and a store of it in which an update has something to add."""
    whole = Bench(write_corpus(folder / "corpus"), folder / "store")
    whole.build(settings=with_settings(features=FEATURES["first build"].split(","), rows_per_shard=12))
    return whole
